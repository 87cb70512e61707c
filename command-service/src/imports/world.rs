//! What the shop looks like at the moment of a draft, as far as a file speaks of it.
//!
//! Read from the engine's own state, many streams at a time, so that a draft sees every command that was answered
//! before it. Not here: what would change (`plan`).

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use domain::admin::Tenant;
use domain::catalogue::Item;
use domain::stock::Unit;
use domain::{State, streams};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt};
use schemas::ids::TenantId;
use schemas::{Sku, StoreId, StreamName, UnitId};

use crate::engine::SubmitError;
use crate::http::Commands;

/// Questions under way: the engine takes 256 at a time, and others ask, too.
const AT_ONCE: usize = 64;
/// How often a question is asked again while the engine is busy.
const TRIES: usize = 100;
const PAUSE: Duration = Duration::from_millis(50);

/// States of everything that a file names.
#[derive(Debug)]
pub(super) struct World {
    pub tenant: Tenant,
    pub items: HashMap<Sku, Item>,
    /// On hand, of articles with a figure other than zero.
    pub shelves: HashMap<Sku, i64>,
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

/// Looks at all of it.
pub(super) async fn look(
    commands: &dyn Commands,
    id: &TenantId,
    tenant: Tenant,
    store: Option<&StoreId>,
    wanted: Wanted<'_>,
) -> Result<World, SubmitError> {
    let items = wanted.items.into_iter().map(|sku| (sku, streams::item(sku)));
    let items = all(commands, id, items, |state| match state {
        State::Item(Some(item)) => Some(*item),
        _ => None,
    })
    .await?;
    let shelves = match store {
        Some(store) => {
            let shelves = wanted
                .shelves
                .into_iter()
                .map(|sku| (sku, streams::stock(store, sku)));
            all(commands, id, shelves, |state| match state {
                State::Stock(stock) if stock.on_hand != 0 => Some(stock.on_hand),
                _ => None,
            })
            .await?
        }
        None => HashMap::new(),
    };
    let units = wanted.units.into_iter().map(|unit| (unit, streams::unit(unit)));
    let units = all(commands, id, units, |state| match state {
        State::Unit(unit) => unit,
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
    streams: impl Iterator<Item = (&'a K, StreamName)>,
    read: impl Fn(State) -> Option<T>,
) -> Result<HashMap<K, T>, SubmitError> {
    let asked = |(key, stream): (&'a K, StreamName)| {
        async move {
            let state = ask(commands, tenant, &stream).await?;
            Ok::<_, SubmitError>((key.clone(), state))
        }
        .boxed()
    };
    // Boxed and collected: a stream of borrowing closures is not `Send` in the eyes of the compiler.
    let asked: Vec<BoxFuture<'_, Result<(K, State), SubmitError>>> = streams.map(asked).collect();
    futures::stream::iter(asked)
        .buffer_unordered(AT_ONCE)
        .try_fold(HashMap::new(), |mut found, (key, state)| {
            if let Some(value) = read(state) {
                found.insert(key, value);
            }
            std::future::ready(Ok(found))
        })
        .await
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
