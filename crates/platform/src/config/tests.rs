//! The manual, the order of the sources, and what is refused.

use super::*;

fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn with_environment(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::load_from(None, &variables(pairs))
}

fn with_file(text: &str, pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let path = std::env::temp_dir().join(format!("trastienda-config-{}.toml", crate::clock::fresh_id()));
    std::fs::write(&path, text).unwrap();
    let result = Config::load_from(Some(&path), &variables(pairs));
    std::fs::remove_file(&path).unwrap();
    result
}

/// All keys as (table, key).
fn keys(value: &serde_json::Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (name, value) in value.as_object().unwrap() {
        match value.as_object() {
            Some(table) => found.extend(table.keys().map(|key| (name.clone(), key.clone()))),
            None => found.push((String::new(), name.clone())),
        }
    }
    found
}

#[test]
fn the_manual_parses_and_its_values_are_within_the_limits() {
    let config = with_environment(&[]).unwrap();
    assert_eq!(format!("{config:?}"), format!("{:?}", Config::default()));
    assert_eq!(config.dispatcher.retry_schedule_s.len(), 9);
    assert_eq!(config.engine.batch_max, 1_024);
}

#[test]
fn the_manual_names_every_key_in_its_table() {
    let mut table = String::new();
    let mut named = Vec::new();
    for line in MANUAL.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            table = name.to_owned();
        } else if let Some((key, _)) = line.trim_start_matches("# ").split_once(" = ") {
            named.push((table.clone(), key.to_owned()));
        }
    }
    for key in keys(&serde_json::to_value(Config::default()).unwrap()) {
        assert!(named.contains(&key), "the manual does not name {key:?}");
    }
}

#[test]
fn every_example_that_is_commented_out_is_valid() {
    let uncommented: String = MANUAL
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            // The two key-encryption keys exclude each other.
            Some(example) if example.contains(" = ") && !example.starts_with("kek ") => {
                format!("{example}\n")
            }
            _ => format!("{line}\n"),
        })
        .collect();
    let config = with_file(&uncommented, &[]).unwrap();
    assert!(config.database_url.is_some() && config.keys.kek_file.is_some());
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_manual() {
    let file = "metrics_listen = \"127.0.0.1:1\"\n[http]\nlisten = \"127.0.0.1:2\"\nmax_connections = 3\n";
    let config = with_file(file, &[("TRASTIENDA_HTTP__LISTEN", "127.0.0.1:4")]).unwrap();
    assert_eq!(config.metrics_listen.map(|at| at.port()), Some(1));
    assert_eq!(config.http.listen.port(), 4);
    assert_eq!(config.http.max_connections, 3);
    assert_eq!(config.http.max_body_bytes, 1 << 20);
}

#[test]
fn the_plain_names_of_other_tools_count_unless_ours_is_set() {
    let plain = ("DATABASE_URL", "postgres://plain/x");
    assert_eq!(
        with_environment(&[plain]).unwrap().database_url.unwrap().expose(),
        plain.1
    );
    let own = ("TRASTIENDA_DATABASE_URL", "postgres://own/x");
    assert_eq!(
        with_environment(&[own, plain])
            .unwrap()
            .database_url
            .unwrap()
            .expose(),
        own.1
    );
}

#[test]
fn a_module_is_switched_off_by_a_variable_with_one_underscore() {
    let on = with_environment(&[]).unwrap().enable;
    assert!(on.hybrid_prep && on.analytics);
    let off = with_environment(&[("TRASTIENDA_ENABLE_ANALYTICS", "false")])
        .unwrap()
        .enable;
    assert!(off.hybrid_prep && !off.analytics);
    let message = with_environment(&[("TRASTIENDA_ENABLE_ANALYTIC", "false")])
        .unwrap_err()
        .to_string();
    assert!(message.contains("unknown key enable.analytic"), "{message}");
}

#[test]
fn a_list_can_come_from_the_environment() {
    let config =
        with_environment(&[("TRASTIENDA_OUTBOUND__ALLOW", r#"["127.0.0.1:18099", "[::1]:9"]"#)]).unwrap();
    assert_eq!(
        config
            .outbound
            .allow
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        ["127.0.0.1:18099", "[::1]:9"]
    );
    let bare = with_environment(&[("TRASTIENDA_OUTBOUND__ALLOW", "[127.0.0.1:18099]")]).unwrap();
    assert_eq!(bare.outbound.allow.len(), 1);
}

#[test]
fn an_unknown_key_is_refused_with_its_name_and_its_source() {
    let message = with_environment(&[("TRASTIENDA_HTTP__LISTN", "x")])
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("unknown key http.listn in the environment"),
        "{message}"
    );
    let message = with_file("colour = 1\n", &[]).unwrap_err().to_string();
    assert!(message.contains("unknown key colour in file /"), "{message}");
}

#[test]
fn settings_that_nothing_reads_are_refused_rather_than_ignored() {
    for key in ["timeout_ms", "poll_min_ms"] {
        let message = with_file(&format!("[dispatcher]\n{key} = 5\n"), &[])
            .unwrap_err()
            .to_string();
        assert!(message.contains(&format!("dispatcher.{key}")), "{message}");
    }
}

#[test]
fn a_value_of_the_wrong_type_is_refused_without_being_repeated() {
    let message = with_environment(&[("TRASTIENDA_ENGINE__BATCH_MAX", "hunter2")])
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("engine.batch_max in the environment must be"),
        "{message}"
    );
    assert!(!message.contains("hunter2"), "{message}");
}

#[test]
fn a_value_out_of_its_limits_is_refused() {
    for (name, value, key) in [
        ("TRASTIENDA_ENGINE__BATCH_MAX", "0", "engine.batch_max"),
        ("TRASTIENDA_OUTBOUND__DNS_TTL_S", "31", "outbound.dns_ttl_s"),
        ("TRASTIENDA_DISPATCHER__LEASE_S", "30", "dispatcher.lease_s"),
        (
            "TRASTIENDA_DISPATCHER__POLL_MAX_MS",
            "1001",
            "dispatcher.poll_max_ms",
        ),
        (
            "TRASTIENDA_DISPATCHER__SECURITY_OFFSETS_S",
            "[5, 0]",
            "dispatcher.security_offsets_s",
        ),
        (
            "TRASTIENDA_TELEMETRY__OTLP_ENDPOINT",
            "collector:4318",
            "telemetry.otlp_endpoint",
        ),
    ] {
        let message = with_environment(&[(name, value)]).unwrap_err().to_string();
        assert!(message.starts_with(key), "{name}={value}: {message}");
    }
}

#[test]
fn a_missing_file_is_an_error_and_not_an_empty_one() {
    let result = with_environment(&[("TRASTIENDA_CONFIG", "/nonexistent/trastienda.toml")]);
    assert!(matches!(result, Err(ConfigError::File { .. })));
}

#[test]
fn secrets_show_neither_in_debug_nor_in_a_dump() {
    let config = with_environment(&[
        ("TRASTIENDA_KEYS__KEK", "c2VjcmV0"),
        ("DATABASE_URL", "postgres://u:hunter2@h/d"),
    ])
    .unwrap();
    let shown = format!("{config:?}{}", serde_json::to_string(&config).unwrap());
    assert!(
        !shown.contains("c2VjcmV0") && !shown.contains("hunter2"),
        "{shown}"
    );
}
