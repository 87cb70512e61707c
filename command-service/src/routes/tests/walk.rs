//! Every row × role × reason, and the document of all rows.

use platform::http::{Access, ReasonRule, Route, openapi};
use poem::http::{HeaderValue, Method};
use schemas::events::admin::Role;
use serde_json::{Value, json};

use super::doubles::{REASON, World, answered, world};
use crate::routes::{ROUTES, spec};

fn line() -> Value {
    json!([{ "sku": "A", "quantity": 1 }])
}

/// A body that the operation accepts, and the command that it becomes.
fn example(operation: &str) -> (Value, &'static str) {
    match operation {
        "create_item" => (
            json!({ "sku": "A", "name": "a", "kind": "counted", "price_minor": 5 }),
            "create_item",
        ),
        "change_item" => (json!({ "name": "b", "tax_code": null }), "change_item"),
        "set_item_cost" => (json!({ "cost_minor": 5 }), "set_item_cost"),
        "create_movement" => (
            json!({ "kind": "out", "store": "s", "lines": line() }),
            "create_movement",
        ),
        "approve_movement" => (json!({ "note": "n" }), "approve_movement"),
        "reject_movement" => (json!({}), "reject_movement"),
        "set_threshold" => (json!({ "store": "s", "sku": "A", "minimum": 5 }), "set_threshold"),
        "clear_threshold" => (json!({ "store": "s", "sku": "A" }), "set_threshold"),
        "acknowledge_alert" => (json!({}), "acknowledge_alert"),
        "resolve_alert" => (json!({ "note": "n" }), "resolve_alert"),
        "set_movement_policy" => (json!({ "max_quantity": 5 }), "set_movement_policy"),
        "discontinue_item" => (json!({}), "discontinue_item"),
        "reinstate_item" => (json!({}), "reinstate_item"),
        "receive_stock" => (json!({ "store": "s", "lines": line() }), "receive_stock"),
        "adjust_stock" => (json!({ "store": "s", "sku": "A", "delta": -1 }), "adjust_stock"),
        "write_off_stock" => (json!({ "store": "s", "lines": line() }), "write_off_stock"),
        "create_reservation" => (
            json!({ "store": "s", "lines": line(), "expires_in_s": 900 }),
            "create_reservation",
        ),
        "confirm_reservation" => (json!({}), "confirm_reservation"),
        "request_transfer" => (
            json!({ "from": "s", "to": "t", "lines": line() }),
            "request_transfer",
        ),
        "dispatch_transfer" => (
            json!({ "lines": [{ "line": 1, "quantity": 1 }] }),
            "dispatch_transfer",
        ),
        "receive_transfer" => (json!({ "reception_id": "r" }), "receive_transfer"),
        "resolve_difference" => (
            json!({ "decision": "lost", "lines": [{ "line": 1, "quantity": 1 }] }),
            "resolve_transfer_difference",
        ),
        "resolve_surplus" => (
            json!({ "decision": "not_accepted", "lines": [{ "line": 1, "quantity": 1 }] }),
            "resolve_transfer_surplus",
        ),
        "record_offline_sales" => (
            json!({ "terminal": "t", "store": "s", "incarnation": "a", "sales": [
                { "sequence": 1, "sale_id": "x", "occurred_at": "2026-11-22T10:00:00-06:00", "total_minor": 5,
                  "lines": [{ "sku": "A", "quantity": 1, "unit_price_minor": 5 }],
                  "payments": [{ "method": "cash", "amount_minor": 5 }] }] }),
            "record_offline_sale",
        ),
        "resolve_offline_sale" => (
            json!({ "resolution": { "kind": "retry" } }),
            "resolve_offline_sale",
        ),
        "cancel_offline_sale" => (json!({ "note": "n" }), "cancel_offline_sale"),
        "cancel_transfer" => (json!({}), "cancel_transfer"),
        "release_reservation" => (json!({}), "release_reservation"),
        "expire_reservation" => (json!({}), "expire_reservation"),
        "register_customer" => (json!({ "name": "Ana Ñ", "email": "a@b.c" }), "register_customer"),
        "change_credit" => (
            json!({ "credit": { "kind": "limited", "limit_minor": 5 } }),
            "change_credit",
        ),
        "charge_customer" => (json!({ "amount_minor": 5 }), "charge_customer"),
        "receive_payment" => (json!({ "amount_minor": 5, "method": "cash" }), "receive_payment"),
        "change_customer" => (json!({ "phone": "9999", "email": null }), "change_customer"),
        "change_customer_status" => (json!({ "status": "blocked" }), "change_customer_status"),
        "add_customer_note" => (json!({ "text": "n" }), "add_customer_note"),
        "correct_customer_note" => (json!({ "text": "n" }), "correct_customer_note"),
        "remove_customer_note" => (Value::Null, "remove_customer_note"),
        "create_order" => (
            json!({ "kind": "order", "store": "s", "lines": line() }),
            "create_order",
        ),
        "change_order" => (
            json!({ "expected_revision": 1, "store": "s", "lines": line() }),
            "change_order",
        ),
        "accept_quote" => (json!({}), "accept_quote"),
        "confirm_order" => (json!({}), "confirm_order"),
        "deliver_order" => (
            json!({ "lines": [{ "line": 1, "quantity": 1 }] }),
            "deliver_order",
        ),
        "invoice_order" => (json!({}), "invoice_order"),
        "return_delivered" => (
            json!({ "lines": [{ "line": 1, "quantity": 1 }] }),
            "return_delivered",
        ),
        "cancel_order" => (json!({}), "cancel_order"),
        "exchange_goods" => (
            json!({ "store": "s", "returned": [{ "sale_line": 1, "quantity": 1 }], "lines": line() }),
            "exchange_goods",
        ),
        "post_sale" => {
            let payments = json!([{ "method": "cash", "amount_minor": 5 }]);
            (
                json!({ "store": "s", "lines": line(), "payments": payments }),
                "complete_sale",
            )
        }
        "replace_draft" => (json!({ "store": "s", "lines": line() }), "save_draft"),
        "complete_draft" => (
            json!({ "occurred_at": "2026-11-22T10:00:00-06:00" }),
            "complete_draft",
        ),
        "discard_draft" => (json!({}), "discard_draft"),
        "void_sale" => (json!({}), "void_sale"),
        "return_from_sale" | "return_goods" => (json!({ "store": "s", "lines": line() }), "return_goods"),
        "register_supplier" => (json!({ "name": "Sur", "payment_days": 30 }), "register_supplier"),
        "change_supplier" => (json!({ "name": "Sur S. A." }), "change_supplier"),
        "deactivate_supplier" => (json!({}), "deactivate_supplier"),
        "reactivate_supplier" => (json!({}), "reactivate_supplier"),
        "add_supplier_contact" => (
            json!({ "name": "Rosa Ñ", "role": "ventas", "email": "r@s.hn" }),
            "add_supplier_contact",
        ),
        "change_supplier_contact" => (json!({ "name": "Rosa" }), "change_supplier_contact"),
        "remove_supplier_contact" => (Value::Null, "remove_supplier_contact"),
        "pay_supplier" => (json!({ "amount_minor": 5, "method": "cash" }), "pay_supplier"),
        "adjust_supplier_debt" => (json!({ "delta_minor": -5 }), "adjust_supplier_debt"),
        "order_purchase" => {
            let lines = json!([{ "sku": "A", "quantity": 1, "unit_cost_minor": 5 }]);
            (
                json!({ "supplier_id": "p", "store": "s", "lines": lines }),
                "order_purchase",
            )
        }
        "change_purchase" => {
            let lines = json!([{ "sku": "A", "quantity": 1, "unit_cost_minor": 5 }]);
            (
                json!({ "expected_revision": 1, "supplier_id": "p", "store": "s", "lines": lines }),
                "change_purchase",
            )
        }
        "send_purchase" => (json!({}), "send_purchase"),
        "receive_purchase" => {
            let lots = json!([{ "lot": "L1", "quantity": 1, "expires_on": "2028-01-01" }]);
            let lines = json!([{ "line": 1, "quantity": 1, "lots": lots }]);
            (json!({ "invoice": "F-1", "lines": lines }), "receive_purchase")
        }
        "invoice_reception" => (json!({ "invoice": "F-1" }), "invoice_reception"),
        "adjust_purchase_cost" => (
            json!({ "lines": [{ "line": 1, "kind": "freight", "delta_minor": 5 }] }),
            "adjust_purchase_cost",
        ),
        "return_to_supplier" => (
            json!({ "lines": [{ "line": 1, "quantity": 1 }] }),
            "return_to_supplier",
        ),
        "cancel_purchase" => (json!({ "lines": [1] }), "cancel_purchase"),
        "close_purchase" => (json!({}), "close_purchase"),
        "receive_repair" => (
            json!({ "store": "s", "customer_id": "c", "unit": "serial:1", "fault": "f" }),
            "receive_repair",
        ),
        "diagnose_repair" => (json!({ "diagnosis": "d" }), "diagnose_repair"),
        "quote_repair" => (json!({ "lines": line() }), "quote_repair"),
        "approve_repair" | "decline_repair" => (json!({ "channel": "phone" }), "answer_quote"),
        "start_repair" => (json!({}), "start_repair"),
        "wait_for_parts" => (json!({ "note": "n" }), "wait_for_parts"),
        "resume_repair" => (json!({}), "resume_repair"),
        "keep_parts" => (json!({ "lines": [] }), "keep_parts"),
        "take_parts" => (json!({ "lines": line() }), "take_parts"),
        "give_back_parts" => (json!({ "lines": line() }), "give_back_parts"),
        "send_to_workshop" => (
            json!({ "workshop": { "kind": "supplier", "supplier_id": "p" } }),
            "send_to_workshop",
        ),
        "take_from_workshop" => (json!({}), "take_from_workshop"),
        "finish_repair" => (json!({ "work_done": "w" }), "finish_repair"),
        "deliver_repair" => (json!({}), "deliver_repair"),
        "return_unrepaired" => (json!({ "cause": "c" }), "return_unrepaired"),
        "cancel_repair" => (json!({}), "cancel_repair"),
        "set_letterhead" => (json!({ "legal_name": "n" }), "set_letterhead"),
        "set_numbering" => (json!({ "prefix": "R", "next": 1, "digits": 6 }), "set_numbering"),
        "end_numbering" => (json!({}), "end_numbering"),
        "set_repair_terms" => {
            let body = json!({ "low_target_s": 4, "normal_target_s": 3, "high_target_s": 2, "urgent_target_s": 1,
                               "warranty_days": 90 });
            (body, "set_repair_terms")
        }
        "rename_store" => (json!({ "name": "n" }), "rename_store"),
        "rename_tenant" => (json!({ "name": "n" }), "rename_tenant"),
        "rename_user" => (json!({ "display_name": "n" }), "rename_user"),
        "reopen_store" => (json!({}), "reopen_store"),
        "rename_terminal" => (json!({ "name": "n" }), "rename_terminal"),
        "open_store" => (json!({ "store": "s", "name": "n" }), "open_store"),
        "close_store" => (json!({}), "close_store"),
        "register_terminal" => (
            json!({ "terminal": "t", "store": "s", "name": "n" }),
            "register_terminal",
        ),
        "retire_terminal" => (json!({}), "retire_terminal"),
        "create_user" => {
            let body = json!({ "username": "u", "role": "cashier", "display_name": "U", "password": "123456789012" });
            (body, "create_user")
        }
        "change_user_role" => (json!({ "role": "auditor" }), "change_user_role"),
        "change_user_password" => (json!({ "password": "123456789012" }), "change_user_password"),
        "disable_user" => (json!({}), "disable_user"),
        "enable_user" => (json!({}), "enable_user"),
        "set_tax_rate" => (json!({ "name": "ISV", "rate_ppm": 150_000 }), "set_tax_rate"),
        "set_stock_policy" => (json!({ "stock_policy": "strict" }), "set_stock_policy"),
        "create_endpoint" => (
            json!({ "name": "n", "url": "https://x.example", "event_types": ["*"] }),
            "create_endpoint",
        ),
        "change_endpoint" => (json!({ "name": "n" }), "change_endpoint"),
        "delete_endpoint" => (Value::Null, "delete_endpoint"),
        "pause_endpoint" => (json!({}), "pause_endpoint"),
        "resume_endpoint" => (json!({}), "resume_endpoint"),
        "test_endpoint" => (json!({}), "test_endpoint"),
        "rotate_secret" => (json!({}), "rotate_secret"),
        "end_previous_secret" => (json!({}), "end_previous_secret"),
        "replay_deliveries" => (json!({ "select": { "kind": "dead" } }), "replay_deliveries"),
        "create_connector" => (
            json!({ "slug": "erp", "name": "ERP", "grants": ["sale"] }),
            "create_connector",
        ),
        "change_connector" => (json!({ "grants": ["inventory"] }), "change_connector"),
        "rotate_connector_token" => (json!({ "overlap_s": 60 }), "rotate_connector_token"),
        "disable_connector" => (json!({}), "disable_connector"),
        "enable_connector" => (json!({}), "enable_connector"),
        "revoke_connector" => (json!({}), "revoke_connector"),
        "create_api_key" => (
            json!({ "name": "n", "system": "s", "scopes": ["stock:leer"] }),
            "create_api_key",
        ),
        "change_api_key" => (json!({ "requests_per_hour": 5 }), "change_api_key"),
        "rotate_api_key" => (json!({ "overlap_s": 60 }), "rotate_api_key"),
        "deactivate_api_key" => (json!({}), "deactivate_api_key"),
        "activate_api_key" => (json!({}), "activate_api_key"),
        "revoke_api_key" => (json!({}), "revoke_api_key"),
        other => panic!("operation {other} has no example: add one"),
    }
}

