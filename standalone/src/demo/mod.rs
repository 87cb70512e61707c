//! The demo tenants: a phone shop, a bookshop, and an empty company for replays.
//!
//! Seeded through the engine like any other command, with fixed keys, so that a second start adds nothing.
//! Deliberately absent: any short cut into tables.

mod api_key;
mod bookshop;
mod connector;
mod phone_shop;
mod script;

use command_service::engine::{Engine, Reply, Submission};
use command_service::routes::KeyDesk;
use domain::admin::{CreateTenant, CreateUser};
use domain::{Command, State, streams};
use hmac::{Hmac, KeyInit, Mac};
use platform::auth::{IntegrationTokens, PasswordHasher};
use platform::vault::Vault;
use schemas::envelope::Actor;
use schemas::events::admin::{Role, StockPolicy};
use schemas::ids::{TenantId, Username};
use schemas::{Currency, StreamName};
use serde::Serialize;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

pub use self::api_key::DemoApiKey;
pub use self::connector::DemoConnector;
use self::script::Script;

/// What a demo tenant is, before its goods.
struct Profile {
    id: &'static str,
    name: &'static str,
    currency: &'static str,
    time_zone: &'static str,
    script: fn() -> anyhow::Result<Script>,
    /// What its pull connector may fetch.
    connector_grants: &'static [&'static str],
}

const PROFILES: [Profile; 3] = [
    Profile {
        id: "telefonia-teg",
        name: "Telefonía Tegucigalpa",
        currency: "HNL",
        time_zone: "America/Tegucigalpa",
        script: phone_shop::script,
        connector_grants: connector::SHOP,
    },
    Profile {
        id: "libreria-scl",
        name: "Librería Santiago",
        currency: "CLP",
        time_zone: "America/Santiago",
        script: bookshop::script,
        connector_grants: connector::SHOP,
    },
    Profile {
        id: "london",
        name: "London Gift Company",
        currency: "GBP",
        time_zone: "Europe/London",
        script: || Ok(Script::default()),
        connector_grants: connector::REPLAYS,
    },
];

/// A tenant as `demo.json` names it.
#[derive(Debug, Clone, Serialize)]
pub struct DemoTenant {
    pub id: String,
    pub name: String,
    pub currency: String,
    pub users: Vec<DemoUser>,
    /// Absent when somebody rotated, disabled or revoked it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connector: Option<DemoConnector>,
    /// Absent when somebody rotated, deactivated or revoked it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key: Option<DemoApiKey>,
}

/// Somebody who may sign in at a demo tenant, as `demo.json` names them.
#[derive(Debug, Clone, Serialize)]
pub struct DemoUser {
    pub role: &'static str,
    pub username: String,
    /// In clear; derived from the demo's key, so the same at every start.
    pub password: String,
}

/// What `demo.json` holds; other programs read it.
#[derive(Debug, Serialize)]
pub struct DemoFile<'a> {
    pub base_url: &'a str,
    pub metrics_url: &'a str,
    /// For the independent checker; the file is readable by its owner alone.
    pub database_url: &'a str,
    pub tenants: &'a [DemoTenant],
}

/// Creates what is missing and returns who may sign in.
///
/// `demo_key` makes the same passwords and tokens at every start, so that they need not be stored.
pub async fn seed(
    engine: &Engine,
    vault: &Vault,
    hasher: &PasswordHasher,
    demo_key: &[u8; 32],
    integration_tokens: &IntegrationTokens,
    key_desk: &KeyDesk,
) -> anyhow::Result<Vec<DemoTenant>> {
    let mut tenants = Vec::new();
    for profile in &PROFILES {
        let seeder = Seeder {
            engine,
            vault,
            tenant: TenantId::new(profile.id)?,
        };
        let mut tenant = seeder.seed(profile, hasher, demo_key).await?;
        tenant.connector = seeder.connector(profile, demo_key, integration_tokens).await?;
        tenant.api_key = seeder.api_key(demo_key, key_desk).await?;
        tenants.push(tenant);
    }
    Ok(tenants)
}

/// Submits one tenant's commands.
struct Seeder<'a> {
    engine: &'a Engine,
    vault: &'a Vault,
    tenant: TenantId,
}

