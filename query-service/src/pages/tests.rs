//! The page as it is shipped: its headers, its words in both languages, and that it calls what the API has. How it
//! behaves in a browser is `tests/it/admin_page.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use poem::Endpoint;
use serde_json::Value;

use super::*;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn text(path: &str) -> String {
    let asset = assets::all().into_iter().find(|asset| asset.path == path);
    String::from_utf8(
        asset
            .unwrap_or_else(|| panic!("{path} is no asset"))
            .bytes
            .to_vec(),
    )
    .unwrap()
}

/// The JSON between the first brace behind `marker` and the last one.
fn json_behind(path: &str, marker: &str) -> Value {
    let text = text(path);
    let text = text.split_once(marker).unwrap().1.trim().trim_end_matches(';');
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn modules() -> Vec<(&'static str, String)> {
    let words = ["es.js", "en.js"];
    let is_module = |asset: &Asset| asset.path.ends_with(".js") && !words.contains(&asset.path);
    let assets = assets::all().into_iter().filter(is_module);
    assets.map(|asset| (asset.path, text(asset.path))).collect()
}

async fn get(path: &str, known: Option<&str>) -> Response {
    let mut request = Request::builder().uri_str(path);
    if let Some(known) = known {
        request = request.header("if-none-match", known);
    }
    service().endpoint.get_response(request.finish()).await
}

#[tokio::test]
async fn every_file_is_served_with_its_type_its_validator_and_a_strict_policy() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("web");
    let mut on_disk = BTreeSet::new();
    for below in ["", "sections"] {
        for entry in std::fs::read_dir(folder.join(below)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                on_disk.insert(path.strip_prefix(&folder).unwrap().to_string_lossy().into_owned());
            }
        }
    }
    let served: BTreeSet<String> = assets::all().iter().map(|asset| asset.path.to_owned()).collect();
    assert_eq!(served, on_disk);
    for asset in assets::all() {
        let path = format!("/admin/{}", asset.path);
        let mut response = get(&path, None).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(response.content_type(), Some(asset.content_type), "{path}");
        assert_ne!(asset.content_type, "application/octet-stream", "{path}");
        let policy = response.header("content-security-policy").unwrap();
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "frame-ancestors 'none'",
            "form-action 'none'",
        ] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(response.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(response.header("cache-control"), Some("no-cache"));
        let etag = response.header("etag").unwrap().to_owned();
        assert_eq!(etag, assets::etag(asset.bytes));
        assert_eq!(response.take_body().into_bytes().await.unwrap(), asset.bytes);

        for known in [etag.clone(), format!("\"other\", W/{etag}"), "*".to_owned()] {
            let mut again = get(&path, Some(&known)).await;
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{path} with {known}");
            assert_eq!(again.header("etag"), Some(etag.as_str()));
            assert!(again.take_body().into_bytes().await.unwrap().is_empty());
        }
        let changed = get(&path, Some("\"other\"")).await;
        assert_eq!(changed.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn the_page_itself_and_pages_of_codes_are_found_and_nothing_else_is() {
    for path in ["/admin", "/admin/"] {
        let page = get(path, None).await;
        assert_eq!(page.content_type(), Some("text/html; charset=utf-8"));
    }
    let mut code = get("/admin/errors/numbering.number_used", None).await;
    assert_eq!(code.content_type(), Some("text/plain; charset=utf-8"));
    assert!(code.header("content-security-policy").is_some());
    assert!(
        code.take_body()
            .into_string()
            .await
            .unwrap()
            .contains("## English")
    );
    for path in [
        "/admin/nothing.js",
        "/admin/sections/index.html",
        "/admin/errors/no.such",
        "/admin/../Cargo.toml",
        "/admin/sections/%2e%2e",
    ] {
        assert_eq!(get(path, None).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[test]
fn nothing_is_inline_comes_from_elsewhere_or_outlives_the_tab() {
    let html = text("index.html");
    let lower = html.to_lowercase();
    for forbidden in [
        "<style",
        "style=",
        "javascript:",
        " onclick",
        " onload",
        "http:",
        "https:",
    ] {
        assert!(!lower.contains(forbidden), "index.html: {forbidden}");
    }
    for script in lower.match_indices("<script") {
        assert!(lower[script.0..].starts_with("<script type=\"module\" src=\"/admin/"));
    }
    let css = text("admin.css");
    assert!(!css.contains("url(") && !css.contains("@import"));
    for (path, source) in modules() {
        for forbidden in [
            "localStorage",
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "document.cookie",
            "http://",
            "https://",
        ] {
            assert!(!source.contains(forbidden), "{path}: {forbidden}");
        }
        for import in source.lines().filter(|line| line.starts_with("import ")) {
            let from = import.split('"').nth(1).unwrap();
            assert!(
                from.strip_prefix("/admin/")
                    .is_some_and(|name| !text(name).is_empty()),
                "{path}: {import}"
            );
        }
    }
}

/// `{name}` in a text.
fn places(text: &str) -> BTreeSet<&str> {
    text.split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}'))
        .map(|(name, _)| name)
        .collect()
}

/// String literals and templates that look like keys, with `*` for what a template fills in.
fn keys_named_in(source: &str) -> BTreeSet<String> {
    let is_key = |text: &str| {
        text.contains('.')
            && !text.ends_with(".js")
            && !text.ends_with('.')
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "._-:*".contains(c))
    };
    let mut found = BTreeSet::new();
    for quote in ['"', '`'] {
        for literal in source.split(quote) {
            let mut key = String::new();
            let mut rest = literal;
            while let Some((before, behind)) = rest.split_once("${") {
                key.push_str(before);
                key.push('*');
                rest = behind.split_once('}').map_or("", |(_, rest)| rest);
            }
            key.push_str(rest);
            if is_key(&key) {
                found.insert(key);
            }
        }
    }
    found
}

fn fits(pattern: &str, key: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == key,
        Some((before, behind)) => {
            key.len() > before.len() + behind.len() && key.starts_with(before) && key.ends_with(behind)
        }
    }
}

#[test]
fn every_text_exists_in_both_languages_and_every_key_is_used() {
    let texts: Vec<BTreeMap<String, String>> = ["es.js", "en.js"]
        .into_iter()
        .map(|path| serde_json::from_value(json_behind(path, "export default")).unwrap())
        .collect();
    let [es, en] = &texts[..] else {
        panic!("two languages")
    };
    let keys: BTreeSet<&String> = es.keys().collect();
    assert_eq!(keys, en.keys().collect());
    for (key, spanish) in es {
        let english = &en[key];
        assert!(!spanish.trim().is_empty() && !english.trim().is_empty(), "{key}");
        assert_eq!(places(spanish), places(english), "{key}");
    }
    let named: BTreeSet<String> = modules()
        .iter()
        .flat_map(|(_, source)| keys_named_in(source))
        .collect();
    for key in es.keys() {
        assert!(
            named.iter().any(|pattern| fits(pattern, key)),
            "nobody uses {key}"
        );
    }
    let groups: BTreeSet<&str> = es
        .keys()
        .filter_map(|key| key.split_once('.'))
        .map(|(group, _)| group)
        .collect();
    for name in &named {
        let (group, _) = name.split_once('.').unwrap();
        if groups.contains(group) || group == "*" {
            assert!(
                es.keys().any(|key| fits(name, key)),
                "{name} is named and has no text"
            );
        }
    }
}

#[test]
fn what_the_page_calls_is_in_the_api_with_the_same_roles_and_reasons() {
    let document = std::fs::read_to_string(repository().join("docs/openapi.json")).unwrap();
    let document: Value = serde_json::from_str(&document).unwrap();
    let operations = json_behind("operations.js", "export const OPERATIONS =");
    for (name, row) in operations.as_object().unwrap() {
        let method = row[0].as_str().unwrap().to_lowercase();
        let operation = &document["paths"][row[1].as_str().unwrap()][&method];
        assert_eq!(operation["operationId"], name.as_str(), "{name}");
        let roles = operation
            .get("x-roles")
            .cloned()
            .unwrap_or_else(|| Value::Array(Vec::new()));
        assert_eq!(roles, row[2], "{name}");
        let reason = operation["parameters"].as_array().map_or("never", |parameters| {
            let has = |wanted: &str| {
                parameters
                    .iter()
                    .any(|one| one["$ref"].as_str().is_some_and(|name| name.ends_with(wanted)))
            };
            match (has("/Reason"), has("/OptionalReason")) {
                (true, _) => "required",
                (_, true) => "optional",
                _ => "never",
            }
        });
        assert_eq!(reason, row[3], "{name}");
        let called = modules()
            .iter()
            .any(|(path, source)| *path != "operations.js" && source.contains(&format!("\"{name}\"")));
        assert!(called, "nothing calls {name}");
    }
}
