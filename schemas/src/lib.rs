//! The wire contract: what is stored in the log, sent to NATS and posted to webhooks.
//!
//! A leaf: ids, money, quantities, the envelope and one file of events per module, with their upcasters.
//! Deliberately absent: decisions (crates/domain), storage, HTTP, clocks, floats.

#![deny(clippy::float_arithmetic)]

pub mod card;
pub mod envelope;
pub mod events;
pub mod ids;
pub mod money;
pub mod quantity;
pub mod sealed;
pub mod text;

pub use envelope::{EventMeta, Position, RecordedEvent, StreamName, Version};
pub use events::{DecodeError, Event};
pub use ids::{
    AlertId, ApiKeyId, ChargeId, ConnectorSlug, ContactId, CostAdjustmentId, CustomerId, DebtAdjustmentId,
    EndpointId, ImportId, Incarnation, InvalidId, InvoiceId, LotNumber, MovementId, NoteId, OrderDeliveryId,
    OrderId, PaymentId, PurchaseId, QuarantineId, ReceptionId, RepairId, ReservationId, ReturnId, SaleId,
    Sku, StoreId, SupplierId, SupplierReturnId, TaxCode, TenantId, TerminalId, TransferId, UnitId, Username,
};
pub use money::{Currency, Minor, MoneyError};
pub use quantity::{Quantity, QuantityError};
pub use sealed::Sealed;
