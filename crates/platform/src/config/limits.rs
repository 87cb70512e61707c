//! What a configured value may be. Types and unknown keys are refused before; this is about ranges and
//! contradictions, so that a wrong value fails the start and not a request at night.

use std::ops::RangeInclusive;

use super::{AuthConfig, Config, ConfigError, HttpConfig};

/// Longest life of a name's answer: a receiver that moves is followed within it.
const MAX_DNS_TTL_S: u64 = 30;
/// Longest attempt that an endpoint may ask for (WHK-2).
const MAX_ATTEMPT_MS: u64 = 30_000;

fn within<N: PartialOrd + std::fmt::Display>(
    key: &'static str,
    value: N,
    limits: RangeInclusive<N>,
) -> Result<(), ConfigError> {
    if limits.contains(&value) {
        return Ok(());
    }
    Err(ConfigError::Limit {
        key,
        rule: format!("must be {} to {}, not {value}", limits.start(), limits.end()),
    })
}

fn refuse_if(wrong: bool, key: &'static str, rule: &str) -> Result<(), ConfigError> {
    if wrong {
        Err(ConfigError::Limit {
            key,
            rule: rule.to_owned(),
        })
    } else {
        Ok(())
    }
}

pub(super) fn check(config: &Config) -> Result<(), ConfigError> {
    check_edges(config)?;
    check_engine(config)?;
    check_followers(config)?;
    check_dispatcher(config)?;
    check_security(config)
}

fn check_edges(config: &Config) -> Result<(), ConfigError> {
    within(
        "database.engine_connections",
        config.database.engine_connections,
        1..=500,
    )?;
    within(
        "database.api_connections",
        config.database.api_connections,
        1..=500,
    )?;
    within(
        "http.header_read_timeout_ms",
        config.http.header_read_timeout_ms,
        100..=60_000,
    )?;
    within(
        "http.body_read_timeout_ms",
        config.http.body_read_timeout_ms,
        100..=300_000,
    )?;
    within(
        "the length of http.trusted_proxies",
        config.http.trusted_proxies.len(),
        0..=100,
    )?;
    check_request_times(&config.http)?;
    within(
        "http.max_body_bytes",
        config.http.max_body_bytes,
        1_024..=16 << 20,
    )?;
    within("http.max_connections", config.http.max_connections, 1..=1_000_000)?;
    if let Some(base) = &config.http.public_base_url {
        check_web_url("http.public_base_url", base)?;
    }
    within(
        "telemetry.trace_sample_percent",
        config.telemetry.trace_sample_percent,
        0..=100,
    )?;
    if let Some(endpoint) = &config.telemetry.otlp_endpoint {
        check_web_url("telemetry.otlp_endpoint", endpoint)?;
    }
    refuse_if(
        tracing_subscriber::EnvFilter::try_new(&config.telemetry.log_level).is_err(),
        "telemetry.log_level",
        "must be directives such as info,sqlx=warn",
    )
}

fn check_request_times(http: &HttpConfig) -> Result<(), ConfigError> {
    within(
        "http.request_timeout_ms",
        http.request_timeout_ms,
        1_000..=600_000,
    )?;
    refuse_if(
        http.request_timeout_ms <= http.body_read_timeout_ms,
        "http.request_timeout_ms",
        "must be longer than http.body_read_timeout_ms, which is a part of it",
    )?;
    within(
        "http.answer_write_timeout_ms",
        http.answer_write_timeout_ms,
        100..=3_600_000,
    )?;
    within(
        "http.keep_alive_timeout_ms",
        http.keep_alive_timeout_ms,
        100..=3_600_000,
    )
}

fn check_web_url(key: &'static str, text: &str) -> Result<(), ConfigError> {
    let good =
        url::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    refuse_if(!good, key, "must be an http or https URL")
}

fn check_engine(config: &Config) -> Result<(), ConfigError> {
    let engine = &config.engine;
    within("engine.queue_total", engine.queue_total, 1..=1_000_000)?;
    within(
        "engine.queue_per_tenant",
        engine.queue_per_tenant,
        1..=engine.queue_total,
    )?;
    within("engine.batch_max", engine.batch_max, 1..=10_000)?;
    within("engine.cache_mib", engine.cache_mib, 1..=1_048_576)?;
    within(
        "engine.max_streams_per_command",
        engine.max_streams_per_command,
        16..=2_048,
    )?;
    within("engine.snapshot_every", engine.snapshot_every, 10..=100_000)
}

fn check_followers(config: &Config) -> Result<(), ConfigError> {
    within("projector.batch", config.projector.batch, 1..=50_000)?;
    within("projector.poll_max_ms", config.projector.poll_max_ms, 1..=60_000)?;
    within(
        "projector.poll_min_ms",
        config.projector.poll_min_ms,
        1..=config.projector.poll_max_ms,
    )?;
    within("relay.window", config.relay.window, 1..=10_000)
}

