//! Examples in the API's document: calls that the flow tests made, chosen, cleaned and kept in `docs/examples`.
//!
//! With `RECORD_EXAMPLES=missing` set, calls of operations (and of their statuses) without an example are kept;
//! `RECORD_EXAMPLES=all` chooses anew among the calls of this run. `cargo xtask gen` then writes them into
//! `docs/openapi.json`. Without the variable nothing is written. Not here: the calls, which are the other tests'.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex};

use jsonschema::Registry;
use platform::http::Route;
use platform::http::examples::{Answered, Asked, Call, Recorded};
use platform::http::route::{Found, Matcher};
use reqwest::{Request, Url};
use serde_json::{Map, Value, json};

use crate::client::Answer;
use crate::product::repository;
use crate::tenancy::rows;

const SWITCH: &str = "RECORD_EXAMPLES";
const HOW: &str = "let a flow test call it through tests/it/client.rs, run the tests with RECORD_EXAMPLES=missing, \
    then `cargo xtask gen`";
/// A call that is longer is no example, in characters.
const MAX_CHARS: usize = 12_000;
/// Fields that hold what only one party may know, and what such texts begin with.
const SECRET_FIELDS: [&str; 9] = [
    "password",
    "new_password",
    "access_token",
    "token",
    "api_key",
    "secret",
    "clave",
    "kid",
    "x",
];
const SECRET_PREFIXES: [&str; 4] = ["whsec_", "sk_live_", "trastienda_it_", "eyJ"];

type Table = &'static [Route];

/// The files, and the tables of the service that each belongs to.
const FILES: [(&str, &[Table]); 3] = [
    (
        "command-service.json",
        &[command_service::routes::ROUTES, command_service::imports::ROUTES],
    ),
    ("query-service.json", &[query_service::ROUTES]),
    ("dispatcher.json", &[dispatcher::ROUTES, dispatcher::feed::ROUTES]),
];

fn file(name: &str) -> PathBuf {
    repository().join("docs/examples").join(name)
}

fn read(name: &str) -> Recorded {
    serde_json::from_slice(&std::fs::read(file(name)).unwrap()).unwrap()
}

