//! Every event that the log may hold: one file per module, one enum per aggregate.
//!
//! An event type has a name (`module.past_tense`) and a version. To change a payload, add a version and an upcaster
//! in the module's file; golden samples of earlier versions are never edited (see docs/how-to/add-an-event.md).
//! Deliberately absent: who decides events (crates/domain).

pub mod admin;
pub mod alert;
pub mod api_key;
pub mod catalogue;
pub mod connector;
pub mod customer;
pub mod import;
pub mod movement;
pub mod offline;
pub mod order;
pub mod purchase;
pub mod repair;
pub mod reservation;
pub mod sale;
pub mod security;
pub mod settings;
pub mod stock;
pub mod supplier;
pub mod transfer;
pub mod unit;
pub mod webhook;

use serde_json::value::RawValue;

pub use admin::AdminEvent;
pub use alert::{AlertEvent, ThresholdEvent};
pub use api_key::ApiKeyEvent;
pub use catalogue::CatalogueEvent;
pub use connector::ConnectorEvent;
pub use customer::CustomerEvent;
pub use import::ImportEvent;
pub use movement::{MovementEvent, PolicyEvent};
pub use offline::OfflineEvent;
pub use order::OrderEvent;
pub use purchase::PurchaseEvent;
pub use repair::{CustodyEvent, RepairEvent};
pub use reservation::ReservationEvent;
pub use sale::SaleEvent;
pub use security::SecurityEvent;
pub use settings::SettingsEvent;
pub use stock::StockEvent;
pub use supplier::SupplierEvent;
pub use transfer::TransferEvent;
pub use unit::UnitEvent;
pub use webhook::WebhookEvent;

/// Why stored bytes are not an event that this build knows. Readers stop at it; nothing is skipped.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error("unknown event type {event_type} version {version}")]
    Unknown { event_type: String, version: i16 },
    #[error("{event_type} version {version} does not have its shape")]
    Shape {
        event_type: String,
        version: i16,
        source: serde_json::Error,
    },
}

/// An event type and its newest version.
#[derive(Debug, Clone, Copy)]
pub struct EventType {
    pub name: &'static str,
    pub version: i16,
    /// JSON Schema (2020-12) of the newest payload.
    pub schema: fn() -> schemars::Schema,
    /// The golden sample of the newest version: an example for people, and what tests read.
    pub sample: &'static str,
}

/// An enum over the payloads of one aggregate, with names and versions.
macro_rules! module_events {
    ($(#[$doc:meta])* $name:ident { $($variant:ident($payload:ident) = $wire:literal v $version:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub enum $name { $($variant($payload)),+ }

        impl $name {
            /// Each type of this aggregate at its newest version.
            pub const TYPES: &'static [$crate::events::EventType] = &[
                $($crate::events::EventType {
                    name: $wire,
                    version: $version,
                    schema: || schemars::schema_for!($payload),
                    sample: include_str!(concat!(
                        env!("CARGO_MANIFEST_DIR"), "/golden/", $wire, ".v", $version, ".json"
                    )),
                }),+
            ];

            pub fn event_type(&self) -> &'static str {
                match self { $(Self::$variant(_) => $wire),+ }
            }

            pub fn schema_version(&self) -> i16 {
                match self { $(Self::$variant(_) => $version),+ }
            }

            /// The payload's bytes, as the log will keep them.
            pub fn encode(&self) -> Result<Box<serde_json::value::RawValue>, serde_json::Error> {
                match self { $(Self::$variant(payload) => serde_json::value::to_raw_value(payload)),+ }
            }

            /// `None` when the type is of another aggregate or the version is not the newest one.
            pub(crate) fn decode_newest(event_type: &str, version: i16, data: &str) -> Option<Result<Self, serde_json::Error>> {
                match (event_type, version) {
                    $(($wire, $version) => Some(serde_json::from_str(data).map(Self::$variant)),)+
                    _ => None,
                }
            }
        }

        $(impl From<$payload> for $name {
            fn from(payload: $payload) -> Self { Self::$variant(payload) }
        }

        impl From<$payload> for $crate::events::Event {
            fn from(payload: $payload) -> Self { Self::from($name::$variant(payload)) }
        })+
    };
}
pub(crate) use module_events;

