//! Tills that lost the network: their sales arrive later, collide, and are decided about over HTTP (POS-5).

use serde_json::{Value, json};

use crate::client::{Client, send};
use crate::product::Product;

const TENANT: &str = "telefonia-teg";
const STORE: &str = "centro";
const BATCHES: &str = "/api/v1/pos/offline/batches";
const QUARANTINE: &str = "/api/v1/pos/offline/quarantine";

/// A till, a counted item at 10.00 with five pieces, and a phone by serial number.
async fn set_up(admin: &Client, name: &str) {
    let terminal = json!({ "terminal": name, "store": STORE, "name": name });
    admin.post("/api/v1/admin/terminals", &terminal).await.ok();
    let item = |suffix: &str, kind: &str, price: i64| json!({ "sku": format!("{name}-{suffix}"), "name": suffix, "kind": kind, "price_minor": price });
    for body in [
        item("cable", "counted", 1_000),
        item("phone", "serialised", 50_000),
    ] {
        admin.post("/api/v1/catalogue/items", &body).await.ok();
    }
    let phone =
        json!({ "sku": format!("{name}-phone"), "quantity": 1, "units": [format!("serial:{name}-1")] });
    let cable = json!({ "sku": format!("{name}-cable"), "quantity": 5 });
    let receipt = json!({ "store": STORE, "lines": [cable, phone] });
    admin.post("/api/v1/inventory/receipts", &receipt).await.ok();
}

fn cables(name: &str, sequence: i64, pieces: i64) -> Value {
    let total = 1_000 * pieces;
    json!({ "sequence": sequence, "sale_id": format!("{name}-off-{sequence}"), "occurred_at": "2026-11-21T17:30:00-06:00",
            "lines": [{ "sku": format!("{name}-cable"), "quantity": pieces, "unit_price_minor": 1_000 }],
            "payments": [{ "method": "cash", "amount_minor": total }], "total_minor": total })
}

fn phone(name: &str, sequence: i64) -> Value {
    json!({ "sequence": sequence, "sale_id": format!("{name}-off-{sequence}"), "occurred_at": "2026-11-21T17:31:00-06:00",
            "lines": [{ "unit": format!("serial:{name}-1"), "quantity": 1, "unit_price_minor": 50_000 }],
            "payments": [{ "method": "card", "amount_minor": 50_000 }], "total_minor": 50_000 })
}

fn batch(name: &str, sales: &[Value]) -> Value {
    json!({ "terminal": name, "store": STORE, "incarnation": "2026-11", "sales": sales })
}

