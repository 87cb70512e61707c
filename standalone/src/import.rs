//! `trastienda import ARCHIVO --tipo articulos|stock`: hands a file to a running system and says what came of it (INV-7).
//!
//! Not here: reading or applying it; the system that runs does both, as for an upload.

use std::io::Read;
use std::time::{Duration, Instant};

use anyhow::Context;
use command_service::imports::direct::{self, DirectImport, Standing};
use platform::config::Config;
use platform::db::{self, DbRole};
use schemas::StoreId;
use schemas::ids::{ImportId, TenantId};
use sqlx::PgPool;

use crate::cli::{ImportArgs, ImportKind};
use crate::tenant::Address;

/// How long the running system may take; the largest file takes a fraction of it.
const OVER_WITHIN: Duration = Duration::from_secs(600);
const LOOK: Duration = Duration::from_millis(200);
/// Rows that are listed; the rest is in the history.
const REMARKS: i64 = 50;
const MAX_BYTES: u64 = 20 << 20;

pub async fn run(args: ImportArgs) -> anyhow::Result<()> {
    let mut content = Vec::new();
    let cannot = || format!("cannot read {}", args.archivo.display());
    std::fs::File::open(&args.archivo)
        .with_context(cannot)?
        .take(MAX_BYTES + 1)
        .read_to_end(&mut content)
        .with_context(cannot)?;
    let tenant = TenantId::new(&args.tenant)?;
    let is_stock = args.tipo == ImportKind::Stock;
    anyhow::ensure!(!is_stock || args.tienda.is_some(), "--tipo stock needs --tienda");
    let wanted = DirectImport {
        tenant: tenant.clone(),
        store: args.tienda.as_deref().map(StoreId::new).transpose()?,
        is_stock,
        is_received: args.recibido,
        confirms: !args.borrador,
        file_name: args
            .archivo
            .file_name()
            .map(|name| name.to_string_lossy().into_owned()),
        content,
        reason: Some(args.motivo.clone()),
    };
    let pool = connect(&args).await?;
    let id = direct::begin(&pool, wanted).await?;
    let standing = wait(&pool, &tenant, &id).await?;
    report(&pool, &tenant, &id, &standing).await
}

async fn connect(args: &ImportArgs) -> anyhow::Result<PgPool> {
    let url = match &args.system.data {
        Some(data) => Address::read(data)?.database_url,
        None => {
            let config = Config::load(args.system.config.as_deref())?;
            let own = config
                .engine_database_url
                .as_ref()
                .or(config.database_url.as_ref());
            own.context("name --data, or configure database_url")?
                .expose()
                .to_owned()
        }
    };
    Ok(db::pool(&url, DbRole::Engine, 1).await?)
}

async fn wait(pool: &PgPool, tenant: &TenantId, id: &ImportId) -> anyhow::Result<Standing> {
    let deadline = Instant::now() + OVER_WITHIN;
    loop {
        let standing = direct::standing(pool, tenant, id).await?;
        if standing.is_over {
            return Ok(standing);
        }
        anyhow::ensure!(
            Instant::now() < deadline,
            "import {id} is still {} after {} s; it goes on by itself",
            standing.status,
            OVER_WITHIN.as_secs()
        );
        tokio::time::sleep(LOOK).await;
    }
}

#[expect(clippy::print_stdout, reason = "the answer of a command line")]
async fn report(pool: &PgPool, tenant: &TenantId, id: &ImportId, standing: &Standing) -> anyhow::Result<()> {
    for remark in direct::remarks(pool, tenant, id, REMARKS).await? {
        let sku = remark.sku.as_deref().unwrap_or("-");
        println!(
            "line {}: {sku}: {} {}",
            remark.line,
            remark.status,
            remark.codes.join(" ")
        );
    }
    if let Some(counts) = &standing.counts {
        println!("{counts}");
    }
    match (&standing.failure, &standing.same_as) {
        (Some(failure), _) => anyhow::bail!("import {id} {}: {failure}", standing.status),
        (None, Some(first)) => {
            println!("import {id}: the same file was confirmed before as {first}; nothing more is changed");
            Ok(())
        }
        (None, None) => {
            println!("import {id}: {}", standing.status);
            Ok(())
        }
    }
}