macro_rules! all_events {
    ($($variant:ident($module:ident)),+ $(,)?) => {
        /// Any event, by the aggregate that it belongs to.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Event { $($variant($module)),+ }

        impl Event {
            /// Such as `sale.completed`.
            pub fn event_type(&self) -> &'static str {
                match self { $(Self::$variant(event) => event.event_type()),+ }
            }

            pub fn schema_version(&self) -> i16 {
                match self { $(Self::$variant(event) => event.schema_version()),+ }
            }

            /// # Errors
            /// Never for the payloads of this crate; serde's signature is kept so that nothing panics.
            pub fn encode(&self) -> Result<Box<RawValue>, serde_json::Error> {
                match self { $(Self::$variant(event) => event.encode()),+ }
            }

            /// Every type that this build can write.
            pub fn types() -> impl Iterator<Item = &'static EventType> {
                [$($module::TYPES),+].into_iter().flatten()
            }

            fn decode_newest(event_type: &str, version: i16, data: &str) -> Option<Result<Self, serde_json::Error>> {
                $(if let Some(decoded) = $module::decode_newest(event_type, version, data) {
                    return Some(decoded.map(Self::$variant));
                })+
                None
            }
        }

        $(impl From<$module> for Event {
            fn from(event: $module) -> Self { Self::$variant(event) }
        })+
    };
}

all_events! {
    Sale(SaleEvent),
    Offline(OfflineEvent),
    Stock(StockEvent),
    Unit(UnitEvent),
    Threshold(ThresholdEvent),
    Alert(AlertEvent),
    Movement(MovementEvent),
    Policy(PolicyEvent),
    Reservation(ReservationEvent),
    Repair(RepairEvent),
    Custody(CustodyEvent),
    Transfer(TransferEvent),
    Supplier(SupplierEvent),
    Purchase(PurchaseEvent),
    Customer(CustomerEvent),
    Order(OrderEvent),
    Catalogue(CatalogueEvent),
    Import(ImportEvent),
    Admin(AdminEvent),
    Settings(SettingsEvent),
    Webhook(WebhookEvent),
    Connector(ConnectorEvent),
    ApiKey(ApiKeyEvent),
    Security(SecurityEvent),
}

impl Event {
    /// The module that the event belongs to: what stands before the dot of its type.
    pub fn module(&self) -> &'static str {
        self.event_type().split('.').next().unwrap_or_default()
    }

    /// `None` when no aggregate knows an earlier version like this.
    fn upcast(event_type: &str, version: i16, data: &str) -> Option<Result<Self, serde_json::Error>> {
        type Upcast = fn(&str, i16, &str) -> Option<Result<Event, serde_json::Error>>;
        let aggregates: [Upcast; 8] = [
            |name, version, data| Some(SaleEvent::upcast(name, version, data)?.map(Self::Sale)),
            |name, version, data| Some(OfflineEvent::upcast(name, version, data)?.map(Self::Offline)),
            |name, version, data| Some(RepairEvent::upcast(name, version, data)?.map(Self::Repair)),
            |name, version, data| Some(TransferEvent::upcast(name, version, data)?.map(Self::Transfer)),
            |name, version, data| Some(SupplierEvent::upcast(name, version, data)?.map(Self::Supplier)),
            |name, version, data| Some(CustomerEvent::upcast(name, version, data)?.map(Self::Customer)),
            |name, version, data| Some(OrderEvent::upcast(name, version, data)?.map(Self::Order)),
            |name, version, data| Some(SecurityEvent::upcast(name, version, data)?.map(Self::Security)),
        ];
        aggregates
            .iter()
            .find_map(|upcast| upcast(event_type, version, data))
    }

    /// Reads stored bytes of any version this build knows, upcast to the newest.
    pub fn decode(event_type: &str, version: i16, data: &str) -> Result<Event, DecodeError> {
        let decoded = Self::decode_newest(event_type, version, data)
            .or_else(|| Self::upcast(event_type, version, data));
        match decoded {
            Some(Ok(event)) => Ok(event),
            Some(Err(source)) => Err(DecodeError::Shape {
                event_type: event_type.to_owned(),
                version,
                source,
            }),
            None => Err(DecodeError::Unknown {
                event_type: event_type.to_owned(),
                version,
            }),
        }
    }
}
