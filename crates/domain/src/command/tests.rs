//! What holds for all commands alike.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use schemas::events::admin::{Role, StockPolicy};
use schemas::events::catalogue::{ItemDetails, ItemKind};
use schemas::events::customer::CreditTerms;
use schemas::events::sale::{DraftContent, PaymentMethod};
use schemas::events::webhook::{EndpointSettings, PayloadKind, StartFrom};
use schemas::{EndpointId, PaymentId, ReservationId, ReturnId, StoreId, TaxCode, TerminalId, Username};

use super::Command;
use crate::purchases::tests::{came, order, reception, send};
use crate::reservations::tests::{reserve, the};
use crate::suppliers::tests::registered;
use crate::testing::*;
use crate::{admin, catalogue, customers, reservations, sales, stock, webhooks};

fn administration() -> Vec<Command> {
    let (sur, caja) = (StoreId::new("sur").unwrap(), TerminalId::new("caja-7").unwrap());
    let username = Username::new("rosa").unwrap();
    let (role, password_hash, display_name) = (Role::Cashier, sealed("hash"), sealed("Rosa"));
    let user = admin::CreateUser {
        username: username.clone(),
        role,
        display_name,
        password_hash,
    };
    let iva = TaxCode::new("IVA").unwrap();
    vec![
        admin::SetTaxRate {
            tax_code: iva,
            name: "IVA".to_owned(),
            rate_ppm: 190_000,
        }
        .into(),
        admin::SetStockPolicy {
            stock_policy: StockPolicy::AllowNegative,
        }
        .into(),
        admin::OpenStore {
            store: sur.clone(),
            name: "Sur".to_owned(),
        }
        .into(),
        admin::RegisterTerminal {
            terminal: caja.clone(),
            store: sur.clone(),
            name: "7".to_owned(),
        }
        .into(),
        admin::RetireTerminal { terminal: caja }.into(),
        admin::CloseStore { store: sur }.into(),
        user.into(),
        admin::ChangeUserRole {
            username: username.clone(),
            role: Role::Manager,
        }
        .into(),
        admin::ChangeUserPassword {
            username: username.clone(),
            password_hash: sealed("new"),
            session_version: None,
        }
        .into(),
        admin::DisableUser {
            username: username.clone(),
        }
        .into(),
        admin::EnableUser { username }.into(),
    ]
}

fn trade() -> Vec<Command> {
    let price_minor = Some(minor(9));
    let change = catalogue::ChangeItem {
        sku: sku("NEW"),
        name: None,
        price_minor,
        tax_code: None,
        details: None,
    };
    let lines = vec![line("CABLE", 1)];
    let draft = DraftContent {
        store: centro(),
        terminal: None,
        customer_id: None,
        lines,
        discount: None,
        hold_stock: true,
    };
    let back = sales::ReturnLineRequest {
        sale_line: Some(1),
        sku: None,
        unit: None,
        quantity: quantity(1),
        unit_price_minor: None,
        restock: true,
    };
    let returned = sales::ReturnGoods {
        return_id: Some(ReturnId::new("r-1").unwrap()),
        sale_id: Some(sale_id("v-1")),
        store: centro(),
        terminal: None,
        customer_id: None,
        lines: vec![back],
        refunds: vec![],
        occurred_at: None,
    };
    let payment = customers::ReceivePayment {
        customer_id: customer("eva"),
        payment_id: Some(PaymentId::new("p-1").unwrap()),
        amount_minor: minor(5),
        method: PaymentMethod::Card,
    };
    vec![
        create_item("NEW", ItemKind::Counted, 5, true).into(),
        change.into(),
        catalogue::DiscontinueItem { sku: sku("NEW") }.into(),
        catalogue::ReinstateItem { sku: sku("NEW") }.into(),
        register("eva", CreditTerms::None).into(),
        customers::ChangeCredit {
            customer_id: customer("eva"),
            credit: CreditTerms::Unlimited,
        }
        .into(),
        payment.into(),
        sales::SaveDraft {
            sale_id: Some(sale_id("d-1")),
            draft,
        }
        .into(),
        sales::DiscardDraft {
            sale_id: sale_id("d-1"),
        }
        .into(),
        sell("v-1", vec![line("CABLE", 2)], cash(20_000)).into(),
        returned.into(),
        sales::VoidSale {
            sale_id: sale_id("v-1"),
            occurred_at: None,
        }
        .into(),
    ]
}

fn reservations() -> Vec<Command> {
    let other = reservations::CreateReservation {
        reservation_id: Some(ReservationId::new("res-2").unwrap()),
        ..reserve(vec![("CASE", 1)])
    };
    vec![
        reserve(vec![("CABLE", 2)]).into(),
        reservations::ConfirmReservation {
            reservation_id: the(),
        }
        .into(),
        reservations::ReleaseReservation {
            reservation_id: the(),
        }
        .into(),
        other.into(),
    ]
}

fn purchases() -> Vec<Command> {
    vec![
        registered("sur").into(),
        order().into(),
        send().into(),
        reception("r-1", vec![came(1, 10, &[])]).into(),
    ]
}