/// The best call so far of each operation and status.
struct Book {
    matcher: Matcher,
    best: BTreeMap<(&'static str, u16), (i64, Call)>,
}

static BOOK: LazyLock<Option<Mutex<Book>>> = LazyLock::new(|| {
    let mode = std::env::var_os(SWITCH)?;
    let tables: Vec<Table> = FILES.iter().flat_map(|(_, tables)| *tables).copied().collect();
    let worth = if mode == "all" { i64::MIN } else { i64::MAX };
    let mut best = BTreeMap::new();
    for (name, call) in FILES.iter().flat_map(|(name, _)| read(name)) {
        // What no table has any more is forgotten.
        let Some(row) = rows().find(|row| row.operation == name) else {
            continue;
        };
        best.extend(
            call.into_iter()
                .map(|call| ((row.operation, call.response.status), (worth, call))),
        );
    }
    let matcher = Matcher::new(&tables).unwrap();
    Some(Mutex::new(Book { matcher, best }))
});

/// Whether calls are to be recorded, so that nobody copies requests for nothing.
pub fn is_recording() -> bool {
    BOOK.is_some()
}

/// Offers a call as an example.
pub fn offer(request: &Request, answer: &Answer) {
    let Some(book) = &*BOOK else { return };
    let is_json = |headers: &reqwest::header::HeaderMap| {
        headers
            .get("content-type")
            .is_some_and(|kind| kind == "application/json")
    };
    if !answer.status.is_success() || !is_json(&answer.headers) {
        return;
    }
    let mut book = book.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let Found::Route { route, .. } = book.matcher.find(request.method(), request.url().path()) else {
        return;
    };
    let body = request.body().and_then(|body| body.as_bytes());
    let body = body.filter(|_| is_json(request.headers()));
    let mut call = Call {
        request: Asked {
            path: path_values(route.path, request.url()),
            query: query_values(request.url()),
            body: body.and_then(|bytes| serde_json::from_slice(bytes).ok()),
        },
        response: Answered {
            status: answer.status.as_u16(),
            body: answer.body.clone(),
        },
    };
    clean_call(&mut call);
    let worth = worth(&call);
    let key = (route.operation, call.response.status);
    if worth > i64::MIN && book.best.get(&key).is_none_or(|(other, _)| worth > *other) {
        book.best.insert(key, (worth, call));
        write(&book);
    }
}

fn write(book: &Book) {
    for (name, tables) in FILES {
        let mut recorded = Recorded::new();
        for ((operation, _), (_, call)) in &book.best {
            let belongs = |table: &&Table| table.iter().any(|row| row.operation == *operation);
            if tables.iter().any(|table| belongs(&table)) {
                recorded
                    .entry((*operation).to_owned())
                    .or_default()
                    .push(call.clone());
            }
        }
        let text = serde_json::to_string_pretty(&recorded).unwrap() + "\n";
        let unfinished = file(name).with_extension("json.new");
        std::fs::write(&unfinished, text).unwrap();
        std::fs::rename(&unfinished, file(name)).unwrap();
    }
}

fn path_values(pattern: &str, url: &Url) -> Map<String, Value> {
    let parts = pattern.split('/').zip(url.path().split('/'));
    parts
        .filter_map(|(name, value)| {
            let name = name.strip_prefix('{')?.strip_suffix('}')?;
            Some((name.to_owned(), json!(decoded(value))))
        })
        .collect()
}

/// A path's segment without percent-encoding.
fn decoded(segment: &str) -> String {
    let query = format!("http://host/?v={}", segment.replace('+', "%2B"));
    let url = Url::parse(&query).unwrap();
    url.query_pairs().next().unwrap().1.into_owned()
}

/// Without the position that the tests wait for: a reader of an example has none.
fn query_values(url: &Url) -> Map<String, Value> {
    url.query_pairs()
        .filter(|(name, _)| name != "min_position" && name != "cursor")
        .map(|(name, value)| (name.into_owned(), json!(value)))
        .collect()
}

/// How well a call shows what its operation does: many fields, few words, nothing empty.
fn worth(call: &Call) -> i64 {
    let text = serde_json::to_string(call).unwrap();
    if text.len() > MAX_CHARS {
        return i64::MIN;
    }
    let mut fields = std::collections::BTreeSet::new();
    let body = call.request.body.clone().unwrap_or(Value::Null);
    name_fields("?", &body, &mut fields);
    name_fields("!", &call.response.body, &mut fields);
    let is_empty_list = call.response.body["items"].as_array().is_some_and(Vec::is_empty);
    let is_of_a_walk = text.contains("tenancy") || text.contains("\"otro\"");
    let length = i64::try_from(text.len()).unwrap();
    i64::try_from(fields.len()).unwrap() * 40
        - length / 4
        - (length - 2_000).max(0)
        - if is_empty_list { 20_000 } else { 0 }
        - if is_of_a_walk { 5_000 } else { 0 }
}

/// The names of all fields that hold something, as paths; a list's elements share theirs.
fn name_fields(path: &str, value: &Value, names: &mut std::collections::BTreeSet<String>) {
    match value {
        Value::Null => {}
        Value::Array(items) => {
            for item in items {
                name_fields(&format!("{path}[]"), item, names);
            }
        }
        Value::Object(map) => {
            for (name, inner) in map {
                name_fields(&format!("{path}.{name}"), inner, names);
            }
        }
        _ => {
            names.insert(path.to_owned());
        }
    }
}

fn clean_call(call: &mut Call) {
    for values in [&mut call.request.path, &mut call.request.query] {
        for (_, value) in values {
            clean("", value);
        }
    }
    if let Some(body) = &mut call.request.body {
        clean("", body);
    }
    clean("", &mut call.response.body);
}

/// Takes out of the texts what is secret, where the test ran, and what marks ids as a test's.
fn clean(field: &str, value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| clean(field, item)),
        Value::Object(map) => map.iter_mut().for_each(|(name, inner)| clean(name, inner)),
        Value::String(text) => {
            *text = if let Some(known) = known_part(field, text) {
                masked(text, known)
            } else {
                without_test_marks(text)
            };
        }
        _ => {}
    }
}

