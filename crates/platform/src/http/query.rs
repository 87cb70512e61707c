//! Which parameters an operation's query may have, from the API's document.
//!
//! A misspelt filter would otherwise be no filter, and the answer the whole list. Not here: what a parameter may say,
//! which its operation checks; and calls with an API key, which may bring parameters of their own for their log.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::codes;
use super::problem::Problem;
use super::route::{Route, Verb};
use super::text::Text;

/// The names that each operation knows. Rows that the document leaves out, such as pages, take any.
#[derive(Debug, Default)]
pub(super) struct KnownParameters(HashMap<String, Vec<(Verb, BTreeSet<String>)>>);

impl KnownParameters {
    pub(super) fn of(document: &Value) -> Self {
        let names = |operation: &Value| {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let of_query = parameters.filter(|parameter| parameter["in"] == "query");
            of_query
                .filter_map(|parameter| parameter["name"].as_str().map(str::to_owned))
                .collect()
        };
        let known = document["paths"].as_object().into_iter().flatten();
        let known = known.map(|(path, item)| {
            let verbs = Verb::ALL.into_iter().filter_map(|verb| {
                let operation = item.get(verb.as_str().to_ascii_lowercase())?;
                Some((verb, names(operation)))
            });
            (path.clone(), verbs.collect())
        });
        Self(known.collect())
    }

    /// # Errors
    /// `request.parameter_unknown`, which names the first that the operation does not know, and those that it does.
    pub(super) fn check(&self, route: &Route, query: &str) -> Result<(), Problem> {
        if query.is_empty() {
            return Ok(());
        }
        let verbs = self.0.get(route.path).into_iter().flatten();
        let Some((_, known)) = verbs.into_iter().find(|(verb, _)| *verb == route.method) else {
            return Ok(());
        };
        let mut names = url::form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name);
        let Some(unknown) = names.find(|name| !known.contains(name.as_ref())) else {
            return Ok(());
        };
        let unknown: String = unknown.chars().take(60).collect();
        let list = known.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let text = if list.is_empty() {
            Text::new(
                format!("No hay un parámetro «{unknown}»; esta operación no tiene ninguno."),
                format!("There is no parameter \"{unknown}\"; this operation has none."),
            )
        } else {
            Text::new(
                format!("No hay un parámetro «{unknown}»; esta operación tiene: {list}."),
                format!("There is no parameter \"{unknown}\"; this operation has: {list}."),
            )
        };
        Err(Problem::new(&codes::PARAMETER_UNKNOWN).detail(text))
    }
}
