//! The one configuration of all services: the embedded manual, then a file, then the environment.
//!
//! `trastienda.default.toml` beside this crate's manifest is both the manual and the defaults; no default stands
//! in code. Deliberately absent: reading the environment anywhere else.

mod environment;
mod limits;
mod secret;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Format, Toml};
use serde::{Deserialize, Serialize};

use crate::http::AddressRange;
use crate::outbound::HostPort;
pub use secret::Secret;

/// The commented manual, which holds the defaults.
pub const MANUAL: &str = include_str!("../trastienda.default.toml");

/// Names the file when `--config` does not.
const CONFIG_VARIABLE: &str = "TRASTIENDA_CONFIG";

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The named file does not exist or cannot be read.
    #[error("cannot read the configuration file {}", path.display())]
    File { path: PathBuf, source: std::io::Error },
    /// Malformed, of the wrong type, or an unknown key; says which key and where it stands.
    #[error("{0}")]
    Malformed(String),
    /// A value out of its limits, or values that contradict each other.
    #[error("{key} {rule}")]
    Limit { key: &'static str, rule: String },
}

/// Everything that can be set. Units are in the names; what a key means stands in the manual.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub database_url: Option<Secret>,
    pub engine_database_url: Option<Secret>,
    pub api_database_url: Option<Secret>,
    pub nats_url: Option<Secret>,
    pub data_dir: PathBuf,
    pub metrics_listen: Option<SocketAddr>,
    pub database: DatabaseConfig,
    pub http: HttpConfig,
    pub engine: EngineConfig,
    pub projector: ProjectorConfig,
    pub relay: RelayConfig,
    pub dispatcher: DispatcherConfig,
    pub outbound: OutboundConfig,
    pub auth: AuthConfig,
    pub enable: EnableConfig,
    pub external: ExternalConfig,
    pub keys: KeysConfig,
    pub telemetry: TelemetryConfig,
    pub trial: TrialConfig,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseConfig {
    pub engine_connections: u32,
    pub api_connections: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    pub listen: SocketAddr,
    pub public_base_url: Option<String>,
    pub trusted_proxies: Vec<AddressRange>,
    pub header_read_timeout_ms: u64,
    pub body_read_timeout_ms: u64,
    pub request_timeout_ms: u64,
    pub answer_write_timeout_ms: u64,
    pub keep_alive_timeout_ms: u64,
    pub max_body_bytes: usize,
    pub max_connections: usize,
}

impl HttpConfig {
    /// Where clients find the API: as configured, else the address listened on.
    pub fn public_base_url(&self) -> String {
        let listening = || format!("http://{}", self.listen);
        self.public_base_url.clone().unwrap_or_else(listening)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineConfig {
    pub queue_per_tenant: usize,
    pub queue_total: usize,
    pub batch_max: usize,
    pub cache_mib: usize,
    pub max_streams_per_command: usize,
    pub snapshot_every: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectorConfig {
    pub batch: usize,
    pub poll_min_ms: u64,
    pub poll_max_ms: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelayConfig {
    pub window: usize,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DispatcherConfig {
    pub workers: usize,
    pub batch: usize,
    pub poll_max_ms: u64,
    pub lease_s: u64,
    pub retry_schedule_s: Vec<u64>,
    pub retry_jitter_percent: u8,
    pub retry_after_max_s: u64,
    pub security_offsets_s: Vec<u64>,
    pub security_timeout_ms: u64,
    pub retention_days: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutboundConfig {
    pub allow: Vec<HostPort>,
    pub max_response_bytes: usize,
    pub connect_timeout_ms: u64,
    pub dns_ttl_s: u64,
    pub dns_timeout_ms: u64,
    pub idle_per_host: usize,
    pub idle_timeout_ms: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthConfig {
    pub token_ttl_s: u64,
    pub issuer: String,
    pub audience: String,
    pub argon2_memory_kib: u32,
    pub argon2_iterations: u32,
    pub argon2_parallelism: u32,
    pub argon2_at_once: usize,
    pub sign_in_window_s: u64,
    pub sign_in_failures_per_user_and_address: u32,
    pub sign_in_failures_per_address: u32,
    pub sign_in_failures_per_user: u32,
    pub sign_in_failures_per_tenant: u32,
}

/// Modules that are on; `TRASTIENDA_ENABLE_<MODULE>`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnableConfig {
    pub hybrid_prep: bool,
    pub analytics: bool,
    pub transfers: bool,
    pub purchases: bool,
    pub orders: bool,
    pub repairs: bool,
    pub smart_import: bool,
    pub offline_tills: bool,
    pub external_api: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExternalConfig {
    pub log_retention_days: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeysConfig {
    pub kek_file: Option<PathBuf>,
    pub kek: Option<Secret>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetryConfig {
    pub log_format: LogFormat,
    pub log_level: String,
    pub otlp_endpoint: Option<String>,
    pub trace_sample_percent: u8,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Json,
    Text,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrialConfig {
    pub allow_unsafe_durability: bool,
}

impl Default for Config {
    /// The manual's values.
    fn default() -> Self {
        Figment::from(Toml::string(MANUAL))
            .extract()
            .expect("the embedded manual is tested to parse")
    }
}

impl Config {
    /// Reads the manual's defaults, the file (the argument, else the one that `TRASTIENDA_CONFIG` names) and the
    /// process's environment.
    ///
    /// # Errors
    /// When the file is missing, a key is unknown or malformed, or a value is out of its limits.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        // A variable that is not UTF-8 cannot be one of ours: our keys and values are text.
        let variables: Vec<(String, String)> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self::load_from(file, &variables)
    }

    /// As `load`, with the environment as an argument.
    ///
    /// # Errors
    /// As `load`.
    pub fn load_from(file: Option<&Path>, variables: &[(String, String)]) -> Result<Self, ConfigError> {
        let named = variables
            .iter()
            .find(|(name, _)| name == CONFIG_VARIABLE)
            .map(|(_, path)| PathBuf::from(path));
        let mut figment = Figment::from(Toml::string(MANUAL));
        if let Some(path) = file.map(Path::to_path_buf).or(named) {
            // Read here, since figment takes a missing file for an empty one.
            let text = std::fs::read_to_string(&path).map_err(|source| ConfigError::File {
                path: path.clone(),
                source,
            })?;
            figment = figment.merge(environment::Named::new(
                format!("file {}", path.display()),
                Toml::string(&text),
            ));
        }
        let config: Self = figment
            .merge(environment::Environment::new(variables))
            .extract()
            .map_err(|error| ConfigError::Malformed(environment::explain(&error)))?;
        limits::check(&config)?;
        Ok(config)
    }
}

#[cfg(test)]
mod tests;
