//! The reads, behind the operations' own endpoint (the guard is tested where it stands).

use dispatcher::DeliveryReads;
use platform::db::{self, DbRole};
use platform::http::{CursorKey, Language, Principal, RequestContext};
use poem::EndpointExt;
use poem::test::TestClient;
use schemas::events::admin::Role;
use schemas::events::webhook::StartFrom;
use schemas::{TenantId, Username};
use serde_json::Value;
use testkit::{Answer, Receiver};

use super::support::*;

struct Api {
    reads: DeliveryReads,
}

impl Api {
    async fn of(world: &World) -> Self {
        let pool = db::pool(&world.database_url, DbRole::Api, 2).await.unwrap();
        Self {
            reads: DeliveryReads::new(pool, CursorKey::new([7; 32])),
        }
    }

    async fn get(&self, tenant: &str, role: Role, path: &str) -> (u16, Value) {
        let context = RequestContext {
            principal: Principal {
                tenant: TenantId::new(tenant).unwrap(),
                username: Username::new("ana").unwrap(),
                role,
                session_version: 1,
            },
            reason: None,
            idempotency_key: None,
            fingerprint: [0; 32],
            traceparent: None,
            language: Language::English,
        };
        let client = TestClient::new(self.reads.service().endpoint.data(context));
        let response = client.get(format!("/api/v1/webhooks{path}")).send().await.0;
        let status = response.status().as_u16();
        let body = response.into_body().into_bytes().await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_deliveries_and_attempts_can_be_read_by_their_tenant_alone() {
    let mut world = World::new("api").await;
    let receiver = Receiver::start().await;
    receiver.answer(|_| Answer::status(200).body("thank you"));
    world.allow(receiver.address().port());
    let endpoint = world
        .endpoint(
            "e",
            settings(&receiver.url("/hook"), &["catalogue.*"]),
            StartFrom::Now,
        )
        .await;
    let dispatcher = world.dispatcher_without_broker(schedule(&[10])).await;
    let head = world.append_all(items(5)).await;
    until(|| async { world.count("delivered").await == 5 }).await;
    dispatcher.stop().await;
    let api = Api::of(&world).await;

    let (status, one) = api
        .get(
            "tienda",
            Role::Manager,
            &format!("/endpoints/e?min_position={head}"),
        )
        .await;
    assert_eq!((status, one["state"].as_str()), (200, Some("active")));
    assert_eq!(
        (one["last_sequence"].as_i64(), one["position"].as_i64()),
        (Some(5), Some(head))
    );
    let (_, sum) = api.get("tienda", Role::Manager, "/endpoints/e/statistics").await;
    assert_eq!(
        (sum["matched"].as_i64(), sum["delivered"].as_i64()),
        (Some(5), Some(5))
    );
    let (_, list) = api.get("tienda", Role::Manager, "/endpoints").await;
    assert_eq!(list["items"][0]["event_types"][0], "catalogue.*");

    let mut seen = Vec::new();
    let mut next = Some(String::new());
    while let Some(cursor) = next {
        let cursor = if cursor.is_empty() {
            cursor
        } else {
            format!("&cursor={cursor}")
        };
        let (status, page) = api
            .get(
                "tienda",
                Role::Auditor,
                &format!("/endpoints/e/deliveries?status=delivered&limit=2{cursor}"),
            )
            .await;
        assert_eq!(status, 200);
        seen.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["sequence"].as_i64().unwrap()),
        );
        next = page["next"].as_str().map(str::to_owned);
    }
    assert_eq!(seen, [1, 2, 3, 4, 5]);

    let attempts = format!("/deliveries/{endpoint}-3/attempts");
    let (_, shown) = api.get("tienda", Role::Admin, &attempts).await;
    assert_eq!(shown["items"][0]["excerpt"], "thank you");
    let (_, hidden) = api.get("tienda", Role::Manager, &attempts).await;
    assert_eq!(hidden["items"][0]["status_code"], 200);
    assert!(
        hidden["items"][0].get("excerpt").is_none(),
        "receivers' words are for administrators"
    );

    for path in [
        "/endpoints/e",
        "/endpoints/e/statistics",
        "/endpoints/e/deliveries",
        attempts.as_str(),
    ] {
        assert_eq!(api.get("otra", Role::Admin, path).await.0, 404, "{path}");
    }
    assert_eq!(
        api.get("tienda", Role::Admin, "/endpoints/e/deliveries?status=lost")
            .await
            .0,
        400
    );
}
