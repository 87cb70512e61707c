//! What the shop looks like at the moment of a draft, as far as a file speaks of it.
//!
//! Read from the engine's own state, many streams at a time, so that a draft sees every command that was answered
//! before it. Not here: what would change (`plan`).

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use domain::admin::Tenant;
use domain::catalogue::Item;
use domain::stock::{Stock, Unit};
use domain::{State, streams};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt};
use schemas::ids::TenantId;
use schemas::{Sku, StoreId, StreamName, UnitId};

use crate::engine::SubmitError;
use crate::http::Commands;

/// Questions under way: the engine takes 256 at a time, and others ask, too.
const AT_ONCE: usize = 64;
/// Questions that are made ready at a time.
const BLOCK: usize = 1_024;
/// How often a question is asked again while the engine is busy.
const TRIES: usize = 100;
const PAUSE: Duration = Duration::from_millis(50);

/// States of everything that a file names.
#[derive(Debug)]
pub(super) struct World {
    pub tenant: Tenant,
    pub items: HashMap<Sku, Item>,
    /// Of articles that the store has had.
    pub shelves: HashMap<Sku, Stock>,
    pub units: HashMap<UnitId, Unit>,
}

/// What is to be looked at.
#[derive(Debug, Default)]
pub(super) struct Wanted<'a> {
    pub items: HashSet<&'a Sku>,
    pub shelves: HashSet<&'a Sku>,
    pub units: HashSet<&'a UnitId>,
}

/// The tenant's own state; `None` when it was never created.
pub(super) async fn tenant(
    commands: &dyn Commands,
    tenant: &TenantId,
) -> Result<Option<Tenant>, SubmitError> {
    match ask(commands, tenant, &streams::tenant()).await? {
        State::Tenant(Some(found)) => Ok(Some(*found)),
        _ => Ok(None),
    }
}

/// Articles of these codes, as far as there are any.
pub(super) async fn items(
    commands: &dyn Commands,
    id: &TenantId,
    skus: impl IntoIterator<Item = &Sku, IntoIter: Send>,
) -> Result<HashMap<Sku, Item>, SubmitError> {
    let streams = skus.into_iter().map(|sku| (sku, streams::item(sku)));
    all(commands, id, streams, |state| match state {
        State::Item(Some(item)) => Some(*item),
        _ => None,
    })
    .await
}

/// Looks at all of it.
pub(super) async fn look(
    commands: &dyn Commands,
    id: &TenantId,
    tenant: Tenant,
    store: Option<&StoreId>,
    wanted: Wanted<'_>,
) -> Result<World, SubmitError> {
    let items = items(commands, id, wanted.items).await?;
    let shelves = match store {
        Some(store) => {
            let shelves = wanted
                .shelves
                .into_iter()
                .map(|sku| (sku, streams::stock(store, sku)));
            all(commands, id, shelves, |state| match state {
                State::Stock(stock) if stock != Stock::default() => Some(stock),
                _ => None,
            })
            .await?
        }
        None => HashMap::new(),
    };
    let units = wanted.units.into_iter().map(|unit| (unit, streams::unit(unit)));
    let units = all(commands, id, units, |state| match state {
        State::Unit(unit, _) => unit,
        _ => None,
    })
    .await?;
    Ok(World {
        tenant,
        items,
        shelves,
        units,
    })
}

async fn all<'a, K: Clone + Eq + std::hash::Hash + Send + Sync + 'a, T>(
    commands: &dyn Commands,
    tenant: &TenantId,
    streams: impl Iterator<Item = (&'a K, StreamName)> + Send,
    read: impl Fn(State) -> Option<T>,
) -> Result<HashMap<K, T>, SubmitError> {
    let asked = |(key, stream): (&'a K, StreamName)| {
        async move {
            let state = ask(commands, tenant, &stream).await?;
            Ok::<_, SubmitError>((key.clone(), state))
        }
        .boxed()
    };
    let mut found = HashMap::new();
    let mut streams = streams;
    loop {
        // Boxed and collected: a stream of borrowing closures is not `Send` in the eyes of the compiler. A block at a time,
        // so that nobody else on this thread waits for all of them.
        let block: Vec<BoxFuture<'_, Result<(K, State), SubmitError>>> =
            streams.by_ref().take(BLOCK).map(asked).collect();
        if block.is_empty() {
            return Ok(found);
        }
        let mut answers = futures::stream::iter(block).buffer_unordered(AT_ONCE);
        while let Some((key, state)) = answers.try_next().await? {
            if let Some(value) = read(state) {
                found.insert(key, value);
            }
        }
    }
}

async fn ask(commands: &dyn Commands, tenant: &TenantId, stream: &StreamName) -> Result<State, SubmitError> {
    let mut tries = 0;
    loop {
        match commands.peek(tenant, stream).await {
            Err(SubmitError::Busy { .. }) if tries < TRIES => {
                tries += 1;
                tokio::time::sleep(PAUSE).await;
            }
            answer => return answer,
        }
    }
}
