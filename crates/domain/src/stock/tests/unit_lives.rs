//! One place and one owner of each serial number through every command of every module that moves units, in any order.
//!
//! Steps find the document that has the unit, so that histories go somewhere; the rules may refuse any of them. Not here:
//! the functions beneath the commands (`serials`).

use std::collections::HashMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use schemas::envelope::Actor;
use schemas::events::OfflineEvent;
use schemas::events::movement::MovementKind;
use schemas::events::offline::{OfflineSale, Resolution};
use schemas::events::repair::{AnswerChannel, CustodyEvent, QuoteAnswer, RepairPriority, Workshop};
use schemas::events::sale::{DraftContent, PaymentMethod};
use schemas::events::transfer::{DifferenceDecision, SurplusDecision};
use schemas::{
    Event, ImportId, Incarnation, MovementId, OrderId, PurchaseId, QuarantineId, RepairId, SaleId, StoreId,
    SupplierId, TransferId, UnitId,
};

use super::serials::{SERIALS, Whereabouts, follow, newest_sale, return_of, unit_of};
use super::*;
use crate::Command;
use crate::imports::{ApplyImport, ConfirmImport, DraftImport, ImportAction};
use crate::movements::{
    ApproveMovement, CreateMovement, MovementLineRequest, RejectMovement, SetMovementPolicy,
};
use crate::offline::{RecordOfflineSale, ResolveOfflineSale};
use crate::orders::{
    ConfirmOrder, CreateOrder, DeliverOrder, DeliveredReturnLine, DeliveryLineRequest, OrderKind,
    ReturnDelivered,
};
use crate::purchases::{
    OrderLineRequest, OrderPurchase, ReceivePurchase, ReceptionLineRequest, ReturnToSupplier,
    SupplierReturnLineRequest,
};
use crate::repairs::{
    AnswerQuote, CancelRepair, DeliverRepair, DiagnoseRepair, FinishRepair, GiveBackParts, KeepParts,
    PartRequest, QuoteRepair, ReceiveRepair, ReturnUnrepaired, SendToWorkshop, StartRepair, TakeFromWorkshop,
    TakeParts,
};
use crate::reservations::{ConfirmReservation, CreateReservation, ReservationLineRequest};
use crate::sales::{DiscardDraft, ExchangeGoods, ReturnLineRequest, SaveDraft, VoidSale};
use crate::transfers::{
    DispatchTransfer, ReceiveTransfer, RequestTransfer, ResolveDifference, ResolveSurplus, TransferGoods,
    TransferLineRequest,
};

/// What may happen to a unit.
#[derive(Debug, Clone, Copy)]
enum Step {
    Receive,
    Import,
    AskIn,
    AskOut,
    Approve,
    Reject,
    WriteOff,
    Reserve,
    Fulfil,
    Draft,
    Discard,
    Sell,
    SellOffline,
    Resolve,
    Exchange,
    Void,
    Return,
    Dispatch,
    Arrive,
    ComeAlong,
    Lose,
    ComeBack,
    Buy,
    ReturnToSupplier,
    Deliver,
    ReturnDelivered,
    TakeIn,
    Workshop,
    HandBack,
    Repair,
    Keep,
    TakePart,
    GiveBack,
}

const STEPS: &[Step] = &[
    Step::Receive,
    Step::Import,
    Step::AskIn,
    Step::AskOut,
    Step::Approve,
    Step::Reject,
    Step::WriteOff,
    Step::Reserve,
    Step::Fulfil,
    Step::Draft,
    Step::Discard,
    Step::Sell,
    Step::SellOffline,
    Step::Resolve,
    Step::Exchange,
    Step::Void,
    Step::Return,
    Step::Dispatch,
    Step::Arrive,
    Step::ComeAlong,
    Step::Lose,
    Step::ComeBack,
    Step::Buy,
    Step::ReturnToSupplier,
    Step::Deliver,
    Step::ReturnDelivered,
    Step::TakeIn,
    Step::Workshop,
    Step::HandBack,
    Step::Repair,
    Step::Keep,
    Step::TakePart,
    Step::GiveBack,
];

/// The repair of somebody's device whose parts the units may be.
const BENCH: &str = "bench";

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

