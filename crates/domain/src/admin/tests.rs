//! The rules for tenants, stores, terminals, users, taxes and policy.

mod numbers;

use schemas::envelope::Actor;
use schemas::events::admin::{Role, StockPolicy, StoreClosed, StoreOpened};
use schemas::{StoreId, TaxCode, TerminalId, Username};
use serde_json::json;

use super::*;
use crate::testing::*;
use crate::{State, streams};

fn username() -> Username {
    Username::new("rosa").unwrap()
}

fn create_user() -> CreateUser {
    CreateUser {
        username: username(),
        role: Role::Cashier,
        display_name: sealed("Rosa"),
        password_hash: sealed("hash"),
    }
}

fn open_store(id: &str) -> OpenStore {
    OpenStore {
        store: StoreId::new(id).unwrap(),
        name: "Sur".to_owned(),
    }
}

fn rate(code: &str, rate_ppm: i64) -> SetTaxRate {
    SetTaxRate {
        tax_code: TaxCode::new(code).unwrap(),
        name: "Impuesto".to_owned(),
        rate_ppm,
    }
}

fn terminal(id: &str, store: StoreId) -> RegisterTerminal {
    RegisterTerminal {
        terminal: TerminalId::new(id).unwrap(),
        store,
        name: "Caja".to_owned(),
    }
}

