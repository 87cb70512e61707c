//! The service as the gateway would call it: requests that passed the guard.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use event_store::LogReader;
use platform::auth::{DocumentKeys, SigningKey};
use platform::http::{CursorKey, Language, Principal, RequestContext};
use platform::vault::{Kek, Vault};
use poem::endpoint::BoxEndpoint;
use poem::http::StatusCode;
use poem::{Endpoint, Request, Response};
use poem_openapi::OpenApiService;
use projector::models;
use projector::runner::{Runner, Step};
use query_service::{Progress, QueryService, Receipts};
use schemas::events::admin::Role;
use schemas::{TenantId, Username};
use serde_json::Value;

use crate::support::{Log, Models};

/// Read models, a vault, and the query service in front of them.
pub struct Api {
    pub models: Models,
    pub vault: Vault,
    /// The OpenAPI document of the operations.
    pub document: String,
    pub service: QueryService,
    endpoint: BoxEndpoint<'static, Response>,
}

impl Api {
    pub async fn new() -> Self {
        let models = Models::new().await;
        let vault = Vault::open(
            models.engine.clone(),
            Kek::from_base64(&STANDARD.encode([7; 32])).unwrap(),
        );
        let progress = Progress::Elsewhere(models.api.clone());
        let service = QueryService::new(
            models.api.clone(),
            vault.clone(),
            CursorKey::new([9; 32]),
            progress,
            Receipts {
                keys: DocumentKeys::new(vec![
                    SigningKey::from_seed("document-1".into(), &[5; 32]).unwrap(),
                ])
                .unwrap(),
                base_url: "https://tienda.example".to_owned(),
            },
        );
        let document = OpenApiService::new(service.operations(), "", "").spec();
        Self {
            models,
            vault,
            document,
            endpoint: service.service().endpoint,
            service,
        }
    }

    /// Folds everything that the log holds.
    pub async fn project(&self, log: &Log) {
        let connection = self.models.engine.acquire().await.unwrap().detach();
        let mut runner = Runner::open(log.reader.clone(), connection, models::all(), 100)
            .await
            .unwrap();
        while runner.step().await.unwrap() != Step::CaughtUp {}
        assert_eq!(runner.position(), log.reader.head().await.unwrap());
    }

    pub async fn get(&self, tenant: &str, path_and_query: &str) -> (StatusCode, Value) {
        self.get_as(Role::Admin, tenant, path_and_query).await
    }

    pub async fn get_as(&self, role: Role, tenant: &str, path_and_query: &str) -> (StatusCode, Value) {
        let mut request = Request::builder().uri(path_and_query.parse().unwrap()).finish();
        request.extensions_mut().insert(RequestContext {
            principal: Principal {
                tenant: TenantId::new(tenant).unwrap(),
                username: Username::new("ana").unwrap(),
                role,
                session_version: 1,
                terminal: None,
            },
            reason: None,
            idempotency_key: None,
            fingerprint: [0; 32],
            traceparent: None,
            language: Language::English,
        });
        let response = self.endpoint.get_response(request).await;
        let status = response.status();
        let body = response.into_body().into_bytes().await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    /// An answer that must be there.
    pub async fn read(&self, tenant: &str, path_and_query: &str) -> Value {
        let (status, body) = self.get(tenant, path_and_query).await;
        assert_eq!(status, StatusCode::OK, "{path_and_query}: {body}");
        body
    }

    /// All rows of a list, page by page.
    pub async fn all(&self, tenant: &str, path_and_query: &str, limit: usize) -> Vec<Value> {
        let separator = if path_and_query.contains('?') { '&' } else { '?' };
        let mut rows = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self
                .read(
                    tenant,
                    &format!("{path_and_query}{separator}limit={limit}{cursor}"),
                )
                .await;
            let items = page["items"].as_array().unwrap();
            assert!(items.len() <= limit);
            rows.extend(items.iter().cloned());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return rows,
            }
        }
    }
}
