//! The layout of one process: the standalone with its demo, which holds its own Postgres and NATS.

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::member::Program;
use super::{Fleet, Member, Operator, Plan, Service, common_settings, free_ports};
use crate::demo::Demo;

pub(super) async fn start(plan: &Plan) -> anyhow::Result<Fleet> {
    let port = free_ports(1)?.first().copied().unwrap_or(0);
    let data = plan.folder.join("data");
    let mut args = vec!["standalone".to_owned(), "--demo".to_owned()];
    args.extend(["--data".to_owned(), data.to_string_lossy().into_owned()]);
    args.extend(["--port".to_owned(), port.to_string()]);
    if let Some(nats_server) = &plan.nats_server {
        args.extend([
            "--nats-server".to_owned(),
            nats_server.to_string_lossy().into_owned(),
        ]);
    }
    let member = Member::new(Program {
        name: "standalone".to_owned(),
        service: Service::Standalone,
        binary: plan.binary.clone(),
        args,
        env: common_settings(plan),
        log: plan.folder.join("standalone.log"),
        base_url: format!("http://127.0.0.1:{port}"),
        failpoint_journal: plan.folder.join("standalone.failpoints"),
    })?;
    let mut fleet = Fleet {
        members: Vec::new(),
        demo: Demo {
            base_url: String::new(),
            database_url: None,
            tenants: Vec::new(),
        },
        routes: None,
        database_url: String::new(),
        operator: Operator {
            binary: plan.binary.clone(),
            data: Some(data.clone()),
            env: Vec::new(),
        },
        jetstream: data.join("nats/jetstream"),
        holder: None,
        keepers: JoinSet::new(),
        stop: CancellationToken::new(),
    };
    fleet.keep(member);
    fleet.wait_until_ready().await?;
    fleet.demo = Demo::read(&data.join("demo.json"))?;
    fleet.database_url = fleet.demo.database_url.clone().unwrap_or_default();
    anyhow::ensure!(!fleet.database_url.is_empty(), "demo.json names no database_url");
    Ok(fleet)
}
