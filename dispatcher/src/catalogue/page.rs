//! The catalogue for people: an index by module, a page for each type, and the AsyncAPI document beside them.
//!
//! No scripts, nothing from elsewhere, readable on a phone and in the dark. Not in the OpenAPI document, as the
//! operators' endpoints are not: these are documents about the API.

use std::fmt::Write as _;

use platform::http::{Language, Problem, Route, Service, Verb, codes, escaped_html};
use poem::http::{HeaderValue, StatusCode, header};
use poem::{EndpointExt, IntoEndpoint, Request, Response};
use serde_json::{Map, Value};

use super::{Carried, Description, Head, Kind, find, kinds};

const STYLE: &str = "
:root{color-scheme:light dark;--ground:#f6f5f1;--card:#fff;--ink:#1c1b19;--soft:#5f5b54;--line:#dedad2;--link:#0b57a4}
@media(prefers-color-scheme:dark){:root{--ground:#171614;--card:#211f1c;--ink:#f1eee8;--soft:#b3ada2;--line:#3a3732;--link:#8cc2ff}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}
main{max-width:60rem;margin:0 auto;padding:1.5rem 1rem 4rem}
h1{font-size:1.5rem;margin:0 0 .25rem;overflow-wrap:anywhere}h2{font-size:1.1rem;margin:2rem 0 .5rem}
p{margin:.25rem 0;color:var(--soft)}a{color:var(--link)}
nav{display:flex;flex-wrap:wrap;gap:.25rem .75rem;margin:1rem 0}
table{border-collapse:collapse;width:100%;background:var(--card)}
th,td{border:1px solid var(--line);padding:.5rem .6rem;text-align:left;vertical-align:top}
td:first-child{overflow-wrap:anywhere;min-width:9rem}
code,pre{font:.85rem/1.45 ui-monospace,monospace}
pre{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.75rem;overflow-x:auto}
summary{cursor:pointer;margin:.75rem 0 .25rem}";

/// Everything comes from this page itself.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// The rows of the catalogue's pages.
pub const PAGES: &[Route] = &[
    Route::public(Verb::Get, "/events", "event_catalogue_page"),
    Route::public(Verb::Get, "/events/{event_type}", "event_type_page"),
    Route::public(Verb::Get, "/asyncapi.json", "asyncapi_document"),
];

struct Words {
    tag: &'static str,
    title: &'static str,
    intro: &'static str,
    kind: &'static str,
    meaning: &'static str,
    version: &'static str,
    aliases: &'static str,
    back: &'static str,
    full: &'static str,
    summary: &'static str,
    same: &'static str,
    example: &'static str,
    schema: &'static str,
}

const SPANISH: Words = Words {
    tag: "es",
    title: "Catálogo de eventos",
    intro: "Cada tipo de evento al que se puede suscribir un destino. Los datos personales nunca salen.",
    kind: "Tipo",
    meaning: "Qué dice",
    version: "Versión",
    aliases: "También se pide como",
    back: "Todos los eventos",
    full: "Datos completos (payload: full)",
    summary: "Resumen (payload: summary)",
    same: "El resumen es igual a los datos completos.",
    example: "Ejemplo",
    schema: "JSON Schema",
};

const ENGLISH: Words = Words {
    tag: "en",
    title: "Event catalogue",
    intro: "Each type of event that an endpoint can subscribe to. Personal data never leaves.",
    kind: "Type",
    meaning: "What it says",
    version: "Version",
    aliases: "Also asked for as",
    back: "All events",
    full: "Full data (payload: full)",
    summary: "Summary (payload: summary)",
    same: "The summary is the same as the full data.",
    example: "Example",
    schema: "JSON Schema",
};

fn words(language: Language) -> &'static Words {
    match language {
        Language::Spanish => &SPANISH,
        Language::English => &ENGLISH,
    }
}

fn meaning(description: &Description, language: Language) -> &str {
    match language {
        Language::Spanish => &description.es,
        Language::English => &description.en,
    }
}

/// The pages with their rows, as the gateway serves them.
pub fn pages() -> Service {
    let document = super::asyncapi().to_string();
    let app = poem::Route::new()
        .at(
            "/events",
            poem::endpoint::make_sync(|request: Request| html(&index(Language::of(request.headers())))),
        )
        .at(
            "/events/:event_type",
            poem::endpoint::make_sync(|request| one(&request)),
        )
        .at(
            "/asyncapi.json",
            poem::endpoint::make_sync(move |_| {
                Response::builder()
                    .content_type("application/json")
                    .body(document.clone())
            }),
        );
    Service {
        routes: PAGES,
        endpoint: served(app),
    }
}

fn served(app: poem::Route) -> poem::endpoint::BoxEndpoint<'static, Response> {
    app.into_endpoint().map_to_response().boxed()
}

fn one(request: &Request) -> poem::Result<Response> {
    let name = request.raw_path_param("event_type").unwrap_or_default();
    let kind = find(name).ok_or_else(|| Problem::new(&codes::NOT_FOUND))?;
    Ok(html(&detail(kind, Language::of(request.headers()))))
}

fn html(page: &str) -> Response {
    let mut response = Response::builder()
        .status(StatusCode::OK)
        .content_type("text/html; charset=utf-8")
        .body(page.to_owned());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::VARY, HeaderValue::from_static("accept-language"));
    response
}

