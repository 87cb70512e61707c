//! The write side behind its guard, over an engine that accepts everything and a vault that seals nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::admin::User;
use domain::{Command, State};
use futures::FutureExt;
use futures::future::BoxFuture;
use platform::auth::{
    IntegrationTokens, PasswordCosts, PasswordHasher, SignInLimits, SigningKey, TokenIssuer, TokenSettings,
};
use platform::clock::{Clock, SystemClock};
use platform::config::Config;
use platform::http::{Gateway, GuardSettings, Principal};
use platform::vault::VaultError;
use poem::test::{TestClient, TestRequestBuilder};
use schemas::events::admin::Role;
use schemas::ids::{TenantId, Username};
use schemas::{Position, Sealed, StreamName};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::engine::{Reply, Submission, SubmitError};
use crate::http::{Commands, Http, PersonalData};
use crate::routes;

pub const INTEGRATION_KEY: [u8; 32] = [5; 32];
pub const REASON: &str = "Sincronización manual";

/// Remembers submissions; answers what `answers` says, or accepts.
#[derive(Default)]
pub struct Engine {
    pub submitted: Mutex<Vec<Submission>>,
    pub answers: Mutex<Vec<Result<Reply, SubmitError>>>,
    pub users: Mutex<HashMap<(String, String), User>>,
}

impl Commands for Engine {
    fn submit(&self, submission: Submission) -> BoxFuture<'_, Result<Reply, SubmitError>> {
        let answer = match &submission.command {
            Command::CreateEndpoint(create) => {
                json!({ "endpoint_id": create.endpoint_id, "secret_id": create.secret_id })
            }
            Command::RotateSecret(rotate) => {
                json!({ "endpoint_id": rotate.endpoint_id, "secret_id": rotate.secret_id })
            }
            Command::CreateConnector(create) => {
                json!({ "slug": create.slug, "token_id": create.token.token_id })
            }
            Command::CreateApiKey(create) => {
                json!({ "api_key_id": create.api_key_id, "secret_id": create.secret.secret_id })
            }
            Command::RotateApiKey(rotate) => {
                json!({ "api_key_id": rotate.api_key_id, "secret_id": rotate.secret.secret_id })
            }
            Command::RotateConnectorToken(rotate) => {
                json!({ "slug": rotate.slug, "token_id": rotate.token.token_id })
            }
            _ => json!({}),
        };
        self.submitted.lock().unwrap().push(submission);
        let prepared = self.answers.lock().unwrap().pop();
        async move { prepared.unwrap_or_else(|| Ok(accepted(&answer, false))) }.boxed()
    }

    fn peek<'a>(
        &'a self,
        tenant: &'a TenantId,
        stream: &'a StreamName,
    ) -> BoxFuture<'a, Result<State, SubmitError>> {
        let name = stream.as_str().strip_prefix("user/").map(str::to_owned);
        let user = name.and_then(|name| {
            self.users
                .lock()
                .unwrap()
                .get(&(tenant.to_string(), name))
                .cloned()
        });
        let state = match user {
            Some(user) => State::User(Some(user)),
            // Tenants whose name begins with a t exist.
            None if stream.as_str() == format!("repair/{AT_WORKSHOP}") => at_workshop(),
            None if *stream == domain::streams::tenant() && tenant.as_str().starts_with('t') => some_tenant(),
            None if stream.as_str() == format!("terminal/{TILL}") => till(false),
            None if stream.as_str() == format!("terminal/{RETIRED_TILL}") => till(true),
            None => State::initial(stream),
        };
        async move { Ok(state) }.boxed()
    }
}

/// The tills that there are, and where bearers are signed in.
pub const TILL: &str = "t";
pub const RETIRED_TILL: &str = "old";

fn till(retired: bool) -> State {
    State::Terminal(Some(domain::admin::Terminal {
        store: schemas::StoreId::new("s").unwrap(),
        name: "Caja".to_owned(),
        retired,
    }))
}

/// The one repair that there is, and where its device was sent.
pub const AT_WORKSHOP: &str = "rep-1";
pub const WORKSHOP: &str = "taller";

