//! The shop that the HTTP load works on: a tenant that is empty at first, one store, items with plenty of stock.

use std::time::Duration;

use anyhow::Context;
use futures::stream::{self, StreamExt, TryStreamExt};
use lab::api::{self, Call};
use lab::client::{self, Accepted, Client};
use serde_json::json;

use crate::product::Product;
use crate::requests::{PRICE_MINOR, Requests, STORE, TERMINAL, sku};

/// The demo's tenant without any data.
const TENANT: &str = "london";
const PATIENCE: Duration = Duration::from_secs(60);
/// Creations in flight.
const AT_ONCE: usize = 16;
/// More than any run sells.
const STOCK: i64 = 10_000_000;
/// Lines of one receipt.
const RECEIPT_LINES: usize = 200;

/// A furnished shop, and who works in it.
pub struct Shop {
    pub client: Client,
    product_address: std::net::SocketAddr,
    user: lab::demo::User,
    items: u32,
}

impl Shop {
    /// Opens a store, creates the items, receives their stock.
    ///
    /// # Errors
    /// When the product refuses.
    pub async fn furnish(product: &Product, items: u32) -> anyhow::Result<Self> {
        let user = product.demo.tenant(TENANT)?.user("admin")?.clone();
        let client = Client::new(client::Options {
            base_url: product.demo.base_url.clone(),
            tenant: TENANT.to_owned(),
            user: user.clone(),
            reason: "bench furniture".to_owned(),
            patience: PATIENCE,
            token_file: None,
        })?;
        client
            .accepted(&api::open_store(STORE, "Bench").keyed("bench-store"))
            .await?;
        let terminal = api::register_terminal(TERMINAL, STORE, "Bench 1").keyed("bench-terminal");
        client.accepted(&terminal).await?;
        let skus: Vec<String> = (0..items).map(sku).collect();
        stream::iter(&skus)
            .map(|sku| {
                let create = api::create_item(sku, "Thing", "counted", PRICE_MINOR);
                let (client, create) = (&client, create.keyed(format!("bench-{sku}")));
                async move { client.accepted(&create).await }
            })
            .buffer_unordered(AT_ONCE)
            .try_for_each(|_created| std::future::ready(Ok(())))
            .await?;
        for (number, part) in skus.chunks(RECEIPT_LINES).enumerate() {
            let lines: Vec<(&str, i64)> = part.iter().map(|sku| (sku.as_str(), STOCK)).collect();
            let receive = api::receive_stock(STORE, "bench", &lines);
            client
                .accepted(&receive.keyed(format!("bench-receipt-{number}")))
                .await?;
        }
        Ok(Self {
            client,
            product_address: product.address,
            user,
            items,
        })
    }

    /// Signs in again, since tokens live for a quarter of an hour, and prepares requests with the token.
    ///
    /// # Errors
    /// When the product refuses.
    pub async fn requests(&self) -> anyhow::Result<Requests> {
        let call = api::sign_in(TENANT, &self.user.username, &self.user.password);
        let body = serde_json::to_string(&call.body.context("a sign-in has a body")?)?;
        let mut connection = crate::http::Connection::open(self.product_address).await?;
        let request = format!(
            "POST {} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            call.path,
            self.product_address,
            body.len()
        );
        let status = connection.exchange(request.as_bytes()).await?;
        anyhow::ensure!(status == 200, "the sign-in was answered {status}");
        let token: api::Token = serde_json::from_slice(connection.body())?;
        Ok(Requests::new(
            self.product_address,
            &token.access_token,
            self.items,
        ))
    }

    /// One stock adjustment, answered.
    ///
    /// # Errors
    /// When the product refuses.
    pub async fn adjust(&self, key: &str) -> anyhow::Result<Accepted> {
        let adjust = api::adjust_stock(STORE, &sku(0), 1, "bench");
        self.client.accepted(&adjust.keyed(key)).await
    }

    /// An endpoint for stock adjustments, paused before anything is sent to it.
    ///
    /// # Errors
    /// When the product refuses.
    pub async fn paused_endpoint(&self, name: &str, url: &str, concurrency: i64) -> anyhow::Result<String> {
        let create = api::create_endpoint(name, url, &["inventory.adjusted"], concurrency);
        let endpoint: api::Endpoint = self.client.read(&create.keyed(format!("bench-{name}"))).await?;
        self.endpoint(&endpoint.endpoint_id, reqwest::Method::POST, "/pause")
            .await?;
        Ok(endpoint.endpoint_id)
    }

    /// A request about an endpoint without a body of interest: `/resume`, or nothing with `DELETE`.
    ///
    /// # Errors
    /// When the product refuses.
    pub async fn endpoint(
        &self,
        endpoint_id: &str,
        method: reqwest::Method,
        action: &str,
    ) -> anyhow::Result<Accepted> {
        let body = (method == reqwest::Method::POST).then(|| json!({}));
        let call = Call {
            method,
            path: format!("/api/v1/webhooks/endpoints/{endpoint_id}{action}"),
            body,
            file: None,
            key: Some(format!("bench-{endpoint_id}{action}")),
        };
        self.client.accepted(&call).await
    }

    /// What became of an endpoint's deliveries.
    ///
    /// # Errors
    /// When the product does not answer.
    pub async fn statistics(&self, endpoint_id: &str) -> anyhow::Result<api::EndpointStatistics> {
        self.client.read(&api::endpoint_statistics(endpoint_id)).await
    }
}
