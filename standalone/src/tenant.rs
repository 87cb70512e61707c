//! `trastienda tenant create`: puts the commands into the inbox of a running system and waits for their outcome.
//!
//! Only who can reach the database and the key file can do this; there is no route for it.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use domain::admin::{CreateTenant, CreateUser};
use domain::{Command, streams};
use platform::auth::{PASSWORD_MIN_CHARS, PasswordCosts, PasswordHasher};
use platform::clock::fresh_id;
use platform::config::Config;
use platform::vault::{Kek, Vault};
use schemas::Currency;
use schemas::events::admin::{Role, StockPolicy};
use schemas::ids::{TenantId, Username};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::cli::TenantCreateArgs;

/// Where a running standalone can be reached; written at each start, readable by its owner alone.
#[derive(Debug, Serialize, Deserialize)]
pub struct Address {
    /// Of the API, without a slash at its end.
    pub base_url: String,
    pub metrics_url: String,
    /// Of the database's owner, password included.
    pub database_url: String,
}

impl Address {
    /// Its name within the data folder.
    pub const FILE: &'static str = "address.json";

    /// Of the standalone that runs on a data folder.
    pub fn read(data: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(data.join(Self::FILE))
            .with_context(|| format!("no standalone runs on {}", data.display()))?;
        Ok(serde_json::from_str(&text)?)
    }
}

/// How long the running system may take to decide.
const DECIDED_WITHIN: Duration = Duration::from_secs(30);

/// Creates a tenant and its first administrator in a running system, whose engine decides both, and waits for the
/// outcome.
///
/// # Errors
/// A name, password or setting that is refused, or a system that does not decide within half a minute.
pub async fn create(args: TenantCreateArgs) -> anyhow::Result<()> {
    let config = Config::load(args.config.as_deref())?;
    let (url, kek) = match &args.data {
        Some(data) => {
            let address = Address::read(data)?;
            (address.database_url, Kek::load(&data.join("keys").join("kek"))?)
        }
        None => {
            let url = config
                .database_url
                .as_ref()
                .context("name --data, or configure database_url")?;
            (url.expose().to_owned(), Kek::from_config(&config.keys)?)
        }
    };
    let password = read_password(&args.password_file)?;
    let tenant = TenantId::new(&args.id)?;
    let username = Username::new(&args.admin)?;
    let pool = platform::db::pool(&url, platform::db::DbRole::Engine, 2).await?;
    let vault = Vault::open(pool.clone(), kek);
    let person = streams::user(&username);
    let hash = PasswordHasher::new(PasswordCosts::of(&config.auth))?
        .hash(password)
        .await?;
    let sealed = vault
        .seal_fields(
            &tenant,
            person.as_str(),
            &[("display_name", &args.admin), ("password_hash", &hash)],
        )
        .await?;
    let [display_name, password_hash] = <[_; 2]>::try_from(sealed)
        .map_err(|_| anyhow::anyhow!("the vault sealed another number of fields"))?;
    let commands = [
        Command::from(CreateTenant {
            name: args.name.clone(),
            currency: Currency::new(&args.currency)?,
            time_zone: args.time_zone.clone(),
            prices_include_tax: !args.prices_without_tax,
            stock_policy: if args.allow_negative_stock {
                StockPolicy::AllowNegative
            } else {
                StockPolicy::Strict
            },
        }),
        Command::from(CreateUser {
            username,
            role: Role::Admin,
            display_name,
            password_hash,
        }),
    ];
    let mut ids = Vec::new();
    for command in &commands {
        ids.push(enqueue(&pool, &tenant, command).await?);
    }
    for (id, command) in ids.into_iter().zip(&commands) {
        report(command.name(), &wait(&pool, id).await?)?;
    }
    Ok(())
}

fn read_password(file: &Path) -> anyhow::Result<Zeroizing<String>> {
    let text = if file == Path::new("-") {
        std::io::read_to_string(std::io::stdin())?
    } else {
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?
    };
    let password = Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned());
    anyhow::ensure!(
        password.chars().count() >= PASSWORD_MIN_CHARS,
        "the password needs at least {PASSWORD_MIN_CHARS} characters"
    );
    Ok(password)
}

async fn enqueue(pool: &PgPool, tenant: &TenantId, command: &Command) -> anyhow::Result<Uuid> {
    let id = fresh_id();
    sqlx::query("insert into command_inbox (id, tenant, command, reason, actor, enqueued_at) values ($1, $2, $3::json, $4, 'command line', clock_timestamp())")
        .bind(id)
        .bind(tenant.as_str())
        .bind(serde_json::to_string(command)?)
        .bind("tenant creation")
        .execute(pool)
        .await
        .context("the database has no command inbox: has the platform been started once?")?;
    Ok(id)
}

async fn wait(pool: &PgPool, id: Uuid) -> anyhow::Result<serde_json::Value> {
    let deadline = Instant::now() + DECIDED_WITHIN;
    loop {
        let outcome: Option<String> =
            sqlx::query_scalar("select outcome::text from command_inbox where id = $1")
                .bind(id)
                .fetch_one(pool)
                .await?;
        if let Some(outcome) = outcome {
            return Ok(serde_json::from_str(&outcome)?);
        }
        anyhow::ensure!(
            Instant::now() < deadline,
            "not decided within {} s; the command stays in the inbox until a command-service runs",
            DECIDED_WITHIN.as_secs()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[expect(clippy::print_stdout, reason = "the answer of a command line")]
fn report(name: &str, outcome: &serde_json::Value) -> anyhow::Result<()> {
    match (&outcome["refusal"], &outcome["error"]) {
        (serde_json::Value::Null, serde_json::Value::Null) => {
            println!("{name}: done at position {}", outcome["position"]);
            Ok(())
        }
        (serde_json::Value::Null, error) => anyhow::bail!("{name} failed: {error}"),
        (refusal, _) => anyhow::bail!("{name} was refused: {refusal}"),
    }
}
