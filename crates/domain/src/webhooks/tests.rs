//! The rules for webhook endpoints.

use std::collections::BTreeMap;

use schemas::EndpointId;
use schemas::events::webhook::{BodyFormat, EndpointSettings, PayloadKind, ReplaySelection, StartFrom};
use serde_json::json;

use super::*;
use crate::state::State;
use crate::testing::*;

fn id() -> EndpointId {
    EndpointId::new("e-1").unwrap()
}

fn settings() -> EndpointSettings {
    EndpointSettings {
        name: "ERP".to_owned(),
        url: "https://erp.example.org/hooks".to_owned(),
        description: None,
        event_types: vec!["sale.*".to_owned(), "inventory.adjusted".to_owned()],
        payload: PayloadKind::Summary,
        headers: BTreeMap::from([("X-Shop".to_owned(), "centro".to_owned())]),
        concurrency: 4,
        timeout_ms: 10_000,
        format: BodyFormat::CloudEvent,
        legacy_signature_header: None,
    }
}

fn create(settings: EndpointSettings) -> CreateEndpoint {
    CreateEndpoint {
        endpoint_id: id(),
        settings,
        start: StartFrom::Position { position: 0 },
        secret_id: "s-1".to_owned(),
        secret_fingerprint: "ab".repeat(32),
    }
}

#[test]
fn an_endpoint_lives_from_creation_to_deletion() {
    let outcome = shop().when(create(settings()));
    assert_eq!(
        outcome.decision().answer,
        json!({ "endpoint_id": "e-1", "secret_id": "s-1" })
    );
    let shop = outcome.then(["webhook.endpoint_created"]);
    shop.clone()
        .when(create(settings()))
        .then_refused("endpoint.already_exists");
    let change = ChangeEndpoint {
        endpoint_id: id(),
        change: EndpointChange {
            concurrency: Some(8),
            ..EndpointChange::default()
        },
    };
    let shop = shop.when(change.clone()).then(["webhook.endpoint_changed"]);
    let shop = shop.when(change.clone()).then_nothing();
    let shop = shop
        .when(PauseEndpoint { endpoint_id: id() })
        .then(["webhook.endpoint_paused"]);
    let shop = shop.when(PauseEndpoint { endpoint_id: id() }).then_nothing();
    let shop = shop
        .when(TestEndpoint { endpoint_id: id() })
        .then(["webhook.test_requested"]);
    let shop = shop
        .when(ResumeEndpoint { endpoint_id: id() })
        .then(["webhook.endpoint_resumed"]);
    let shop = shop.when(ResumeEndpoint { endpoint_id: id() }).then_nothing();
    let gone = DisableEndpoint {
        endpoint_id: id(),
        cause: "410 Gone".to_owned(),
    };
    let shop = shop.when(gone.clone()).then(["webhook.endpoint_disabled"]);
    let shop = shop.when(gone).then_nothing();
    let shop = shop.when(PauseEndpoint { endpoint_id: id() }).then_nothing();
    shop.clone()
        .when(TestEndpoint { endpoint_id: id() })
        .then_refused("endpoint.disabled");
    let shop = shop
        .when(ResumeEndpoint { endpoint_id: id() })
        .then(["webhook.endpoint_resumed"]);
    let shop = shop
        .when(DeleteEndpoint { endpoint_id: id() })
        .then(["webhook.endpoint_deleted"]);
    let shop = shop.when(DeleteEndpoint { endpoint_id: id() }).then_nothing();
    shop.clone().when(change).then_refused("endpoint.not_found");
    shop.when(create(settings()))
        .then_refused("endpoint.already_exists");
}

#[test]
fn two_changes_of_different_settings_keep_each_other() {
    let change = |change| ChangeEndpoint {
        endpoint_id: id(),
        change,
    };
    let url = EndpointChange {
        url: Some("https://safe.example/hook".to_owned()),
        ..EndpointChange::default()
    };
    let description = EndpointChange {
        description: Some(Some("nuevo".to_owned())),
        ..EndpointChange::default()
    };
    let shop = shop().and(create(settings()));
    let shop = shop.when(change(url)).then(["webhook.endpoint_changed"]);
    let outcome = shop.when(change(description));
    let (_, event) = outcome.decision().events.last().unwrap();
    let schemas::Event::Webhook(schemas::events::WebhookEvent::EndpointChanged(changed)) = event else {
        panic!("{event:?}");
    };
    assert_eq!(changed.settings.url, "https://safe.example/hook");
    assert_eq!(changed.settings.description.as_deref(), Some("nuevo"));
}

