//! The layout of many processes: each service by itself, as many of each as the plan says, beside private servers.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Stdio;

use anyhow::Context;
use rand::RngExt;
use serde::Deserialize;
use sqlx::{Connection, Executor, PgConnection};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::member::Program;
use super::{
    Fleet, Member, Operator, Plan, READY_PATIENCE, Service, TenantPlan, common_settings, free_ports,
};
use crate::client::Routes;
use crate::demo::{Demo, Tenant, User};

const DATABASE: &str = "trastienda";
const ADMIN: &str = "admin";

/// What the holder of the servers prints.
#[derive(Debug, Deserialize)]
struct Servers {
    postgres_url: String,
    nats_url: String,
}

pub(super) async fn start(plan: &Plan) -> anyhow::Result<Fleet> {
    let (holder, servers) = hold_servers(plan).await?;
    let database_url = make_database(&servers).await?;
    let key_file = write_private(&plan.folder.join("kek"), &rand::rng().random::<[u8; 32]>())?;
    let mut settings = common_settings(plan);
    for (name, value) in [
        ("DATABASE_URL", database_url.as_str()),
        ("NATS_URL", &servers.nats_url),
        ("TRASTIENDA_KEYS__KEK_FILE", &key_file),
        ("TRASTIENDA_METRICS_LISTEN", "127.0.0.1:0"),
    ] {
        settings.push((name.to_owned(), value.to_owned()));
    }
    let mut fleet = Fleet {
        members: Vec::new(),
        demo: Demo {
            base_url: String::new(),
            database_url: Some(database_url.clone()),
            tenants: Vec::new(),
        },
        routes: None,
        database_url,
        operator: Operator {
            binary: plan.binary.clone(),
            data: None,
            env: settings.clone(),
        },
        jetstream: plan.folder.join("data/nats/jetstream"),
        holder: Some(holder),
        keepers: JoinSet::new(),
        stop: CancellationToken::new(),
    };
    let ports = free_ports(plan.processes.len())?;
    for ((service, number), port) in plan.processes.iter().copied().zip(ports) {
        let binary = service.binary();
        let name = format!("{binary}-{number}");
        let mut env = settings.clone();
        env.push(("TRASTIENDA_HTTP__LISTEN".to_owned(), format!("127.0.0.1:{port}")));
        fleet.keep(Member::new(Program {
            service,
            binary: plan.binary.with_file_name(binary),
            args: Vec::new(),
            env,
            log: plan.folder.join(format!("{name}.log")),
            base_url: format!("http://127.0.0.1:{port}"),
            failpoint_journal: plan.folder.join(format!("{name}.failpoints")),
            name,
        })?);
    }
    fleet.wait_until_ready().await?;
    for tenant in &plan.tenants {
        let tenant = create_tenant(plan, tenant, &fleet.operator).await?;
        fleet.demo.tenants.push(tenant);
    }
    let addresses = |service| -> Vec<String> {
        let members = fleet.of(service);
        members.iter().map(|m| m.program.base_url.clone()).collect()
    };
    fleet.routes = Some(Routes {
        writes: addresses(Service::Commands),
        reads: addresses(Service::Queries).concat(),
        deliveries: addresses(Service::Dispatcher),
    });
    Ok(fleet)
}

async fn hold_servers(plan: &Plan) -> anyhow::Result<(Child, Servers)> {
    let binary = plan.binary.with_file_name("hold-private-servers");
    let nats_server = plan
        .nats_server
        .as_ref()
        .context("the services' layout needs --nats-server")?;
    let log = std::fs::File::create(plan.folder.join("servers.log"))?;
    // It stops when its standard input ends, hence also when this bench is killed.
    let mut holder = Command::new(&binary)
        .arg(plan.folder.join("data"))
        .arg(nats_server)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .with_context(|| format!("cannot start {}", binary.display()))?;
    let output = holder.stdout.take().context("the holder has no output")?;
    let mut lines = BufReader::new(output).lines();
    let line = tokio::time::timeout(READY_PATIENCE, lines.next_line())
        .await
        .context("the private servers do not start")??
        .context("the private servers ended (see servers.log)")?;
    Ok((holder, serde_json::from_str(&line)?))
}

/// Answers the new database's URL.
async fn make_database(servers: &Servers) -> anyhow::Result<String> {
    let mut connection = PgConnection::connect(&servers.postgres_url).await?;
    connection.execute("create database trastienda").await?;
    connection.close().await?;
    Ok(servers
        .postgres_url
        .replacen("///postgres?", &format!("///{DATABASE}?"), 1))
}

/// Writes a file that nobody else may read, and answers its path.
fn write_private(path: &Path, content: &[u8]) -> anyhow::Result<String> {
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(content)?;
    Ok(path.to_string_lossy().into_owned())
}

/// Through the command line and the inbox.
async fn create_tenant(plan: &Plan, tenant: &TenantPlan, operator: &Operator) -> anyhow::Result<Tenant> {
    let password = format!("pw-{:016x}", rand::rng().random::<u64>());
    let password_file = write_private(
        &plan.folder.join(format!("{}.password", tenant.id)),
        password.as_bytes(),
    )?;
    let mut command = operator.command(&["tenant", "create", "--id", tenant.id, "--name", tenant.id]);
    command
        .args(["--currency", tenant.currency, "--time-zone", tenant.time_zone])
        .args(["--admin", ADMIN, "--password-file", &password_file]);
    let output = command.output().await?;
    anyhow::ensure!(
        output.status.success(),
        "cannot create {}: {}",
        tenant.id,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(Tenant {
        id: tenant.id.to_owned(),
        currency: tenant.currency.to_owned(),
        connector: None,
        users: vec![User {
            role: "admin".to_owned(),
            username: ADMIN.to_owned(),
            password,
        }],
    })
}