/// The shop with all that the steps need: a purchase that is sent, an import that is confirmed, and a repair in work.
/// Whatever is asked for waits for approval, receipts by hand and imports as well: steps that need goods at once are
/// lenient for that.
fn everything() -> Given {
    let purchase = OrderPurchase {
        purchase_id: Some(id("oc-1")),
        supplier_id: id("sur"),
        store: centro(),
        lines: vec![OrderLineRequest {
            sku: sku("PHONE"),
            quantity: quantity(500),
            unit_cost_minor: minor(1),
            tax_code: None,
        }],
        tolerance_percent: 0,
        expected_on: None,
        note: None,
        send: true,
    };
    let draft = DraftImport {
        import_id: id("i1"),
        store: Some(centro()),
        file_name: None,
        file_sha256: "aa11".to_owned(),
        draft_sha256: "d1".to_owned(),
        counts: schemas::events::import::DraftCounts::default(),
    };
    let confirm = ConfirmImport {
        import_id: id("i1"),
        draft_sha256: "d1".to_owned(),
        overrides: Default::default(),
    };
    let shop = shop()
        .and(crate::suppliers::tests::registered("sur"))
        .and(purchase)
        .and(draft)
        .and(confirm)
        .and(take_in(BENCH, "serial:SOMEBODYS"));
    let shop = repaired(shop, BENCH, false);
    strict(shop)
}

/// Whatever is asked for waits for somebody else.
fn strict(shop: Given) -> Given {
    shop.and(SetMovementPolicy {
        max_quantity: Some(0),
        max_value_minor: None,
    })
}

/// Nothing waits, so that goods come in at once.
fn lenient(shop: Given) -> Given {
    shop.and(SetMovementPolicy {
        max_quantity: None,
        max_value_minor: None,
    })
}

fn take_in(repair: &str, device: &str) -> ReceiveRepair {
    ReceiveRepair {
        repair_id: Some(id(repair)),
        store: centro(),
        customer_id: customer("sol"),
        unit: unit(device),
        description: Some("Nokia 3310".to_owned()),
        accessories: vec![],
        fault: "No enciende".to_owned(),
        priority: RepairPriority::Normal,
        promised_at: None,
    }
}

/// Takes a repair from its intake to the workbench, or to its owner; steps that do not follow are left out.
fn repaired(shop: Given, repair: &str, hands_over: bool) -> Given {
    let repair_id: RepairId = id(repair);
    let answer = QuoteAnswer {
        channel: AnswerChannel::Phone,
        answered_by: None,
    };
    let mut steps: Vec<Command> = vec![
        DiagnoseRepair {
            repair_id: repair_id.clone(),
            diagnosis: "Pantalla".to_owned(),
            covered: Some(false),
            workshop: None,
        }
        .into(),
        QuoteRepair {
            repair_id: repair_id.clone(),
            lines: vec![line("FIX", 1)],
            discount: None,
        }
        .into(),
        AnswerQuote {
            repair_id: repair_id.clone(),
            quote: None,
            approves: true,
            answer,
        }
        .into(),
        StartRepair {
            repair_id: repair_id.clone(),
        }
        .into(),
    ];
    if hands_over {
        let work_done = "Hecho".to_owned();
        steps.push(
            FinishRepair {
                repair_id: repair_id.clone(),
                work_done,
            }
            .into(),
        );
        let payments = cash(15_000);
        steps.push(DeliverRepair { repair_id, payments }.into());
    }
    steps.into_iter().fold(shop, |shop, step| shop.when(step).given)
}

/// The id of the document of this kind that has the unit, or keeps it.
fn keeper(shop: &Given, unit: &UnitId, kind: &str) -> Option<String> {
    let State::Unit(Some(known), _) = shop.state(&streams::unit(unit)) else {
        return None;
    };
    let name = match (known.place, known.holder) {
        (Place::Away { document }, _) | (Place::InStock { .. }, Some(document)) => document,
        _ => return None,
    };
    Some(name.strip_prefix(kind)?.strip_prefix('/')?.to_owned())
}

