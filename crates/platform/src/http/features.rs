//! Modules that an installation may switch off, and the operations that go with each.
//!
//! A module is switched by configuration (`TRASTIENDA_ENABLE_<MODULE>`), for all tenants alike. Its operations answer
//! 404 `feature.disabled` then, before anybody is asked who they are. Its data stays; other modules go on as they were.

use super::route::{Verb, without_trailing_slash};
use crate::config::EnableConfig;

macro_rules! features {
    ($($(#[$doc:meta])* $variant:ident = $key:ident $paths:expr),+ $(,)?) => {
        /// A module that can be switched off.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Feature { $($(#[$doc])* $variant),+ }

        impl Feature {
            pub const ALL: &'static [Feature] = &[$(Feature::$variant),+];

            /// As in `[enable]` of the configuration.
            pub fn key(self) -> &'static str {
                match self { $(Feature::$variant => stringify!($key)),+ }
            }

            /// The paths that begin with one of these belong to it; with a method before it (`POST /api/v1/sales`) it is
            /// that one operation, whose path others have, too.
            pub fn paths(self) -> &'static [&'static str] {
                match self { $(Feature::$variant => &$paths),+ }
            }

            fn is_on(self, enable: &EnableConfig) -> bool {
                match self { $(Feature::$variant => enable.$key),+ }
            }
        }
    };
}

features! {
    /// Synchronisation with other systems (SYN-1 … SYN-9 under `/sync`), the feed of connectors under both of its paths.
    HybridPrep = hybrid_prep ["/api/v1/sync", "/api/v1/integrations/hooks"],
    /// Reports.
    Analytics = analytics ["/api/v1/reports"],
    /// Transfers between stores.
    Transfers = transfers ["/api/v1/transfers"],
    /// Purchases from suppliers.
    Purchases = purchases ["/api/v1/purchases"],
    /// Quotes and sales orders.
    Orders = orders ["/api/v1/sales/orders", "POST /api/v1/sales"],
    /// Repairs.
    Repairs = repairs ["/api/v1/repairs"],
    /// Imports of price lists and stock.
    SmartImport = smart_import ["/api/v1/inventory/import"],
    /// Sales that tills took without a network.
    OfflineTills = offline_tills ["/api/v1/pos/offline"],
    /// The API of external systems.
    ExternalApi = external_api ["/api/external"],
}

impl Feature {
    /// The module that an operation belongs to; what belongs to none is always there.
    pub fn of(method: Verb, path: &str) -> Option<Feature> {
        let path = without_trailing_slash(path);
        let within = |place: &&str| match place.split_once(' ') {
            Some((verb, exact)) => verb == method.as_str() && exact == path,
            None => path
                .strip_prefix(*place)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
        };
        Feature::ALL
            .iter()
            .copied()
            .find(|feature| feature.paths().iter().any(within))
    }

    /// The environment's name of its switch.
    pub fn variable(self) -> String {
        format!("TRASTIENDA_ENABLE_{}", self.key().to_ascii_uppercase())
    }
}

/// Which modules are on.
#[derive(Debug, Clone)]
pub struct Features(EnableConfig);

impl Features {
    pub fn of(enable: &EnableConfig) -> Self {
        Self(enable.clone())
    }

    pub fn is_on(&self, feature: Feature) -> bool {
        feature.is_on(&self.0)
    }

    /// Whether an operation may be called.
    pub fn serves(&self, method: Verb, path: &str) -> bool {
        Feature::of(method, path).is_none_or(|feature| self.is_on(feature))
    }
}

impl Default for Features {
    /// As the manual has them.
    fn default() -> Self {
        Self(crate::config::Config::default().enable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_belongs_to_a_module_by_whole_segments() {
        let of = |path: &str| Feature::of(Verb::Get, path).map(Feature::key);
        assert_eq!(of("/api/v1/repairs"), Some("repairs"));
        assert_eq!(of("/api/v1/repairs/{repair_id}/parts/"), Some("repairs"));
        assert_eq!(of("/api/v1/repairsmen"), None);
        assert_eq!(of("/api/v1/reports/sales/daily"), Some("analytics"));
        assert_eq!(
            of("/api/v1/sync/integrations/hooks/{slug}/events"),
            Some("hybrid_prep")
        );
        assert_eq!(
            of("/api/v1/integrations/hooks/{slug}/events"),
            Some("hybrid_prep")
        );
        assert_eq!(of("/api/v1/integrations/logs"), None);
    }

    #[test]
    fn one_operation_belongs_to_a_module_though_others_share_its_path() {
        let of = |method, path: &str| Feature::of(method, path).map(Feature::key);
        assert_eq!(of(Verb::Post, "/api/v1/sales/"), Some("orders"));
        assert_eq!(of(Verb::Get, "/api/v1/sales"), None);
        assert_eq!(of(Verb::Post, "/api/v1/sales/{sale_id}"), None);
    }

    #[test]
    fn a_module_that_is_off_takes_its_routes_along_and_no_others() {
        let mut enable = crate::config::Config::default().enable;
        enable.analytics = false;
        let features = Features::of(&enable);
        let serves = |path: &str| features.serves(Verb::Get, path);
        assert!(!serves("/api/v1/reports/sales/daily"));
        assert!(serves("/api/v1/repairs") && serves("/api/v1/sales"));
        assert!(
            Feature::ALL
                .iter()
                .all(|feature| Features::default().is_on(*feature))
        );
        assert_eq!(Feature::HybridPrep.variable(), "TRASTIENDA_ENABLE_HYBRID_PREP");
    }
}