/// How many bytes of a secret everybody knows, such as `whsec_`; `None` for a text that is no secret.
fn known_part(field: &str, text: &str) -> Option<usize> {
    let prefix = SECRET_PREFIXES.iter().find(|prefix| text.starts_with(**prefix));
    match prefix {
        Some(prefix) => Some(prefix.len()),
        None => SECRET_FIELDS.contains(&field).then_some(0),
    }
}

/// Of the same shape, and plainly nobody's.
fn masked(text: &str, known: usize) -> String {
    let (prefix, rest) = text.split_at(known);
    let rest = rest.chars().map(|c| if c.is_alphanumeric() { 'x' } else { c });
    prefix.chars().chain(rest).collect()
}

fn without_test_marks(text: &str) -> String {
    let text = text
        .strip_prefix("it-")
        .or(text.strip_prefix("IT-"))
        .unwrap_or(text);
    let mut text = text.to_owned();
    for mark in ["it-", "IT-"] {
        for before in ["/", " ", ":"] {
            text = text.replace(&format!("{before}{mark}"), before);
        }
    }
    while let Some(start) = text.find("http://127.0.0.1:") {
        let rest = &text[start + "http://127.0.0.1:".len()..];
        let after = rest.trim_start_matches(|c: char| c.is_ascii_digit()).to_owned();
        text = format!("{}https://tienda.example{after}", &text[..start]);
    }
    text
}

// --- what is committed ---

fn document() -> Value {
    let committed = std::fs::read(repository().join("docs/openapi.json")).unwrap();
    serde_json::from_slice(&committed).unwrap()
}

/// Each operation with its name.
fn operations(document: &Value) -> Vec<(&str, &Value)> {
    let items = document["paths"].as_object().unwrap().values();
    items
        .flat_map(|item| item.as_object().unwrap().values())
        .map(|operation| (operation["operationId"].as_str().unwrap(), operation))
        .collect()
}

/// The JSON of an operation's body and of its successful answers, with a name for each.
fn media(operation: &Value) -> Vec<(String, &Value)> {
    let json = |content: &'_ Value| content.get("application/json").is_some();
    let mut found = Vec::new();
    let body = &operation["requestBody"]["content"];
    if json(body) {
        found.push(("body".to_owned(), &body["application/json"]));
    }
    for (status, response) in operation["responses"].as_object().unwrap() {
        if status.starts_with('2') && json(&response["content"]) {
            found.push((status.clone(), &response["content"]["application/json"]));
        }
    }
    found
}

#[test]
fn every_json_body_and_answer_of_the_api_has_an_example() {
    let document = document();
    let mut missing = Vec::new();
    for (name, operation) in operations(&document) {
        let has_example = |media: &Value| media["examples"].as_object().is_some_and(|map| !map.is_empty());
        let (bodies, answers): (Vec<_>, Vec<_>) =
            media(operation).into_iter().partition(|(part, _)| part == "body");
        let is_shown = |parts: &[(String, &Value)]| {
            parts.is_empty() || parts.iter().any(|(_, media)| has_example(media))
        };
        if !is_shown(&bodies) || !is_shown(&answers) {
            missing.push(name);
        }
    }
    assert!(missing.is_empty(), "no example of {}: {HOW}", missing.join(", "));
    let problem = &document["components"]["responses"]["Problem"]["content"]["application/problem+json"];
    assert!(problem["examples"].as_object().unwrap().len() > 5);
}