/// The repair that has the device.
fn in_repair(shop: &Given, unit: &UnitId) -> Option<RepairId> {
    match shop.state(&streams::unit(unit)) {
        State::Unit(_, custody) => custody.repair_id,
        _ => None,
    }
}

fn by_somebody_else(mut shop: Given, command: impl Into<Command>) -> Given {
    let marta = shop.ctx.actor.clone();
    shop.ctx.actor = Actor::User {
        username: "jefa".to_owned(),
        role: "manager".to_owned(),
    };
    let mut shop = shop.when(command).given;
    shop.ctx.actor = marta;
    shop
}

/// The newest movement that was asked for, whatever became of it.
fn newest_movement(shop: &Given) -> Option<MovementId> {
    let asked = shop.events().filter_map(|event| match event {
        Event::Movement(schemas::events::MovementEvent::Created(asked)) => Some(asked.movement_id.clone()),
        _ => None,
    });
    asked.last()
}

fn newest_quarantine(shop: &Given) -> Option<QuarantineId> {
    let kept = shop.events().filter_map(|event| match event {
        Event::Offline(OfflineEvent::Quarantined(kept)) => Some(kept.quarantine_id.clone()),
        _ => None,
    });
    kept.last()
}

fn asked(kind: MovementKind, (store, unit): (StoreId, UnitId), number: usize) -> CreateMovement {
    CreateMovement {
        movement_id: Some(id(&format!("m-{number}"))),
        kind,
        store,
        lines: vec![MovementLineRequest {
            sku: sku("PHONE"),
            quantity: 1,
            unit_cost_minor: None,
            units: vec![unit],
            cause: None,
        }],
        comment: None,
    }
}

fn offline_sale(unit: UnitId, number: usize) -> OfflineSale {
    let line = schemas::events::sale::DraftLine {
        unit_price_minor: Some(minor(500_000)),
        ..unit_line(unit.as_str())
    };
    OfflineSale {
        sale_id: sale_id(&format!("off-{number}")),
        content: noted_content(content(centro(), vec![line], false)),
        payments: vec![schemas::events::offline::OfflinePayment {
            method: PaymentMethod::Cash,
            amount_minor: minor(500_000),
            reference: None,
        }],
        total_minor: minor(500_000),
        occurred_at: NOW,
    }
}

fn content(store: StoreId, lines: Vec<schemas::events::sale::DraftLine>, hold_stock: bool) -> DraftContent {
    let is_centro = store == centro();
    DraftContent {
        store,
        terminal: is_centro.then(caja),
        customer_id: None,
        lines,
        discount: None,
        hold_stock,
    }
}

fn goods(unit: &UnitId) -> TransferGoods {
    TransferGoods {
        line: 1,
        quantity: quantity(1),
        units: vec![unit.clone()],
    }
}

fn part(unit: &UnitId) -> PartRequest {
    PartRequest {
        sku: None,
        unit: Some(unit.clone()),
        quantity: quantity(1),
    }
}

/// One step; what the rules refuse changes nothing.
fn take(shop: Given, number: usize, (serial, is_there): (&str, bool), step: Step) -> Given {
    let unit = unit(serial);
    let store = if is_there { norte() } else { centro() };
    match step {
        Step::Receive
        | Step::Import
        | Step::AskIn
        | Step::AskOut
        | Step::Approve
        | Step::Reject
        | Step::WriteOff => by_hand(shop, number, (unit, store), step),
        Step::Reserve
        | Step::Fulfil
        | Step::Draft
        | Step::Discard
        | Step::Sell
        | Step::SellOffline
        | Step::Resolve => sold(shop, number, (unit, store), step),
        Step::Exchange | Step::Void | Step::Return => taken_back(shop, number, (unit, store), step),
        Step::ComeAlong => came_along(shop, number, (unit, store)),
        Step::Dispatch | Step::Arrive | Step::Lose | Step::ComeBack => {
            moved(shop, number, (unit, store), step)
        }
        Step::Buy | Step::ReturnToSupplier | Step::Deliver | Step::ReturnDelivered => {
            traded(shop, number, (unit, store), step)
        }
        Step::TakeIn
        | Step::Workshop
        | Step::HandBack
        | Step::Repair
        | Step::Keep
        | Step::TakePart
        | Step::GiveBack => in_the_workshop(shop, number, &unit, step),
    }
}

