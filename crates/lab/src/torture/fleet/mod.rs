//! The product as processes: either the standalone, or every service by itself beside private servers.
//!
//! `member` keeps one process running, `processes` finds servers below it, `standalone` and `services` are the two
//! layouts. Deliberately absent: whom to hit and when.

mod member;
pub(crate) mod processes;
mod services;
mod standalone;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use serde::Serialize;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub(crate) use self::member::{Cause, Exit, Member};
use self::processes::Processes;
use crate::api::READY_PATH;
use crate::client::Routes;
use crate::clock::Deadline;
use crate::demo::Demo;

/// From a start or a blow to ready.
pub(crate) const READY_PATIENCE: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What a process of the product is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Service {
    Standalone,
    Commands,
    Projector,
    Dispatcher,
    Queries,
}

impl Service {
    fn binary(self) -> &'static str {
        match self {
            Service::Standalone => "trastienda",
            Service::Commands => "command-service",
            Service::Projector => "projector",
            Service::Dispatcher => "dispatcher",
            Service::Queries => "query-service",
        }
    }
}

/// Every service, two of those that can stand by for each other.
pub(crate) const WHOLE: [(Service, u8); 7] = [
    (Service::Commands, 1),
    (Service::Commands, 2),
    (Service::Projector, 1),
    (Service::Projector, 2),
    (Service::Dispatcher, 1),
    (Service::Dispatcher, 2),
    (Service::Queries, 1),
];

/// What is started, and with which settings.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// The standalone's binary; the services' are beside it.
    pub binary: PathBuf,
    /// When the product does not find it by itself.
    pub nats_server: Option<PathBuf>,
    /// New; everything goes here.
    pub folder: PathBuf,
    /// Where webhooks may go besides the public network.
    pub receiver_port: u16,
    pub tenants: Vec<TenantPlan>,
    /// Of the services' layout, with their numbers.
    pub processes: Vec<(Service, u8)>,
    /// Further settings, by the names of their variables.
    pub env: Vec<(String, String)>,
}

/// A tenant of the services' layout; the standalone's demo has these already.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TenantPlan {
    pub id: &'static str,
    pub currency: &'static str,
    pub time_zone: &'static str,
}

/// How the product's command line reaches this product.
#[derive(Debug, Clone)]
pub(crate) struct Operator {
    binary: PathBuf,
    /// Of the standalone.
    data: Option<PathBuf>,
    env: Vec<(String, String)>,
}

impl Operator {
    /// A command of `trastienda`, ready to be started.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(words);
        if let Some(data) = &self.data {
            command.arg("--data").arg(data);
        }
        without_our_variables(&mut command)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }
}

/// Variables of the bench; the product refuses settings that it does not know.
fn without_our_variables(command: &mut Command) -> &mut Command {
    command
        .env_remove("TRASTIENDA_BIN")
        .env_remove("TRASTIENDA_NATS_SERVER")
        .env_remove("TRASTIENDA_TOOLS")
}

/// Every process of one running product.
pub(crate) struct Fleet {
    pub members: Vec<Arc<Member>>,
    /// Where it is and who may sign in.
    pub demo: Demo,
    /// None: one address answers everything.
    pub routes: Option<Routes>,
    /// The owner's; for the checker, the observer and the negative controls.
    pub database_url: String,
    pub operator: Operator,
    jetstream: PathBuf,
    /// Holds Postgres and NATS where they are nobody's children among the members.
    holder: Option<Child>,
    keepers: JoinSet<anyhow::Result<()>>,
    stop: CancellationToken,
}

impl Fleet {
    /// The standalone with its demo.
    ///
    /// # Errors
    /// When it does not get ready.
    pub(crate) async fn standalone(plan: &Plan) -> anyhow::Result<Self> {
        standalone::start(plan).await
    }

    /// The plan's services, each a process, with private servers.
    ///
    /// # Errors
    /// When they do not get ready.
    pub(crate) async fn services(plan: &Plan) -> anyhow::Result<Self> {
        services::start(plan).await
    }

    fn keep(&mut self, member: Arc<Member>) {
        self.keepers.spawn(Arc::clone(&member).keep(self.stop.clone()));
        self.members.push(member);
    }

    /// The members of a service.
    pub(crate) fn of(&self, service: Service) -> Vec<Arc<Member>> {
        let found = self
            .members
            .iter()
            .filter(|member| member.program.service == service);
        found.cloned().collect()
    }

