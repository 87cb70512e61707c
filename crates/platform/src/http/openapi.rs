//! One valid OpenAPI 3.1 document from the services' 3.0 ones and the route tables.
//!
//! poem-openapi writes 3.0.0 and knows nothing of the guard: versions, `nullable`, and old bounds are translated, and
//! what the table says (security, roles, reason, idempotency key, problems) is added to each operation.

use std::collections::BTreeSet;

use poem_openapi::OpenApi;
use poem_openapi::registry::Registry;
use serde_json::{Map, Value, json};

use super::json::SCHEMA_MARK;
use super::request::{IDEMPOTENCY_KEY_MAX_CHARS, REASON_MAX_CHARS, REASON_MIN_CHARS};
use super::route::{Access, ReasonRule, Route, Verb};
use super::{codes, examples};

/// Why the services' documents don't make one.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    #[error("{0} is in the route table but not in the document")]
    NotDocumented(String),
    #[error("{0} is in the document but not in the route table")]
    NotInTable(String),
    #[error("{0} is in two documents")]
    Twice(String),
    #[error("schema {0} has two shapes")]
    SchemaTwice(String),
    #[error("a description could not be written as JSON")]
    Json(#[from] serde_json::Error),
}

/// The paths and schemas of an API as poem-openapi describes it, for [`document`]. Needs no instance of the API.
///
/// # Errors
/// When two operations share path and method.
pub fn spec_of<T: OpenApi>() -> Result<Value, DocumentError> {
    let mut paths = Map::new();
    for path in T::meta().into_iter().flat_map(|api| api.paths) {
        merge_path(&mut paths, &path.path, serde_json::to_value(&path)?)?;
    }
    let mut registry = Registry::new();
    T::register(&mut registry);
    Ok(json!({ "paths": paths, "components": { "schemas": serde_json::to_value(&registry.schemas)? } }))
}

/// [`spec_of`] for operations whose type has no name.
///
/// # Errors
/// When two operations share path and method.
pub fn spec_for<T: OpenApi>(_operations: &T) -> Result<Value, DocumentError> {
    spec_of::<T>()
}

/// Merges the services' descriptions and adds what the tables say.
///
/// # Errors
/// When an operation has no row or a row no operation, or two descriptions contradict each other.
pub fn document(specs: &[Value], routes: &[Route]) -> Result<Value, DocumentError> {
    let mut paths = Map::new();
    let mut schemas = Map::new();
    for spec in specs {
        let mut spec = spec.clone();
        for (name, schema) in take_map(&mut spec, "/components/schemas") {
            add_schema(&mut schemas, name, schema)?;
        }
        for (path, item) in take_map(&mut spec, "/paths") {
            merge_path(&mut paths, &path, item)?;
        }
    }
    for item in paths.values_mut().chain(schemas.values_mut()) {
        translate(item);
    }
    describe(&mut paths, routes)?;
    schemas.insert("Problem".to_owned(), problem_schema());
    Ok(json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Trastienda",
            "version": env!("CARGO_PKG_VERSION"),
            "description": INTRODUCTION,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": sorted(paths),
        "components": {
            "schemas": sorted(schemas),
            "parameters": parameters(),
            "responses": { "Problem": {
                "description": "A problem document (RFC 9457) in the language of Accept-Language.",
                "content": { "application/problem+json": {
                    "schema": { "$ref": "#/components/schemas/Problem" },
                    "examples": examples::problems(),
                } },
            } },
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
                "integrationToken": { "type": "apiKey", "in": "header", "name": "X-Integration-Token" },
                "ApiKey": {
                    "type": "apiKey", "in": "header", "name": "Authorization",
                    "description": "Of external systems: Authorization: ApiKey sk_live_…; each operation names the scope that it needs as x-scope.",
                },
            },
        },
    }))
}

