//! From the command line to the last line: start the product, run the blocks, print.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::ValueEnum;

use crate::baseline::Baseline;
use crate::block::{Bench, Block, Part};
use crate::http::{Load, Until};
use crate::product::{Product, Program};
use crate::profile::Profile;
use crate::receiver::Receiver;
use crate::report::{self, Figures, median};
use crate::shop::Shop;
use crate::sizes::{CONNECTIONS, Sizes};
use crate::{Arguments, append, log_of_sales};

/// After the start, before the memory at rest is read.
const REST: Duration = Duration::from_secs(2);
const SALES_DATABASE: &str = "bench_sales";

/// Measures and prints.
///
/// # Errors
/// When something does not start, refuses or fails: then there is no figure.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let started = Instant::now();
    let sizes = match (arguments.quick, arguments.smoke) {
        (_, true) => Sizes::SMOKE,
        (true, false) => Sizes::QUICK,
        (false, false) => Sizes::FULL,
    };
    let folder = work_folder(arguments.data.as_deref())?;
    let receiver = Receiver::start()?;
    let program = Program {
        binary: binary(arguments.binary)?,
        nats_server: arguments.nats_server,
        receiver: receiver.address,
        with_statements: arguments.profile.is_some(),
    };
    eprintln!("bench: working in {}", folder.display());
    let product = Product::start(&program, &folder).await?;
    tokio::time::sleep(REST).await;
    let rest = product.rss_mib()?;
    let parts = match arguments.only.as_slice() {
        [] => Part::value_variants().to_vec(),
        some => some.to_vec(),
    };
    let profile = Profile::new(arguments.profile, &product.pool).await?;
    let bench = set_up(product, program.binary, receiver, sizes, parts, profile, &folder).await?;
    let mut blocks: Vec<Figures> = Vec::with_capacity(sizes.blocks);
    let mut longest = Duration::ZERO;
    for number in 1..=sizes.blocks {
        if number > 1
            && sizes
                .budget
                .is_some_and(|budget| started.elapsed() + longest > budget)
        {
            eprintln!("bench: no time for block {number}: the machine is too slow or too busy");
            break;
        }
        let began = Instant::now();
        let mut figures = Block::run(&bench, number).await?;
        longest = longest.max(began.elapsed());
        figures.insert("rss_rest_mib", rest);
        blocks.push(figures);
    }
    let mut medians = report::medians(&blocks);
    let runs = bench.baseline.runs(CONNECTIONS);
    let of = |figure: fn(&crate::baseline::Rate) -> f64| median(runs.iter().map(figure).collect());
    if let (Some(tps), Some(latency_ms)) = (of(|rate| rate.tps), of(|rate| rate.latency_ms)) {
        medians.insert("pgbench_tps_64", tps);
        medians.insert("pgbench_latency_ms_64", latency_ms);
    }
    bench.product.stop().await?;
    println!("{}", report::table(&blocks, &medians));
    if let Some(line) = report::json(&medians) {
        println!("{line}");
    }
    if arguments.data.is_none() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}

async fn set_up(
    product: Product,
    binary: PathBuf,
    receiver: Receiver,
    sizes: Sizes,
    parts: Vec<Part>,
    profile: Profile,
    folder: &Path,
) -> anyhow::Result<Bench> {
    let url = product.database("bench_baseline", None).await?;
    let baseline = Baseline::new(url, folder, sizes.baseline).await?;
    let append_url = product.database("bench_append", None).await?;
    append::prepare(&append_url).await?;
    let sales_url = product.database(SALES_DATABASE, None).await?;
    log_of_sales::fill(&sales_url, sizes.sales).await?;
    let shop = Shop::furnish(&product, sizes.items).await?;
    let bench = Bench {
        sizes,
        parts,
        product,
        binary,
        shop,
        receiver,
        baseline,
        append_url,
        sales_database: SALES_DATABASE,
        numbers: Arc::new(AtomicU64::new(1)),
        profile,
    };
    warm_up(&bench).await?;
    Ok(bench)
}

/// Once around the shop, so that the first block finds streams in memory and plans made, as the others do.
async fn warm_up(bench: &Bench) -> anyhow::Result<()> {
    let requests = bench.shop.requests().await?;
    let load = Load {
        address: bench.product.address,
        connections: CONNECTIONS,
        until: Until::Count(u64::from(bench.sizes.items) * 4),
        numbers: Arc::clone(&bench.numbers),
        write: Arc::new(move |number, out| requests.adjust(number, out)),
    };
    load.run().await?;
    bench.product.settle().await
}

fn binary(given: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let path = match given {
        Some(path) => path,
        None => std::env::current_exe()?.with_file_name("trastienda"),
    };
    ensure!(
        path.is_file(),
        "{} is not there: build the standalone, or set TRASTIENDA_BIN",
        path.display()
    );
    Ok(path)
}

/// Short: the path of a Unix socket inside has a limit of about a hundred bytes.
fn work_folder(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    let folder = given.map_or_else(
        || std::env::temp_dir().join(format!("bench-{}", std::process::id())),
        Path::to_owned,
    );
    let is_new = std::fs::read_dir(&folder).map_or(true, |mut entries| entries.next().is_none());
    ensure!(is_new, "{} is not empty", folder.display());
    std::fs::create_dir_all(&folder)?;
    Ok(folder.canonicalize()?)
}