fn endpoints() -> Vec<Command> {
    let endpoint_id = EndpointId::new("e-1").unwrap();
    let settings = EndpointSettings {
        name: "ERP".to_owned(),
        url: "https://example.org/".to_owned(),
        description: None,
        event_types: vec!["*".to_owned()],
        payload: PayloadKind::Full,
        headers: BTreeMap::new(),
        concurrency: 1,
        timeout_ms: 5_000,
        format: Default::default(),
        legacy_signature_header: None,
    };
    let created = webhooks::CreateEndpoint {
        endpoint_id: endpoint_id.clone(),
        settings: settings.clone(),
        start: StartFrom::Now,
        secret_id: "s-1".to_owned(),
        secret_fingerprint: "ab".to_owned(),
    };
    let changed = EndpointSettings {
        timeout_ms: 6_000,
        ..settings
    };
    vec![
        created.into(),
        webhooks::ChangeEndpoint {
            endpoint_id: endpoint_id.clone(),
            change: changed.into(),
        }
        .into(),
        webhooks::PauseEndpoint {
            endpoint_id: endpoint_id.clone(),
        }
        .into(),
        webhooks::ResumeEndpoint {
            endpoint_id: endpoint_id.clone(),
        }
        .into(),
        webhooks::DisableEndpoint {
            endpoint_id: endpoint_id.clone(),
            cause: "410".to_owned(),
        }
        .into(),
        webhooks::DeleteEndpoint { endpoint_id }.into(),
    ]
}

#[test]
fn a_command_on_the_state_that_it_produced_does_nothing_or_already_exists() {
    let mut shop = shop();
    for command in [
        administration(),
        trade(),
        reservations(),
        purchases(),
        endpoints(),
    ]
    .concat()
    {
        let first = shop.when(command.clone());
        assert!(!first.decision().events.is_empty(), "{}", command.name());
        let again = first.given.clone().when(command.clone());
        match &again.result {
            Ok(decision) => assert_eq!(decision.events, [], "{}", command.name()),
            Err(refusal) => assert!(refusal.code().ends_with(".already_exists"), "{refusal}"),
        }
        shop = first.given;
    }
}

#[test]
fn a_retry_decides_the_same() {
    for command in [administration(), trade(), reservations()].concat() {
        let (one, two) = (shop().when(command.clone()), shop().when(command));
        match (one.result, two.result) {
            (Ok(one), Ok(two)) => assert_eq!((one.events, one.answer), (two.events, two.answer)),
            (one, two) => assert_eq!(one.err(), two.err()),
        }
    }
}

#[test]
fn absent_and_null_are_different_changes_also_in_the_inbox() {
    let read = |body: &str| {
        serde_json::from_str::<catalogue::ChangeItem>(body)
            .unwrap()
            .tax_code
    };
    assert_eq!(read(r#"{"sku":"A"}"#), None);
    assert_eq!(read(r#"{"sku":"A","tax_code":null}"#), Some(None));
    assert_eq!(read(r#"{"sku":"A","tax_code":"ISV15"}"#), Some(Some(isv())));
    assert_eq!(ItemDetails::default(), serde_json::from_str("{}").unwrap());
}

fn moves() -> impl Strategy<Value = Command> {
    let name = || prop_oneof![Just("CABLE"), Just("CASE")];
    let id = || (0..4_u8).prop_map(|n| sale_id(&format!("v-{n}")));
    let content =
        (name(), 1..5_i64, any::<bool>(), any::<bool>()).prop_map(|(name, pieces, with_unit, hold_stock)| {
            let mut lines = vec![line(name, pieces)];
            lines.extend(with_unit.then(|| unit_line(IMEI)));
            DraftContent {
                store: centro(),
                terminal: None,
                customer_id: None,
                lines,
                discount: None,
                hold_stock,
            }
        });
    prop_oneof![
        (name(), -6..6_i64).prop_map(|(name, delta)| {
            stock::AdjustStock {
                store: centro(),
                sku: sku(name),
                delta,
                comment: None,
            }
            .into()
        }),
        (id(), content).prop_map(|(id, draft)| sales::SaveDraft {
            sale_id: Some(id),
            draft
        }
        .into()),
        id().prop_map(|sale_id| {
            sales::CompleteDraft {
                sale_id,
                payments: cash(10_000_000),
                reservation_id: None,
                occurred_at: None,
            }
            .into()
        }),
        id().prop_map(|sale_id| sales::DiscardDraft { sale_id }.into()),
        id().prop_map(|sale_id| sales::VoidSale {
            sale_id,
            occurred_at: None
        }
        .into()),
        (id(), name(), 1..4_i64).prop_map(|(id, name, pieces)| {
            sell(id.as_str(), vec![line(name, pieces)], cash(10_000_000)).into()
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn strict_stock_is_never_promised_twice(commands in proptest::collection::vec(moves(), 1..25)) {
        let mut shop = shop();
        for command in commands {
            shop = shop.when(command).given;
            for name in ["CABLE", "CASE", "PHONE"] {
                let level = match shop.state(&crate::streams::stock(&centro(), &sku(name))) {
                    crate::State::Stock(stock) => stock,
                    other => panic!("{other:?}"),
                };
                prop_assert!(level.available() >= 0 && level.reserved >= 0, "{name}: {level:?}");
                prop_assert_eq!(level.holders.values().sum::<i64>(), level.reserved);
                let keepers: BTreeSet<&String> = level.holders.keys().collect();
                prop_assert!(keepers.iter().all(|holder| holder.starts_with("sale/v-")));
            }
        }
    }
}
