//! The rules for keys of external systems.

use proptest::prelude::*;
use schemas::events::api_key::{ApiKeySecret, ApiKeySettings, ApiScope};
use schemas::{ApiKeyId, StoreId};
use serde_json::json;
use time::Duration;

use super::*;
use crate::state::State;
use crate::streams;
use crate::suppliers::tests::{registered, supplier};
use crate::testing::*;

fn id() -> ApiKeyId {
    ApiKeyId::new("key-1").unwrap()
}

fn secret(id: &str) -> ApiKeySecret {
    ApiKeySecret {
        secret_id: id.to_owned(),
        secret_hash: "ab".repeat(32),
        ending: "x-_7".to_owned(),
    }
}

fn settings(scopes: &[ApiScope]) -> ApiKeySettings {
    ApiKeySettings {
        name: "Sistema de Reportes".to_owned(),
        system: "Reportes".to_owned(),
        scopes: scopes.to_vec(),
        stores: Vec::new(),
        workshop: None,
        requests_per_hour: DEFAULT_REQUESTS_PER_HOUR,
        expires_at: None,
    }
}

fn create(settings: ApiKeySettings) -> CreateApiKey {
    CreateApiKey {
        api_key_id: id(),
        settings,
        secret: secret("s1"),
    }
}

fn usual() -> CreateApiKey {
    create(settings(&[ApiScope::ReadStock]))
}

fn rotate(secret_id: &str, overlap_s: i64) -> RotateApiKey {
    RotateApiKey {
        api_key_id: id(),
        secret: secret(secret_id),
        overlap_s,
    }
}

fn change(settings: SettingsChange) -> ChangeApiKey {
    ChangeApiKey {
        api_key_id: id(),
        settings,
    }
}

fn key(given: &Given) -> ApiKey {
    match given.state(&streams::api_key(&id())) {
        State::ApiKey(Some(key)) => *key,
        other => panic!("{other:?}"),
    }
}

fn secrets(given: &Given) -> Vec<(String, Option<Duration>)> {
    let live = key(given).secrets;
    live.into_iter()
        .map(|live| (live.secret.secret_id, live.expires_at.map(|at| at - NOW)))
        .collect()
}

const CREATED: [&str; 2] = ["admin.api_key_created", "security.audit_event"];
const CHANGED: [&str; 2] = ["admin.api_key_changed", "security.audit_event"];
const ROTATED: [&str; 2] = ["admin.api_key_rotated", "security.audit_event"];

#[test]
fn a_key_lives_from_creation_to_revocation_and_each_step_is_a_security_event() {
    let outcome = shop().when(usual());
    assert_eq!(
        outcome.decision().answer,
        json!({ "api_key_id": "key-1", "secret_id": "s1" })
    );
    let shop = outcome.then(CREATED);
    shop.clone().when(usual()).then_refused("api_key.already_exists");
    let off = DeactivateApiKey { api_key_id: id() };
    let shop = shop
        .when(off.clone())
        .then(["admin.api_key_deactivated", "security.audit_event"]);
    let shop = shop.when(off).then_nothing();
    let on = ActivateApiKey { api_key_id: id() };
    let shop = shop
        .when(on.clone())
        .then(["admin.api_key_activated", "security.audit_event"]);
    let shop = shop.when(on.clone()).then_nothing();
    let end = RevokeApiKey { api_key_id: id() };
    let shop = shop
        .when(end.clone())
        .then(["admin.api_key_revoked", "security.audit_event"]);
    assert!(secrets(&shop).is_empty(), "nothing opens a revoked key");
    let shop = shop.when(end).then_nothing();
    shop.clone().when(on).then_refused("api_key.revoked");
    shop.clone().when(rotate("s2", 0)).then_refused("api_key.revoked");
    shop.clone()
        .when(change(SettingsChange::default()))
        .then_refused("api_key.revoked");
    shop.when(usual()).then_refused("api_key.already_exists");
}

#[test]
fn what_does_not_exist_is_not_found() {
    shop()
        .when(change(SettingsChange::default()))
        .then_refused("api_key.not_found");
    shop().when(rotate("s2", 0)).then_refused("api_key.not_found");
    let end = RevokeApiKey { api_key_id: id() };
    shop().when(end).then_refused("api_key.not_found");
}

#[test]
fn scopes_are_kept_in_order_and_once_and_at_least_one() {
    shop()
        .when(create(settings(&[])))
        .then_refused("api_key.scopes_missing");
    let twice = [ApiScope::ReadStock, ApiScope::ReadArticles, ApiScope::ReadStock];
    let shop = shop().when(create(settings(&twice))).then(CREATED);
    assert_eq!(
        key(&shop).settings.scopes,
        [ApiScope::ReadArticles, ApiScope::ReadStock]
    );
}

#[test]
fn a_store_that_a_key_is_limited_to_must_exist() {
    let mut limited = settings(&[ApiScope::ReadStock]);
    limited.stores = vec![StoreId::new("ninguna").unwrap()];
    shop().when(create(limited)).then_refused("store.not_found");
}