fn at_workshop() -> State {
    use schemas::events::repair::{RepairPriority, SlaClock, Workshop};
    let repair = domain::repairs::Repair {
        store: schemas::StoreId::new("centro").unwrap(),
        customer_id: schemas::CustomerId::new("ana").unwrap(),
        unit: schemas::UnitId::new("serial:1").unwrap(),
        status: domain::repairs::Status::Received,
        under_warranty: false,
        diagnosis: None,
        covered: false,
        quote: None,
        kept: Vec::new(),
        parts: std::collections::BTreeMap::new(),
        workshop: Some(Workshop::Supplier {
            supplier_id: schemas::SupplierId::new(WORKSHOP).unwrap(),
        }),
        priority: RepairPriority::Normal,
        sla_target_s: 1,
        sla: SlaClock {
            spent_us: 0,
            since: None,
            due_at: None,
        },
        sla_breached: false,
    };
    State::Repair(Some(Box::new(repair)))
}

fn some_tenant() -> State {
    let stream = domain::streams::tenant();
    let mut state = State::initial(&stream);
    let created = schemas::events::admin::TenantCreated {
        tenant: TenantId::new("t1").unwrap(),
        name: "Tienda".to_owned(),
        currency: schemas::Currency::new("HNL").unwrap(),
        time_zone: "America/Tegucigalpa".to_owned(),
        prices_include_tax: true,
        stock_policy: schemas::events::admin::StockPolicy::Strict,
    };
    state.evolve(&created.into());
    state
}

pub fn accepted(answer: &Value, replayed: bool) -> Reply {
    let answer = RawValue::from_string(answer.to_string()).unwrap();
    Reply::Accepted {
        answer,
        position: Position(7),
        replayed,
    }
}

/// A person whose key was destroyed.
pub const ERASED: &str = "customer/olvidada";

/// Keeps everything in the clear, so that tests see what would be sealed.
#[derive(Default)]
pub struct OpenVault {
    pub secrets: Mutex<HashMap<String, Vec<u8>>>,
}

impl PersonalData for OpenVault {
    fn seal_fields<'a>(
        &'a self,
        _: &'a TenantId,
        person: &'a str,
        fields: &'a [(&'a str, &'a str)],
    ) -> BoxFuture<'a, Result<Vec<Sealed>, VaultError>> {
        let seal = |(field, text): &(&str, &str)| Sealed {
            sealed: format!("{person}|{field}|{text}"),
        };
        let sealed = fields.iter().map(seal).collect();
        let is_erased = person == ERASED;
        async move {
            if is_erased {
                Err(VaultError::Erased)
            } else {
                Ok(sealed)
            }
        }
        .boxed()
    }

    fn open_person<'a>(
        &'a self,
        _: &'a TenantId,
        _: &'a str,
        _: &'a str,
        sealed: &'a Sealed,
    ) -> BoxFuture<'a, Result<Option<String>, VaultError>> {
        let text = sealed.sealed.rsplit('|').next().map(str::to_owned);
        async move { Ok(text) }.boxed()
    }

    fn put_secret<'a>(
        &'a self,
        _: &'a TenantId,
        id: &'a str,
        text: &'a [u8],
    ) -> BoxFuture<'a, Result<(), VaultError>> {
        self.secrets.lock().unwrap().insert(id.to_owned(), text.to_vec());
        async { Ok(()) }.boxed()
    }

    fn get_secret<'a>(
        &'a self,
        _: &'a TenantId,
        id: &'a str,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, VaultError>> {
        let secret = self.secrets.lock().unwrap().get(id).cloned();
        async move { Ok(secret) }.boxed()
    }

    fn delete_secret<'a>(&'a self, _: &'a TenantId, id: &'a str) -> BoxFuture<'a, Result<bool, VaultError>> {
        let there = self.secrets.lock().unwrap().remove(id).is_some();
        async move { Ok(there) }.boxed()
    }
}

/// A clock that tests turn.
pub struct Hands(pub Mutex<OffsetDateTime>);

impl Clock for Hands {
    fn now(&self) -> OffsetDateTime {
        *self.0.lock().unwrap()
    }
}

pub struct World {
    pub engine: Arc<Engine>,
    pub vault: Arc<OpenVault>,
    pub http: Arc<Http>,
    pub clock: Arc<Hands>,
    pub client: TestClient<Gateway>,
    pub keys: Arc<super::keys::Keys>,
    pub secrets: platform::auth::ApiKeySecrets,
}

