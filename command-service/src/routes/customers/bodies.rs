//! Bodies and answers of customers' operations. Not here: what is done with them.

use platform::http::{Problem, Text, codes};
use schemars::JsonSchema;
use schemas::events::admin::Role;
use schemas::events::catalogue::double_option;
use schemas::events::customer::{CreditTerms, CustomerKind, CustomerStatus};
use schemas::events::sale::PaymentMethod;
use schemas::{ChargeId, CustomerId, Minor, NoteId, PaymentId, Sealed};
use serde::Deserialize;

use super::super::parameters;

/// A new customer.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewCustomer {
    /// Absent: one is generated.
    #[serde(default)]
    pub(super) customer_id: Option<CustomerId>,
    #[serde(default = "person")]
    pub(super) kind: CustomerKind,
    /// Anything but `none` is for managers and administrators; absent: `none`.
    #[serde(default = "no_credit")]
    pub(super) credit: CreditTerms,
    /// 1 to 200 characters.
    pub(super) name: String,
    /// At most 50 characters.
    #[serde(default)]
    pub(super) tax_id: Option<String>,
    /// At most 254 characters.
    #[serde(default)]
    pub(super) email: Option<String>,
    /// At most 50 characters.
    #[serde(default)]
    pub(super) phone: Option<String>,
    /// At most 500 characters.
    #[serde(default)]
    pub(super) address: Option<String>,
}

fn person() -> CustomerKind {
    CustomerKind::Person
}

fn no_credit() -> CreditTerms {
    CreditTerms::None
}

/// Who may not change credit does not give any to somebody new either.
pub(super) fn check_credit(credit: CreditTerms, role: Role) -> Result<(), Problem> {
    let may_give = match role {
        Role::Admin | Role::Manager => true,
        Role::Cashier | Role::SyncOperator | Role::Auditor => false,
    };
    if may_give || credit == CreditTerms::None {
        return Ok(());
    }
    let detail = Text::fixed(
        "Solo gerencia y administración dan crédito.",
        "Only managers and administrators give credit.",
    );
    Err(Problem::new(&codes::AUTH_ROLE_FORBIDDEN).at("/credit", detail))
}

/// Bounds of the contact's fields, in characters.
fn check_contact(fields: [(&'static str, Option<&str>); 4]) -> Result<(), Problem> {
    for (field, text) in fields {
        let max_chars = match field {
            "email" => 254,
            "address" => 500,
            _ => 50,
        };
        text.map_or(Ok(()), |text| parameters::personal(field, text, max_chars))?;
        if field == "email" && text.is_some_and(|email| !email.contains('@')) {
            return Err(parameters::field_problem(
                "/email",
                "Una dirección de correo tiene una arroba.",
                "An e-mail address has an at sign.",
            ));
        }
    }
    Ok(())
}

impl NewCustomer {
    pub(super) fn check(&self) -> Result<(), Problem> {
        parameters::personal("name", &self.name, 200)?;
        check_contact([
            ("tax_id", self.tax_id.as_deref()),
            ("email", self.email.as_deref()),
            ("phone", self.phone.as_deref()),
            ("address", self.address.as_deref()),
        ])
    }
}

/// What changes about a customer. Absent fields stay as they are.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CustomerChange {
    /// Every customer is of a kind: not `null`.
    #[serde(
        default,
        deserialize_with = "double_option::deserialize",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "CustomerKind")]
    pub(super) kind: Option<Option<CustomerKind>>,
    /// 1 to 200 characters. Every customer has one: not `null`.
    #[serde(
        default,
        deserialize_with = "double_option::deserialize",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "String")]
    pub(super) name: Option<Option<String>>,
    /// At most 50 characters; `null` clears it.
    #[serde(default, deserialize_with = "double_option::deserialize")]
    #[schemars(with = "Option<String>")]
    pub(super) tax_id: Option<Option<String>>,
    /// At most 254 characters; `null` clears it.
    #[serde(default, deserialize_with = "double_option::deserialize")]
    #[schemars(with = "Option<String>")]
    pub(super) email: Option<Option<String>>,
    /// At most 50 characters; `null` clears it.
    #[serde(default, deserialize_with = "double_option::deserialize")]
    #[schemars(with = "Option<String>")]
    pub(super) phone: Option<Option<String>>,
    /// At most 500 characters; `null` clears it.
    #[serde(default, deserialize_with = "double_option::deserialize")]
    #[schemars(with = "Option<String>")]
    pub(super) address: Option<Option<String>>,
}

