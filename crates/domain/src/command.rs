//! Every command, by name; each one's rules are in its own file.

use serde::{Deserialize, Serialize};

use crate::context::Ctx;
use crate::work::{Decision, Missing, Work};
use crate::{
    admin, alerts, api_keys, catalogue, connectors, customers, imports, movements, offline, orders,
    purchases, repairs, requests, reservations, sales, security, stock, suppliers, transfers, webhooks,
};

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
    SetLetterhead = "set_letterhead" in admin,
    SetNumbering = "set_numbering" in admin,
    EndNumbering = "end_numbering" in admin,
    SetRepairTerms = "set_repair_terms" in admin,
    OpenStore = "open_store" in admin,
    RenameStore = "rename_store" in admin,
    RenameTenant = "rename_tenant" in admin,
    RenameUser = "rename_user" in admin,
    ReopenStore = "reopen_store" in admin,
    CloseStore = "close_store" in admin,
    RegisterTerminal = "register_terminal" in admin,
    RenameTerminal = "rename_terminal" in admin,
    RetireTerminal = "retire_terminal" in admin,
    CreateUser = "create_user" in admin,
    ChangeUserRole = "change_user_role" in admin,
    ChangeUserPassword = "change_user_password" in admin,
    DisableUser = "disable_user" in admin,
    EnableUser = "enable_user" in admin,
    RecordSignIn = "record_sign_in" in security,
    RecordDeniedAccess = "record_denied_access" in security,
    BindKey = "bind_key" in requests,
    CreateItem = "create_item" in catalogue,
    ChangeItem = "change_item" in catalogue,
    DiscontinueItem = "discontinue_item" in catalogue,
    ReinstateItem = "reinstate_item" in catalogue,
    SetItemCost = "set_item_cost" in catalogue,
    DraftImport = "draft_import" in imports,
    ConfirmImport = "confirm_import" in imports,
    ApplyImport = "apply_import" in imports,
    CompleteImport = "complete_import" in imports,
    FailImport = "fail_import" in imports,
    ReceiveStock = "receive_stock" in stock,
    AdjustStock = "adjust_stock" in stock,
    WriteOffStock = "write_off_stock" in stock,
    SetThreshold = "set_threshold" in stock,
    RaiseAlert = "raise_alert" in alerts,
    EndAlert = "end_alert" in alerts,
    AcknowledgeAlert = "acknowledge_alert" in alerts,
    ResolveAlert = "resolve_alert" in alerts,
    CreateMovement = "create_movement" in movements,
    ApproveMovement = "approve_movement" in movements,
    RejectMovement = "reject_movement" in movements,
    SetMovementPolicy = "set_movement_policy" in movements,
    RegisterCustomer = "register_customer" in customers,
    ChangeCredit = "change_credit" in customers,
    ChargeCustomer = "charge_customer" in customers,
    ReceivePayment = "receive_payment" in customers,
    ChangeCustomer = "change_customer" in customers,
    ChangeCustomerStatus = "change_customer_status" in customers,
    AddCustomerNote = "add_customer_note" in customers,
    CorrectCustomerNote = "correct_customer_note" in customers,
    RemoveCustomerNote = "remove_customer_note" in customers,
    CompleteSale = "complete_sale" in sales,
    SaveDraft = "save_draft" in sales,
    CompleteDraft = "complete_draft" in sales,
    DiscardDraft = "discard_draft" in sales,
    VoidSale = "void_sale" in sales,
    ReturnGoods = "return_goods" in sales,
    RecordOfflineSale = "record_offline_sale" in offline,
    ResolveOfflineSale = "resolve_offline_sale" in offline,
    CancelOfflineSale = "cancel_offline_sale" in offline,
    ExchangeGoods = "exchange_goods" in sales,
    CreateOrder = "create_order" in orders,
    ChangeOrder = "change_order" in orders,
    AcceptQuote = "accept_quote" in orders,
    ExpireQuote = "expire_quote" in orders,
    ConfirmOrder = "confirm_order" in orders,
    DeliverOrder = "deliver_order" in orders,
    InvoiceOrder = "invoice_order" in orders,
    ReturnDelivered = "return_delivered" in orders,
    CancelOrder = "cancel_order" in orders,
    ReceiveRepair = "receive_repair" in repairs,
    DiagnoseRepair = "diagnose_repair" in repairs,
    QuoteRepair = "quote_repair" in repairs,
    AnswerQuote = "answer_quote" in repairs,
    StartRepair = "start_repair" in repairs,
    WaitForParts = "wait_for_parts" in repairs,
    ResumeRepair = "resume_repair" in repairs,
    KeepParts = "keep_parts" in repairs,
    TakeParts = "take_parts" in repairs,
    GiveBackParts = "give_back_parts" in repairs,
    SendToWorkshop = "send_to_workshop" in repairs,
    TakeFromWorkshop = "take_from_workshop" in repairs,
    FinishRepair = "finish_repair" in repairs,
    DeliverRepair = "deliver_repair" in repairs,
    ReturnUnrepaired = "return_unrepaired" in repairs,
    CancelRepair = "cancel_repair" in repairs,
    RecordSlaBreach = "record_sla_breach" in repairs,
    CreateReservation = "create_reservation" in reservations,
    ConfirmReservation = "confirm_reservation" in reservations,
    ReleaseReservation = "release_reservation" in reservations,
    ExpireReservation = "expire_reservation" in reservations,
    RequestTransfer = "request_transfer" in transfers,
    DispatchTransfer = "dispatch_transfer" in transfers,
    ReceiveTransfer = "receive_transfer" in transfers,
    ResolveDifference = "resolve_transfer_difference" in transfers,
    ResolveSurplus = "resolve_transfer_surplus" in transfers,
    CancelTransfer = "cancel_transfer" in transfers,
    RegisterSupplier = "register_supplier" in suppliers,
    ChangeSupplier = "change_supplier" in suppliers,
    DeactivateSupplier = "deactivate_supplier" in suppliers,
    ReactivateSupplier = "reactivate_supplier" in suppliers,
    AddSupplierContact = "add_supplier_contact" in suppliers,
    ChangeSupplierContact = "change_supplier_contact" in suppliers,
    RemoveSupplierContact = "remove_supplier_contact" in suppliers,
    PaySupplier = "pay_supplier" in suppliers,
    AdjustSupplierDebt = "adjust_supplier_debt" in suppliers,
    OrderPurchase = "order_purchase" in purchases,
    ChangePurchase = "change_purchase" in purchases,
    SendPurchase = "send_purchase" in purchases,
    ReceivePurchase = "receive_purchase" in purchases,
    InvoiceReception = "invoice_reception" in purchases,
    AdjustPurchaseCost = "adjust_purchase_cost" in purchases,
    ReturnToSupplier = "return_to_supplier" in purchases,
    CancelPurchase = "cancel_purchase" in purchases,
    ClosePurchase = "close_purchase" in purchases,
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
    CreateApiKey = "create_api_key" in api_keys,
    ChangeApiKey = "change_api_key" in api_keys,
    RotateApiKey = "rotate_api_key" in api_keys,
    DeactivateApiKey = "deactivate_api_key" in api_keys,
    ActivateApiKey = "activate_api_key" in api_keys,
    RevokeApiKey = "revoke_api_key" in api_keys,
    PutItem = "put_item" in catalogue,
}

#[cfg(test)]
mod tests;
