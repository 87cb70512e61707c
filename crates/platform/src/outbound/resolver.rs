//! Names to addresses, judged: the only resolver that the clients have.
//!
//! Answers are kept for seconds (the system's resolver does not tell their real time to live). Failures are not kept.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

use super::address::{AddressClass, classify};
use super::error::LookupError;
use crate::bounded_cache::BoundedCache;
use crate::config::OutboundConfig;

const CACHED_NAMES: usize = 10_000;
/// Lookups at once: each blocks a thread of the runtime's blocking pool until the system's resolver answers.
const LOOKUPS_AT_ONCE: usize = 16;
/// More addresses of one name are ignored.
const MAX_ADDRESSES: usize = 16;

/// Which addresses a client may dial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Policy {
    PublicOnly,
    Any,
}

/// Cheap to clone.
#[derive(Clone)]
pub(super) struct Resolver {
    inner: Arc<Inner>,
}

struct Inner {
    policy: Policy,
    timeout: Duration,
    lookups: Semaphore,
    cache: BoundedCache<String, Arc<[IpAddr]>>,
}

impl Resolver {
    pub(super) fn new(config: &OutboundConfig, policy: Policy) -> Self {
        // The cache keeps entries up to twice its age.
        let age = Duration::from_secs(config.dns_ttl_s) / 2;
        let inner = Inner {
            policy,
            timeout: Duration::from_millis(config.dns_timeout_ms),
            lookups: Semaphore::new(LOOKUPS_AT_ONCE),
            cache: BoundedCache::new(CACHED_NAMES, age),
        };
        Self {
            inner: Arc::new(inner),
        }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let inner = Arc::clone(&self.inner);
        Box::pin(async move {
            let addresses = inner.addresses(name.as_str()).await?;
            // Port 0 stands for the URL's own.
            let addresses: Vec<SocketAddr> = addresses
                .iter()
                .map(|address| SocketAddr::new(*address, 0))
                .collect();
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

impl Inner {
    async fn addresses(&self, name: &str) -> Result<Arc<[IpAddr]>, LookupError> {
        if let Some(known) = self.cache.get(name) {
            return Ok(known);
        }
        let looked_up = tokio::time::timeout(self.timeout, async {
            let _permit = self.lookups.acquire().await.map_err(|_| LookupError::TimedOut)?;
            // Somebody ahead in the queue may have asked for the same name.
            if let Some(known) = self.cache.get(name) {
                return Ok(known);
            }
            let answer = tokio::net::lookup_host((name, 0))
                .await
                .map_err(|error| LookupError::Failed(error.to_string()))?;
            judge(
                answer.map(|address| address.ip()).take(MAX_ADDRESSES),
                self.policy,
            )
        });
        let addresses = looked_up.await.map_err(|_| LookupError::TimedOut)??;
        self.cache.insert(name.to_owned(), Arc::clone(&addresses));
        Ok(addresses)
    }
}

/// All addresses, if each may be dialled: a name with one private address among public ones is refused as a whole,
/// since that is how rebinding attacks look and honest receivers do not.
fn judge(answer: impl Iterator<Item = IpAddr>, policy: Policy) -> Result<Arc<[IpAddr]>, LookupError> {
    let addresses: Arc<[IpAddr]> = answer.collect();
    if addresses.is_empty() {
        return Err(LookupError::Failed("no address".to_owned()));
    }
    if policy == Policy::PublicOnly {
        let refused = addresses
            .iter()
            .map(|address| classify(*address))
            .find(|class| *class != AddressClass::Public);
        if let Some(class) = refused {
            return Err(LookupError::Refused(class));
        }
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(addresses: &[&str], policy: Policy) -> Result<usize, AddressClass> {
        match judge(addresses.iter().map(|text| text.parse().unwrap()), policy) {
            Ok(addresses) => Ok(addresses.len()),
            Err(LookupError::Refused(class)) => Err(class),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn one_private_address_among_public_ones_refuses_the_name() {
        assert_eq!(judged(&["1.1.1.1", "2606:4700::1"], Policy::PublicOnly), Ok(2));
        assert_eq!(
            judged(&["1.1.1.1", "10.0.0.1"], Policy::PublicOnly),
            Err(AddressClass::Private)
        );
        assert_eq!(
            judged(&["1.1.1.1", "::ffff:127.0.0.1"], Policy::PublicOnly),
            Err(AddressClass::Loopback)
        );
        assert_eq!(judged(&["1.1.1.1", "10.0.0.1"], Policy::Any), Ok(2));
    }

    #[test]
    fn a_name_without_addresses_is_a_failure() {
        assert!(matches!(
            judge(std::iter::empty(), Policy::PublicOnly),
            Err(LookupError::Failed(_))
        ));
    }
}