const INTRODUCTION: &str = "The back room of a shop: commands, queries and webhooks. Amounts are integers of minor \
    units, times are RFC 3339, texts of errors are in Spanish or English by Accept-Language. A write answers with the \
    position of its events in the log; a read given that as min_position has seen them.";

fn take_map(spec: &mut Value, pointer: &str) -> Map<String, Value> {
    match spec.pointer_mut(pointer).map(Value::take) {
        Some(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

fn sorted(map: Map<String, Value>) -> Value {
    let ordered: std::collections::BTreeMap<_, _> = map.into_iter().collect();
    Value::Object(ordered.into_iter().collect())
}

/// Adds a schema; one that `json` marked brings the JSON Schemas of all that it refers to.
fn add_schema(
    schemas: &mut Map<String, Value>,
    name: String,
    mut schema: Value,
) -> Result<(), DocumentError> {
    if schema["type"] == SCHEMA_MARK {
        let mut inner = schema["example"].take();
        if inner.get("collision").is_some() {
            return Err(DocumentError::SchemaTwice(name));
        }
        let mut definitions = take_map(&mut inner, "/definitions");
        let itself = format!("#/components/schemas/{name}");
        let main = inner["schema"].take();
        let main = if main["$ref"] == itself.as_str() {
            definitions.remove(&name).unwrap_or(main)
        } else {
            main
        };
        for (other, definition) in definitions {
            insert_schema(schemas, other, definition)?;
        }
        schema = main;
    }
    insert_schema(schemas, name, schema)
}

fn insert_schema(schemas: &mut Map<String, Value>, name: String, schema: Value) -> Result<(), DocumentError> {
    match schemas.get(&name) {
        Some(other) if *other != schema => Err(DocumentError::SchemaTwice(name)),
        _ => {
            schemas.insert(name, schema);
            Ok(())
        }
    }
}

fn merge_path(paths: &mut Map<String, Value>, path: &str, item: Value) -> Result<(), DocumentError> {
    let Value::Object(item) = item else { return Ok(()) };
    let there = paths.entry(path).or_insert_with(|| json!({}));
    for (method, operation) in item {
        if !there[&method].is_null() {
            return Err(DocumentError::Twice(format!("{} {path}", method.to_uppercase())));
        }
        there[&method] = operation;
    }
    Ok(())
}

/// From 3.0 to 3.1, wherever a schema may stand.
fn translate(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(translate),
        Value::Object(map) => {
            translate_bound(map, "minimum", "exclusiveMinimum");
            translate_bound(map, "maximum", "exclusiveMaximum");
            if map.get("nullable").is_some_and(Value::is_boolean) {
                let nullable = map.remove("nullable") == Some(Value::Bool(true));
                if nullable {
                    allow_null(map);
                }
            }
            let is_schema = map.contains_key("type") || map.contains_key("$ref");
            if let Some(example) = map.remove("example").filter(|_| is_schema) {
                map.insert("examples".to_owned(), json!([example]));
            }
            map.values_mut().for_each(translate);
        }
        _ => {}
    }
}

/// In 3.0 an exclusive bound is a flag beside the bound; in 3.1 it is the bound itself.
fn translate_bound(map: &mut Map<String, Value>, bound: &str, exclusive: &str) {
    match map.get(exclusive) {
        Some(Value::Bool(true)) => {
            if let Some(limit) = map.remove(bound) {
                map.insert(exclusive.to_owned(), limit);
            }
        }
        Some(Value::Bool(false)) => {
            map.remove(exclusive);
        }
        _ => {}
    }
}

fn allow_null(map: &mut Map<String, Value>) {
    if let Some(Value::Array(items)) = map.get_mut("enum") {
        items.push(Value::Null);
    }
    match map.get_mut("type") {
        Some(kind @ Value::String(_)) => *kind = json!([kind.take(), "null"]),
        Some(_) => {}
        None => {
            let inner = Value::Object(std::mem::take(map));
            map.insert("anyOf".to_owned(), json!([inner, { "type": "null" }]));
        }
    }
}

/// Adds to each operation what its row says.
fn describe(paths: &mut Map<String, Value>, routes: &[Route]) -> Result<(), DocumentError> {
    let mut rest: BTreeSet<(String, String)> = paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object()
                .into_iter()
                .flatten()
                .map(move |(method, _)| (path.clone(), method.clone()))
        })
        .collect();
    for route in routes {
        let method = route.method.as_str().to_lowercase();
        let name = || format!("{} {}", route.method, route.path);
        let operation = paths
            .get_mut(route.path)
            .and_then(|item| item.get_mut(&method))
            .and_then(Value::as_object_mut)
            .ok_or_else(|| DocumentError::NotDocumented(name()))?;
        describe_operation(operation, route);
        rest.remove(&(route.path.to_owned(), method));
    }
    match rest.first() {
        Some((path, method)) => Err(DocumentError::NotInTable(format!(
            "{} {path}",
            method.to_uppercase()
        ))),
        None => Ok(()),
    }
}