fn by_hand(shop: Given, number: usize, (unit, store): (UnitId, StoreId), step: Step) -> Given {
    let receipt = ReceiveStock {
        store: store.clone(),
        ..receive(vec![receipt("PHONE", 1, &[unit.as_str()])])
    };
    match step {
        Step::Receive => strict(lenient(shop).when(receipt).given),
        Step::Import => {
            let import_id: ImportId = id("i1");
            let action = ImportAction::ReceiveStock(receipt);
            let import = ApplyImport {
                import_id,
                bases: vec![],
                action,
                cost: None,
            };
            strict(lenient(shop).when(import).given)
        }
        Step::AskIn => shop.when(asked(MovementKind::In, (store, unit), number)).given,
        Step::AskOut => shop.when(asked(MovementKind::Out, (store, unit), number)).given,
        Step::WriteOff => {
            let lost = WriteOffStock {
                store,
                ..write_off("PHONE", 1, &[unit.as_str()])
            };
            shop.when(lost).given
        }
        _ => {
            // What keeps the unit goes before what was asked for last.
            let kept = keeper(&shop, &unit, "movement").map(|text| id(&text));
            let Some(movement_id) = kept.or_else(|| newest_movement(&shop)) else {
                return shop;
            };
            if matches!(step, Step::Approve) {
                let approve = ApproveMovement {
                    movement_id,
                    note: None,
                };
                return by_somebody_else(shop, approve);
            }
            let reject = RejectMovement {
                movement_id,
                note: None,
            };
            by_somebody_else(shop, reject)
        }
    }
}

fn sold(shop: Given, number: usize, (unit, store): (UnitId, StoreId), step: Step) -> Given {
    match step {
        Step::Reserve => {
            let reserve = CreateReservation {
                reservation_id: Some(id(&format!("r-{number}"))),
                store,
                customer_id: None,
                lines: vec![ReservationLineRequest {
                    sku: None,
                    unit: Some(unit),
                    quantity: quantity(1),
                }],
                expires_at: None,
                expires_in_s: Some(60),
            };
            shop.when(reserve).given
        }
        Step::Fulfil => {
            let Some(reservation) = keeper(&shop, &unit, "reservation") else {
                return shop;
            };
            let reservation_id: schemas::ReservationId = id(&reservation);
            let confirm = ConfirmReservation {
                reservation_id: reservation_id.clone(),
            };
            let mut sale = sell(
                &format!("x-{number}"),
                vec![unit_line(unit.as_str())],
                cash(500_000),
            );
            sale.store = store;
            sale.reservation_id = Some(reservation_id);
            shop.when(confirm).given.when(sale).given
        }
        Step::Draft => {
            let draft = SaveDraft {
                sale_id: Some(sale_id(&format!("x-{number}"))),
                draft: content(store, vec![unit_line(unit.as_str())], true),
            };
            shop.when(draft).given
        }
        Step::Discard => match keeper(&shop, &unit, "sale") {
            Some(sale) => shop.when(DiscardDraft { sale_id: id(&sale) }).given,
            None => shop,
        },
        Step::Sell => {
            // What is drafted is completed; else it is sold over the counter.
            if let Some(sale) = keeper(&shop, &unit, "sale") {
                let complete = crate::sales::CompleteDraft {
                    sale_id: id::<SaleId>(&sale),
                    payments: cash(500_000),
                    reservation_id: None,
                    occurred_at: None,
                };
                return shop.when(complete).given;
            }
            let mut sale = sell(
                &format!("x-{number}"),
                vec![unit_line(unit.as_str())],
                cash(500_000),
            );
            sale.store = store;
            shop.when(sale).given
        }
        Step::SellOffline => {
            let incarnation: Incarnation = id("a");
            let State::Till(till) = shop.state(&streams::till(&caja())) else {
                return shop;
            };
            let record = RecordOfflineSale {
                sequence: till.expected(&incarnation),
                incarnation,
                sale: offline_sale(unit, number),
            };
            shop.and(record)
        }
        _ => {
            let Some(quarantine_id) = newest_quarantine(&shop) else {
                return shop;
            };
            let resolution = Resolution::ReplaceUnit { line: 1, unit };
            let resolve = ResolveOfflineSale {
                quarantine_id,
                resolution,
            };
            shop.when(resolve).given
        }
    }
}

