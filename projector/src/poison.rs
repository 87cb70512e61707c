//! Rows that cannot follow the log any further: frozen as they were, marked with the event that they could not take.
//! Others go on; a rebuild repairs them.
//!
//! Not here: events that no fold could read at all, which stop the projector (`fact::Unreadable`).

use std::collections::{HashMap, HashSet};
use std::fmt::Display;

use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::fact::Fact;

/// The table of frozen rows; each group has its own.
pub const DDL: &str = "create table if not exists projection_poison (
  tenant text not null, model text not null, row_key text not null, position bigint not null, event_id uuid not null,
  event_type text not null, error text not null, frozen_at timestamptz not null default now(),
  primary key (tenant, model, row_key));";

/// Longest error text that is kept, in characters.
const MAX_ERROR_CHARS: usize = 500;

/// A row that froze, and why.
#[derive(Debug, Clone)]
pub struct Poison {
    pub tenant: String,
    pub model: &'static str,
    /// The row's key as a JSON object.
    pub row_key: String,
    pub position: i64,
    pub event_id: Uuid,
    pub event_type: String,
    pub error: String,
}

/// A key as the text under which it freezes.
fn text_of(key: &impl Serialize) -> String {
    serde_json::to_string(key).unwrap_or_default()
}

impl Poison {
    pub fn new(model: &'static str, key: &impl Serialize, fact: &Fact, error: &impl Display) -> Self {
        Self {
            tenant: fact.tenant.clone(),
            model,
            row_key: text_of(key),
            position: fact.position,
            event_id: fact.id,
            event_type: fact.event_type.to_string(),
            error: error.to_string().chars().take(MAX_ERROR_CHARS).collect(),
        }
    }
}

/// The rows that froze in earlier, committed batches.
#[derive(Debug, Default)]
pub struct Frozen {
    keys: HashMap<String, HashSet<String>>,
}

impl Frozen {
    /// Reads what is frozen.
    ///
    /// # Errors
    /// Any SQL error.
    pub async fn load(connection: &mut PgConnection) -> Result<Self, sqlx::Error> {
        let rows: Vec<(String, String)> = sqlx::query_as("select model, row_key from projection_poison")
            .fetch_all(connection)
            .await?;
        let mut frozen = Self::default();
        for (model, row_key) in rows {
            frozen.keys.entry(model).or_default().insert(row_key);
        }
        Ok(frozen)
    }

    /// Takes over what a committed batch froze.
    pub fn extend(&mut self, fresh: Vec<Poison>) {
        for poison in fresh {
            self.keys
                .entry(poison.model.to_owned())
                .or_default()
                .insert(poison.row_key);
        }
    }

    /// How many rows are frozen.
    pub fn len(&self) -> usize {
        self.keys.values().map(HashSet::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What one transaction sees as frozen: the committed rows, and those that it froze itself from some position on.
#[derive(Debug)]
pub struct Freezing<'a> {
    frozen: &'a Frozen,
    fresh: Vec<Poison>,
    /// Position of the culprit by model and key, for `fresh`.
    since: HashMap<&'static str, HashMap<String, i64>>,
}

impl<'a> Freezing<'a> {
    pub fn new(frozen: &'a Frozen) -> Self {
        Self {
            frozen,
            fresh: Vec::new(),
            since: HashMap::new(),
        }
    }

    /// Whether a row takes no event of this position.
    pub fn is_frozen(&self, model: &str, key: &impl Serialize, position: i64) -> bool {
        let earlier = self.frozen.keys.get(model);
        let fresh = self.since.get(model);
        if earlier.is_none() && fresh.is_none() {
            return false;
        }
        let text = text_of(key);
        earlier.is_some_and(|keys| keys.contains(&text))
            || fresh
                .and_then(|since| since.get(&text))
                .is_some_and(|since| *since <= position)
    }

    /// Freezes a row from its culprit on.
    pub fn freeze(&mut self, poison: Poison) {
        tracing::error!(
            model = poison.model,
            tenant = poison.tenant,
            position = poison.position,
            event_type = poison.event_type,
            error = poison.error,
            "a read model's row froze; it stays as it was until the model is rebuilt"
        );
        self.since
            .entry(poison.model)
            .or_default()
            .insert(poison.row_key.clone(), poison.position);
        self.fresh.push(poison);
    }

    /// Stores what froze, in the batch's own transaction, and returns it.
    ///
    /// # Errors
    /// Any SQL error.
    pub async fn store(self, connection: &mut PgConnection) -> Result<Vec<Poison>, sqlx::Error> {
        for poison in &self.fresh {
            sqlx::query(
                "insert into projection_poison (tenant, model, row_key, position, event_id, event_type, error)
                 values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing",
            )
            .bind(&poison.tenant)
            .bind(poison.model)
            .bind(&poison.row_key)
            .bind(poison.position)
            .bind(poison.event_id)
            .bind(&poison.event_type)
            .bind(&poison.error)
            .execute(&mut *connection)
            .await?;
        }
        Ok(self.fresh)
    }
}