fn outcomes(answer: &Value) -> Vec<&str> {
    let sales = answer["sales"].as_array().unwrap();
    sales
        .iter()
        .map(|sale| sale["outcome"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_tills_offline_day_arrives_whole_though_a_serial_was_sold_twice() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    let name = "it-offline-1";
    set_up(&admin, name).await;
    let cashier = product.client_at(TENANT, "cashier", name).await;
    // Another till sells the phone while this one has no network.
    let sold = json!({ "store": STORE, "lines": [{ "unit": format!("serial:{name}-1"), "quantity": 1 }],
                       "payments": [{ "method": "cash", "amount_minor": 50_000 }] });
    admin.post("/api/v1/pos/sale", &sold).await.ok();

    let day = batch(name, &[cables(name, 1, 2), phone(name, 2), cables(name, 3, 1)]);
    let answer = cashier.post(BATCHES, &day).await.ok();
    assert_eq!(outcomes(&answer), ["accepted", "quarantined", "accepted"]);
    assert_eq!(
        (&answer["expected"], &answer["sales"][1]["kind"]),
        (&json!(4), &json!("serial_sold_twice"))
    );
    let again = cashier.post(BATCHES, &day).await.ok();
    assert_eq!(outcomes(&again), ["duplicate", "duplicate", "duplicate"]);

    let id = answer["sales"][1]["quarantine_id"].as_str().unwrap();
    let position = &answer["position"];
    let kept = admin
        .get(&format!("{QUARANTINE}?terminal={name}&min_position={position}"))
        .await
        .ok();
    assert_eq!(kept["items"].as_array().unwrap().len(), 1);
    assert_eq!(kept["items"][0]["total_minor"], 50_000);
    assert_eq!(
        kept["items"][0]["sale"]["content"]["lines"][0]["unit"],
        format!("serial:{name}-1")
    );
    let tills = admin
        .get(&format!("/api/v1/pos/offline/tills?terminal={name}"))
        .await
        .ok();
    assert_eq!(
        (&tills["items"][0]["expected"], &tills["items"][0]["quarantined"]),
        (&json!(4), &json!(1))
    );

    // It was another phone that left the shop; it was never received, so that comes first.
    let other = json!({ "store": STORE, "lines": [{ "sku": format!("{name}-phone"), "quantity": 1, "units": [format!("serial:{name}-2")] }] });
    admin.post("/api/v1/inventory/receipts", &other).await.ok();
    let right =
        json!({ "resolution": { "kind": "replace_unit", "line": 1, "unit": format!("serial:{name}-2") } });
    let path = format!("{QUARANTINE}/{id}/resolve");
    cashier
        .post(&path, &right)
        .await
        .problem(403, "auth.role_forbidden");
    let resolved = admin.post(&path, &right).await.ok();
    assert_eq!(resolved["status"], "accepted");
    let position = &resolved["position"];
    let sale = admin
        .get(&format!("/api/v1/sales/{name}-off-2?min_position={position}"))
        .await
        .ok();
    assert_eq!(
        (&sale["status"], &sale["total_minor"]),
        (&json!("completed"), &json!(50_000))
    );
    assert!(
        sale["occurred_at"].as_str().unwrap().starts_with("2026-11-21T"),
        "{sale}"
    );
    admin
        .post(&path, &right)
        .await
        .problem(409, "quarantine.accepted");
}

#[tokio::test]
async fn a_mistyped_imei_in_the_middle_of_a_batch_holds_up_nothing_and_is_found_by_what_was_noted() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    let name = "it-offline-6";
    set_up(&admin, name).await;
    let cashier = product.client_at(TENANT, "cashier", name).await;
    let mut mistyped = phone(name, 2);
    mistyped["lines"][0]["unit"] = json!("imei:490154203237519");
    let mut uncounted = cables(name, 3, 1);
    uncounted["lines"][0]["quantity"] = json!(0);
    let mut somebody = cables(name, 4, 1);
    somebody["customer_id"] = json!("Ana López");
    let mut endless = cables(name, 5, 1);
    endless["lines"] = Value::Array(vec![endless["lines"][0].clone(); 1_001]);
    let day = batch(
        name,
        &[
            cables(name, 1, 2),
            mistyped,
            uncounted,
            somebody,
            endless,
            cables(name, 6, 1),
        ],
    );
    let answer = cashier.post(BATCHES, &day).await.ok();
    let mut expected = vec!["quarantined"; 6];
    (expected[0], expected[5]) = ("accepted", "accepted");
    assert_eq!(outcomes(&answer), expected, "{answer}");
    let codes: Vec<&Value> = (1..5).map(|index| &answer["sales"][index]["code"]).collect();
    assert_eq!(
        codes,
        [
            "quarantine.unit_unreadable",
            "quarantine.quantity_invalid",
            "quarantine.customer_unreadable",
            "request.too_many_entries"
        ]
    );
    let position = &answer["position"];
    let found = |filter: String| {
        let path =
            format!("{QUARANTINE}?status=quarantined&terminal={name}&min_position={position}&{filter}");
        let admin = admin.clone();
        async move {
            let items = admin.get(&path).await.ok()["items"].clone();
            let items = items.as_array().unwrap().iter();
            items
                .map(|item| item["sequence"].as_i64().unwrap())
                .collect::<Vec<_>>()
        }
    };
    assert_eq!(found("unit=imei%3A490154203237519".to_owned()).await, [2]);
    assert_eq!(found(format!("sku={name}-cable")).await, [5, 4, 3]);
    let till = |position: Value| {
        let path = format!("/api/v1/pos/offline/tills?terminal={name}&min_position={position}");
        let admin = admin.clone();
        async move { admin.get(&path).await.ok()["items"][0].clone() }
    };
    let stands = till(position.clone()).await;
    assert_eq!(
        (
            &stands["expected"],
            &stands["open_sales"],
            &stands["open_pieces"],
            &stands["open_total_minor"]
        ),
        (&json!(7), &json!(4), &json!(1_003), &json!(53_000)),
        "{stands}"
    );
    let whole = admin.get(&format!("{QUARANTINE}?terminal={name}")).await.ok();
    assert!(
        !whole.to_string().contains("López"),
        "a name is not kept in the clear"
    );

    let id = |index: usize| {
        answer["sales"][index]["quarantine_id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let decide = |index: usize, resolution: Value| {
        let (path, body) = (
            format!("{QUARANTINE}/{}/resolve", id(index)),
            json!({ "resolution": resolution }),
        );
        let admin = admin.clone();
        async move { admin.post(&path, &body).await.ok() }
    };
    let unit = json!({ "kind": "replace_unit", "line": 1, "unit": format!("serial:{name}-1") });
    let quantity = json!({ "kind": "correct_quantity", "line": 1, "quantity": 1 });
    let nobody = json!({ "kind": "correct_customer" });
    for (index, resolution) in [(1, unit), (2, quantity), (3, nobody)] {
        let decided = decide(index, resolution).await;
        assert_eq!(decided["status"], "accepted", "{decided}");
    }
    let note = json!({ "note": "registrada a mano en dos ventas" });
    let cancelled = admin
        .post(&format!("{QUARANTINE}/{}/cancel", id(4)), &note)
        .await
        .ok();
    let stands = till(cancelled["position"].clone()).await;
    assert_eq!(
        (
            &stands["open_sales"],
            &stands["open_pieces"],
            &stands["open_total_minor"]
        ),
        (&json!(0), &json!(0), &json!(0))
    );
}

#[tokio::test]
async fn nobody_uses_up_the_numbers_of_a_till_that_they_did_not_sign_in_at() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    let (mine, other) = ("it-offline-7", "it-offline-8");
    set_up(&admin, mine).await;
    set_up(&admin, other).await;
    let cashier = product.client_at(TENANT, "cashier", mine).await;
    let theirs = batch(other, &[cables(other, 1, 1)]);
    cashier
        .post(BATCHES, &theirs)
        .await
        .problem(403, "till.not_signed_in");
    let office = product.client(TENANT, "cashier").await;
    office
        .post(BATCHES, &theirs)
        .await
        .problem(403, "till.not_signed_in");
    let own = batch(mine, &[cables(mine, 1, 1)]);
    assert_eq!(outcomes(&cashier.post(BATCHES, &own).await.ok()), ["accepted"]);
    // The till itself is broken: a manager reads its memory and sends it in.
    let manager = product.client(TENANT, "manager").await;
    let answer = manager.post(BATCHES, &theirs).await.ok();
    assert_eq!(
        (outcomes(&answer), &answer["expected"]),
        (vec!["accepted"], &json!(2))
    );
}

#[tokio::test]
async fn a_key_is_kept_to_one_batch_also_when_another_overlaps_it() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    let name = "it-offline-key";
    set_up(&admin, name).await;
    let first = batch(name, &[cables(name, 1, 1), cables(name, 2, 1)]);
    let answer = admin.post_keyed(BATCHES, name, &first).await.ok();
    assert_eq!(outcomes(&answer), ["accepted", "accepted"]);
    let again = admin.post_keyed(BATCHES, name, &first).await;
    assert!(again.is_replayed());
    let again = again.ok();
    assert_eq!(again["sales"], answer["sales"], "the same batch, the same answer");
    for other in [
        batch(name, &[cables(name, 3, 1)]),
        batch(name, &[cables(name, 2, 1), cables(name, 3, 1)]),
    ] {
        admin
            .post_keyed(BATCHES, name, &other)
            .await
            .problem(422, "idempotency.key_reused");
    }
    let next = batch(name, &[cables(name, 3, 1)]);
    let next = admin.post_keyed(BATCHES, "it-offline-key-2", &next).await.ok();
    assert_eq!(
        outcomes(&next),
        ["accepted"],
        "nothing of the others was recorded"
    );
}

