//! A purchase of five A and two P, shared with the tests of lines, documents and lots.

use serde_json::{Value, json};

use super::*;
use crate::fact::given::event;

fn of_oc1(name: &str, extra: Value) -> Event {
    let mut data = json!({"purchase_id": "oc1", "supplier_id": "p1", "store": "centro", "currency": "HNL"});
    data.as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    event(&format!("purchase.{name}"), data)
}

pub fn ordered() -> Event {
    of_oc1(
        "ordered",
        json!({"tolerance_percent": 20, "net_minor": 900, "tax_minor": 75, "total_minor": 975, "lines": [
            {"line": 1, "sku": "A", "kind": "counted", "quantity": 5, "unit_cost_minor": 100, "tax_code": "ISV15",
             "tax_rate_ppm": 150_000, "net_minor": 500, "tax_minor": 75},
            {"line": 2, "sku": "P", "kind": "serialised", "quantity": 2, "unit_cost_minor": 200,
             "tax_rate_ppm": 0, "net_minor": 400, "tax_minor": 0}]}),
    )
}

/// Only one line is left: three P at 2.50. There were two.
pub fn changed() -> Event {
    of_oc1(
        "changed",
        json!({"revision": 2, "lines_before": 2, "tolerance_percent": 0, "note": "solo teléfonos",
               "net_minor": 750, "tax_minor": 0, "total_minor": 750, "lines": [
            {"line": 1, "sku": "P", "kind": "serialised", "quantity": 3, "unit_cost_minor": 250,
             "tax_rate_ppm": 0, "net_minor": 750, "tax_minor": 0}]}),
    )
}

pub fn plain(name: &str) -> Event {
    of_oc1(name, json!({}))
}

pub fn received(id: &str, lines: Value, total: i64) -> Event {
    of_oc1(
        "received",
        json!({"reception_id": id, "lines": lines, "net_minor": total, "tax_minor": 0, "total_minor": total}),
    )
}

pub fn cancelled(line: i64, quantity: i64) -> Event {
    let lines = json!([{"line": line, "sku": "A", "quantity": quantity, "net_minor": quantity * 100}]);
    of_oc1("cancelled", json!({"lines": lines, "net_minor": quantity * 100}))
}

/// Two A and a P come, then four A, which is one too many; freight; one A goes back; one P is given up.
pub fn life() -> Vec<Event> {
    let line = |line: i64, sku: &str, quantity: i64, extra: Value| {
        let mut data = json!({"line": line, "sku": sku, "quantity": quantity, "unit_cost_minor": 100,
                              "net_minor": quantity * 100, "tax_minor": 0});
        data.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        data
    };
    let first = json!([
        line(
            1,
            "A",
            2,
            json!({"lots": [{"lot": "L1", "quantity": 1, "expires_on": "2027-01-01"}]})
        ),
        line(2, "P", 1, json!({"units": ["serial:1"]})),
    ]);
    let lots = json!([{"lot": "L1", "quantity": 1, "expires_on": "2028-01-01"}, {"lot": "L1", "quantity": 1},
                      {"lot": "L2", "quantity": 1}]);
    let second = json!([line(1, "A", 4, json!({"over_quantity": 1, "lots": lots}))]);
    vec![
        ordered(),
        plain("sent"),
        received("r1", first, 400),
        received("r2", second, 400),
        of_oc1(
            "invoiced",
            json!({"reception_id": "r2", "invoice": "F-2", "total_minor": 400}),
        ),
        of_oc1(
            "cost_adjusted",
            json!({"adjustment_id": "a1", "invoice": "F-3", "net_minor": 60, "tax_minor": 9, "total_minor": 69,
                   "on_shelf_minor": 50, "expensed_minor": 10, "lines": [
                {"line": 1, "sku": "A", "kind": "freight", "delta_minor": 60, "tax_minor": 9, "on_shelf_minor": 50,
                 "expensed_minor": 10}]}),
        ),
        of_oc1(
            "returned",
            json!({"return_id": "d1", "net_minor": 100, "tax_minor": 15, "total_minor": 115, "value_minor": 110,
                   "difference_minor": -10, "lines": [
                {"line": 1, "sku": "A", "quantity": 1, "credit_minor": 100, "tax_minor": 15, "costed_quantity": 1,
                 "value_minor": 110, "difference_minor": -10}]}),
        ),
        cancelled(2, 1),
    ]
}