#[test]
fn a_workshops_key_names_a_supplier_that_exists() {
    for scope in [ApiScope::SeeWorkshop, ApiScope::DiagnoseAtWorkshop] {
        shop()
            .when(create(settings(&[scope])))
            .then_refused("api_key.workshop_missing");
        let mut unknown = settings(&[scope]);
        unknown.workshop = Some(supplier("nadie"));
        shop().when(create(unknown)).then_refused("supplier.not_found");
        let mut theirs = settings(&[scope]);
        theirs.workshop = Some(supplier("sur"));
        let shop = shop().and(registered("sur")).when(create(theirs)).then(CREATED);
        let nobodys = change(SettingsChange {
            workshop: Some(None),
            ..SettingsChange::default()
        });
        shop.when(nobodys).then_refused("api_key.workshop_missing");
    }
}

#[test]
fn limits_and_expiry_have_bounds() {
    for requests_per_hour in [0, -1, MAX_REQUESTS_PER_HOUR + 1] {
        let mut wrong = settings(&[ApiScope::ReadStock]);
        wrong.requests_per_hour = requests_per_hour;
        shop().when(create(wrong)).then_refused("api_key.limit_invalid");
    }
    for expires_at in [NOW, NOW - Duration::SECOND, NOW + Duration::days(3_651)] {
        let mut wrong = settings(&[ApiScope::ReadStock]);
        wrong.expires_at = Some(expires_at);
        shop().when(create(wrong)).then_refused("api_key.expiry_invalid");
    }
}

#[test]
fn a_change_keeps_what_it_does_not_name_and_the_same_again_changes_nothing() {
    let mut ending = settings(&[ApiScope::ReadStock]);
    ending.expires_at = Some(NOW + Duration::days(1));
    let shop = shop().when(create(ending)).then(CREATED);
    let faster = change(SettingsChange {
        requests_per_hour: Some(50),
        ..SettingsChange::default()
    });
    // A day later its end is in the past, and stays as it is all the same.
    let shop = shop.at(NOW + Duration::days(2));
    let shop = shop.when(faster.clone()).then(CHANGED);
    assert_eq!(key(&shop).settings.requests_per_hour, 50);
    assert_eq!(key(&shop).settings.name, "Sistema de Reportes");
    let shop = shop.when(faster).then_nothing();
    let endless = change(SettingsChange {
        expires_at: Some(None),
        ..SettingsChange::default()
    });
    let shop = shop.when(endless).then(CHANGED);
    assert_eq!(key(&shop).settings.expires_at, None);
}

#[test]
fn two_secrets_live_side_by_side_and_never_three() {
    let shop = shop().when(usual()).then(CREATED);
    assert_eq!(secrets(&shop), [("s1".to_owned(), None)]);
    let shop = shop.when(rotate("s2", 3_600)).then(ROTATED);
    let hour = Some(Duration::hours(1));
    assert_eq!(secrets(&shop), [("s1".to_owned(), hour), ("s2".to_owned(), None)]);
    let shop = shop.when(rotate("s2", 60)).then_nothing();
    let shop = shop.when(rotate("s3", 0)).then(ROTATED);
    let now = Some(Duration::ZERO);
    assert_eq!(secrets(&shop), [("s2".to_owned(), now), ("s3".to_owned(), None)]);
    for wrong in [-1, MAX_OVERLAP_S + 1] {
        shop.clone()
            .when(rotate("s4", wrong))
            .then_refused("api_key.overlap_invalid");
    }
}

#[test]
fn only_a_keyed_hash_gets_into_the_log() {
    for wrong in ["", "abc", &"AB".repeat(32), &"zz".repeat(32)] {
        let mut command = usual();
        command.secret.secret_hash = wrong.to_owned();
        shop().when(command).then_refused("request.text_invalid");
    }
    let mut command = usual();
    command.secret.ending = "the whole secret".to_owned();
    shop().when(command).then_refused("request.text_invalid");
}

/// One step in a key's life.
#[derive(Debug, Clone)]
enum Step {
    Rotate { overlap_s: i64 },
    Deactivate,
    Activate,
    Revoke,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..=MAX_OVERLAP_S).prop_map(|overlap_s| Step::Rotate { overlap_s }),
        2 => Just(Step::Deactivate),
        2 => Just(Step::Activate),
        1 => Just(Step::Revoke),
    ];
    proptest::collection::vec(step, 1..20)
}

proptest! {
    #[test]
    fn of_any_life_at_most_two_secrets_are_live_only_the_newest_is_endless_and_revoked_is_the_end(steps in steps()) {
        let mut given = shop().when(usual()).then(CREATED);
        let mut is_revoked = false;
        for (number, step) in steps.into_iter().enumerate() {
            let outcome = match step {
                Step::Rotate { overlap_s } => given.when(rotate(&format!("r{number}"), overlap_s)),
                Step::Deactivate => given.when(DeactivateApiKey { api_key_id: id() }),
                Step::Activate => given.when(ActivateApiKey { api_key_id: id() }),
                Step::Revoke => {
                    let outcome = given.when(RevokeApiKey { api_key_id: id() });
                    is_revoked = true;
                    outcome
                }
            };
            given = outcome.given;
            let key = key(&given);
            prop_assert_eq!(is_revoked, key.status == ApiKeyStatus::Revoked);
            if is_revoked {
                prop_assert!(key.secrets.is_empty());
            } else {
                prop_assert!((1..=2).contains(&key.secrets.len()));
                let (newest, older) = key.secrets.split_last().unwrap();
                prop_assert!(newest.expires_at.is_none());
                prop_assert!(older.iter().all(|live| live.expires_at.is_some()));
            }
        }
    }
}