fn describe_operation(operation: &mut Map<String, Value>, route: &Route) {
    operation.insert("operationId".to_owned(), json!(route.operation));
    let roles: Vec<&str> = route.roles.iter().map(|role| role.as_str()).collect();
    let security = match route.access {
        Access::Public => json!([]),
        Access::User => json!([{ "bearer": [] }]),
        Access::Connector => json!([{ "integrationToken": [] }]),
        Access::Key => json!([{ "ApiKey": [] }]),
        Access::UserOrKey => json!([{ "bearer": [] }, { "ApiKey": [] }]),
    };
    operation.insert("security".to_owned(), security);
    if route.access.takes_users() {
        operation.insert("x-roles".to_owned(), json!(roles));
    }
    if route.access.takes_users() || route.access.takes_keys() {
        operation.insert("x-scope".to_owned(), json!(route.scope));
    }
    let parameters = operation.entry("parameters").or_insert_with(|| json!([]));
    if let Value::Array(parameters) = parameters {
        let mut add =
            |name: &str| parameters.push(json!({ "$ref": format!("#/components/parameters/{name}") }));
        match route.reason {
            ReasonRule::Required => add("Reason"),
            ReasonRule::Optional => add("OptionalReason"),
            ReasonRule::Never => {}
        }
        if route.method != Verb::Get && (route.access.takes_users() || route.access.takes_keys()) {
            add("IdempotencyKey");
        }
        add("AcceptLanguage");
    }
    if let Some(Value::Object(responses)) = operation.get_mut("responses") {
        for response in responses.values_mut() {
            if response["description"] == "" {
                response["description"] = json!("Done.");
            }
        }
        for status in problem_statuses(route) {
            responses
                .entry(status)
                .or_insert_with(|| json!({ "$ref": "#/components/responses/Problem" }));
        }
    }
}

/// The statuses that the guard, the rules or the service may answer a row with.
fn problem_statuses(route: &Route) -> Vec<&'static str> {
    let mut statuses = vec!["400", "500", "503"];
    match route.access {
        Access::User => statuses.extend(["401", "403"]),
        Access::Connector | Access::Key | Access::UserOrKey => statuses.extend(["401", "403", "429"]),
        Access::Public if route.method != Verb::Get => statuses.extend(["401", "429"]),
        Access::Public => {}
    }
    if route.path.contains('{') {
        statuses.push("404");
    }
    if route.method != Verb::Get {
        statuses.extend(["404", "408", "409", "413", "415", "422"]);
    }
    statuses
}