fn taken_back(shop: Given, number: usize, (unit, store): (UnitId, StoreId), step: Step) -> Given {
    let Some(sale_id) = newest_sale(&shop, &unit) else {
        return shop;
    };
    match step {
        Step::Void => {
            let void = VoidSale {
                sale_id,
                occurred_at: None,
            };
            shop.when(void).given
        }
        Step::Return => shop.when(return_of(sale_id, unit, (store, number))).given,
        _ => {
            let other = SERIALS[number % SERIALS.len()];
            let returned = ReturnLineRequest {
                sale_line: None,
                sku: None,
                unit: Some(unit),
                quantity: quantity(1),
                unit_price_minor: None,
                restock: number.is_multiple_of(2),
            };
            let exchange = ExchangeGoods {
                sale_id,
                return_id: None,
                new_sale_id: Some(id(&format!("x-{number}"))),
                store,
                terminal: None,
                customer_id: None,
                returned: vec![returned],
                lines: vec![unit_line(other)],
                discount: None,
                payments: vec![],
                refunds: vec![],
                occurred_at: None,
            };
            shop.when(exchange).given
        }
    }
}

/// The unit comes along with a case that was dispatched, though nobody said so; every other time it was sent.
fn came_along(shop: Given, number: usize, (unit, store): (UnitId, StoreId)) -> Given {
    let transfer_id: TransferId = id(&format!("s-{number}"));
    let to = if store == centro() { norte() } else { centro() };
    let asked = |name: &str| TransferLineRequest {
        sku: sku(name),
        quantity: quantity(1),
    };
    let request = RequestTransfer {
        transfer_id: Some(transfer_id.clone()),
        from: store.clone(),
        to,
        lines: vec![asked("PHONE"), asked("CASE")],
        note: None,
    };
    let case = TransferGoods {
        line: 2,
        quantity: quantity(1),
        units: vec![],
    };
    let mut cases = receipt("CASE", 1, &[]);
    cases.unit_cost_minor = Some(minor(1_000));
    let came_in = ReceiveStock {
        store,
        ..receive(vec![cases])
    };
    let receive = ReceiveTransfer {
        transfer_id: transfer_id.clone(),
        reception_id: None,
        lines: None,
        surplus: vec![goods(&unit)],
    };
    let decide = ResolveSurplus {
        transfer_id: transfer_id.clone(),
        decision: if number.is_multiple_of(2) {
            SurplusDecision::SentByOrigin
        } else {
            SurplusDecision::NotAccepted
        },
        lines: vec![goods(&unit)],
        note: None,
    };
    let dispatch = DispatchTransfer {
        transfer_id,
        lines: vec![case],
    };
    let shop = strict(lenient(shop).when(came_in).given);
    let steps: [Command; 4] = [request.into(), dispatch.into(), receive.into(), decide.into()];
    steps.into_iter().fold(shop, |shop, step| shop.when(step).given)
}

fn moved(shop: Given, number: usize, (unit, store): (UnitId, StoreId), step: Step) -> Given {
    if matches!(step, Step::Dispatch) {
        let transfer_id: TransferId = id(&format!("t-{number}"));
        let to = if store == centro() { norte() } else { centro() };
        let request = RequestTransfer {
            transfer_id: Some(transfer_id.clone()),
            from: store,
            to,
            lines: vec![TransferLineRequest {
                sku: sku("PHONE"),
                quantity: quantity(1),
            }],
            note: None,
        };
        let dispatch = DispatchTransfer {
            transfer_id,
            lines: vec![goods(&unit)],
        };
        return shop.and(request).when(dispatch).given;
    }
    let Some(transfer) = keeper(&shop, &unit, "transfer") else {
        return shop;
    };
    let transfer_id: TransferId = id(&transfer);
    if matches!(step, Step::Arrive) {
        let receive = ReceiveTransfer {
            transfer_id,
            reception_id: None,
            lines: Some(vec![goods(&unit)]),
            surplus: vec![],
        };
        return shop.when(receive).given;
    }
    let decision = if matches!(step, Step::Lose) {
        DifferenceDecision::Lost
    } else {
        DifferenceDecision::BackAtOrigin
    };
    let resolve = ResolveDifference {
        transfer_id,
        decision,
        lines: vec![goods(&unit)],
        note: None,
    };
    shop.when(resolve).given
}