#[test]
fn an_endpoint_that_does_not_exist_is_not_found() {
    let endpoint_id = id();
    let shop = shop();
    let refused = |command: crate::Command| shop.clone().when(command).then_refused("endpoint.not_found");
    refused(
        ChangeEndpoint {
            endpoint_id: endpoint_id.clone(),
            change: settings().into(),
        }
        .into(),
    );
    refused(
        PauseEndpoint {
            endpoint_id: endpoint_id.clone(),
        }
        .into(),
    );
    refused(
        ResumeEndpoint {
            endpoint_id: endpoint_id.clone(),
        }
        .into(),
    );
    refused(
        DisableEndpoint {
            endpoint_id: endpoint_id.clone(),
            cause: "x".to_owned(),
        }
        .into(),
    );
    refused(
        DeleteEndpoint {
            endpoint_id: endpoint_id.clone(),
        }
        .into(),
    );
    refused(TestEndpoint { endpoint_id }.into());
}

#[track_caller]
fn refused(wrong: EndpointSettings, code: &str) -> Option<String> {
    let created = shop().and(create(settings()));
    let change = ChangeEndpoint {
        endpoint_id: id(),
        change: wrong.clone().into(),
    };
    created.when(change).then_refused(code);
    shop().when(create(wrong)).then_refused(code)
}

#[test]
fn settings_are_checked_on_creation_and_change() {
    refused(
        EndpointSettings {
            url: "ftp://x".to_owned(),
            ..settings()
        },
        "endpoint.url_invalid",
    );
    refused(
        EndpointSettings {
            event_types: vec![],
            ..settings()
        },
        "endpoint.filters_missing",
    );
    let many = vec!["*".to_owned(); 51];
    refused(
        EndpointSettings {
            event_types: many,
            ..settings()
        },
        "request.too_many_entries",
    );
    let odd = vec!["*".to_owned(), "Sale".to_owned()];
    let pointer = refused(
        EndpointSettings {
            event_types: odd,
            ..settings()
        },
        "endpoint.filter_invalid",
    );
    assert_eq!(pointer.unwrap(), "/settings/event_types/1");
    let headers = BTreeMap::from([("Host".to_owned(), "x".to_owned())]);
    refused(
        EndpointSettings {
            headers,
            ..settings()
        },
        "endpoint.header_invalid",
    );
    for (header, extra) in [
        ("webhook-id", "x-shop"),
        ("x firma", "x-shop"),
        ("X-Firma", "x-firma"),
    ] {
        refused(
            EndpointSettings {
                legacy_signature_header: Some(header.to_owned()),
                headers: BTreeMap::from([(extra.to_owned(), "centro".to_owned())]),
                ..settings()
            },
            "endpoint.header_invalid",
        );
    }
    let headers = ["X-Firma", "x-firma"].map(|name| (name.to_owned(), "x".to_owned()));
    refused(
        EndpointSettings {
            headers: headers.into(),
            ..settings()
        },
        "endpoint.header_invalid",
    );
    let misspelt = vec!["sale.*".to_owned(), "inventory.nope".to_owned()];
    let pointer = refused(
        EndpointSettings {
            event_types: misspelt,
            ..settings()
        },
        "endpoint.filter_unknown",
    );
    assert_eq!(pointer.unwrap(), "/settings/event_types/1");
    let headers = (0..21).map(|n| (format!("x-{n}"), "x".to_owned())).collect();
    refused(
        EndpointSettings {
            headers,
            ..settings()
        },
        "request.too_many_entries",
    );
    for concurrency in [0, 65] {
        let pointer = refused(
            EndpointSettings {
                concurrency,
                ..settings()
            },
            "endpoint.limit_invalid",
        );
        assert_eq!(pointer.unwrap(), "/settings/concurrency");
    }
    for timeout_ms in [999, 30_001] {
        refused(
            EndpointSettings {
                timeout_ms,
                ..settings()
            },
            "endpoint.limit_invalid",
        );
    }
    refused(
        EndpointSettings {
            name: String::new(),
            ..settings()
        },
        "request.text_invalid",
    );
}

