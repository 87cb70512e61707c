//! The environment as a source of configuration, and errors that name their source. It gets the variables as an
//! argument, so that tests need not change the process.

use figment::error::Kind;
use figment::value::{Dict, Map, Value};
use figment::{Error, Metadata, Profile, Provider};

const PREFIX: &str = "TRASTIENDA_";
/// Switches of modules have one underscore, as in the customer's own settings.
const ENABLE: &str = "enable_";
/// Names the file, so it is not a key.
const NOT_A_KEY: &str = "TRASTIENDA_CONFIG";
/// What other tools call these settings; ours have precedence.
const PLAIN: [&str; 2] = ["DATABASE_URL", "NATS_URL"];

/// Our variables out of a process's environment.
pub(super) struct Environment {
    /// (key path such as `http.listen`, value), the weaker ones first.
    settings: Vec<(String, String)>,
}

impl Environment {
    pub(super) fn new(variables: &[(String, String)]) -> Self {
        let plain = variables
            .iter()
            .filter(|(name, value)| PLAIN.contains(&name.as_str()) && !value.is_empty())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
        let own = variables
            .iter()
            .filter(|(name, _)| name != NOT_A_KEY)
            .filter_map(|(name, value)| {
                let key = name.strip_prefix(PREFIX)?;
                let key = key.to_ascii_lowercase().replace("__", ".");
                let key = match key.strip_prefix(ENABLE) {
                    Some(module) => format!("enable.{module}"),
                    None => key,
                };
                Some((key, value.clone()))
            });
        Self {
            settings: plain.chain(own).collect(),
        }
    }
}

impl Provider for Environment {
    fn metadata(&self) -> Metadata {
        Metadata::named("the environment").interpolater(|_: &Profile, path: &[&str]| {
            format!("{PREFIX}{}", path.join("__").to_ascii_uppercase())
        })
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let mut root = Dict::new();
        for (key, text) in &self.settings {
            let value: Value = match text.parse() {
                Ok(value) => value,
                Err(never) => match never {},
            };
            put(&mut root, key, value);
        }
        Ok(Profile::Default.collect(root))
    }
}

/// Puts a value under a path such as `http.listen`, beside what is there.
fn put(table: &mut Dict, path: &str, value: Value) {
    let Some((first, rest)) = path.split_once('.') else {
        table.insert(path.to_owned(), value);
        return;
    };
    let inner = table
        .entry(first.to_owned())
        .or_insert_with(|| Value::from(Dict::new()));
    match inner {
        Value::Dict(_, inner) => put(inner, rest, value),
        // Both TRASTIENDA_X and TRASTIENDA_X__Y are set: the latter shows what X should be.
        other => *other = figment::util::nest(rest, value),
    }
}

/// A source under a name of its own.
pub(super) struct Named<P> {
    name: String,
    source: P,
}

impl<P: Provider> Named<P> {
    pub(super) fn new(name: String, source: P) -> Self {
        Self { name, source }
    }
}

impl<P: Provider> Provider for Named<P> {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        self.source.data()
    }
}

/// All that is wrong, one sentence each, without the offending values: they may be secrets.
pub(super) fn explain(error: &Error) -> String {
    error
        .clone()
        .into_iter()
        .map(|one| explain_one(&one))
        .collect::<Vec<_>>()
        .join("; ")
}

fn explain_one(error: &Error) -> String {
    let key = error.path.join(".");
    let source = error
        .metadata
        .as_ref()
        .map_or_else(|| "the configuration".to_owned(), |m| m.name.to_string());
    match &error.kind {
        Kind::UnknownField(name, known) => {
            let parent = error.path[..error.path.len().saturating_sub(1)].join(".");
            let name = if parent.is_empty() {
                name.clone()
            } else {
                format!("{parent}.{name}")
            };
            format!("unknown key {name} in {source}; known here: {}", known.join(", "))
        }
        Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected) => {
            format!("{key} in {source} must be {expected}")
        }
        Kind::MissingField(name) => {
            format!("{key}{}{name} is missing", if key.is_empty() { "" } else { "." })
        }
        other => format!(
            "{}{other} in {source}",
            if key.is_empty() {
                String::new()
            } else {
                format!("{key}: ")
            }
        ),
    }
}
