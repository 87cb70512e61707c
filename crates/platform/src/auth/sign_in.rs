//! How many wrong passwords are borne: first where they come from, and only far beyond that whom they are about.
//!
//! Four counts, each of failures in a window. Who guesses at one user from one address is stopped first, then who
//! guesses at many from one address. The counts of a whole user and a whole tenant are much larger, so that no single
//! address can use them up and lock others out; and whoever signed in from an address lately is not held up there by
//! what others do elsewhere. What a guess costs is bounded by the pool that hashes. Not here: the answer.

use std::net::IpAddr;
use std::time::Duration;

use time::OffsetDateTime;

use super::throttle::{Throttle, ThrottleLimits};
use crate::bounded_cache::BoundedCache;
use crate::config::AuthConfig;
use crate::http::counted_as_one;

/// Longest name that is counted under itself; longer ones are nobody's and share one count.
const MAX_NAME_BYTES: usize = 64;
/// Pairs of user and address that signed in lately.
const FAMILIAR_MAX: usize = 100_000;
const FAMILIAR_FOR: Duration = Duration::from_secs(24 * 3_600);

/// Failures in one window.
#[derive(Debug, Clone, Copy)]
pub struct SignInLimits {
    pub window: Duration,
    pub per_user_and_address: u32,
    pub per_address: u32,
    pub per_user: u32,
    pub per_tenant: u32,
}

impl SignInLimits {
    pub fn of(config: &AuthConfig) -> Self {
        Self {
            window: Duration::from_secs(config.sign_in_window_s),
            per_user_and_address: config.sign_in_failures_per_user_and_address,
            per_address: config.sign_in_failures_per_address,
            per_user: config.sign_in_failures_per_user,
            per_tenant: config.sign_in_failures_per_tenant,
        }
    }
}

type User = (String, String);

/// Counts attempts to sign in, in bounded memory.
pub struct SignInThrottle {
    by_user_and_address: Throttle<(User, IpAddr)>,
    by_address: Throttle<IpAddr>,
    by_user: Throttle<User>,
    by_tenant: Throttle<String>,
    familiar: BoundedCache<(User, IpAddr), ()>,
}

/// An attempt that was let through; it counts as a failure until it is told otherwise.
#[derive(Debug, Clone)]
pub struct CountedAttempt {
    user: User,
    address: IpAddr,
    is_familiar: bool,
}

impl SignInThrottle {
    pub fn new(limits: SignInLimits) -> Self {
        let of = |failures, max_keys| ThrottleLimits {
            failures,
            window: limits.window,
            max_keys,
        };
        Self {
            by_user_and_address: Throttle::new(of(limits.per_user_and_address, 100_000)),
            by_address: Throttle::new(of(limits.per_address, 100_000)),
            by_user: Throttle::new(of(limits.per_user, 50_000)),
            by_tenant: Throttle::new(of(limits.per_tenant, 5_000)),
            familiar: BoundedCache::new(FAMILIAR_MAX, FAMILIAR_FOR),
        }
    }

    /// Lets an attempt through, or not. Names are as typed.
    ///
    /// # Errors
    /// The seconds to wait, when one of the counts is used up; then nothing was counted.
    pub fn begin(
        &self,
        tenant: &str,
        username: &str,
        address: IpAddr,
        now: OffsetDateTime,
    ) -> Result<CountedAttempt, u64> {
        let user = (bounded(tenant), bounded(username));
        let address = counted_as_one(address);
        let pair = (user, address);
        let is_familiar = self.familiar.get(&pair).is_some();
        self.by_user_and_address.begin(&pair, now)?;
        let mut outcome = self.by_address.begin(&address, now);
        if outcome.is_ok() && !is_familiar {
            outcome = self.begin_shared(&pair.0, now);
            if outcome.is_err() {
                self.by_address.succeeded(&address, false);
            }
        }
        if let Err(wait) = outcome {
            self.by_user_and_address.succeeded(&pair, false);
            return Err(wait);
        }
        let (user, address) = pair;
        Ok(CountedAttempt {
            user,
            address,
            is_familiar,
        })
    }

    /// The counts that strangers could use up between them.
    fn begin_shared(&self, user: &User, now: OffsetDateTime) -> Result<(), u64> {
        self.by_user.begin(user, now)?;
        self.by_tenant
            .begin(&user.0, now)
            .inspect_err(|_| self.by_user.succeeded(user, false))
    }

    /// The password was right: the attempt does not count, and the user's failures at this address are forgotten.
    pub fn succeeded(&self, attempt: CountedAttempt) {
        self.take_back(&attempt);
        let pair = (attempt.user, attempt.address);
        self.by_user_and_address.succeeded(&pair, true);
        self.familiar.insert(pair, ());
    }

