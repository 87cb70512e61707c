//! Tenants and what they are made of. Streams `tenant/self`, `store/<id>`, `terminal/<id>`, `user/<username>`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::module_events;
use crate::ids::{StoreId, TaxCode, TenantId, TerminalId, Username};
use crate::money::Currency;
use crate::sealed::Sealed;

module_events! {
    /// Set-up of a tenant.
    AdminEvent {
        TenantCreated(TenantCreated) = "admin.tenant_created" v 1,
        TenantRenamed(TenantRenamed) = "admin.tenant_renamed" v 1,
        StockPolicyChanged(StockPolicyChanged) = "admin.stock_policy_changed" v 1,
        TaxRateSet(TaxRateSet) = "admin.tax_rate_set" v 1,
        StoreOpened(StoreOpened) = "admin.store_opened" v 1,
        StoreClosed(StoreClosed) = "admin.store_closed" v 1,
        StoreReopened(StoreReopened) = "admin.store_reopened" v 1,
        StoreRenamed(StoreRenamed) = "admin.store_renamed" v 1,
        TerminalRegistered(TerminalRegistered) = "admin.terminal_registered" v 1,
        TerminalRetired(TerminalRetired) = "admin.terminal_retired" v 1,
        TerminalRenamed(TerminalRenamed) = "admin.terminal_renamed" v 1,
        UserCreated(UserCreated) = "admin.user_created" v 1,
        UserRenamed(UserRenamed) = "admin.user_renamed" v 1,
        UserRoleChanged(UserRoleChanged) = "admin.user_role_changed" v 1,
        UserPasswordChanged(UserPasswordChanged) = "admin.user_password_changed" v 1,
        UserDisabled(UserDisabled) = "admin.user_disabled" v 1,
        UserEnabled(UserEnabled) = "admin.user_enabled" v 1,
    }
}

/// Whether stock may fall below zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StockPolicy {
    Strict,
    AllowNegative,
}

/// API-1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Admin,
    Manager,
    SyncOperator,
    Cashier,
    Auditor,
}

impl Role {
    pub const ALL: [Role; 5] = [
        Role::Admin,
        Role::Manager,
        Role::SyncOperator,
        Role::Cashier,
        Role::Auditor,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Role::Admin => "admin",
            Role::Manager => "manager",
            Role::SyncOperator => "sync_operator",
            Role::Cashier => "cashier",
            Role::Auditor => "auditor",
        }
    }
}

/// An organisation begins: its currency, its time zone and how its prices are meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TenantCreated {
    pub tenant: TenantId,
    pub name: String,
    pub currency: Currency,
    /// IANA name, such as `America/Tegucigalpa`; business days are counted in it.
    pub time_zone: String,
    /// Whether catalogue prices include tax.
    pub prices_include_tax: bool,
    pub stock_policy: StockPolicy,
}

/// The organisation is called something else; its id stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TenantRenamed {
    pub name: String,
}

/// Whether sales may take more than there is, from here on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockPolicyChanged {
    pub stock_policy: StockPolicy,
}

/// A tax rate was added or changed; sales from here on use it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaxRateSet {
    pub tax_code: TaxCode,
    pub name: String,
    /// Parts per million: 150,000 is 15 %.
    pub rate_ppm: i64,
}

/// A store is open from here on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StoreOpened {
    pub store: StoreId,
    pub name: String,
}

/// Nothing is sold or received in the store any more; what happened in it stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StoreClosed {
    pub store: StoreId,
}

/// Business is done in the store again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StoreReopened {
    pub store: StoreId,
}

/// The store is called something else; its id stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StoreRenamed {
    pub store: StoreId,
    pub name: String,
}

/// A till of a store may sell from here on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TerminalRegistered {
    pub terminal: TerminalId,
    pub store: StoreId,
    pub name: String,
}

/// The till is gone; its sales stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TerminalRetired {
    pub terminal: TerminalId,
    pub store: StoreId,
}

/// The till is called something else; its id stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TerminalRenamed {
    pub terminal: TerminalId,
    pub store: StoreId,
    pub name: String,
}

/// Somebody may sign in from here on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserCreated {
    pub username: Username,
    pub role: Role,
    pub display_name: Sealed,
    /// The argon2id hash (PHC text), sealed like personal data: erasing the person takes it along.
    pub password_hash: Sealed,
}

/// The user is called something else; the username stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserRenamed {
    pub username: Username,
    pub display_name: Sealed,
}

/// What the user may do, from here on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserRoleChanged {
    pub username: Username,
    pub role: Role,
}

/// The password before it does not open anything any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserPasswordChanged {
    pub username: Username,
    pub password_hash: Sealed,
}

/// The user may not sign in, and tokens that are out end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserDisabled {
    pub username: Username,
}

/// The user may sign in again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserEnabled {
    pub username: Username,
}
