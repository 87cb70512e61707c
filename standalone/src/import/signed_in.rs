//! An upload by somebody who signs in, so that overrides have a person with a role and a reason behind them.
//!
//! It asks the running system over HTTP, as a page would. Not here: waiting for what comes of it.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use command_service::imports::direct::DirectImport;
use reqwest::{Client, RequestBuilder, Response};
use schemas::StoreId;
use schemas::ids::ImportId;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::words::Words;
use crate::cli::ImportArgs;
use crate::tenant::Address;

/// For each of the two requests; an upload's answer waits ten seconds for the draft.
const PATIENCE: Duration = Duration::from_secs(60);
/// Of an answer, which is small.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// Signs in and uploads the file, with the overrides that were named.
///
/// # Errors
/// When the system does not answer, or answers with a problem.
pub async fn begin(args: &ImportArgs, username: &str, wanted: &DirectImport) -> anyhow::Result<ImportId> {
    let words = Words(args.idioma);
    let base = base_url(args, words)?;
    let client = client()?;
    let language = words.say("es", "en");
    let password = password(args.clave.as_deref(), words)?;
    let credentials = json!({ "tenant": wanted.tenant, "username": username, "password": password.as_str() });
    let request = client
        .post(format!("{base}/api/v1/auth/token"))
        .header("Accept-Language", language)
        .json(&credentials);
    let signed_in = answer(sent(request, words).await?, words).await?;
    let token = signed_in["access_token"].as_str().unwrap_or_default();

    let overrides: Vec<&str> = args.excepciones.iter().map(|which| which.name()).collect();
    let overrides = overrides.join(",");
    let query = [
        ("mode", if wanted.confirms { "confirm" } else { "draft" }),
        ("kind", if wanted.is_stock { "stock" } else { "articles" }),
        ("stock", if wanted.is_received { "received" } else { "counted" }),
        ("store", wanted.store.as_ref().map_or("", StoreId::as_str)),
        ("overrides", overrides.as_str()),
        ("file_name", wanted.file_name.as_deref().unwrap_or_default()),
    ];
    let mut url = reqwest::Url::parse(&format!("{base}/api/v1/inventory/import/smart"))?;
    url.query_pairs_mut()
        .extend_pairs(query.iter().filter(|(_, value)| !value.is_empty()));
    let request = client
        .post(url)
        .bearer_auth(token)
        .header("Accept-Language", language)
        .header("Content-Type", "application/octet-stream")
        .header(
            "X-Reason",
            wanted.reason.as_deref().unwrap_or_default().as_bytes(),
        )
        .body(wanted.content.clone());
    let uploaded = answer(sent(request, words).await?, words).await?;
    let id = uploaded["import_id"].as_str().unwrap_or_default();
    Ok(ImportId::new(id)?)
}

fn base_url(args: &ImportArgs, words: Words) -> anyhow::Result<String> {
    let url = match (&args.url, &args.system.data) {
        (Some(url), _) => url.clone(),
        (None, Some(data)) => Address::read(data)?.base_url,
        (None, None) => anyhow::bail!(words.say(
            "quien se identifica necesita --data o --url",
            "whoever signs in needs --data or --url"
        )),
    };
    Ok(url.trim_end_matches('/').to_owned())
}

#[expect(
    clippy::disallowed_methods,
    reason = "it asks the very system whose address its caller names, mostly on this machine, which the guard refuses"
)]
fn client() -> anyhow::Result<Client> {
    platform::crypto::install_default_provider();
    let client = Client::builder()
        .timeout(PATIENCE)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build();
    client.context("no HTTP client")
}

fn password(file: Option<&Path>, words: Words) -> anyhow::Result<Zeroizing<String>> {
    let file = file.context(words.say("falta --clave", "--clave (the password's file) is missing"))?;
    let text = Zeroizing::new(if file == Path::new("-") {
        std::io::read_to_string(std::io::stdin())?
    } else {
        std::fs::read_to_string(file).with_context(|| {
            let said = words.say("no se puede leer", "cannot read");
            format!("{said} {}", file.display())
        })?
    });
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

async fn sent(request: RequestBuilder, words: Words) -> anyhow::Result<Response> {
    let sent = request.send().await;
    sent.context(words.say("el sistema no responde", "the system does not answer"))
}

/// The body of a success; of a problem its sentence, in the language that was asked for.
async fn answer(mut response: Response, words: Words) -> anyhow::Result<Value> {
    let status = response.status();
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        anyhow::ensure!(
            bytes.len() + chunk.len() <= MAX_ANSWER_BYTES,
            "{}",
            words.say("una respuesta sin fin", "an answer without end")
        );
        bytes.extend_from_slice(&chunk);
    }
    let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    if status.is_success() {
        return Ok(body);
    }
    let text = |name: &str| body[name].as_str().map(str::to_owned);
    let sentence = text("detail").or_else(|| text("title"));
    anyhow::bail!(
        "{} [{}]",
        sentence.unwrap_or_else(|| status.to_string()),
        text("code").unwrap_or_default()
    )
}