    /// Nobody learned whether the password was right: our own trouble is nobody's wrong password.
    pub fn take_back(&self, attempt: &CountedAttempt) {
        let pair = (attempt.user.clone(), attempt.address);
        self.by_user_and_address.succeeded(&pair, false);
        self.by_address.succeeded(&attempt.address, false);
        if !attempt.is_familiar {
            self.by_user.succeeded(&attempt.user, false);
            self.by_tenant.succeeded(&attempt.user.0, false);
        }
    }
}

fn bounded(name: &str) -> String {
    if name.len() > MAX_NAME_BYTES {
        String::new()
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;
    const STRANGER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 9));
    const SHOP: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 7));

    fn throttle() -> SignInThrottle {
        SignInThrottle::new(SignInLimits {
            window: Duration::from_secs(300),
            per_user_and_address: 3,
            per_address: 10,
            per_user: 30,
            per_tenant: 50,
        })
    }

    /// An address of a crowd.
    fn nth(number: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, number])
    }

    #[test]
    fn a_stranger_locks_out_nobody_who_signs_in_from_elsewhere() {
        let throttle = throttle();
        for name in 0..100 {
            let user = if name % 2 == 0 {
                "ana".to_owned()
            } else {
                format!("user-{name}")
            };
            let _ = throttle.begin("t1", &user, STRANGER, NOW);
        }
        assert_eq!(throttle.begin("t1", "eva", STRANGER, NOW).unwrap_err(), 300);
        assert_eq!(throttle.begin("t2", "eva", STRANGER, NOW).unwrap_err(), 300);
        assert!(throttle.begin("t1", "ana", SHOP, NOW).is_ok());
        assert!(throttle.begin("t1", "eva", SHOP, NOW).is_ok());
    }

    #[test]
    fn one_user_is_guessed_at_only_a_few_times_from_one_address() {
        let throttle = throttle();
        for _ in 0..3 {
            assert!(throttle.begin("t1", "ana", SHOP, NOW).is_ok());
        }
        assert_eq!(throttle.begin("t1", "ana", SHOP, NOW).unwrap_err(), 300);
        assert!(throttle.begin("t1", "eva", SHOP, NOW).is_ok());
        let later = NOW + Duration::from_secs(300);
        assert!(throttle.begin("t1", "ana", SHOP, later).is_ok());
    }

    #[test]
    fn a_crowd_of_addresses_is_stopped_by_the_users_count_and_then_by_the_tenants() {
        let throttle = throttle();
        for number in 0..10 {
            for _ in 0..3 {
                assert!(throttle.begin("t1", "ana", nth(number), NOW).is_ok());
            }
        }
        assert!(throttle.begin("t1", "ana", nth(11), NOW).is_err());
        for number in 0..20 {
            let _ = throttle.begin("t1", &format!("user-{number}"), nth(100 + number), NOW);
        }
        assert!(throttle.begin("t1", "eva", nth(200), NOW).is_err());
        assert!(throttle.begin("t2", "eva", nth(200), NOW).is_ok());
    }

    #[test]
    fn who_signed_in_from_an_address_lately_is_not_held_up_by_a_crowd() {
        let throttle = throttle();
        let attempt = throttle.begin("t1", "ana", SHOP, NOW).unwrap();
        throttle.succeeded(attempt);
        for number in 0..200 {
            let _ = throttle.begin("t1", "ana", nth(number), NOW);
        }
        assert!(throttle.begin("t1", "ana", nth(201), NOW).is_err());
        assert!(throttle.begin("t1", "ana", SHOP, NOW).is_ok());
    }

    #[test]
    fn success_and_our_own_trouble_do_not_count() {
        let throttle = throttle();
        for _ in 0..100 {
            let attempt = throttle.begin("t1", "ana", SHOP, NOW).unwrap();
            throttle.take_back(&attempt);
            let attempt = throttle.begin("t1", "eva", SHOP, NOW).unwrap();
            throttle.succeeded(attempt);
        }
    }

    #[test]
    fn what_is_turned_away_by_one_count_is_taken_back_from_the_others() {
        let throttle = throttle();
        for number in 0..20 {
            let _ = throttle.begin("t1", &format!("user-{number}"), STRANGER, NOW);
        }
        // Ten were let through and used the address up; forty are left of the tenant's fifty.
        for number in 0..40 {
            assert!(
                throttle
                    .begin("t1", &format!("u{number}"), nth(number), NOW)
                    .is_ok()
            );
        }
        assert!(throttle.begin("t1", "eva", nth(250), NOW).is_err());
    }

    #[test]
    fn endless_names_share_one_count() {
        let throttle = throttle();
        for number in 0..3 {
            let name = format!("{}{number}", "x".repeat(100));
            assert!(throttle.begin("t1", &name, SHOP, NOW).is_ok());
        }
        assert!(throttle.begin("t1", &"y".repeat(65), SHOP, NOW).is_err());
    }
}
