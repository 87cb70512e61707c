//! Whose feed it is: from a token and the slug of the path to a connector (API-3).
//!
//! Every way of being wrong gets the same answer: no token, another connector's or tenant's, an expired one, an
//! unknown slug. Not here: what the connector gets.

use std::time::Duration;

use platform::auth::IntegrationTokens;
use platform::http::{ConnectorContext, Problem, codes};
use tokio::time::Instant;

use super::Shared;
use super::plan::ConnectorState;
use crate::api::snapshot::unavailable;

/// A token that is not known may be a moment old: matching is waited for this long at most.
const GRACE: Duration = Duration::from_secs(1);
const POLL: Duration = Duration::from_millis(20);

/// Somebody whose token is right.
#[derive(Debug, Clone, Copy)]
pub(super) struct Puller {
    pub connector: i64,
    /// The last number given out.
    pub last_sequence: i64,
    /// Events up to here have been matched.
    pub position: i64,
}

#[derive(sqlx::FromRow)]
struct Row {
    tenant: String,
    connector: i64,
    hash: Vec<u8>,
    slug: String,
    state: String,
    next_sequence: i64,
    position: i64,
}

impl Shared {
    /// # Errors
    /// 401 for anything but a live token of this connector, 403 when the connector is disabled, 429 after too many
    /// failures.
    pub(super) async fn admit(&self, slug: &str, context: &ConnectorContext) -> Result<Puller, Problem> {
        if let Some(row) = self.look_up(slug, context).await? {
            return admitted(&row);
        }
        self.refused.inc();
        self.count_failure(context)?;
        if IntegrationTokens::is_token(context.token.expose()) && self.caught_up().await? {
            // Created or rotated a moment ago: the answer that showed the token came before the matcher.
            if let Some(row) = self.look_up(slug, context).await? {
                self.failures.succeeded(&context.client, false);
                self.failures_of_all.succeeded(&(), false);
                return admitted(&row);
            }
        }
        Err(Problem::new(&codes::INTEGRATION_TOKEN_INVALID))
    }

    async fn look_up(&self, slug: &str, context: &ConnectorContext) -> Result<Option<Row>, Problem> {
        let token = context.token.expose();
        if !IntegrationTokens::is_token(token) {
            return Ok(None);
        }
        let hash = self.tokens.hash(token);
        let _turn = self.turn().await?;
        let rows: Vec<Row> = sqlx::query_as(
            "select c.tenant, c.connector, t.hash, c.slug, c.state, c.next_sequence,
               (select position from dispatcher_checkpoint where name = 'matcher') as position
             from feed_tokens t join feed_connectors c on c.connector = t.connector
             where t.hash = $1 and (t.expires_at is null or t.expires_at > now())",
        )
        .bind(hash.as_slice())
        .fetch_all(&self.pool)
        .await
        .map_err(unavailable)?;
        Ok(rows
            .into_iter()
            .find(|row| IntegrationTokens::is_same(&hash, &row.hash) && row.slug == slug))
    }

    fn count_failure(&self, context: &ConnectorContext) -> Result<(), Problem> {
        let now = self.clock.now();
        let counted = self
            .failures_of_all
            .begin(&(), now)
            .and_then(|()| self.failures.begin(&context.client, now));
        counted.map_err(|wait| Problem::new(&codes::AUTH_TOO_MANY_ATTEMPTS).retry_after(wait))
    }

    /// Whether matching has come to what is the log's head now.
    async fn caught_up(&self) -> Result<bool, Problem> {
        let head = self.log.head().await.map_err(|error| {
            tracing::error!(%error, "the log's head cannot be read");
            Problem::new(&codes::SERVICE_UNAVAILABLE).retry_after(1)
        })?;
        Ok(self.wait_until_matched(head.0, GRACE).await? >= head.0)
    }

    /// Waits until events up to `wanted` have been matched, and says how far matching is.
    pub(super) async fn wait_until_matched(&self, wanted: i64, limit: Duration) -> Result<i64, Problem> {
        let deadline = Instant::now() + limit;
        loop {
            let reached: i64 =
                sqlx::query_scalar("select position from dispatcher_checkpoint where name = 'matcher'")
                    .fetch_one(&self.pool)
                    .await
                    .map_err(unavailable)?;
            if reached >= wanted || Instant::now() >= deadline {
                return Ok(reached);
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

fn admitted(row: &Row) -> Result<Puller, Problem> {
    tracing::Span::current().record("tenant", row.tenant.as_str());
    match ConnectorState::stored(&row.state) {
        ConnectorState::Active => Ok(Puller {
            connector: row.connector,
            last_sequence: row.next_sequence - 1,
            position: row.position,
        }),
        ConnectorState::Disabled => Err(Problem::new(&codes::INTEGRATION_DISABLED)),
        ConnectorState::Revoked => Err(Problem::new(&codes::INTEGRATION_TOKEN_INVALID)),
    }
}