impl CustomerChange {
    pub(super) fn check(&self) -> Result<(), Problem> {
        if self.kind == Some(None) {
            return Err(parameters::field_problem(
                "/kind",
                "Un cliente es de algún tipo: no se puede quitar.",
                "A customer is of some kind: it cannot be cleared.",
            ));
        }
        if self.name == Some(None) {
            return Err(parameters::field_problem(
                "/name",
                "Un cliente tiene nombre: no se puede quitar.",
                "A customer has a name: it cannot be cleared.",
            ));
        }
        given(&self.name).map_or(Ok(()), |name| parameters::personal("name", name, 200))?;
        check_contact([
            ("tax_id", given(&self.tax_id)),
            ("email", given(&self.email)),
            ("phone", given(&self.phone)),
            ("address", given(&self.address)),
        ])
    }
}

/// A field that is given and not cleared.
pub(super) fn given(field: &Option<Option<String>>) -> Option<&str> {
    field.as_ref()?.as_deref()
}

/// The sealed text where one was given, `null` where it was cleared.
pub(super) fn change(field: &Option<Option<String>>, sealed: Option<Sealed>) -> Option<Option<Sealed>> {
    field.as_ref().map(|_| sealed)
}

/// What a customer may do from now on.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StatusChange {
    pub(super) status: CustomerStatus,
}

/// A note about a customer.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewNote {
    /// Absent: one is generated.
    #[serde(default)]
    pub(super) note_id: Option<NoteId>,
    /// 1 to 2,000 characters.
    pub(super) text: String,
}

/// What a note says from now on.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NoteText {
    /// 1 to 2,000 characters.
    pub(super) text: String,
}

/// Longest note, in characters.
pub(super) const MAX_NOTE_CHARS: usize = 2_000;

/// New terms of credit.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewCredit {
    pub(super) credit: CreditTerms,
}

/// What a customer owes besides sales.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Charge {
    /// Absent: one is generated. Sent again, the same one is refused while it is among the newest 200 of the customer.
    #[serde(default)]
    pub(super) charge_id: Option<ChargeId>,
    /// Positive.
    pub(super) amount_minor: Minor,
    /// At most 500 characters.
    #[serde(default)]
    pub(super) note: Option<String>,
}

/// Money from a customer for their account.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CustomerPayment {
    /// Absent: one is generated.
    #[serde(default)]
    pub(super) payment_id: Option<PaymentId>,
    /// Positive.
    pub(super) amount_minor: Minor,
    /// Cash, card or transfer.
    pub(super) method: PaymentMethod,
}

/// The customer and what they owe now; negative: what the shop owes.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
pub(super) struct CustomerAnswer {
    customer_id: CustomerId,
    balance_minor: Minor,
    #[serde(default)]
    payment_id: Option<PaymentId>,
    #[serde(default)]
    charge_id: Option<ChargeId>,
    position: i64,
}

/// The customer, what they may do, and what they owe.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
pub(super) struct CustomerStatusAnswer {
    customer_id: CustomerId,
    status: CustomerStatus,
    balance_minor: Minor,
    position: i64,
}

/// The note.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
pub(super) struct NoteAnswer {
    customer_id: CustomerId,
    note_id: NoteId,
    position: i64,
}