#[test]
fn an_endpoint_starts_now_or_at_a_position_of_the_log() {
    let before = CreateEndpoint {
        start: StartFrom::Position { position: -1 },
        ..create(settings())
    };
    shop().when(before).then_refused("endpoint.start_invalid");
    let now = CreateEndpoint {
        start: StartFrom::Now,
        ..create(settings())
    };
    shop().when(now).then(["webhook.endpoint_created"]);
}

fn rotate(overlap_s: i64) -> RotateSecret {
    RotateSecret {
        endpoint_id: id(),
        secret_id: "s-2".to_owned(),
        secret_fingerprint: "cd".repeat(32),
        overlap_s,
    }
}

#[test]
fn a_rotation_says_until_when_the_old_secret_is_valid_and_never_the_secret() {
    let shop = shop().and(create(settings()));
    let outcome = shop.when(rotate(86_400));
    assert_eq!(
        outcome.decision().answer,
        json!({ "endpoint_id": "e-1", "secret_id": "s-2" })
    );
    let (_, event) = outcome.decision().events.last().unwrap();
    let schemas::Event::Webhook(schemas::events::WebhookEvent::SecretRotated(rotated)) = event else {
        panic!("{event:?}");
    };
    assert_eq!(rotated.previous_until, NOW + time::Duration::days(1));
    let shop = outcome.then(["webhook.secret_rotated"]);
    let end = EndPreviousSecret { endpoint_id: id() };
    let shop = shop.when(end.clone()).then(["webhook.previous_secret_ended"]);
    let shop = shop.when(end.clone()).then_nothing();
    let shop = shop.when(rotate(0)).then(["webhook.secret_rotated"]);
    shop.when(end).then_nothing();
}

#[test]
fn an_overlap_lasts_a_week_at_most_and_a_replay_has_a_rate_and_a_number() {
    let shop = shop().and(create(settings()));
    for overlap_s in [-1, 604_801] {
        let pointer = shop
            .clone()
            .when(rotate(overlap_s))
            .then_refused("endpoint.number_invalid");
        assert_eq!(pointer.unwrap(), "/overlap_s");
    }
    let replay = |select, rate_per_s| ReplayDeliveries {
        endpoint_id: id(),
        select,
        rate_per_s,
    };
    for rate_per_s in [0, 1_001] {
        let pointer = shop
            .clone()
            .when(replay(ReplaySelection::Dead, rate_per_s))
            .then_refused("endpoint.number_invalid");
        assert_eq!(pointer.unwrap(), "/rate_per_s");
    }
    for select in [
        ReplaySelection::Delivery { sequence: 0 },
        ReplaySelection::FromPosition { position: -1 },
    ] {
        shop.clone()
            .when(replay(select, 100))
            .then_refused("endpoint.number_invalid");
    }
    let again = replay(ReplaySelection::Since { time: NOW }, 100);
    let shop = shop.when(again.clone()).then(["webhook.replay_requested"]);
    let shop = shop.when(again.clone()).then(["webhook.replay_requested"]);
    let gone = DisableEndpoint {
        endpoint_id: id(),
        cause: "410 Gone".to_owned(),
    };
    let shop = shop.and(gone);
    shop.clone().when(again.clone()).then_refused("endpoint.disabled");
    let shop = shop.and(DeleteEndpoint { endpoint_id: id() });
    shop.clone().when(again).then_refused("endpoint.not_found");
    shop.when(rotate(0)).then_refused("endpoint.not_found");
}