fn check_dispatcher(config: &Config) -> Result<(), ConfigError> {
    let dispatcher = &config.dispatcher;
    within("dispatcher.workers", dispatcher.workers, 1..=10_000)?;
    within("dispatcher.batch", dispatcher.batch, 1..=10_000)?;
    within("dispatcher.poll_max_ms", dispatcher.poll_max_ms, 1..=1_000)?;
    within(
        "dispatcher.security_timeout_ms",
        dispatcher.security_timeout_ms,
        10..=MAX_ATTEMPT_MS,
    )?;
    within(
        "dispatcher.retry_jitter_percent",
        dispatcher.retry_jitter_percent,
        0..=100,
    )?;
    within(
        "dispatcher.retry_after_max_s",
        dispatcher.retry_after_max_s,
        1..=604_800,
    )?;
    within("dispatcher.retention_days", dispatcher.retention_days, 0..=36_500)?;
    within("dispatcher.lease_s", dispatcher.lease_s, 1..=3_600)?;
    refuse_if(
        dispatcher.lease_s * 1_000 <= MAX_ATTEMPT_MS,
        "dispatcher.lease_s",
        "must be longer than the longest attempt, 30 s, or two workers deliver at once",
    )?;
    within(
        "the length of dispatcher.retry_schedule_s",
        dispatcher.retry_schedule_s.len(),
        1..=32,
    )?;
    within(
        "the length of dispatcher.security_offsets_s",
        dispatcher.security_offsets_s.len(),
        1..=32,
    )?;
    for wait in &dispatcher.retry_schedule_s {
        within("each of dispatcher.retry_schedule_s", *wait, 0..=604_800)?;
    }
    for offset in &dispatcher.security_offsets_s {
        within("each of dispatcher.security_offsets_s", *offset, 0..=604_800)?;
    }
    refuse_if(
        !dispatcher.security_offsets_s.is_sorted(),
        "dispatcher.security_offsets_s",
        "must not decrease: they count from the event",
    )
}

fn check_security(config: &Config) -> Result<(), ConfigError> {
    let outbound = &config.outbound;
    within("the length of outbound.allow", outbound.allow.len(), 0..=1_000)?;
    within(
        "outbound.max_response_bytes",
        outbound.max_response_bytes,
        1..=65_536,
    )?;
    within(
        "outbound.connect_timeout_ms",
        outbound.connect_timeout_ms,
        10..=MAX_ATTEMPT_MS,
    )?;
    within("outbound.dns_ttl_s", outbound.dns_ttl_s, 0..=MAX_DNS_TTL_S)?;
    within(
        "outbound.dns_timeout_ms",
        outbound.dns_timeout_ms,
        10..=MAX_ATTEMPT_MS,
    )?;
    within("outbound.idle_per_host", outbound.idle_per_host, 0..=10_000)?;
    within(
        "outbound.idle_timeout_ms",
        outbound.idle_timeout_ms,
        100..=600_000,
    )?;
    within(
        "external.log_retention_days",
        config.external.log_retention_days,
        1..=3_650,
    )?;
    let auth = &config.auth;
    within("auth.token_ttl_s", auth.token_ttl_s, 60..=86_400)?;
    refuse_if(auth.issuer.is_empty(), "auth.issuer", "must not be empty")?;
    refuse_if(auth.audience.is_empty(), "auth.audience", "must not be empty")?;
    within(
        "auth.argon2_memory_kib",
        auth.argon2_memory_kib,
        8_192..=1_048_576,
    )?;
    within("auth.argon2_iterations", auth.argon2_iterations, 1..=20)?;
    within("auth.argon2_parallelism", auth.argon2_parallelism, 1..=16)?;
    within("auth.argon2_at_once", auth.argon2_at_once, 1..=64)?;
    check_sign_in(auth)?;
    refuse_if(
        config.keys.kek.is_some() && config.keys.kek_file.is_some(),
        "keys.kek",
        "and keys.kek_file exclude each other",
    )
}

fn check_sign_in(auth: &AuthConfig) -> Result<(), ConfigError> {
    within("auth.sign_in_window_s", auth.sign_in_window_s, 1..=86_400)?;
    let per_address = auth.sign_in_failures_per_address;
    within("auth.sign_in_failures_per_address", per_address, 1..=1_000_000)?;
    within(
        "auth.sign_in_failures_per_user_and_address",
        auth.sign_in_failures_per_user_and_address,
        1..=1_000_000,
    )?;
    // Otherwise one address could lock a user or a whole tenant out.
    within(
        "auth.sign_in_failures_per_user",
        auth.sign_in_failures_per_user,
        per_address + 1..=10_000_000,
    )?;
    within(
        "auth.sign_in_failures_per_tenant",
        auth.sign_in_failures_per_tenant,
        per_address + 1..=10_000_000,
    )
}
