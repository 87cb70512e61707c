//! Examples in the OpenAPI document: calls that were really made, and what problems look like.
//!
//! A service has one file of recorded calls (`docs/examples`), written by the flow tests. Not here: recording, choosing
//! and checking against the schemas (`tests/it/examples.rs`).

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::codes;
use super::problem::Problem;
use super::text::{Language, Text};

const JSON: &str = "application/json";

/// Calls by `operationId`; at most one for each status of success.
pub type Recorded = std::collections::BTreeMap<String, Vec<Call>>;

/// One call that was made, and its answer.
#[derive(Debug, Clone, PartialEq, Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    pub request: Asked,
    pub response: Answered,
}

/// What was asked, without the credential.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// Values of the path's parameters by name.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub path: Map<String, Value>,
    /// Values of the query's parameters by name, as text.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub query: Map<String, Value>,
    /// Absent when it was empty or no JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct Answered {
    pub status: u16,
    pub body: Value,
}

/// Puts recorded calls into the operations that they are of. Calls of operations that the document does not have are
/// passed over, so that a file may serve several documents; a test finds those that no document has.
///
/// # Errors
/// When a file is not JSON of this shape.
pub fn add(document: &mut Value, files: &[&str]) -> Result<(), serde_json::Error> {
    let mut recorded = Recorded::new();
    for file in files {
        recorded.extend(serde_json::from_str::<Recorded>(file)?);
    }
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    let operations = paths
        .into_iter()
        .flatten()
        .filter_map(|(_, item)| item.as_object_mut())
        .flatten()
        .filter_map(|(_, operation)| operation.as_object_mut());
    for operation in operations {
        let name = operation.get("operationId").and_then(Value::as_str);
        let Some(calls) = name.and_then(|name| recorded.get(name)) else {
            continue;
        };
        for (number, call) in calls.iter().enumerate() {
            if number == 0 {
                add_parameters(operation, &call.request);
            }
            add_call(operation, call);
        }
    }
    Ok(())
}

/// Body and answer stand under the same name, so that a reader sees which belongs to which.
fn add_call(operation: &mut Map<String, Value>, call: &Call) {
    let name = format!("answered_{}", call.response.status);
    let body = call.request.body.clone().unwrap_or_else(|| json!({}));
    if let Some(media) = operation
        .get_mut("requestBody")
        .and_then(|request| request["content"].get_mut(JSON))
    {
        media["examples"][&name] = json!({ "value": body });
    }
    let status = call.response.status.to_string();
    if let Some(media) = operation
        .get_mut("responses")
        .and_then(|responses| responses.get_mut(&status))
        .and_then(|response| response["content"].get_mut(JSON))
    {
        media["examples"][&name] = json!({ "value": call.response.body });
    }
}

fn add_parameters(operation: &mut Map<String, Value>, asked: &Asked) {
    let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten() {
        let values = match parameter["in"].as_str() {
            Some("path") => &asked.path,
            Some("query") => &asked.query,
            _ => continue,
        };
        let name = parameter["name"].as_str().unwrap_or_default();
        if let Some(value) = values.get(name) {
            parameter["example"] = typed(value, &parameter["schema"]);
        }
    }
}

/// A parameter's text as the kind of value that its schema names.
fn typed(value: &Value, schema: &Value) -> Value {
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.first().and_then(Value::as_str),
        kind => kind.as_str(),
    };
    match (kind, value.as_str()) {
        (Some("integer" | "number" | "boolean"), Some(text)) => {
            serde_json::from_str(text).unwrap_or_else(|_| value.clone())
        }
        _ => value.clone(),
    }
}

/// One problem document of each status that the platform answers with, by code.
pub(super) fn problems() -> Value {
    let mut statuses = std::collections::BTreeSet::new();
    let mut examples = Map::new();
    for code in codes::ALL {
        if !statuses.insert(code.status) {
            continue;
        }
        let problem = match code.status.as_u16() {
            429 | 503 => Problem::new(code).retry_after(3),
            _ => Problem::new(code),
        };
        examples.insert(code.code.to_owned(), example(&problem));
    }
    let field = Problem::new(&codes::BODY_INVALID).at(
        "/lines/0/quantity",
        Text::fixed("se esperaba un número entero", "an integer was expected"),
    );
    examples.insert(codes::BODY_INVALID.code.to_owned(), example(&field));
    Value::Object(examples)
}

fn example(problem: &Problem) -> Value {
    let summary = problem.title.in_language(Language::English);
    json!({ "summary": summary, "value": problem.document(Language::default(), "0193f1c2-7a10-7c3e-9b55-3f2f6f1d2a41") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Value {
        json!({ "paths": { "/things/{id}": { "put": {
            "operationId": "put_thing",
            "parameters": [
                { "name": "id", "in": "path", "schema": { "type": "string" } },
                { "name": "limit", "in": "query", "schema": { "type": ["integer", "null"] } },
                { "$ref": "#/components/parameters/Reason" },
            ],
            "requestBody": { "content": { JSON: {} } },
            "responses": { "200": { "content": { JSON: {} } }, "201": { "content": { JSON: {} } } },
        } } } })
    }

    #[test]
    fn a_call_stands_in_its_operations_parameters_body_and_answer() {
        let file = r#"{
            "put_thing": [
                { "request": { "path": { "id": "a" }, "query": { "limit": "3" }, "body": { "n": 1 } },
                  "response": { "status": 201, "body": { "made": true } } },
                { "request": { "path": { "id": "b" } }, "response": { "status": 200, "body": {} } }
            ],
            "of_another_document": []
        }"#;
        let mut document = document();
        add(&mut document, &[file]).unwrap();
        let put = &document["paths"]["/things/{id}"]["put"];
        assert_eq!(put["parameters"][0]["example"], "a");
        assert_eq!(put["parameters"][1]["example"], 3);
        let body = &put["requestBody"]["content"][JSON]["examples"];
        assert_eq!(body["answered_201"]["value"], json!({ "n": 1 }));
        assert_eq!(body["answered_200"]["value"], json!({}));
        let answer = &put["responses"]["201"]["content"][JSON]["examples"]["answered_201"];
        assert_eq!(answer["value"], json!({ "made": true }));
    }

    #[test]
    fn a_file_of_another_shape_is_an_error() {
        assert!(add(&mut document(), &[r#"{"put_thing":[{"answer":1}]}"#]).is_err());
        assert!(add(&mut document(), &["[]"]).is_err());
    }

    #[test]
    fn each_status_of_the_platform_has_a_problem_document() {
        let examples = problems();
        let examples = examples.as_object().unwrap();
        for code in codes::ALL {
            let status = code.status.as_u16();
            assert!(
                examples
                    .values()
                    .any(|example| example["value"]["status"] == status),
                "{status}"
            );
        }
        let field = &examples["request.body_invalid"]["value"];
        assert_eq!(field["errors"][0]["pointer"], "/lines/0/quantity");
    }
}