impl Seeder<'_> {
    async fn seed(
        &self,
        profile: &Profile,
        hasher: &PasswordHasher,
        password_key: &[u8; 32],
    ) -> anyhow::Result<DemoTenant> {
        let users: Vec<DemoUser> = Role::ALL
            .into_iter()
            .map(|role| DemoUser {
                role: role.as_str(),
                username: role.as_str().replace('_', "-"),
                password: password(password_key, profile.id, role),
            })
            .collect();
        let script = (profile.script)()?;
        let done = match script.last_stream.clone() {
            Some(last) => self.exists(&last).await?,
            None => self.exists(&streams::user(&Username::new("auditor")?)).await?,
        };
        if !done {
            self.create_tenant(profile).await?;
            for (role, user) in Role::ALL.into_iter().zip(&users) {
                self.create_user(role, user, hasher).await?;
            }
            self.run(script).await?;
        }
        Ok(DemoTenant {
            id: profile.id.to_owned(),
            name: profile.name.to_owned(),
            currency: profile.currency.to_owned(),
            users,
            connector: None,
            api_key: None,
        })
    }

    /// Creates the tenant's connector where there is none, also in a data folder that is older than connectors.
    async fn connector(
        &self,
        profile: &Profile,
        demo_key: &[u8; 32],
        tokens: &IntegrationTokens,
    ) -> anyhow::Result<Option<DemoConnector>> {
        let plan = connector::Plan::new(demo_key, &self.tenant, profile.connector_grants, tokens)?;
        if !self.exists(&streams::connector(&plan.command.slug)).await? {
            self.submit("connector", plan.command.clone().into()).await?;
        }
        plan.shown(self.engine, &self.tenant).await
    }

    /// Creates the tenant's key for external systems where there is none, also in an older data folder.
    async fn api_key(&self, demo_key: &[u8; 32], desk: &KeyDesk) -> anyhow::Result<Option<DemoApiKey>> {
        let plan = api_key::Plan::new(demo_key, &self.tenant, &desk.secrets)?;
        if !self.exists(&streams::api_key(&plan.command.api_key_id)).await? {
            plan.enrol(desk, &self.tenant).await?;
            self.submit("api-key", plan.command.clone().into()).await?;
        }
        plan.shown(self.engine, &self.tenant).await
    }

    async fn exists(&self, stream: &StreamName) -> anyhow::Result<bool> {
        Ok(self.engine.peek(&self.tenant, stream).await? != State::initial(stream))
    }

    async fn create_tenant(&self, profile: &Profile) -> anyhow::Result<()> {
        let command = CreateTenant {
            name: profile.name.to_owned(),
            currency: Currency::new(profile.currency)?,
            time_zone: profile.time_zone.to_owned(),
            prices_include_tax: true,
            stock_policy: StockPolicy::Strict,
        };
        self.submit("tenant", command.into()).await
    }

    async fn create_user(&self, role: Role, user: &DemoUser, hasher: &PasswordHasher) -> anyhow::Result<()> {
        let username = Username::new(&user.username)?;
        let person = streams::user(&username);
        if self.exists(&person).await? {
            return Ok(());
        }
        let hash = hasher.hash(Zeroizing::new(user.password.clone())).await?;
        let display_name = self
            .vault
            .seal_person(
                &self.tenant,
                person.as_str(),
                "display_name",
                &format!("Demo {}", user.role),
            )
            .await?;
        let password_hash = self
            .vault
            .seal_person(&self.tenant, person.as_str(), "password_hash", &hash)
            .await?;
        let command = CreateUser {
            username,
            role,
            display_name,
            password_hash,
        };
        self.submit(&format!("user-{}", user.username), command.into())
            .await
    }

    async fn run(&self, script: Script) -> anyhow::Result<()> {
        for (number, step) in script.steps.into_iter().enumerate() {
            let command = step.build(self.vault, &self.tenant).await?;
            self.submit(&format!("step-{number}"), command).await?;
        }
        Ok(())
    }

    /// A refusal is a mistake in the script, except that something exists already after a start that was killed.
    async fn submit(&self, key: &str, command: Command) -> anyhow::Result<()> {
        let name = command.name();
        let submission = Submission {
            tenant: self.tenant.clone(),
            actor: Actor::System {
                name: "demo".to_owned(),
            },
            reason: Some("demo data".to_owned()),
            traceparent: None,
            key: Some(format!("demo-{key}")),
            fingerprint: Sha256::digest(key.as_bytes()).into(),
            command,
        };
        match self.engine.submit(submission).await? {
            Reply::Accepted { .. } => Ok(()),
            Reply::Refused { refusal, .. } if refusal.code().ends_with("already_exists") => Ok(()),
            Reply::Refused { refusal, .. } => {
                anyhow::bail!("demo {key} ({name}) of {} was refused: {refusal}", self.tenant)
            }
        }
    }
}

/// Letters that are not mistaken for each other when typed.
const PASSWORD_LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789-";

fn password(key: &[u8; 32], tenant: &str, role: Role) -> String {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(b"demo password\0");
    mac.update(tenant.as_bytes());
    mac.update(b"\0");
    mac.update(role.as_str().as_bytes());
    let bytes = mac.finalize().into_bytes();
    bytes
        .iter()
        .take(18)
        .map(|byte| char::from(PASSWORD_LETTERS[usize::from(byte % 32)]))
        .collect()
}
