//! Sign-ins and who they are recorded about.

use schemas::events::security::{SecurityAction, SecurityAudit, SecurityOutcome};
use serde_json::json;

use super::*;
use crate::testing::*;

fn sign_in(subject: &str, known: bool, success: bool) -> RecordSignIn {
    let detail = (!success).then(|| "auth.wrong_password".to_owned());
    RecordSignIn {
        subject: subject.to_owned(),
        known,
        success,
        detail,
    }
}

fn audit(subject: &str, outcome: SecurityOutcome, detail: Option<&str>) -> SecurityAudit {
    let (subject, detail) = (subject.to_owned(), detail.map(str::to_owned));
    SecurityAudit {
        action: SecurityAction::SignIn,
        outcome,
        subject,
        detail,
        operation: None,
        times: None,
    }
}

#[test]
fn a_sign_in_is_recorded_under_the_users_name() {
    let recorded = audit("rosa", SecurityOutcome::Success, None);
    let outcome = shop().when(sign_in("rosa", true, true));
    assert_eq!(outcome.decision().answer, json!({}));
    outcome.then_events([(streams::security("rosa"), recorded.into())]);
}

#[test]
fn a_name_that_nobody_has_is_recorded_as_unknown() {
    let recorded = audit("unknown", SecurityOutcome::Failure, Some("auth.wrong_password"));
    let shop = shop().when(sign_in("my password!", false, false));
    shop.then_events([(streams::security("unknown"), recorded.into())]);
}

#[test]
fn every_sign_in_counts_even_when_it_is_the_same() {
    let shop = shop()
        .when(sign_in("rosa", true, false))
        .then(["security.audit_event"]);
    shop.when(sign_in("rosa", true, false))
        .then(["security.audit_event"]);
}

#[test]
fn denied_access_is_recorded_with_its_operation_and_number() {
    let denied = RecordDeniedAccess {
        username: schemas::Username::new("rosa").unwrap(),
        operation: "create_user".to_owned(),
        code: "auth.role_forbidden".to_owned(),
        times: 12,
    };
    let recorded = SecurityAudit {
        action: SecurityAction::AccessDenied,
        outcome: SecurityOutcome::Failure,
        subject: "rosa".to_owned(),
        detail: Some("auth.role_forbidden".to_owned()),
        operation: Some("create_user".to_owned()),
        times: Some(12),
    };
    let shop = shop().when(denied);
    shop.then_events([(streams::security("rosa"), recorded.into())]);
}