/// All types by module.
fn index(language: Language) -> String {
    let words = words(language);
    let heads: Vec<&Head> = kinds().iter().map(|kind| &kind.head).collect();
    let modules: std::collections::BTreeSet<&str> = heads.iter().map(|head| head.module.as_str()).collect();
    let mut body = format!("<h1>{}</h1><p>{}</p><nav>", words.title, words.intro);
    for module in &modules {
        let _ = write!(body, "<a href=\"#{module}\">{module}</a>");
    }
    body.push_str("<a href=\"/asyncapi.json\">AsyncAPI</a></nav>");
    for module in modules {
        let _ = write!(
            body,
            "<h2 id=\"{module}\">{module}.*</h2><table><tr><th>{}</th><th>{}</th><th>{}</th></tr>",
            words.kind, words.meaning, words.version
        );
        for head in heads.iter().filter(|head| head.module == module) {
            let _ = write!(
                body,
                "<tr><td><a href=\"/events/{name}\"><code>{name}</code></a>{}</td><td>{}</td><td>{}</td></tr>",
                aliases(head),
                escaped_html(meaning(&head.description, language)),
                head.version,
                name = head.event_type,
            );
        }
        body.push_str("</table>");
    }
    page(words, words.title, &body)
}

fn aliases(head: &Head) -> String {
    let shown = head
        .aliases
        .iter()
        .map(|alias| format!("<br><code>{alias}</code>"));
    shown.collect()
}

/// One type with its schemas and examples.
fn detail(kind: &Kind, language: Language) -> String {
    let (words, head) = (words(language), &kind.head);
    let mut body = format!(
        "<p><a href=\"/events#{}\">{}</a></p><h1><code>{}</code></h1><p>{}</p><p>{} {}</p>",
        head.module,
        words.back,
        head.event_type,
        escaped_html(meaning(&head.description, language)),
        words.version,
        head.version,
    );
    if !head.aliases.is_empty() {
        let _ = write!(
            body,
            "<p>{}: <code>{}</code></p>",
            words.aliases,
            head.aliases.join("</code>, <code>")
        );
    }
    carried(&mut body, words.full, &kind.full, words);
    if head.summarised {
        carried(&mut body, words.summary, &kind.summary, words);
    } else {
        let _ = write!(body, "<p>{}</p>", words.same);
    }
    for alias in &kind.alias_bodies {
        carried(
            &mut body,
            &format!("{} (format: plain)", alias.alias),
            &alias.body,
            words,
        );
    }
    page(words, &head.event_type, &body)
}

fn carried(body: &mut String, title: &str, carried: &Carried, words: &Words) {
    let _ = write!(
        body,
        "<h2>{title}</h2><p>{}</p><pre>{}</pre><details><summary>{}</summary><pre>{}</pre></details>",
        words.example,
        escaped_html(&printed(&carried.example)),
        words.schema,
        escaped_html(&printed(&carried.schema)),
    );
}

fn printed(map: &Map<String, Value>) -> String {
    serde_json::to_string_pretty(map).unwrap_or_default()
}

fn page(words: &Words, title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"{}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width,initial-scale=1\"><title>{title} · Trastienda</title><style>{STYLE}</style></head>\
         <body><main>{body}</main></body></html>",
        words.tag
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_links_every_type_in_both_languages() {
        for language in [Language::Spanish, Language::English] {
            let page = index(language);
            for kind in kinds() {
                let name = &kind.head.event_type;
                assert!(page.contains(&format!("<a href=\"/events/{name}\">")), "{name}");
                assert!(
                    page.contains(&escaped_html(meaning(&kind.head.description, language))),
                    "{name}"
                );
            }
        }
    }

    #[test]
    fn a_types_page_shows_example_schema_and_aliases_as_text() {
        let page = detail(find("stock_bajo").unwrap(), Language::Spanish);
        assert!(
            page.contains("<code>inventory.threshold_breach</code>")
                && page.contains("<code>stock_bajo</code>")
        );
        assert!(page.contains("&quot;cantidad_actual&quot;: 4") && page.contains("JSON Schema"));
        assert!(!page.contains("\"cantidad_actual\""));
    }
}