fn path_of(route: &Route) -> String {
    let segments = route.path.split('/').map(|s| match s {
        "{series}" => "repair",
        parameter if parameter.starts_with('{') => "x1",
        literal => literal,
    });
    segments.collect::<Vec<_>>().join("/")
}

async fn call(world: &World, route: &Route, token: Option<String>, reason: Option<&str>) -> (u16, Value) {
    let method = Method::from_bytes(route.method.as_str().as_bytes()).unwrap();
    let mut request = world.client.request(method, path_of(route));
    if let Some(token) = token {
        request = request.header("authorization", token);
    }
    if let Some(reason) = reason {
        request = request.header("x-reason", HeaderValue::from_bytes(reason.as_bytes()).unwrap());
    }
    match example(route.operation).0 {
        Value::Null => answered(request).await,
        body => answered(request.body_json(&body)).await,
    }
}

fn guarded() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().filter(|route| route.access.takes_users())
}

#[tokio::test]
async fn without_a_credential_nothing_but_signing_in_is_possible() {
    let world = world();
    for route in guarded() {
        let (status, body) = call(&world, route, None, Some(REASON)).await;
        assert_eq!(
            (status, &body["code"]),
            (401, &json!("auth.required")),
            "{}",
            route.operation
        );
    }
    let public: Vec<_> = ROUTES
        .iter()
        .filter(|r| r.access == Access::Public)
        .map(|r| r.operation)
        .collect();
    assert_eq!(public, ["sign_in", "change_own_password", "token_keys"]);
    assert!(world.engine.submitted.lock().unwrap().is_empty());
}