fn traded(shop: Given, number: usize, (unit, store): (UnitId, StoreId), step: Step) -> Given {
    let purchase_id: PurchaseId = id("oc-1");
    match step {
        Step::Buy => {
            let receive = ReceivePurchase {
                purchase_id,
                reception_id: None,
                invoice: None,
                lines: vec![ReceptionLineRequest {
                    line: 1,
                    quantity: quantity(1),
                    units: vec![unit],
                    lots: vec![],
                }],
            };
            shop.when(receive).given
        }
        Step::ReturnToSupplier => {
            let back = ReturnToSupplier {
                purchase_id,
                return_id: None,
                lines: vec![SupplierReturnLineRequest {
                    line: 1,
                    quantity: quantity(1),
                    units: vec![unit],
                }],
            };
            shop.when(back).given
        }
        Step::Deliver => {
            let order_id: OrderId = id(&format!("o-{number}"));
            let order = CreateOrder {
                order_id: Some(order_id.clone()),
                kind: OrderKind::Order,
                store,
                customer_id: Some(customer("sol")),
                reference: None,
                lines: vec![unit_line(unit.as_str())],
                discount: None,
            };
            let deliver = DeliverOrder {
                order_id: order_id.clone(),
                delivery_id: None,
                lines: vec![DeliveryLineRequest {
                    line: 1,
                    quantity: quantity(1),
                    units: vec![unit],
                }],
                occurred_at: None,
            };
            let shop = shop.when(order).given.when(ConfirmOrder { order_id }).given;
            shop.when(deliver).given
        }
        _ => {
            let Some(order) = keeper(&shop, &unit, "order") else {
                return shop;
            };
            let back = ReturnDelivered {
                order_id: id(&order),
                return_id: None,
                lines: vec![DeliveredReturnLine {
                    line: 1,
                    quantity: quantity(1),
                    units: vec![unit],
                    restock: number.is_multiple_of(2),
                }],
                refunds: vec![],
                occurred_at: None,
            };
            shop.when(back).given
        }
    }
}

fn in_the_workshop(shop: Given, number: usize, unit: &UnitId, step: Step) -> Given {
    let (bench, lines): (RepairId, _) = (id(BENCH), vec![part(unit)]);
    match step {
        Step::TakeIn => return shop.when(take_in(&format!("rep-{number}"), unit.as_str())).given,
        Step::Keep => {
            let keep = KeepParts {
                repair_id: bench,
                lines,
            };
            return shop.when(keep).given;
        }
        Step::TakePart => {
            let take = TakeParts {
                repair_id: bench,
                lines,
            };
            return shop.when(take).given;
        }
        Step::GiveBack => {
            let back = GiveBackParts {
                repair_id: bench,
                lines,
            };
            return shop.when(back).given;
        }
        _ => {}
    }
    let Some(repair_id) = in_repair(&shop, unit) else {
        return shop;
    };
    match step {
        Step::Workshop => {
            let workshop = Workshop::Supplier {
                supplier_id: id::<SupplierId>("sur"),
            };
            let send = SendToWorkshop {
                repair_id: repair_id.clone(),
                workshop,
                instructions: None,
            };
            let shop = shop.when(send).given;
            shop.when(TakeFromWorkshop { repair_id }).given
        }
        Step::HandBack => {
            let cancel = CancelRepair {
                repair_id: repair_id.clone(),
                note: None,
            };
            let unrepaired = ReturnUnrepaired {
                repair_id,
                cause: "No vale la pena".to_owned(),
                fee: vec![],
                payments: vec![],
            };
            shop.when(cancel).given.when(unrepaired).given
        }
        _ => repaired(shop, repair_id.as_str(), true),
    }
}