pub fn world() -> World {
    let (engine, vault) = (Arc::new(Engine::default()), Arc::new(OpenVault::default()));
    let clock = Arc::new(Hands(Mutex::new(SystemClock.now())));
    let settings = TokenSettings {
        issuer: "i".into(),
        audience: "a".into(),
        ttl: Duration::from_secs(900),
    };
    let keys = vec![SigningKey::from_seed("k".into(), &[1; 32]).unwrap()];
    let issuer = Arc::new(TokenIssuer::new(settings, keys, Arc::<Hands>::clone(&clock)).unwrap());
    let costs = PasswordCosts {
        memory_kib: 64,
        iterations: 1,
        parallelism: 1,
        at_once: 2,
    };
    let http = Arc::new(Http::new(
        Arc::<Engine>::clone(&engine),
        Arc::<OpenVault>::clone(&vault),
        Arc::clone(&issuer),
        PasswordHasher::new(costs).unwrap(),
        SignInLimits::of(&Config::default().auth),
        Arc::<Hands>::clone(&clock),
    ));
    for role in Role::ALL {
        add_user(
            &engine,
            role.as_str().replace('_', "-").as_str(),
            role,
            true,
            "unset",
        );
    }
    let guard = GuardSettings {
        fingerprint_key: [3; 32],
        max_body_bytes: 1 << 20,
        body_read_timeout: Duration::from_secs(5),
        request_timeout: Duration::from_secs(60),
        // A test's client has no address of its own and says which one it wants.
        trusted_proxies: vec!["0.0.0.0".parse().unwrap()],
        features: platform::http::Features::default(),
        denials: None,
    };
    let tokens = IntegrationTokens::new(INTEGRATION_KEY);
    let keys = Arc::new(super::keys::Keys::default());
    let secrets = platform::auth::ApiKeySecrets::new([9; 32]);
    let desk = routes::KeyDesk {
        secrets: secrets.clone(),
        store: Arc::<super::keys::Keys>::clone(&keys),
    };
    let service = routes::service(Arc::clone(&http), tokens, desk).unwrap();
    let gateway = Gateway::new(vec![service], Arc::new(issuer.verifier().unwrap()), guard).unwrap();
    let gate = platform::auth::ApiKeys::start(
        &platform::tasks::Tasks::new(),
        secrets.clone(),
        Arc::<super::keys::Keys>::clone(&keys),
        SignInLimits::of(&Config::default().auth),
        90,
        Arc::<Hands>::clone(&clock),
    );
    let gateway = gateway.accepting(gate);
    World {
        engine,
        vault,
        http,
        clock,
        client: TestClient::new(gateway),
        keys,
        secrets,
    }
}

pub fn add_user(engine: &Engine, username: &str, role: Role, enabled: bool, hash: &str) {
    let sealed = |text: &str| Sealed {
        sealed: text.to_owned(),
    };
    let user = User {
        role,
        enabled,
        display_name: sealed("x"),
        password_hash: sealed(hash),
        session_version: 1,
    };
    engine
        .users
        .lock()
        .unwrap()
        .insert(("t1".into(), username.into()), user);
}

impl World {
    /// A bearer header for the role's user in tenant `t1`.
    pub fn bearer(&self, role: Role) -> String {
        let principal = Principal {
            tenant: TenantId::new("t1").unwrap(),
            username: Username::new(&role.as_str().replace('_', "-")).unwrap(),
            role,
            session_version: 1,
            terminal: Some(schemas::TerminalId::new(TILL).unwrap()),
        };
        format!("Bearer {}", self.http.issuer.issue(&principal).unwrap().token)
    }

    /// A request as an administrator with a reason.
    pub fn as_admin(&self, method: poem::http::Method, path: &str) -> TestRequestBuilder<'_, Gateway> {
        self.client
            .request(method, path)
            .header("authorization", self.bearer(Role::Admin))
            .header(
                "x-reason",
                poem::http::HeaderValue::from_bytes(REASON.as_bytes()).unwrap(),
            )
    }
}

/// Status and body of an answer.
pub async fn answered(request: TestRequestBuilder<'_, Gateway>) -> (u16, Value) {
    let response = request.send().await.0;
    let status = response.status().as_u16();
    let text = response.into_body().into_string().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}