#[track_caller]
fn session_version(given: &Given) -> i64 {
    match given.state(&streams::user(&username())) {
        State::User(Some(user)) => user.session_version,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_tenant_is_created_once() {
    let created = given([]).when(create_tenant()).then(["admin.tenant_created"]);
    created
        .when(create_tenant())
        .then_refused("tenant.already_exists");
}

#[test]
fn a_tenant_needs_a_name_and_a_time_zone_that_exists() {
    let zone = CreateTenant {
        time_zone: "Tegucigalpa".to_owned(),
        ..create_tenant()
    };
    assert_eq!(
        given([])
            .when(zone)
            .then_refused("tenant.time_zone_unknown")
            .unwrap(),
        "/time_zone"
    );
    for name in ["", " x", "a\u{7}", &"x".repeat(201)] {
        let named = CreateTenant {
            name: name.to_owned(),
            ..create_tenant()
        };
        given([]).when(named).then_refused("request.text_invalid");
    }
}

#[test]
fn nothing_happens_without_a_tenant() {
    given([]).when(open_store("sur")).then_refused("tenant.not_found");
    given([]).when(create_user()).then_refused("tenant.not_found");
    given([])
        .when(sell("v-1", vec![line("CABLE", 1)], cash(1)))
        .then_refused("tenant.not_found");
}

#[test]
fn the_same_policy_again_changes_nothing() {
    let shop = shop().when(SetStockPolicy {
        stock_policy: StockPolicy::AllowNegative,
    });
    let shop = shop.then(["admin.stock_policy_changed"]);
    shop.when(SetStockPolicy {
        stock_policy: StockPolicy::AllowNegative,
    })
    .then_nothing();
}

#[test]
fn a_tax_rate_is_set_and_changed_but_not_repeated() {
    let shop = shop().when(rate("IVA", 190_000)).then(["admin.tax_rate_set"]);
    let shop = shop.when(rate("IVA", 190_000)).then_nothing();
    let shop = shop.when(rate("IVA", 0)).then(["admin.tax_rate_set"]);
    shop.when(rate("IVA", 1_000_001))
        .then_refused("tax_code.rate_out_of_range");
}

#[test]
fn a_tenant_has_at_most_two_hundred_tax_codes() {
    let mut shop = shop();
    for number in 1..200 {
        shop = shop.and(rate(&format!("T{number}"), 1));
    }
    let shop = shop.when(rate("T1", 2)).then(["admin.tax_rate_set"]);
    shop.when(rate("T200", 1))
        .then_refused("request.too_many_entries");
}

#[test]
fn a_store_is_opened_once_and_closed_for_good() {
    let sur = StoreId::new("sur").unwrap();
    let opened = StoreOpened {
        store: sur.clone(),
        name: "Sur".to_owned(),
    };
    let shop = shop()
        .when(open_store("sur"))
        .then_events([(streams::store(&sur), opened.into())]);
    let closed = StoreClosed { store: sur.clone() };
    let close = CloseStore { store: sur.clone() };
    let shop = shop
        .when(close.clone())
        .then_events([(streams::store(&sur), closed.into())]);
    let shop = shop.when(close).then_nothing();
    shop.when(open_store("sur")).then_refused("store.already_exists");
}

#[test]
fn a_store_that_does_not_exist_cannot_be_closed() {
    shop()
        .when(CloseStore {
            store: StoreId::new("nada").unwrap(),
        })
        .then_refused("store.not_found");
}

#[test]
fn a_terminal_belongs_to_an_open_store() {
    let shop = shop()
        .when(terminal("caja-9", norte()))
        .then(["admin.terminal_registered"]);
    shop.clone()
        .when(terminal("caja-9", centro()))
        .then_refused("terminal.already_exists");
    let nowhere = StoreId::new("nada").unwrap();
    shop.clone()
        .when(terminal("caja-10", nowhere))
        .then_refused("store.not_found");
    let shop = shop.and(CloseStore { store: norte() });
    shop.when(terminal("caja-10", norte()))
        .then_refused("store.closed");
}

#[test]
fn a_terminal_is_retired_once() {
    let shop = shop()
        .when(RetireTerminal { terminal: caja() })
        .then(["admin.terminal_retired"]);
    let shop = shop.when(RetireTerminal { terminal: caja() }).then_nothing();
    let unknown = RetireTerminal {
        terminal: TerminalId::new("caja-0").unwrap(),
    };
    shop.when(unknown).then_refused("terminal.not_found");
}

#[test]
fn a_users_life_is_audited_and_ends_sessions() {
    let shop = shop().when(create_user());
    let shop = shop.then(["admin.user_created", "security.audit_event"]);
    assert_eq!(session_version(&shop), 1);
    let role = ChangeUserRole {
        username: username(),
        role: Role::Manager,
    };
    let shop = shop
        .when(role.clone())
        .then(["admin.user_role_changed", "security.audit_event"]);
    assert_eq!(session_version(&shop), 2);
    let shop = shop.when(role).then_nothing();
    let password = ChangeUserPassword {
        username: username(),
        password_hash: sealed("new"),
        session_version: None,
    };
    let late = ChangeUserPassword {
        session_version: Some(1),
        ..password.clone()
    };
    shop.clone().when(late).then_refused("user.changed_meanwhile");
    let own = ChangeUserPassword {
        session_version: Some(2),
        ..password.clone()
    };
    assert_eq!(session_version(&shop.clone().and(own)), 3);
    let shop = shop
        .when(password.clone())
        .then(["admin.user_password_changed", "security.audit_event"]);
    assert_eq!(session_version(&shop), 3);
    let shop = shop.when(password).then_nothing();
    let disable = DisableUser { username: username() };
    let shop = shop
        .when(disable.clone())
        .then(["admin.user_disabled", "security.audit_event"]);
    assert_eq!(session_version(&shop), 4);
    let shop = shop.when(disable).then_nothing();
    let enable = EnableUser { username: username() };
    let shop = shop
        .when(enable.clone())
        .then(["admin.user_enabled", "security.audit_event"]);
    let shop = shop.when(enable).then_nothing();
    assert_eq!(session_version(&shop), 4);
    shop.clone()
        .when(create_user())
        .then_refused("user.already_exists");
}

#[test]
fn a_user_that_does_not_exist_is_not_found() {
    let username = username();
    let shop = shop();
    shop.clone()
        .when(EnableUser {
            username: username.clone(),
        })
        .then_refused("user.not_found");
    shop.clone()
        .when(DisableUser {
            username: username.clone(),
        })
        .then_refused("user.not_found");
    shop.clone()
        .when(ChangeUserRole {
            username: username.clone(),
            role: Role::Admin,
        })
        .then_refused("user.not_found");
    let password = ChangeUserPassword {
        username,
        password_hash: sealed("x"),
        session_version: None,
    };
    shop.when(password).then_refused("user.not_found");
}

#[test]
fn nobody_disables_or_demotes_themselves() {
    let mut shop = shop().and(create_user());
    shop.ctx.actor = Actor::User {
        username: "rosa".to_owned(),
        role: "admin".to_owned(),
    };
    shop.clone()
        .when(DisableUser { username: username() })
        .then_refused("user.self_change");
    let role = ChangeUserRole {
        username: username(),
        role: Role::Auditor,
    };
    shop.clone().when(role).then_refused("user.self_change");
    shop.ctx.actor = Actor::System {
        name: "cli".to_owned(),
    };
    shop.when(DisableUser { username: username() })
        .then_answer(json!({ "username": "rosa" }));
}
