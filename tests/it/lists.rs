//! Every list of every service: pages with a cursor and a `Link`, a limit that is capped, parameters that are described
//! (API-8).

use platform::http::{Access, Route, Verb};
use reqwest::RequestBuilder;
use schemas::events::api_key::ApiScope;
use serde_json::{Value, json};

use crate::client::{Client, http, send};
use crate::product::Product;
use crate::tenancy::{existing, rows};

const TENANT: &str = "telefonia-teg";
/// Filters that are ids, whose own rules describe them.
const PLAIN: &[&str] = &[
    "store",
    "sku",
    "customer_id",
    "kind",
    "supplier_id",
    "terminal",
    "api_key_id",
];

/// The parameters of an operation's query by name, with what the document says about them.
fn parameters(document: &Value, row: &Route) -> Vec<(String, String)> {
    let operation = &document["paths"][row.path]["get"];
    let all = operation["parameters"].as_array().cloned().unwrap_or_default();
    let text = |parameter: &Value, field: &str| parameter[field].as_str().unwrap_or_default().to_owned();
    all.iter()
        .filter(|parameter| parameter["in"] == "query")
        .map(|parameter| (text(parameter, "name"), text(parameter, "description")))
        .collect()
}

fn with(path: &str, query: &str) -> String {
    format!("{path}?{query}")
}

/// Reads a list with one row per page as far as two pages go, and asks for pages that cannot be.
async fn walk(client: &Client, path: &str) -> bool {
    let first = client.get(&with(path, "limit=1")).await;
    if !first.status.is_success() {
        assert_eq!(first.status.as_u16(), 404, "{path}: {}", first.body);
        return false;
    }
    let link = first
        .headers
        .get("link")
        .map(|link| link.to_str().unwrap().to_owned());
    let items = first.body["items"]
        .as_array()
        .unwrap_or_else(|| panic!("{path} has no items"));
    assert!(items.len() <= 1, "{path} gives more than was asked for");
    assert_eq!(first.body["next"].is_string(), link.is_some(), "{path}: {link:?}");
    if let Some(link) = &link {
        let (target, rest) = link.strip_prefix('<').unwrap().split_once('>').unwrap();
        assert_eq!(rest, "; rel=\"next\"", "{path}");
        let second = client.get(target).await.ok();
        let next = &second["items"].as_array().unwrap()[0];
        assert_ne!(next, &items[0], "{path} repeats a row");
    }
    for bad in ["limit=0", "limit=201"] {
        client
            .get(&with(path, bad))
            .await
            .problem(400, "page.limit_invalid");
    }
    client
        .get(&with(path, "cursor=bm9uZQ"))
        .await
        .problem(400, "page.cursor_invalid");
    link.is_some()
}

async fn openapi(product: &Product) -> Value {
    let document = http().get(format!("{}/openapi.json", product.base_url()));
    let document = document.send().await.unwrap().bytes().await.unwrap();
    serde_json::from_slice(&document).unwrap()
}

#[tokio::test]
async fn every_list_has_pages_with_a_link_and_a_capped_limit() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    let document = openapi(product).await;
    let (mut lists, mut turned) = (0, 0);
    for row in rows().filter(|row| row.access.takes_users() && row.method == Verb::Get) {
        let described = parameters(&document, row);
        let path: Vec<String> = row
            .path
            .split('/')
            .map(
                |part| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
                    Some(parameter) => existing(parameter).to_owned(),
                    None => part.to_owned(),
                },
            )
            .collect();
        let path = path.join("/");
        let has = |name: &str| described.iter().any(|(parameter, _)| parameter == name);
        if has("cursor") {
            assert!(has("limit"), "{}: a list without a limit", row.operation);
            for (name, text) in &described {
                let is_plain = PLAIN.contains(&name.as_str());
                assert!(
                    is_plain || !text.is_empty(),
                    "{}: {name} is not described",
                    row.operation
                );
            }
            lists += 1;
            turned += usize::from(walk(&admin, &path).await);
        } else {
            let answer = admin.get(&path).await;
            assert!(
                !answer.body["items"].is_array(),
                "{}: a list without pages",
                row.operation
            );
        }
    }
    assert!(
        lists >= 20 && turned >= 8,
        "{lists} lists, {turned} of them with a second page"
    );
}

/// Asks for pages that cannot be; gives whether there was anything to ask for. `with` puts a credential to a request.
async fn refuses_bad_pages(
    url: &str,
    described: &[(String, String)],
    with_credential: impl Fn(RequestBuilder) -> RequestBuilder,
) -> bool {
    let has = |name: &str| described.iter().any(|(parameter, _)| parameter == name);
    let Some(limit) = ["limit", "limite"].into_iter().find(|name| has(name)) else {
        return false;
    };
    for (query, code) in [
        (format!("{limit}=0"), "page.limit_invalid"),
        (format!("{limit}=201"), "page.limit_invalid"),
        ("cursor=bm9uZQ".to_owned(), "page.cursor_invalid"),
    ] {
        // Feeds go on after a number instead of a cursor.
        if query.starts_with("cursor") && !has("cursor") {
            continue;
        }
        let answer = send(with_credential(http().get(with(url, &query)))).await;
        answer.problem(400, code);
    }
    let answer = send(with_credential(http().get(with(url, &format!("{limit}=1"))))).await;
    let page = answer.ok();
    let rows = page.as_object().unwrap().values().find_map(Value::as_array);
    let rows = rows
        .or(page.as_array())
        .unwrap_or_else(|| panic!("{url}: {page}"));
    assert!(rows.len() <= 1, "{url}: {page}");
    true
}

#[tokio::test]
async fn lists_of_keys_and_connectors_have_a_capped_limit_too() {
    let product = Product::shared().await;
    let admin = product.client(TENANT, "admin").await;
    let document = openapi(product).await;
    let supplier = json!({ "supplier_id": "it-lists", "name": "Taller" });
    admin.post("/api/v1/suppliers", &supplier).await.ok();
    let scopes = ApiScope::ALL.map(ApiScope::as_str);
    let key = json!({ "name": "it-lists", "system": "it-lists", "scopes": scopes, "workshop": "it-lists" });
    let key = admin.post("/api/v1/api-keys", &key).await.ok();
    let connector = json!({ "slug": "it-lists", "name": "it-lists", "grants": ["sale"] });
    let connector = admin.post("/api/v1/connectors", &connector).await.ok();
    let (key, token) = (
        key["api_key"].as_str().unwrap(),
        connector["token"].as_str().unwrap(),
    );
    let (mut keyed, mut pulled) = (0, 0);
    for row in rows().filter(|row| row.method == Verb::Get) {
        let described = parameters(&document, row);
        let url = format!("{}{}", product.base_url(), row.path.replace("{slug}", "it-lists"));
        if row.access.takes_keys() {
            let with_key = |request: RequestBuilder| request.header("Authorization", format!("ApiKey {key}"));
            keyed += usize::from(refuses_bad_pages(&url, &described, with_key).await);
        } else if row.access == Access::Connector {
            let with_token = |request: RequestBuilder| request.header("X-Integration-Token", token);
            pulled += usize::from(refuses_bad_pages(&url, &described, with_token).await);
        }
    }
    assert!(
        keyed >= 4 && pulled == 2,
        "{keyed} of keys, {pulled} of connectors"
    );
}
