//! The command line. What is not here is in the configuration (`trastienda.default.toml` is its manual).

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "trastienda", version, about = "The back room of a retail chain")]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Every service in one process, with a private Postgres and NATS unless URLs of others are configured.
    Standalone(StandaloneArgs),
    /// Prints the merged OpenAPI document.
    Openapi,
    /// Prints the AsyncAPI document of all events that leave.
    Asyncapi,
    /// Tenants, which only this command line creates.
    #[command(subcommand)]
    Tenant(TenantCommand),
    /// Imports a file of articles or stock (CSV or XLSX) into a running system.
    Import(ImportArgs),
    /// The read models: rebuilt beside those that queries read, switched to, and back.
    #[command(subcommand)]
    Projections(ProjectionsCommand),
}

#[derive(Debug, Args)]
pub struct StandaloneArgs {
    /// Folder of all data, created when missing; otherwise `data_dir` of the configuration, which is ./data.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Port of the API on 127.0.0.1; 0 takes a free one.
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
    /// Configuration file.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Creates the demo tenants and writes demo.json into the data folder.
    #[arg(long)]
    pub demo: bool,
    /// Lets webhooks reach exactly this address although the guard refuses it. Repeatable.
    #[arg(long, value_name = "HOST:PORT")]
    pub allow_outbound: Vec<String>,
    /// Folder with `postgres` and `initdb`, when it is not found by itself.
    #[arg(long, value_name = "DIR")]
    pub postgres_bin: Option<PathBuf>,
    /// The `nats-server` binary, when it is not found by itself.
    #[arg(long, value_name = "FILE")]
    pub nats_server: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum TenantCommand {
    /// Creates a tenant and its first administrator in a running system.
    Create(TenantCreateArgs),
}

#[derive(Debug, Args)]
pub struct TenantCreateArgs {
    /// 1 to 40 of a-z, 0-9 and -.
    #[arg(long)]
    pub id: String,
    #[arg(long)]
    pub name: String,
    /// ISO 4217, such as HNL.
    #[arg(long)]
    pub currency: String,
    /// IANA name, such as America/Tegucigalpa.
    #[arg(long)]
    pub time_zone: String,
    /// Catalogue prices do not include tax.
    #[arg(long)]
    pub prices_without_tax: bool,
    /// Stock may fall below zero.
    #[arg(long)]
    pub allow_negative_stock: bool,
    #[arg(long, default_value = "admin")]
    pub admin: String,
    /// File with the administrator's password; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    pub password_file: PathBuf,
    /// Configuration file of the running system.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Data folder of the standalone that runs; its database and key are used.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

/// What a file is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ImportKind {
    Articulos,
    Stock,
}

#[derive(Debug, Args)]
pub struct ImportArgs {
    /// CSV or XLSX, at most 20 MiB and 100,000 rows.
    #[arg(value_name = "ARCHIVO")]
    pub archivo: PathBuf,
    /// What of the file counts: the catalogue or the stock.
    #[arg(long, value_enum, default_value = "articulos")]
    pub tipo: ImportKind,
    #[arg(long, value_name = "ID")]
    pub tenant: String,
    /// The store whose stock it is; needed for stock.
    #[arg(long, alias = "store", value_name = "STORE")]
    pub tienda: Option<String>,
    /// Quantities are goods that came in, to be added; otherwise they are what was counted.
    #[arg(long)]
    pub recibido: bool,
    /// Stop at the draft: show what would change.
    #[arg(long, alias = "draft")]
    pub borrador: bool,
    /// Why; kept with every change.
    #[arg(
        long,
        alias = "reason",
        value_name = "TEXT",
        default_value = "Importación por línea de comandos"
    )]
    pub motivo: String,
    /// What a manager or administrator takes responsibility for; comma-separated. Needs --usuario and --clave.
    #[arg(
        long,
        alias = "overrides",
        value_enum,
        value_delimiter = ',',
        value_name = "NAMES",
        requires = "usuario"
    )]
    pub excepciones: Vec<ImportException>,
    /// Who signs in; without it the import is the command line's own, which takes no responsibility.
    #[arg(long, alias = "user", value_name = "USER", requires = "clave")]
    pub usuario: Option<String>,
    /// File with that user's password; `-` reads standard input.
    #[arg(long, alias = "password-file", value_name = "FILE")]
    pub clave: Option<PathBuf>,
    /// Where the running system answers, for whoever signs in; of --data it is known.
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// Language of what is said.
    #[arg(long, alias = "language", value_enum, default_value = "es")]
    pub idioma: Tongue,
    #[command(flatten)]
    pub system: RunningSystem,
}

/// What an import holds back until somebody takes responsibility.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ImportException {
    #[value(name = "price_drop")]
    PriceDrop,
    #[value(name = "negative_adjustment")]
    NegativeAdjustment,
    #[value(name = "known_imei")]
    KnownImei,
    #[value(name = "repeated_file")]
    RepeatedFile,
}

impl ImportException {
    /// As the API names it.
    pub fn name(self) -> &'static str {
        match self {
            ImportException::PriceDrop => "price_drop",
            ImportException::NegativeAdjustment => "negative_adjustment",
            ImportException::KnownImei => "known_imei",
            ImportException::RepeatedFile => "repeated_file",
        }
    }
}

/// A language of the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Tongue {
    Es,
    En,
}

/// How to reach a running system.
#[derive(Debug, Args)]
pub struct RunningSystem {
    /// Data folder of the standalone that runs.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Configuration file of the running system.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum ProjectionsCommand {
    /// Which groups of read models there are, how far they are, and what is under way.
    Status(RunningSystem),
    /// Fills a new group from the log beside the one that queries read, compares them, and switches.
    Rebuild {
        #[command(flatten)]
        system: RunningSystem,
        /// Switch even if rows differ.
        #[arg(long)]
        force: bool,
        /// Stop before the switch.
        #[arg(long)]
        hold: bool,
    },
    /// Compares a group that waits, and switches to it.
    Switch {
        #[command(flatten)]
        system: RunningSystem,
        /// Its number; the newest by default.
        #[arg(long)]
        group: Option<i32>,
        /// Switch even if rows differ.
        #[arg(long)]
        force: bool,
    },
    /// Switches to the group that was read before.
    SwitchBack(RunningSystem),
    /// Drops a group that is not read, or all of them.
    Drop {
        #[command(flatten)]
        system: RunningSystem,
        #[arg(long)]
        group: Option<i32>,
    },
}
