//! Modules that an installation may switch off, and the operations that go with each.
//!
//! A module is switched by configuration (`TRASTIENDA_ENABLE_<MODULE>`), for all tenants alike. Its operations answer
//! 404 `feature.disabled` then, before anybody is asked who they are. Its data stays; other modules go on as they were.

use super::route::without_trailing_slash;
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

            /// The paths that begin with one of these belong to it.
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
    /// Synchronisation with other installations (SYN-1 … SYN-9 under `/sync`).
    HybridPrep = hybrid_prep ["/api/v1/sync"],
    /// Reports.
    Analytics = analytics ["/api/v1/reports"],
    /// Transfers between stores.
    Transfers = transfers ["/api/v1/transfers"],
    /// Purchases from suppliers.
    Purchases = purchases ["/api/v1/purchases"],
    /// Quotes and sales orders.
    Orders = orders ["/api/v1/sales/orders"],
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
    /// The module that a route's path belongs to; what belongs to none is always there.
    pub fn of(path: &str) -> Option<Feature> {
        let path = without_trailing_slash(path);
        let within = |prefix: &&str| {
            path.strip_prefix(*prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
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

    /// Whether a route may be called.
    pub fn serves(&self, path: &str) -> bool {
        Feature::of(path).is_none_or(|feature| self.is_on(feature))
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
        let of = |path: &str| Feature::of(path).map(Feature::key);
        assert_eq!(of("/api/v1/repairs"), Some("repairs"));
        assert_eq!(of("/api/v1/repairs/{repair_id}/parts/"), Some("repairs"));
        assert_eq!(of("/api/v1/repairsmen"), None);
        assert_eq!(of("/api/v1/reports/sales/daily"), Some("analytics"));
        assert_eq!(
            of("/api/v1/sync/integrations/hooks/{slug}/events"),
            Some("hybrid_prep")
        );
        assert_eq!(of("/api/v1/sales"), None);
    }

    #[test]
    fn a_module_that_is_off_takes_its_routes_along_and_no_others() {
        let mut enable = crate::config::Config::default().enable;
        enable.analytics = false;
        let features = Features::of(&enable);
        assert!(!features.serves("/api/v1/reports/sales/daily"));
        assert!(features.serves("/api/v1/repairs") && features.serves("/api/v1/sales"));
        assert!(
            Feature::ALL
                .iter()
                .all(|feature| Features::default().is_on(*feature))
        );
        assert_eq!(Feature::HybridPrep.variable(), "TRASTIENDA_ENABLE_HYBRID_PREP");
    }
}