#[tokio::test]
async fn every_row_holds_for_every_role_with_and_without_a_reason() {
    let world = world();
    for route in guarded() {
        for role in Role::ALL {
            for reason in [None, Some("ñañá"), Some(REASON)] {
                let (status, body) = call(&world, route, Some(world.bearer(role)), reason).await;
                let submitted = std::mem::take(&mut *world.engine.submitted.lock().unwrap());
                let case = format!(
                    "{} as {} with {reason:?}: {status} {body}",
                    route.operation,
                    role.as_str()
                );
                let expected = match (route.roles.contains(&role), route.reason, reason) {
                    (false, ..) => Some((403, "auth.role_forbidden")),
                    (true, ReasonRule::Required, None) => Some((400, "reason.required")),
                    (true, ReasonRule::Required | ReasonRule::Optional, Some("ñañá")) => {
                        Some((400, "reason.invalid"))
                    }
                    _ => None,
                };
                match expected {
                    Some((code, name)) => {
                        assert_eq!((status, body["code"].as_str()), (code, Some(name)), "{case}");
                        assert!(submitted.is_empty(), "{case}");
                    }
                    None => {
                        assert!(status == 200 || status == 201, "{case}");
                        let [submission] = submitted.as_slice() else {
                            panic!("{case}: {submitted:?}")
                        };
                        assert_eq!(submission.command.name(), example(route.operation).1, "{case}");
                        assert_eq!(submission.tenant.as_str(), "t1", "{case}");
                        assert_eq!(submission.reason.as_deref(), reason, "{case}");
                        assert_eq!(body["position"], 7, "{case}");
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn unknown_fields_are_refused_everywhere() {
    let world = world();
    for route in guarded().filter(|route| !example(route.operation).0.is_null()) {
        let method = Method::from_bytes(route.method.as_str().as_bytes()).unwrap();
        let mut body = example(route.operation).0;
        body["surprise"] = json!(1);
        let (status, answer) = answered(world.as_admin(method, &path_of(route)).body_json(&body)).await;
        assert_eq!(
            (status, &answer["code"]),
            (400, &json!("request.body_invalid")),
            "{}",
            route.operation
        );
        assert_eq!(answer["errors"][0]["pointer"], "/surprise", "{}", route.operation);
    }
}

#[tokio::test]
async fn a_draft_and_a_sale_refuse_what_belongs_to_the_other() {
    let world = world();
    for (extra, pointer) in [
        (
            json!({ "draft": true, "payments": [{ "method": "cash", "amount_minor": 5 }] }),
            "/payments",
        ),
        (
            json!({ "draft": true, "occurred_at": "2026-11-22T10:00:00Z" }),
            "/occurred_at",
        ),
        (json!({ "hold_stock": true }), "/hold_stock"),
        (json!({ "draft": true, "reservation_id": "r" }), "/reservation_id"),
    ] {
        let mut body = json!({ "store": "s", "lines": line() });
        body.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        let (status, answer) =
            answered(world.as_admin(Method::POST, "/api/v1/pos/sale").body_json(&body)).await;
        assert_eq!(
            (status, answer["errors"][0]["pointer"].as_str()),
            (400, Some(pointer))
        );
    }
    let draft = json!({ "store": "s", "lines": line(), "draft": true, "hold_stock": true });
    assert_eq!(
        answered(
            world
                .as_admin(Method::POST, "/api/v1/pos/sale/")
                .body_json(&draft)
        )
        .await
        .0,
        201
    );
    assert_eq!(
        world.engine.submitted.lock().unwrap()[0].command.name(),
        "save_draft"
    );
}

#[tokio::test]
async fn personal_fields_are_sealed_before_the_command() {
    let world = world();
    let body = json!({ "customer_id": "c-1", "name": "Ana Ñandú", "phone": "+504 9999-9999" });
    answered(world.as_admin(Method::POST, "/api/v1/customers").body_json(&body)).await;
    let submitted = world.engine.submitted.lock().unwrap();
    let domain::Command::RegisterCustomer(command) = &submitted[0].command else {
        panic!("another command")
    };
    assert_eq!(command.name.sealed, "customer/c-1|name|Ana Ñandú");
    assert_eq!(
        command.phone.as_ref().unwrap().sealed,
        "customer/c-1|phone|+504 9999-9999"
    );
    assert_eq!(command.address, None);
}

#[tokio::test]
async fn a_generated_customer_is_the_same_under_the_same_key() {
    let world = world();
    let body = json!({ "name": "Ana" });
    for key in ["k1", "k1", "k2"] {
        let request = world
            .as_admin(Method::POST, "/api/v1/customers")
            .header("idempotency-key", key);
        answered(request.body_json(&body)).await;
    }
    let submitted = world.engine.submitted.lock().unwrap();
    let ids: Vec<_> = submitted
        .iter()
        .map(|s| match &s.command {
            domain::Command::RegisterCustomer(command) => command.customer_id.clone(),
            _ => panic!("another command"),
        })
        .collect();
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[0], ids[2]);
}

#[tokio::test]
async fn administration_ends_with_the_session() {
    let world = world();
    let token = world.bearer(Role::Admin);
    world
        .engine
        .users
        .lock()
        .unwrap()
        .get_mut(&("t1".into(), "admin".into()))
        .unwrap()
        .session_version = 2;
    let request = world
        .client
        .post("/api/v1/admin/stores")
        .header("authorization", token);
    let (status, body) = answered(request.body_json(&json!({ "store": "s", "name": "n" }))).await;
    assert_eq!((status, body["code"].as_str()), (401, Some("auth.token_invalid")));
}

#[tokio::test]
async fn refusals_and_faults_are_problems() {
    use crate::engine::{Reply, SubmitError};
    let world = world();
    let refusal = domain::Refusal::ItemNotFound {
        sku: schemas::Sku::new("A").unwrap(),
    };
    let cases = [
        (
            Ok(Reply::Refused {
                refusal,
                replayed: true,
            }),
            404,
            "item.not_found",
        ),
        (Err(SubmitError::Busy { retry_after_s: 1 }), 503, "service.busy"),
        (Err(SubmitError::KeyInFlight), 409, "idempotency.in_flight"),
        (Err(SubmitError::KeyReused), 422, "idempotency.key_reused"),
        (Err(SubmitError::TooLarge), 422, "request.too_large"),
    ];
    for (answer, status, code) in cases {
        world.engine.answers.lock().unwrap().push(answer);
        let request = world.as_admin(Method::POST, "/api/v1/catalogue/items/A/discontinue");
        let response = request.send().await.0;
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(
            response.header("idempotent-replayed").is_some(),
            code == "item.not_found"
        );
        let body: Value = response.into_body().into_json().await.unwrap();
        assert_eq!(body["code"], code);
    }
}

#[test]
fn the_document_and_the_table_have_the_same_operations() {
    let document = openapi::document(&[spec().unwrap()], ROUTES).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let operations: usize = paths.values().map(|item| item.as_object().unwrap().len()).sum();
    assert_eq!(operations, ROUTES.len());
    let sale = &document["components"]["schemas"]["SaleBody"];
    assert_eq!(sale["additionalProperties"], false);
    assert_eq!(sale["required"], json!(["store", "lines"]));
}

#[test]
fn the_row_that_the_guard_writes_for_denied_access_is_a_command() {
    let username = schemas::Username::new("rosa").unwrap();
    let row = platform::http::denials::command(&username, "create_user", "auth.role_forbidden", 3);
    let command: domain::Command = serde_json::from_value(row).unwrap();
    let expected = domain::security::RecordDeniedAccess {
        username,
        operation: "create_user".to_owned(),
        code: "auth.role_forbidden".to_owned(),
        times: 3,
    };
    assert_eq!(command, expected.into());
}
