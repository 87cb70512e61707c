//! The folds against hand-made events.

use super::*;

pub(super) fn folded(events: &[(&str, Value)]) -> (Folded, Findings) {
    let newest: Vec<_> = events
        .iter()
        .map(|(name, data)| (2, *name, data.clone()))
        .collect();
    folded_of(&newest)
}

/// Each event in this version of its type.
pub(super) fn folded_of(events: &[(i16, &str, Value)]) -> (Folded, Findings) {
    let (mut folded, mut findings) = (Folded::default(), Findings::default());
    for (number, (schema_version, event_type, data)) in (1..).zip(events) {
        let event = Event {
            position: number,
            tenant: "t".to_owned(),
            stream: String::new(),
            version: number,
            id: Vec::new(),
            event_type: (*event_type).to_owned(),
            schema_version: *schema_version,
            data: String::new(),
            meta: String::new(),
            recorded_us: 0,
            chain: Vec::new(),
        };
        folded.take(&event, data, &Value::Null, &mut findings);
    }
    (folded, findings)
}

fn sale(total: i64) -> Value {
    json!({ "sale_id": "s1", "store": "c", "currency": "HNL", "business_day": "2026-01-02", "total_minor": total,
            "lines": [{ "line": 1, "sku": "A", "quantity": 3, "total_minor": 300 }],
            "payments": [{ "method": "cash", "amount_minor": 300 }] })
}

#[test]
fn stock_is_the_sum_of_movements_and_a_false_figure_in_an_event_is_noticed() {
    let moved =
        |quantity, on_hand| json!({ "store": "c", "sku": "A", "quantity": quantity, "on_hand": on_hand });
    let (stock, findings) = folded(&[
        ("inventory.received", moved(10, 10)),
        ("inventory.issued", moved(3, 7)),
    ]);
    assert_eq!(
        get(
            &stock.tables["rm_stock"][&vec!["t".into(), "c".into(), "A".into()]],
            "on_hand"
        ),
        7
    );
    assert!(findings.verdict().ok());
    let (_, findings) = folded(&[
        ("inventory.received", moved(10, 10)),
        ("inventory.issued", moved(3, 8)),
    ]);
    assert_eq!(findings.verdict().errors_of("stock"), 1);
}

#[test]
fn a_day_nets_sales_returns_and_voids() {
    let returned = json!({ "return_id": "r", "sale_id": "s1", "store": "c", "business_day": "2026-01-02", "total_minor": 100,
        "lines": [{ "sale_line": 1, "sku": "A", "quantity": 1, "total_minor": 100 }], "refunds": [{ "amount_minor": 100 }] });
    let voided = json!({ "sale_id": "s1", "store": "c", "business_day": "2026-01-02", "total_minor": 200 });
    let (sales, findings) = folded(&[
        ("sale.completed", sale(300)),
        ("sale.returned", returned),
        ("sale.voided", voided),
    ]);
    let day = &sales.tables["rm_daily_sales"][&vec!["t".into(), "c".into(), "2026-01-02".into()]];
    assert_eq!(
        (
            get(day, "net_minor"),
            get(day, "returned_minor"),
            get(day, "voided_minor")
        ),
        (0, 100, 200)
    );
    assert!(findings.verdict().ok());
}

#[test]
fn a_sale_whose_lines_do_not_add_up_or_that_completes_twice_is_noticed() {
    let (_, findings) = folded(&[("sale.completed", sale(301))]);
    assert_eq!(findings.verdict().errors_of("sales"), 2);
    let (_, findings) = folded(&[("sale.completed", sale(300)), ("sale.completed", sale(300))]);
    assert_eq!(findings.verdict().errors_of("doubled"), 1);
}

fn reservation(kind: &str, extra: Value) -> (String, Value) {
    let mut data = json!({ "reservation_id": "r1", "store": "c", "sale_id": "s1", "expires_at": "1970-01-01T00:00:00Z",
                           "lines": [{ "line": 1, "sku": "A", "quantity": 2 }] });
    data.as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    (format!("inventory.reservation_{kind}"), data)
}

fn held(kind: &str, quantity: i64, reserved: i64) -> (String, Value) {
    let data = json!({ "store": "c", "sku": "A", "quantity": quantity, "holder": "reservation/r1", "reserved": reserved });
    (format!("inventory.{kind}"), data)
}

/// Errors of a life of one reservation, what is held at its end included.
fn errors_of(life: &[(String, Value)]) -> i64 {
    let life: Vec<(&str, Value)> = life
        .iter()
        .map(|(kind, data)| (kind.as_str(), data.clone()))
        .collect();
    let (folded, mut findings) = folded(&life);
    folded.check_held(&mut findings);
    findings.verdict().errors_of("reservations")
}

#[test]
fn a_reservation_that_ends_twice_or_keeps_something_else_than_it_says_is_noticed() {
    let made = || vec![reservation("created", json!({})), held("reserved", 2, 2)];
    let then = |more: Vec<(String, Value)>| errors_of(&[made(), more].concat());
    let expired = || vec![reservation("expired", json!({})), held("released", 2, 0)];
    assert_eq!(errors_of(&made()), 0);
    assert_eq!(then(expired()), 0);
    assert_eq!(then(vec![reservation("confirmed", json!({}))]), 0);
    assert_eq!(
        then([expired(), vec![reservation("confirmed", json!({}))]].concat()),
        2
    );
    assert_eq!(then(vec![reservation("expired", json!({}))]), 1);
    assert_eq!(then(vec![held("released", 1, 1)]), 1);
    let early = reservation("expired", json!({ "expires_at": "2026-01-01T00:00:00Z" }));
    assert_eq!(then(vec![early, held("released", 2, 0)]), 1);
    assert_eq!(
        then(vec![reservation("fulfilled", json!({})), held("released", 2, 0)]),
        1
    );
    assert_eq!(then([expired(), vec![held("released", 2, -2)]].concat()), 2);
}