#[test]
fn an_endpoint_that_says_nothing_of_its_format_gets_cloud_events_and_no_legacy_signature() {
    let stored = serde_json::to_value(settings()).unwrap();
    assert!(stored.get("format").is_none() && stored.get("legacy_signature_header").is_none());
    let read: EndpointSettings = serde_json::from_value(stored).unwrap();
    assert_eq!(read, settings());
    let plain = EndpointChange {
        format: Some(BodyFormat::Plain),
        legacy_signature_header: Some(Some("X-Firma".to_owned())),
        ..EndpointChange::default()
    };
    let change = ChangeEndpoint {
        endpoint_id: id(),
        change: plain,
    };
    let created = shop().when(create(settings())).then(["webhook.endpoint_created"]);
    let changed = created.when(change).then(["webhook.endpoint_changed"]);
    let State::Endpoint(Some(endpoint)) = changed.state(&crate::streams::webhook(&id())) else {
        panic!("there is an endpoint");
    };
    assert_eq!(endpoint.settings.format, BodyFormat::Plain);
    assert_eq!(
        endpoint.settings.legacy_signature_header.as_deref(),
        Some("X-Firma")
    );
}

fn asking_for(event_types: &[&str]) -> EndpointSettings {
    EndpointSettings {
        event_types: event_types.iter().map(|&pattern| pattern.to_owned()).collect(),
        ..settings()
    }
}

fn as_role(mut given: Given, role: &str) -> Given {
    given.ctx.actor = schemas::envelope::Actor::User {
        username: "rosa".to_owned(),
        role: role.to_owned(),
    };
    given
}

#[test]
fn only_administrators_send_out_what_managers_may_not_read() {
    let manager = || as_role(shop(), "manager");
    for event_types in [
        ["sale.*", "*"],
        ["sale.*", "admin.*"],
        ["sale.*", "security.audit_event"],
        ["webhook.*", "sale.*"],
        ["connector.created", "sale.*"],
    ] {
        let code = "endpoint.administrators_only";
        manager()
            .when(create(asking_for(&event_types)))
            .then_refused(code);
        let own = manager().and(create(asking_for(&["sale.*"])));
        let change = ChangeEndpoint {
            endpoint_id: id(),
            change: asking_for(&event_types).into(),
        };
        own.when(change).then_refused(code);
        shop()
            .when(create(asking_for(&event_types)))
            .then(["webhook.endpoint_created"]);
    }
}

#[test]
fn a_manager_does_not_turn_an_administrators_endpoint_somewhere_else() {
    let change = |change| ChangeEndpoint {
        endpoint_id: id(),
        change,
    };
    let elsewhere = || {
        change(EndpointChange {
            url: Some("https://rosa.example".to_owned()),
            ..EndpointChange::default()
        })
    };
    let narrow = change(EndpointChange {
        event_types: Some(vec!["sale.*".to_owned()]),
        ..EndpointChange::default()
    });
    let code = "endpoint.administrators_only";
    let made = as_role(shop().and(create(asking_for(&["*"]))), "manager");
    made.clone().when(elsewhere()).then_refused(code);
    made.clone().when(narrow.clone()).then_refused(code);
    made.clone()
        .when(change(EndpointChange::default()))
        .then_nothing();
    made.clone()
        .when(PauseEndpoint { endpoint_id: id() })
        .then(["webhook.endpoint_paused"]);
    // What was matched before may be sent again.
    let narrowed = as_role(as_role(made, "admin").and(narrow), "manager");
    narrowed.when(elsewhere()).then_refused(code);
    let own = shop().and(create(asking_for(&["sale.*"])));
    as_role(own, "manager")
        .when(elsewhere())
        .then(["webhook.endpoint_changed"]);
}

#[test]
fn patterns_of_an_older_build_do_not_stand_in_the_way_of_other_changes() {
    let created = schemas::events::webhook::EndpointCreated {
        endpoint_id: id(),
        settings: asking_for(&["sale.of_long_ago"]),
        start: StartFrom::Now,
        secret_id: "s-1".to_owned(),
        secret_fingerprint: "ab".repeat(32),
    };
    let event = schemas::events::WebhookEvent::EndpointCreated(created);
    let shop = shop().append_all(vec![(crate::streams::webhook(&id()), event.into())]);
    let change = ChangeEndpoint {
        endpoint_id: id(),
        change: EndpointChange {
            concurrency: Some(8),
            ..EndpointChange::default()
        },
    };
    shop.when(change).then(["webhook.endpoint_changed"]);
}