    /// The pid below which Postgres and NATS run. None while the standalone is down.
    fn holder_pid(&self) -> Option<u32> {
        match &self.holder {
            Some(holder) => holder.id(),
            None => self.members.first().and_then(|member| member.pid()),
        }
    }

    /// A server's first process. None while it is down.
    pub(crate) fn server(&self, command: &str) -> Option<u32> {
        Processes::now().server(command, self.holder_pid()?)
    }

    /// JetStream's store; NATS makes it anew when it is absent.
    pub(crate) fn jetstream(&self) -> &Path {
        &self.jetstream
    }

    /// The command-service that is ready: the log's owner.
    pub(crate) async fn owner(&self) -> Option<Arc<Member>> {
        for member in self.of(Service::Commands) {
            if member.answers(READY_PATH).await {
                return Some(member);
            }
        }
        None
    }

    /// Waits until every service has a member that is ready.
    ///
    /// # Errors
    /// When patience ends, or a member is given up.
    pub(crate) async fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let deadline = Deadline::after(READY_PATIENCE);
        let mut services: Vec<Service> = self.members.iter().map(|member| member.program.service).collect();
        services.dedup();
        for service in services {
            let members = self.of(service);
            while !any_ready(&members).await {
                self.check()?;
                let log = members
                    .first()
                    .map(|member| member.program.log.display().to_string());
                anyhow::ensure!(
                    deadline.pause(LOOK_EVERY).await,
                    "no {service:?} is ready after {READY_PATIENCE:?} (see {})",
                    log.unwrap_or_default()
                );
            }
        }
        Ok(())
    }

    /// Fails when a member was given up.
    ///
    /// # Errors
    /// That member's failure.
    pub(crate) fn check(&mut self) -> anyhow::Result<()> {
        match self.keepers.try_join_next() {
            Some(ended) => ended.context("a keeper panicked")?,
            None => Ok(()),
        }
    }

    /// Lets everybody go on who may have been halted.
    pub(crate) fn resume_all(&self) {
        let holder = self.holder_pid().into_iter();
        let members = self.members.iter().filter_map(|member| member.pid());
        let processes = Processes::now();
        for root in holder.chain(members) {
            processes::send_all(&processes.tree(root), rustix::process::Signal::CONT);
        }
    }

    /// Every end of every member so far.
    pub(crate) fn exits(&self) -> Vec<Exit> {
        let mut exits: Vec<Exit> = self.members.iter().flat_map(|member| member.exits()).collect();
        exits.sort_by_key(|exit| exit.at);
        exits
    }

    /// Stops everything in order, the servers last.
    ///
    /// # Errors
    /// When a member does not stop with success.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        self.stop.cancel();
        let mut outcome = Ok(());
        while let Some(ended) = self.keepers.join_next().await {
            outcome = outcome.and(ended.context("a keeper panicked").flatten());
        }
        if let Some(mut holder) = self.holder.take() {
            drop(holder.stdin.take());
            tokio::time::timeout(READY_PATIENCE, holder.wait())
                .await
                .context("the private servers do not stop")??;
        }
        outcome
    }
}

async fn any_ready(members: &[Arc<Member>]) -> bool {
    for member in members {
        if member.answers(READY_PATH).await {
            return true;
        }
    }
    false
}

/// Ports that are free now; members keep theirs over all restarts.
fn free_ports(count: usize) -> anyhow::Result<Vec<u16>> {
    // All at once, so that none is given out twice.
    let taken: Vec<TcpListener> = (0..count)
        .map(|_| TcpListener::bind(("127.0.0.1", 0)))
        .collect::<Result<_, _>>()?;
    taken
        .iter()
        .map(|listener| Ok(listener.local_addr()?.port()))
        .collect()
}

/// Settings that every layout has: deliveries go to the receiver, and retries come within seconds, not days.
fn common_settings(plan: &Plan) -> Vec<(String, String)> {
    let settings = [
        (
            "TRASTIENDA_OUTBOUND__ALLOW",
            format!(r#"["127.0.0.1:{}"]"#, plan.receiver_port),
        ),
        (
            "TRASTIENDA_DISPATCHER__RETRY_SCHEDULE_S",
            "[1, 1, 1, 2, 2, 4, 4, 8, 8, 16, 16]".to_owned(),
        ),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value));
    settings.into_iter().chain(plan.env.iter().cloned()).collect()
}