#[test]
fn a_return_id_that_is_used_for_two_sales_is_noticed() {
    let back = |sale_id| {
        json!({ "return_id": "r", "sale_id": sale_id, "store": "c", "business_day": "2026-01-02", "total_minor": 0,
                "lines": [], "refunds": [] })
    };
    let (_, findings) = folded(&[("sale.returned", back("s1")), ("sale.returned", back("s2"))]);
    assert_eq!(findings.verdict().errors_of("doubled"), 1);
}

#[test]
fn the_set_up_keeps_the_last_values_and_what_was_never_opened_is_noticed() {
    let (set_up, findings) = folded(&[
        (
            "admin.tenant_created",
            json!({ "name": "Tienda", "currency": "HNL", "time_zone": "America/Tegucigalpa",
                    "prices_include_tax": true, "stock_policy": "strict" }),
        ),
        (
            "admin.stock_policy_changed",
            json!({ "stock_policy": "allow_negative" }),
        ),
        ("admin.store_opened", json!({ "store": "c", "name": "Centro" })),
        ("admin.store_closed", json!({ "store": "c" })),
        (
            "admin.user_created",
            json!({ "username": "ana", "role": "cashier", "display_name": { "sealed": "v1.n" },
                    "password_hash": { "sealed": "v1.h" } }),
        ),
        ("admin.user_disabled", json!({ "username": "ana" })),
        (
            "admin.tax_rate_set",
            json!({ "tax_code": "ISV", "name": "ISV", "rate_ppm": 150_000 }),
        ),
    ]);
    assert!(findings.verdict().ok());
    let row = |table: &str, key: &[&str]| {
        let key: Key = key.iter().map(|part| (*part).to_owned()).collect();
        set_up.tables[table][&key].clone()
    };
    assert_eq!(row("rm_tenant", &["t"])["stock_policy"], "allow_negative");
    assert_eq!(row("rm_tenant", &["t"])["currency"], "HNL");
    assert_eq!(row("rm_stores", &["t", "c"])["closed"], true);
    let user = row("rm_users", &["t", "ana"]);
    assert_eq!(
        (&user["display_name_sealed"], &user["disabled"]),
        (&json!("v1.n"), &json!(true))
    );
    assert_eq!(row("rm_tax_rates", &["t", "ISV"])["last_position"], 7);
    let (_, findings) = folded(&[("admin.terminal_retired", json!({ "terminal": "caja-1" }))]);
    assert_eq!(findings.verdict().errors_of("admin"), 1);
}

/// Errors about repairs, or about what a tenant has set.
fn errors_about(kind: &str, life: &[(&str, Value)]) -> i64 {
    let (folded, mut findings) = folded(life);
    folded.check_repairs(&mut findings);
    findings.verdict().errors_of(kind)
}

#[test]
fn a_repair_says_by_which_sale_or_order_we_sold_the_device() {
    let row = |sold: Value| {
        let device = json!({ "unit": "serial:1", "sold": sold });
        let received = json!({ "repair_id": "r1", "store": "c", "device": device });
        let (folded, _) = folded(&[("repair.received", received)]);
        let row = &folded.tables["rm_repairs"][&vec!["t".to_owned(), "r1".to_owned()]];
        ["sale_id", "order_id", "sku"].map(|column| row[column].clone())
    };
    let null = Value::Null;
    assert_eq!(
        row(json!({ "sale_id": "s", "sku": "A" })),
        [json!("s"), null.clone(), json!("A")]
    );
    assert_eq!(
        row(json!({ "order_id": "o", "sku": "A" })),
        [null.clone(), json!("o"), json!("A")]
    );
    assert_eq!(row(null.clone()), [null.clone(), null.clone(), null]);
}

#[test]
fn a_repair_that_skips_a_step_or_loses_a_part_is_noticed() {
    let of = |fields: Value| {
        let mut data = json!({ "repair_id": "r1", "store": "c" });
        data.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        data
    };
    let received = || ("repair.received", of(json!({ "device": { "unit": "serial:1" } })));
    let diagnosed = || ("repair.diagnosed", of(json!({ "covered": true })));
    let started = || ("repair.started", of(json!({})));
    let errors = |life: &[(&str, Value)]| errors_about("repairs", life);
    assert_eq!(errors(&[received(), diagnosed(), started()]), 0);
    assert_eq!(errors(&[received(), started()]), 1);
    let custody = || {
        (
            "repair.custody_taken",
            json!({ "unit": "serial:1", "repair_id": "r1" }),
        )
    };
    assert_eq!(errors(&[custody()]), 0);
    assert_eq!(errors(&[custody(), custody()]), 1);
    let line = json!({ "sku": "A", "quantity": 2, "costed_quantity": 2, "cost_minor": 20 });
    let taken = || ("repair.parts_taken", of(json!({ "lines": [line] })));
    let goods = |on_hand: i64| {
        json!({ "store": "c", "sku": "A", "quantity": 2, "document": "repair/r1", "costed_quantity": 2,
                "value_minor": 20, "on_hand": on_hand })
    };
    let shelf = || ("inventory.dispatched", goods(-2));
    assert_eq!(errors(&[shelf(), taken()]), 0);
    assert_eq!(errors(&[shelf()]), 1, "the repair does not know what it got");
    assert_eq!(errors(&[taken()]), 1, "no shelf gave it");
}
