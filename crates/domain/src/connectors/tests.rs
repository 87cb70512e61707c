//! The rules for connectors.

use schemas::ConnectorSlug;
use schemas::events::connector::ConnectorToken;
use serde_json::json;
use time::Duration;

use super::*;
use crate::state::State;
use crate::streams;
use crate::testing::*;

fn slug() -> ConnectorSlug {
    ConnectorSlug::new("contabilidad").unwrap()
}

fn token(id: &str) -> ConnectorToken {
    ConnectorToken {
        token_id: id.to_owned(),
        token_hash: "ab".repeat(32),
    }
}

fn create(grants: &[&str]) -> CreateConnector {
    CreateConnector {
        slug: slug(),
        name: "Contabilidad".to_owned(),
        grants: grants.iter().map(|&grant| grant.to_owned()).collect(),
        token: token("t1"),
    }
}

fn rotate(id: &str, overlap_s: i64) -> RotateConnectorToken {
    RotateConnectorToken {
        slug: slug(),
        token: token(id),
        overlap_s,
    }
}

fn connector(given: &Given) -> Connector {
    match given.state(&streams::connector(&slug())) {
        State::Connector(Some(connector)) => *connector,
        other => panic!("{other:?}"),
    }
}

fn tokens(given: &Given) -> Vec<(String, Option<Duration>)> {
    let live = connector(given).tokens;
    live.into_iter()
        .map(|live| (live.token.token_id, live.expires_at.map(|at| at - NOW)))
        .collect()
}

#[test]
fn a_connector_lives_from_creation_to_revocation() {
    let outcome = shop().when(create(&["sale", "transfer_order", "inventory"]));
    assert_eq!(
        outcome.decision().answer,
        json!({ "slug": "contabilidad", "token_id": "t1" })
    );
    let shop = outcome.then(["connector.created"]);
    shop.clone()
        .when(create(&["sale"]))
        .then_refused("connector.already_exists");
    let shop = shop
        .when(DisableConnector { slug: slug() })
        .then(["connector.disabled"]);
    let shop = shop.when(DisableConnector { slug: slug() }).then_nothing();
    let shop = shop
        .when(EnableConnector { slug: slug() })
        .then(["connector.enabled"]);
    let shop = shop.when(EnableConnector { slug: slug() }).then_nothing();
    let shop = shop
        .when(RevokeConnector { slug: slug() })
        .then(["connector.revoked"]);
    assert!(tokens(&shop).is_empty(), "nothing opens a revoked connector");
    let shop = shop.when(RevokeConnector { slug: slug() }).then_nothing();
    shop.clone()
        .when(EnableConnector { slug: slug() })
        .then_refused("connector.revoked");
    shop.clone()
        .when(rotate("t2", 0))
        .then_refused("connector.revoked");
    shop.when(create(&["sale"]))
        .then_refused("connector.already_exists");
}

#[test]
fn what_does_not_exist_is_not_found() {
    let change = ChangeConnector {
        slug: slug(),
        name: None,
        grants: None,
    };
    shop().when(change).then_refused("connector.not_found");
    shop()
        .when(RevokeConnector { slug: slug() })
        .then_refused("connector.not_found");
}

#[test]
fn grants_are_named_one_by_one_and_at_least_one() {
    shop().when(create(&[])).then_refused("connector.grants_missing");
    shop()
        .when(create(&["sale", "*"]))
        .then_refused("connector.grant_invalid");
    for unknown in [
        "nope",
        "inventory.nope",
        "sales",
        "nope.*",
        "sale.completed.*",
        "movimiento_creado",
    ] {
        let refused = shop().when(create(&["sale", unknown]));
        let code = if unknown == "sale.completed.*" {
            "connector.grant_invalid"
        } else {
            "connector.grant_unknown"
        };
        assert_eq!(
            refused.then_refused(code).as_deref(),
            Some("/grants/1"),
            "{unknown}"
        );
    }
    let many: Vec<&str> = vec!["sale"; 51];
    shop()
        .when(create(&many))
        .then_refused("request.too_many_entries");
}

#[test]
fn a_change_keeps_what_it_does_not_name_and_the_same_again_changes_nothing() {
    let shop = shop().when(create(&["sale"])).then(["connector.created"]);
    let change = ChangeConnector {
        slug: slug(),
        name: None,
        grants: Some(vec!["inventory".to_owned()]),
    };
    let shop = shop.when(change.clone()).then(["connector.changed"]);
    assert_eq!(connector(&shop).name, "Contabilidad");
    assert_eq!(connector(&shop).grants, ["inventory"]);
    let misspelt = ChangeConnector {
        grants: Some(vec!["inventari".to_owned()]),
        ..change.clone()
    };
    shop.clone()
        .when(misspelt)
        .then_refused("connector.grant_unknown");
    shop.when(change).then_nothing();
}

#[test]
fn two_tokens_live_side_by_side_and_never_three() {
    let shop = shop().when(create(&["sale"])).then(["connector.created"]);
    assert_eq!(tokens(&shop), [("t1".to_owned(), None)]);
    let shop = shop.when(rotate("t2", 3_600)).then(["connector.token_rotated"]);
    let hour = Some(Duration::hours(1));
    assert_eq!(tokens(&shop), [("t1".to_owned(), hour), ("t2".to_owned(), None)]);
    let shop = shop.when(rotate("t2", 60)).then_nothing();
    let shop = shop.when(rotate("t3", 0)).then(["connector.token_rotated"]);
    let now = Some(Duration::ZERO);
    assert_eq!(tokens(&shop), [("t2".to_owned(), now), ("t3".to_owned(), None)]);
    shop.clone()
        .when(rotate("t4", -1))
        .then_refused("connector.overlap_invalid");
    shop.when(rotate("t4", MAX_OVERLAP_S + 1))
        .then_refused("connector.overlap_invalid");
}

#[test]
fn only_a_keyed_hash_gets_into_the_log() {
    for wrong in ["", "abc", &"AB".repeat(32), &"zz".repeat(32)] {
        let mut command = create(&["sale"]);
        command.token.token_hash = wrong.to_owned();
        shop().when(command).then_refused("request.text_invalid");
    }
    let mut command = create(&["sale"]);
    command.token.token_id = "a b".to_owned();
    shop().when(command).then_refused("request.text_invalid");
}