fn parameters() -> Value {
    let reason = |required: bool| {
        json!({
            "name": "X-Reason", "in": "header", "required": required,
            "description": "Why this is done, in UTF-8; kept in the audit trail.",
            "schema": { "type": "string", "minLength": REASON_MIN_CHARS, "maxLength": REASON_MAX_CHARS },
            "example": "Cierre de caja del turno",
        })
    };
    json!({
        "Reason": reason(true),
        "OptionalReason": reason(false),
        "IdempotencyKey": {
            "name": "X-Idempotency-Key", "in": "header", "required": false,
            "description": "The same request under the same key is carried out once and answered alike; also accepted as Idempotency-Key.",
            "schema": { "type": "string", "minLength": 1, "maxLength": IDEMPOTENCY_KEY_MAX_CHARS, "pattern": "^[!-~]+$" },
            "example": "venta-2026-11-22-0001",
        },
        "AcceptLanguage": {
            "name": "Accept-Language", "in": "header", "required": false,
            "description": "Language of error texts: es (default) or en.",
            "schema": { "type": "string" },
            "example": "es-HN, es;q=0.9",
        },
    })
}

fn problem_schema() -> Value {
    let platform_codes: Vec<&str> = codes::ALL.iter().map(|code| code.code).collect();
    json!({
        "type": "object",
        "required": ["type", "title", "status", "code", "detail"],
        "properties": {
            "type": { "type": "string", "format": "uri", "description": "urn:trastienda:problem: and the code." },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "code": {
                "type": "string",
                "description": "Stable; branch on it. The rules' refusals have codes of their own (docs/errors).",
                "examples": platform_codes,
            },
            "detail": { "type": "string" },
            "errors": { "type": "array", "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {
                    "pointer": { "type": "string", "description": "JSON pointer (RFC 6901) into the body." },
                    "detail": { "type": "string" },
                },
            } },
            "retry_after_s": { "type": "integer" },
            "expected": { "type": "integer", "description": "The number that was expected, where a sender numbers what it sends." },
            "request_id": { "type": "string" },
        },
    })
}

#[cfg(test)]
mod tests {
    use poem_openapi::param::{Path, Query};
    use poem_openapi::{Object, payload};
    use schemars::JsonSchema;
    use schemas::{Minor, Sku};
    use serde::{Deserialize, Serialize};

    use super::super::{JsonAnswer, JsonBody, Page, PageAnswer};
    use super::*;

