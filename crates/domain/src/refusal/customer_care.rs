//! Why a customer may not buy, be charged twice, be filed away, or have a note.
//!
//! Not here: credit and store credit, which stand in the first table.

use schemas::{ChargeId, CustomerId, NoteId};

use super::Amount;

super::table::refusals! {
    /// Refusals of customers, beside those of the first table.
    CustomerRefusal {
    Blocked { customer_id: CustomerId } = "customer.blocked" Conflict at "/customer_id"
        en "customer {customer_id} is blocked and buys with money only"
        es "el cliente {customer_id} está bloqueado y solo compra pagando"
    Archived { customer_id: CustomerId } = "customer.archived" Conflict at "/customer_id"
        en "customer {customer_id} is archived; make them active first"
        es "el cliente {customer_id} está archivado; actívelo primero"
    BalanceOpen { customer_id: CustomerId, balance: Amount } = "customer.balance_open" Conflict at "/status"
        en "customer {customer_id} has a balance of {balance}; settle it before they are archived"
        es "el cliente {customer_id} tiene un saldo de {balance}; sáldelo antes de archivarlo"
    ChargeExists { charge_id: ChargeId } = "customer.charge_already_exists" Conflict at "/charge_id"
        en "charge {charge_id} was already made"
        es "el cargo {charge_id} ya se hizo"
    NoteNotFound { note_id: NoteId } = "note.not_found" NotFound at "/note_id"
        en "note {note_id} about this customer does not exist or was removed"
        es "la nota {note_id} sobre este cliente no existe o se quitó"
    NoteExists { note_id: NoteId } = "note.already_exists" Conflict at "/note_id"
        en "note {note_id} about this customer already exists"
        es "la nota {note_id} sobre este cliente ya existe"
    TooManyNotes { customer_id: CustomerId, max: usize } = "note.too_many" Conflict
        en "customer {customer_id} has {max} notes already; remove some first"
        es "el cliente {customer_id} ya tiene {max} notas; quite algunas primero"
    }
    modules {}
}