#[tokio::test]
async fn a_gap_in_a_tills_numbers_answers_with_the_number_that_is_expected() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    let name = "it-offline-2";
    set_up(&admin, name).await;
    admin
        .post(BATCHES, &batch(name, &[cables(name, 1, 1)]))
        .await
        .ok();
    let gap = admin.post(BATCHES, &batch(name, &[cables(name, 3, 1)])).await;
    assert_eq!(gap.problem(409, "till.sequence_gap")["expected"], 2);
    // What stands before a gap is recorded, and the number that is expected is the first that is not.
    let within = admin
        .post(BATCHES, &batch(name, &[cables(name, 2, 1), cables(name, 4, 1)]))
        .await;
    assert_eq!(within.problem(409, "till.sequence_gap")["expected"], 3);
    let both = [cables(name, 1, 1), cables(name, 2, 1)];
    let again = admin.post(BATCHES, &batch(name, &both)).await.ok();
    assert_eq!(outcomes(&again), ["duplicate", "duplicate"]);
    // An old batch again, with a hole over what is recorded: nothing is missing.
    let filled = [cables(name, 3, 1), cables(name, 4, 1)];
    let filled = admin.post(BATCHES, &batch(name, &filled)).await.ok();
    assert_eq!(
        (outcomes(&filled), &filled["expected"]),
        (vec!["accepted"; 2], &json!(5))
    );
    let old = [cables(name, 1, 1), cables(name, 3, 1)];
    let old = admin.post(BATCHES, &batch(name, &old)).await.ok();
    assert_eq!(
        (outcomes(&old), &old["expected"]),
        (vec!["duplicate"; 2], &json!(5))
    );
    let ahead = [cables(name, 4, 1), cables(name, 7, 1)];
    let ahead = admin.post(BATCHES, &batch(name, &ahead)).await;
    assert_eq!(ahead.problem(409, "till.sequence_gap")["expected"], 5);
    let mut other = cables(name, 1, 1);
    other["sale_id"] = json!("it-offline-2-other");
    admin
        .post(BATCHES, &batch(name, &[other]))
        .await
        .problem(409, "till.sequence_reused");
    let keyed = |key: &'static str, sales: Vec<Value>| {
        let body = batch(name, &sales);
        let admin = admin.clone();
        async move {
            let request = admin.request(reqwest::Method::POST, BATCHES);
            send(request.header("X-Idempotency-Key", key).json(&body)).await
        }
    };
    let first = keyed("it-offline-2-key", vec![cables(name, 2, 1)]).await.ok();
    let same = keyed("it-offline-2-key", vec![cables(name, 2, 1)]).await.ok();
    assert_eq!(first, same);
}

