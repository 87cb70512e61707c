//! `trastienda import ARCHIVO --tipo articulos|stock`: hands a file to a running system and says what came of it (INV-7).
//!
//! Ends with 0 when every row was carried out or said what holds already, with 1 when nothing came of the file, with 2 when
//! the command was not understood, and with 3 when some rows are left for somebody to look at. Not here: reading or
//! applying the file; the system that runs does both, as for an upload.

mod signed_in;
mod words;

use std::io::Read;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use command_service::imports::direct::{self, DirectImport, Standing};
use platform::config::Config;
use platform::db::{self, DbRole};
use schemas::StoreId;
use schemas::ids::{ImportId, TenantId};
use serde_json::Value;
use sqlx::PgPool;

use self::words::Words;
use crate::cli::{ImportArgs, ImportKind};
use crate::tenant::Address;

/// How long the running system may take; the largest file takes a fraction of it.
const OVER_WITHIN: Duration = Duration::from_secs(600);
const LOOK: Duration = Duration::from_millis(200);
/// Rows that are listed; the rest is in the history.
const REMARKS: i64 = 50;
const MAX_BYTES: u64 = 20 << 20;
/// Fewest characters of a reason, as of the API's.
const REASON_MIN_CHARS: usize = 5;
/// The command was carried out, and some rows were not.
const ROWS_LEFT: u8 = 3;

/// Begins an import of a running system, waits for it for ten minutes at most, and prints what came of it. The exit
/// code is the outcome.
///
/// # Errors
/// A file that cannot be read, a system that cannot be reached, or one that does not come to an end.
pub async fn run(args: ImportArgs) -> anyhow::Result<ExitCode> {
    let words = Words(args.idioma);
    let wanted = wanted(&args, words)?;
    let tenant = wanted.tenant.clone();
    let pool = connect(&args, words).await?;
    let id = match &args.usuario {
        Some(username) => signed_in::begin(&args, username, &wanted).await?,
        None => direct::begin(&pool, wanted, words.language()).await?,
    };
    let standing = wait(&pool, &tenant, &id, words).await?;
    report(&pool, &tenant, &id, (&standing, words)).await
}

fn wanted(args: &ImportArgs, words: Words) -> anyhow::Result<DirectImport> {
    let reason = args.motivo.trim();
    anyhow::ensure!(
        reason.chars().count() >= REASON_MIN_CHARS,
        words.say(
            "--motivo necesita al menos 5 caracteres",
            "--motivo (the reason) needs at least 5 characters"
        )
    );
    let is_stock = args.tipo == ImportKind::Stock;
    anyhow::ensure!(
        !is_stock || args.tienda.is_some(),
        words.say(
            "--tipo stock necesita --tienda",
            "--tipo stock needs --tienda (the store)"
        )
    );
    let mut content = Vec::new();
    let cannot = || {
        let said = words.say("no se puede leer", "cannot read");
        format!("{said} {}", args.archivo.display())
    };
    std::fs::File::open(&args.archivo)
        .with_context(cannot)?
        .take(MAX_BYTES + 1)
        .read_to_end(&mut content)
        .with_context(cannot)?;
    Ok(DirectImport {
        tenant: TenantId::new(&args.tenant).map_err(|_| words.not_an_id("--tenant"))?,
        store: args
            .tienda
            .as_deref()
            .map(StoreId::new)
            .transpose()
            .map_err(|_| words.not_an_id("--tienda"))?,
        is_stock,
        is_received: args.recibido,
        confirms: !args.borrador,
        file_name: args
            .archivo
            .file_name()
            .map(|name| name.to_string_lossy().into_owned()),
        content,
        reason: Some(reason.to_owned()),
    })
}

async fn connect(args: &ImportArgs, words: Words) -> anyhow::Result<PgPool> {
    let url = match &args.system.data {
        Some(data) => Address::read(data)?.database_url,
        None => {
            let config = Config::load(args.system.config.as_deref())?;
            let own = config
                .engine_database_url
                .as_ref()
                .or(config.database_url.as_ref());
            own.context(words.say(
                "indique --data, o configure database_url",
                "name --data, or configure database_url",
            ))?
            .expose()
            .to_owned()
        }
    };
    Ok(db::pool(&url, DbRole::Engine, 1).await?)
}

async fn wait(pool: &PgPool, tenant: &TenantId, id: &ImportId, words: Words) -> anyhow::Result<Standing> {
    let deadline = Instant::now() + OVER_WITHIN;
    loop {
        let standing = direct::standing(pool, tenant, id).await?;
        if standing.is_over {
            return Ok(standing);
        }
        anyhow::ensure!(
            Instant::now() < deadline,
            "{id}: {} ({})",
            words.status(standing.status),
            words.say(
                "sigue en marcha por sí sola; consulte el historial",
                "it goes on by itself; look at the history"
            )
        );
        tokio::time::sleep(LOOK).await;
    }
}

#[expect(clippy::print_stdout, reason = "the answer of a command line")]
async fn report(
    pool: &PgPool,
    tenant: &TenantId,
    id: &ImportId,
    (standing, words): (&Standing, Words),
) -> anyhow::Result<ExitCode> {
    for said in direct::about_file(pool, tenant, id).await? {
        println!("{}", words.said(&said));
    }
    let is_repeated = standing.same_as.is_some();
    if !is_repeated {
        for remark in direct::remarks(pool, tenant, id, REMARKS).await? {
            println!("{}", words.remark(&remark));
        }
        if let Some(counts) = &standing.counts {
            println!("{}", words.counts(counts));
        }
    }
    if let Some(failure) = &standing.failure {
        anyhow::bail!("{id}: {}", words.failure(failure));
    }
    if let Some(first) = &standing.same_as {
        println!("{id}: {}", words.repeated(first));
        // What was left then is left still.
        let counts = direct::standing(pool, tenant, &ImportId::new(first)?)
            .await?
            .counts;
        if let Some(counts) = &counts {
            println!("{first}: {}", words.counts(counts));
        }
        return Ok(ended(counts.as_ref()));
    }
    println!("{id}: {}", words.status(standing.status));
    let counts = standing.counts.as_ref();
    Ok(ended(counts.filter(|_| standing.status == "completed")))
}

/// How the command ends, by what became of the rows.
fn ended(counts: Option<&Value>) -> ExitCode {
    if counts.is_some_and(words::leaves_rows) {
        ExitCode::from(ROWS_LEFT)
    } else {
        ExitCode::SUCCESS
    }
}