#[test]
fn every_example_is_what_its_schema_says() {
    let document = document();
    let registry = Registry::new();
    let registry = registry.add("urn:trastienda:api", document.clone()).unwrap();
    let registry = registry.prepare().unwrap();
    let mut wrong = Vec::new();
    let mut check = |place: String, schema: &Value, example: &Value| {
        let schema = absolute(schema.clone());
        let validator = jsonschema::options()
            .with_registry(&registry)
            .build(&schema)
            .unwrap();
        if let Err(error) = validator.validate(example) {
            wrong.push(format!("{place}{}: {error}", error.instance_path()));
        }
    };
    let problem = &document["components"]["responses"]["Problem"]["content"]["application/problem+json"];
    for (code, example) in problem["examples"].as_object().unwrap() {
        check(code.clone(), &problem["schema"], &example["value"]);
    }
    for (name, operation) in operations(&document) {
        for (part, media) in media(operation) {
            for example in media["examples"].as_object().into_iter().flat_map(Map::values) {
                check(format!("{name} ({part}) "), &media["schema"], &example["value"]);
            }
        }
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        for parameter in parameters.filter(|parameter| parameter.get("example").is_some()) {
            let place = format!("{name}: {}", parameter["name"]);
            check(place, &parameter["schema"], &parameter["example"]);
        }
    }
    assert!(
        wrong.is_empty(),
        "{}\nRemove it from docs/examples; {HOW}",
        wrong.join("\n")
    );
}

/// References into the document are absolute, so that a part of it can stand alone.
fn absolute(mut schema: Value) -> Value {
    match &mut schema {
        Value::Array(items) => {
            for item in items {
                *item = absolute(item.take());
            }
        }
        Value::Object(map) => {
            for (name, inner) in map {
                *inner = match inner.as_str().filter(|_| name == "$ref") {
                    Some(reference) => json!(format!("urn:trastienda:api{reference}")),
                    None => absolute(inner.take()),
                };
            }
        }
        _ => {}
    }
    schema
}

#[test]
fn the_recorded_calls_are_of_operations_that_exist_and_hold_no_secret() {
    for (name, tables) in FILES {
        for (operation, calls) in read(name) {
            let is_known = tables
                .iter()
                .any(|table| table.iter().any(|row| row.operation == operation));
            assert!(
                is_known,
                "docs/examples/{name}: {operation} is no operation of this service"
            );
            for call in calls {
                let mut again = call.clone();
                clean_call(&mut again);
                assert!(call == again, "docs/examples/{name}: {operation} was not cleaned");
            }
        }
    }
}

#[test]
fn secrets_and_addresses_are_taken_out_of_what_is_recorded() {
    let mut value = json!({
        "secret": "whsec_c2VjcmV0+/=", "legacy": "whsec_c2VjcmV0", "password": "rosa-42",
        "url": "http://127.0.0.1:18098/hook", "order_id": "it-ord-1", "quantity": 3,
        "list": [{ "access_token": "eyJhbGciOi.eyJ0.sig" }],
    });
    clean("", &mut value);
    let expected = json!({
        "secret": "whsec_xxxxxxxx+/=", "legacy": "whsec_xxxxxxxx", "password": "xxxx-xx",
        "url": "https://tienda.example/hook", "order_id": "ord-1", "quantity": 3,
        "list": [{ "access_token": "eyJxxxxxxx.xxxx.xxx" }],
    });
    assert_eq!(value, expected);
}

#[test]
fn of_two_calls_the_one_that_shows_more_is_kept() {
    let call = |body: Value| Call {
        request: Asked::default(),
        response: Answered { status: 200, body },
    };
    let rich = worth(&call(json!({ "items": [{ "a": 1, "b": "x" }], "next": "n" })));
    assert!(rich > worth(&call(json!({ "items": [{ "a": 1, "b": null }], "next": null }))));
    assert!(rich > worth(&call(json!({ "items": [], "next": null, "position": 9 }))));
    let long: Vec<Value> = (0..200).map(|n| json!({ "a": n, "b": "x" })).collect();
    assert!(rich > worth(&call(json!({ "items": long, "next": "n" }))));
}