    #[derive(Deserialize, Serialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Thing {
        sku: Sku,
        price_minor: Option<Minor>,
        parts: Vec<Part>,
    }

    #[derive(Deserialize, Serialize, JsonSchema)]
    struct Part {
        sku: Sku,
    }

    #[derive(Object)]
    struct Old {
        note: Option<String>,
        #[oai(validator(minimum(value = "0", exclusive)))]
        size: i64,
    }

    struct Api;

    #[OpenApi]
    impl Api {
        #[oai(path = "/things/:id", method = "put")]
        async fn put_thing(&self, id: Path<String>, body: JsonBody<Thing>) -> JsonAnswer<Part> {
            let _ = id;
            JsonAnswer(Part { sku: body.0.sku })
        }

        #[oai(path = "/old", method = "get")]
        async fn old(&self, limit: Query<Option<i64>>) -> payload::Json<Old> {
            payload::Json(Old {
                note: None,
                size: limit.unwrap_or(1),
            })
        }
    }

    const ROUTES: &[Route] = &[
        Route {
            method: Verb::Put,
            path: "/things/{id}",
            operation: "put_thing",
            roles: &[schemas::events::admin::Role::Admin],
            reason: ReasonRule::Required,
            scope: "things:write",
            access: Access::User,
        },
        Route {
            method: Verb::Get,
            path: "/old",
            operation: "old",
            roles: &[],
            reason: ReasonRule::Never,
            scope: "",
            access: Access::Public,
        },
    ];

    fn spec() -> Value {
        spec_of::<Api>().unwrap()
    }

    #[test]
    fn bodies_and_answers_have_the_schemas_of_their_types() {
        let document = document(&[spec()], ROUTES).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        let thing = &document["components"]["schemas"]["Thing"];
        assert_eq!(thing["additionalProperties"], false);
        assert_eq!(
            thing["properties"]["parts"]["items"]["$ref"],
            "#/components/schemas/Part"
        );
        assert!(document["components"]["schemas"]["Sku"].is_object());
        let body = &document["paths"]["/things/{id}"]["put"]["requestBody"]["content"]["application/json"];
        assert_eq!(body["schema"]["$ref"], "#/components/schemas/Thing");
        assert!(!document.to_string().contains(SCHEMA_MARK));
    }

    #[test]
    fn what_the_table_says_is_in_each_operation() {
        let document = document(&[spec()], ROUTES).unwrap();
        let put = &document["paths"]["/things/{id}"]["put"];
        assert_eq!(put["operationId"], "put_thing");
        assert_eq!(put["security"][0]["bearer"], json!([]));
        assert_eq!(put["x-roles"], json!(["admin"]));
        let references: Vec<_> = put["parameters"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|p| p["$ref"].as_str())
            .collect();
        assert!(references.contains(&"#/components/parameters/Reason"));
        assert!(references.contains(&"#/components/parameters/IdempotencyKey"));
        assert_eq!(put["responses"]["422"]["$ref"], "#/components/responses/Problem");
        assert_eq!(document["paths"]["/old"]["get"]["security"], json!([]));
    }

    #[test]
    fn old_forms_of_null_and_bounds_are_translated() {
        let document = document(&[spec()], ROUTES).unwrap();
        let old = &document["components"]["schemas"]["Old"]["properties"];
        assert_eq!(old["size"]["exclusiveMinimum"].as_f64(), Some(0.0));
        assert!(!document.to_string().contains("nullable"));
        let mut referenced = json!({ "$ref": "#/x", "nullable": true });
        translate(&mut referenced);
        assert_eq!(
            referenced,
            json!({ "anyOf": [{ "$ref": "#/x" }, { "type": "null" }] })
        );
    }

    struct Twins;

    mod other {
        #[derive(serde::Serialize, schemars::JsonSchema)]
        pub struct Part {
            pub weight: i64,
        }
    }

    #[OpenApi]
    impl Twins {
        #[oai(path = "/pages", method = "get")]
        async fn pages(&self) -> PageAnswer<Part> {
            PageAnswer(Page {
                items: vec![],
                next: None,
                position: 0,
            })
        }

        #[oai(path = "/numbers", method = "get")]
        async fn numbers(&self) -> PageAnswer<i64> {
            PageAnswer(Page {
                items: vec![],
                next: None,
                position: 0,
            })
        }

        #[oai(path = "/part", method = "get")]
        async fn part(&self) -> JsonAnswer<Part> {
            JsonAnswer(Part {
                sku: Sku::new("A").unwrap(),
            })
        }

        #[oai(path = "/other", method = "get")]
        async fn other(&self) -> JsonAnswer<other::Part> {
            JsonAnswer(other::Part { weight: 1 })
        }
    }

    #[test]
    fn pages_are_named_after_their_rows_and_two_types_of_one_name_are_an_error() {
        let spec = spec_of::<Twins>().unwrap();
        let schemas = spec["components"]["schemas"].as_object().unwrap();
        assert!(
            schemas.contains_key("PartPage") && schemas.contains_key("int64Page"),
            "{:?}",
            schemas.keys()
        );
        assert!(matches!(document(&[spec], &[]), Err(DocumentError::SchemaTwice(name)) if name == "Part"));
    }

    #[test]
    fn a_row_without_an_operation_or_the_reverse_is_an_error() {
        assert!(
            matches!(document(&[spec()], &ROUTES[..1]), Err(DocumentError::NotInTable(name)) if name == "GET /old")
        );
        assert!(
            matches!(document(&[], ROUTES), Err(DocumentError::NotDocumented(name)) if name == "PUT /things/{id}")
        );
        assert!(matches!(
            document(&[spec(), spec()], ROUTES),
            Err(DocumentError::Twice(_))
        ));
    }
}
