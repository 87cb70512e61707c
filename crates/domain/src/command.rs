//! Every command, by name; each one's rules are in its own file.

use serde::{Deserialize, Serialize};

use crate::context::Ctx;
use crate::work::{Decision, Missing, Work};
use crate::{admin, catalogue, connectors, customers, reservations, sales, security, stock, webhooks};

/// A command's own rules.
pub trait Decide {
    /// Decides from the beginning; may be called several times until all that it reads is loaded.
    ///
    /// # Errors
    /// [`Missing::Streams`] when it must read more, [`Missing::Refused`] when the rules say no.
    fn decide(&self, work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing>;
}

macro_rules! commands {
    ($($name:ident = $wire:literal in $module:ident),+ $(,)?) => {
        /// A command of any module. The serialised form is stored in the inbox, never in the log.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "command", content = "body")]
        pub enum Command { $(#[serde(rename = $wire)] $name($module::$name)),+ }

        impl Command {
            /// The command's name, as events' metadata carry it.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$name(_) => $wire),+ }
            }
        }

        impl Decide for Command {
            fn decide(&self, work: Work<'_>, ctx: &Ctx) -> Result<Decision, Missing> {
                match self { $(Self::$name(command) => command.decide(work, ctx)),+ }
            }
        }

        $(impl From<$module::$name> for Command {
            fn from(command: $module::$name) -> Self { Self::$name(command) }
        })+
    };
}

commands! {
    CreateTenant = "create_tenant" in admin,
    SetStockPolicy = "set_stock_policy" in admin,
    SetTaxRate = "set_tax_rate" in admin,
    OpenStore = "open_store" in admin,
    CloseStore = "close_store" in admin,
    RegisterTerminal = "register_terminal" in admin,
    RetireTerminal = "retire_terminal" in admin,
    CreateUser = "create_user" in admin,
    ChangeUserRole = "change_user_role" in admin,
    ChangeUserPassword = "change_user_password" in admin,
    DisableUser = "disable_user" in admin,
    EnableUser = "enable_user" in admin,
    RecordSignIn = "record_sign_in" in security,
    RecordDeniedAccess = "record_denied_access" in security,
    CreateItem = "create_item" in catalogue,
    ChangeItem = "change_item" in catalogue,
    DiscontinueItem = "discontinue_item" in catalogue,
    ReinstateItem = "reinstate_item" in catalogue,
    ReceiveStock = "receive_stock" in stock,
    AdjustStock = "adjust_stock" in stock,
    WriteOffStock = "write_off_stock" in stock,
    RegisterCustomer = "register_customer" in customers,
    ChangeCredit = "change_credit" in customers,
    ChargeCustomer = "charge_customer" in customers,
    ReceivePayment = "receive_payment" in customers,
    CompleteSale = "complete_sale" in sales,
    SaveDraft = "save_draft" in sales,
    CompleteDraft = "complete_draft" in sales,
    DiscardDraft = "discard_draft" in sales,
    VoidSale = "void_sale" in sales,
    ReturnGoods = "return_goods" in sales,
    CreateReservation = "create_reservation" in reservations,
    ConfirmReservation = "confirm_reservation" in reservations,
    ReleaseReservation = "release_reservation" in reservations,
    ExpireReservation = "expire_reservation" in reservations,
    CreateEndpoint = "create_endpoint" in webhooks,
    ChangeEndpoint = "change_endpoint" in webhooks,
    PauseEndpoint = "pause_endpoint" in webhooks,
    ResumeEndpoint = "resume_endpoint" in webhooks,
    DisableEndpoint = "disable_endpoint" in webhooks,
    DeleteEndpoint = "delete_endpoint" in webhooks,
    TestEndpoint = "test_endpoint" in webhooks,
    RotateSecret = "rotate_secret" in webhooks,
    EndPreviousSecret = "end_previous_secret" in webhooks,
    ReplayDeliveries = "replay_deliveries" in webhooks,
    CreateConnector = "create_connector" in connectors,
    ChangeConnector = "change_connector" in connectors,
    RotateConnectorToken = "rotate_connector_token" in connectors,
    DisableConnector = "disable_connector" in connectors,
    EnableConnector = "enable_connector" in connectors,
    RevokeConnector = "revoke_connector" in connectors,
}

#[cfg(test)]
mod tests;