#[tokio::test]
async fn goods_that_the_shelf_did_not_hold_wait_for_a_decision_and_a_cancelled_sale_is_in_no_figure() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    let name = "it-offline-3";
    set_up(&admin, name).await;
    let day = batch(name, &[cables(name, 1, 7), cables(name, 2, 6)]);
    let answer = admin.post(BATCHES, &day).await.ok();
    assert_eq!(outcomes(&answer), ["quarantined", "quarantined"]);
    let id = |index: usize| {
        answer["sales"][index]["quarantine_id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let accept = json!({ "resolution": { "kind": "accept_negative_stock" } });
    let accepted = admin
        .post(&format!("{QUARANTINE}/{}/resolve", id(0)), &accept)
        .await
        .ok();
    assert_eq!(accepted["status"], "accepted");
    let cancelled = admin
        .post(
            &format!("{QUARANTINE}/{}/cancel", id(1)),
            &json!({ "note": "el cliente devolvió todo" }),
        )
        .await
        .ok();
    let position = &cancelled["position"];
    let path = format!("/api/v1/inventory/stock?store={STORE}&sku={name}-cable&min_position={position}");
    assert_eq!(admin.get(&path).await.ok()["items"][0]["on_hand"], -2);
    assert_eq!(
        admin.get(&format!("/api/v1/sales/{name}-off-2")).await.status,
        404
    );
    let kept = admin.get(&format!("{QUARANTINE}/{}", id(1))).await.ok();
    assert_eq!(
        (&kept["status"], &kept["note"]),
        (&json!("cancelled"), &json!("el cliente devolvió todo"))
    );
}

#[tokio::test]
async fn a_till_with_a_wrong_clock_and_a_card_number_in_a_reference_is_put_right() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    let name = "it-offline-4";
    set_up(&admin, name).await;
    let mut sale = cables(name, 1, 1);
    sale["occurred_at"] = json!("2099-01-01T00:00:00Z");
    sale["payments"][0]["reference"] = json!("4111 1111 1111 1111");
    let answer = admin.post(BATCHES, &batch(name, &[sale])).await.ok();
    assert_eq!(answer["sales"][0]["code"], "time.in_future");
    let id = answer["sales"][0]["quarantine_id"].as_str().unwrap();
    let path = format!("{QUARANTINE}/{id}?min_position={}", answer["position"]);
    let kept = admin.get(&path).await.ok();
    assert!(!kept.to_string().contains("4111"), "{kept}");
    let right =
        json!({ "resolution": { "kind": "correct_time", "occurred_at": "2026-11-21T10:00:00-06:00" } });
    let accepted = admin
        .post(&format!("{QUARANTINE}/{id}/resolve"), &right)
        .await
        .ok();
    assert_eq!(accepted["status"], "accepted");
}

#[tokio::test]
async fn what_a_retired_till_still_holds_is_not_lost() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    let name = "it-offline-5";
    set_up(&admin, name).await;
    let cashier = product.client_at(TENANT, "cashier", name).await;
    let first = batch(name, &[cables(name, 1, 1)]);
    cashier.post(BATCHES, &first).await.ok();
    let retire = format!("/api/v1/admin/terminals/{name}/retire");
    admin.post(&retire, &json!({})).await.ok();

    let rest = batch(name, &[cables(name, 2, 1), cables(name, 3, 1)]);
    let waiting = cashier.post(BATCHES, &rest).await.ok();
    assert_eq!(outcomes(&waiting), ["quarantined", "quarantined"]);
    assert_eq!(waiting["sales"][0]["code"], "terminal.retired");
    let id = waiting["sales"][0]["quarantine_id"].as_str().unwrap();
    let retry = json!({ "resolution": { "kind": "retry" } });
    let accepted = admin
        .post(&format!("{QUARANTINE}/{id}/resolve"), &retry)
        .await
        .ok();
    assert_eq!(accepted["status"], "accepted");
    let last = admin
        .post(BATCHES, &batch(name, &[cables(name, 4, 1)]))
        .await
        .ok();
    assert_eq!(outcomes(&last), ["accepted"]);
}
