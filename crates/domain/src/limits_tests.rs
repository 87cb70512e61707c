//! Limits that take many commands to reach, and ids that name nothing: each has its refusal.

use schemas::events::offline::{OfflineContent, OfflinePayment, OfflineSale, OfflineSaleRecorded};
use schemas::events::sale::{DraftContent, PaymentMethod};
use schemas::events::settings::Series;
use schemas::events::stock::StockReserved;
use schemas::{Incarnation, OrderDeliveryId, OrderId, QuarantineId, ReceptionId, TransferId};

use crate::admin::SetNumbering;
use crate::offline::{RecordOfflineSale, ResolveOfflineSale};
use crate::orders::{ConfirmOrder, CreateOrder, DeliverOrder, DeliveryLineRequest, MAX_DOCUMENTS, OrderKind};
use crate::sales::SaveDraft;
use crate::streams;
use crate::testing::*;
use crate::transfers::{
    DispatchTransfer, ReceiveTransfer, RequestTransfer, TransferGoods, TransferLineRequest,
};

#[test]
fn a_quarantined_sale_that_does_not_exist_is_not_found() {
    let resolve = ResolveOfflineSale {
        quarantine_id: QuarantineId::new("q-1").unwrap(),
        resolution: schemas::events::offline::Resolution::Retry,
    };
    let pointer = shop().when(resolve).then_refused("quarantine.not_found");
    assert_eq!(pointer.unwrap(), "/quarantine_id");
}

fn taken_offline(incarnation: &str, sequence: i64) -> RecordOfflineSale {
    RecordOfflineSale {
        incarnation: Incarnation::new(incarnation).unwrap(),
        sequence,
        sale: OfflineSale {
            sale_id: sale_id(&format!("{incarnation}-{sequence}")),
            content: OfflineContent {
                store: centro(),
                terminal: Some(caja()),
                customer_id: None,
                customer_unreadable: false,
                lines: vec![noted(schemas::events::sale::DraftLine {
                    unit_price_minor: Some(minor(15_000)),
                    ..line("FIX", 1)
                })],
                discount: None,
            },
            payments: vec![OfflinePayment {
                method: PaymentMethod::Cash,
                amount_minor: minor(15_000),
                reference: None,
            }],
            total_minor: minor(15_000),
            occurred_at: NOW - time::Duration::hours(3),
        },
    }
}

#[test]
fn a_till_begins_anew_a_thousand_times_at_most_and_goes_on_with_what_it_began() {
    let lives = (0..1_000).map(|number| {
        let recorded = OfflineSaleRecorded {
            terminal: caja(),
            store: centro(),
            incarnation: Incarnation::new(&format!("vida-{number}")).unwrap(),
            sequence: 1,
            sale_id: sale_id(&format!("vida-{number}-1")),
            quarantine_id: None,
            occurred_at: NOW,
        };
        (streams::till(&caja()), recorded.into())
    });
    let shop = shop().append_all(lives.collect());
    let pointer = shop
        .clone()
        .when(taken_offline("otra", 1))
        .then_refused("till.too_many_incarnations");
    assert_eq!(pointer.unwrap(), "/incarnation");
    let goes_on = shop.when(taken_offline("vida-7", 2));
    assert_eq!(goes_on.decision().answer["outcome"], "accepted");
}

/// The shop with this many more CABLEs.
fn stocked(pieces: i64) -> Given {
    shop().and(receive(vec![receipt("CABLE", pieces, &[])]))
}

#[test]
fn a_transfer_comes_in_two_hundred_receptions_at_most() {
    let transfer_id = TransferId::new("tr-1").unwrap();
    let goods = |pieces: i64| TransferGoods {
        line: 1,
        quantity: quantity(pieces),
        units: vec![],
    };
    let request = RequestTransfer {
        transfer_id: Some(transfer_id.clone()),
        from: centro(),
        to: norte(),
        lines: vec![TransferLineRequest {
            sku: sku("CABLE"),
            quantity: quantity(202),
        }],
        note: None,
    };
    let dispatch = DispatchTransfer {
        transfer_id: transfer_id.clone(),
        lines: vec![goods(202)],
    };
    let receive = |number: i64| ReceiveTransfer {
        transfer_id: transfer_id.clone(),
        reception_id: Some(ReceptionId::new(&format!("r-{number}")).unwrap()),
        lines: Some(vec![goods(1)]),
        surplus: vec![],
    };
    let mut shop = stocked(202).and(request).and(dispatch);
    for number in 1..=200 {
        shop = shop.and(receive(number));
    }
    shop.when(receive(201))
        .then_refused("transfer.too_many_receptions");
}

#[test]
fn an_order_has_a_limited_number_of_deliveries() {
    let order_id = OrderId::new("ped-1").unwrap();
    let most = i64::try_from(MAX_DOCUMENTS).unwrap();
    let order = CreateOrder {
        order_id: Some(order_id.clone()),
        kind: OrderKind::Order,
        store: centro(),
        customer_id: Some(customer("sol")),
        reference: None,
        lines: vec![line("CABLE", most + 2)],
        discount: None,
    };
    let confirm = ConfirmOrder {
        order_id: order_id.clone(),
    };
    let deliver = |number: i64| DeliverOrder {
        order_id: order_id.clone(),
        delivery_id: Some(OrderDeliveryId::new(&format!("e-{number}")).unwrap()),
        lines: vec![DeliveryLineRequest {
            line: 1,
            quantity: quantity(1),
            units: vec![],
        }],
        occurred_at: None,
    };
    let mut shop = stocked(most + 2).and(order).and(confirm);
    for number in 1..=most {
        shop = shop.and(deliver(number));
    }
    let pointer = shop
        .clone()
        .when(deliver(most + 1))
        .then_refused("order.too_many_documents");
    assert_eq!(pointer.unwrap(), "/order_id");
    shop.when(deliver(most)).then_nothing();
}

#[test]
fn goods_of_a_shelf_are_kept_for_four_thousand_holders_at_most_and_are_sold_all_the_same() {
    let holders = (1..=4_096).map(|number| {
        let reserved = StockReserved {
            store: centro(),
            sku: sku("CABLE"),
            quantity: quantity(1),
            holder: format!("sale/otra-{number}"),
            reserved: number,
        };
        (streams::stock(&centro(), &sku("CABLE")), reserved.into())
    });
    let shop = stocked(5_000).append_all(holders.collect());
    let draft = |hold_stock: bool| SaveDraft {
        sale_id: None,
        draft: DraftContent {
            store: centro(),
            terminal: None,
            customer_id: None,
            lines: vec![line("CABLE", 1)],
            discount: None,
            hold_stock,
        },
    };
    shop.clone()
        .when(draft(true))
        .then_refused("stock.too_many_holders");
    shop.clone().when(draft(false)).then(["sale.drafted"]);
    shop.and(sell("v-1", vec![line("CABLE", 1)], cash(10_000)));
}

#[test]
fn numbers_end_and_nothing_is_made_without_one() {
    const MAX_COUNT: i64 = 999_999_999_999;
    let numbering = SetNumbering {
        series: Series::Receipt,
        prefix: "F-".to_owned(),
        next: MAX_COUNT,
        digits: 1,
    };
    let last = shop()
        .and(numbering)
        .when(sell("v-1", vec![line("FIX", 1)], cash(15_000)));
    assert_eq!(last.decision().answer["number"], format!("F-{MAX_COUNT}"));
    last.given
        .when(sell("v-2", vec![line("FIX", 1)], cash(15_000)))
        .then_refused("numbering.used_up");
}