/// Follows the device itself: a repair takes in what is with somebody, and hands it back before it is goods of ours.
fn follow_custody(
    now: &Whereabouts,
    repair: &mut Option<RepairId>,
    event: &CustodyEvent,
) -> Result<(), String> {
    match event {
        CustodyEvent::Taken(taken) if repair.is_none() && !matches!(now, Whereabouts::Shelf { .. }) => {
            *repair = Some(taken.repair_id.clone());
            Ok(())
        }
        CustodyEvent::Ended(ended) if *repair == Some(ended.repair_id.clone()) => {
            *repair = None;
            Ok(())
        }
        CustodyEvent::Taken(_) | CustodyEvent::Ended(_) => {
            Err(format!("{event:?} of a device that is {now:?} and in {repair:?}"))
        }
    }
}

type Lives = HashMap<UnitId, (Whereabouts, Option<RepairId>)>;

/// Where each unit is in the end, if its life can be.
fn lives(shop: &Given) -> Result<Lives, String> {
    let mut lives = Lives::new();
    for event in shop.events() {
        match event {
            Event::Unit(event) => {
                let (place, repair) = lives
                    .entry(unit_of(event).clone())
                    .or_insert((Whereabouts::Nowhere, None));
                *place = follow(place, event)?;
                if repair.is_some() {
                    return Err(format!("{event:?} while {repair:?} has it"));
                }
            }
            Event::Custody(event) => {
                let unit = match event {
                    CustodyEvent::Taken(taken) => &taken.unit,
                    CustodyEvent::Ended(ended) => &ended.unit,
                };
                let (place, repair) = lives.entry(unit.clone()).or_insert((Whereabouts::Nowhere, None));
                follow_custody(place, repair, event)?;
            }
            _ => {}
        }
    }
    Ok(lives)
}

fn steps() -> impl Strategy<Value = Vec<(usize, bool, Step)>> {
    let step = proptest::sample::select(STEPS);
    proptest::collection::vec((0..SERIALS.len(), proptest::bool::weighted(0.25), step), 1..80)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_commands_do_a_serial_number_has_one_owner_and_one_place_at_every_position(steps in steps()) {
        let mut shop = everything();
        for (number, (serial, is_there, step)) in steps.into_iter().enumerate() {
            shop = take(shop, number, (SERIALS[serial], is_there), step);
        }
        let lives = lives(&shop);
        prop_assert!(lives.is_ok(), "{}", lives.unwrap_err());
        let lives = lives.unwrap();
        for store in [centro(), norte()] {
            let on = |kept: bool| lives.values().filter(|(place, _)| matches!(place,
                Whereabouts::Shelf { store: at, holder } if *at == store && (!kept || holder.is_some()))).count();
            let State::Stock(shelf) = shop.state(&streams::stock(&store, &sku("PHONE"))) else { panic!() };
            prop_assert_eq!(shelf.on_hand, i64::try_from(on(false)).unwrap());
            // An order may keep a piece before it is said which unit it is.
            prop_assert!(shelf.reserved >= i64::try_from(on(true)).unwrap());
        }
    }
}

/// The property is worth something only if histories go everywhere.
#[test]
fn every_step_can_come_to_something() {
    let mut came: HashMap<String, usize> = HashMap::new();
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for _ in 0..150 {
        let mut shop = everything();
        let history = steps().new_tree(&mut runner).unwrap().current();
        for (number, (serial, is_there, step)) in history.into_iter().enumerate() {
            let before = shop.events().count();
            shop = take(shop, number, (SERIALS[serial], is_there), step);
            let is_told = shop
                .events()
                .skip(before)
                .any(|event| matches!(event, Event::Unit(_) | Event::Custody(_)));
            if is_told {
                *came.entry(format!("{step:?}")).or_default() += 1;
            }
        }
    }
    let never: Vec<_> = STEPS
        .iter()
        .map(|step| format!("{step:?}"))
        // These move no unit by themselves.
        .filter(|step| step != "AskIn" && step != "Workshop")
        .filter(|step| !came.contains_key(step))
        .collect();
    assert!(never.is_empty(), "{never:?} never moved a unit: {came:?}");
}
