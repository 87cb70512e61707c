//! Customers, their credit, payments and notes (CRM-1). Personal fields are sealed before the command is submitted.

use std::sync::Arc;

use domain::customers::{
    AddCustomerNote, ChangeCredit, ChangeCustomer, ChangeCustomerStatus, ChargeCustomer, CorrectCustomerNote,
    ReceivePayment, RegisterCustomer, RemoveCustomerNote,
};
use platform::http::{JsonBody, Problem, RequestContext};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use schemars::JsonSchema;
use schemas::events::catalogue::double_option;
use schemas::events::customer::{CreditTerms, CustomerKind, CustomerStatus};
use schemas::events::sale::PaymentMethod;
use schemas::{CustomerId, Minor, NoteId, PaymentId, Sealed};
use serde::Deserialize;

use super::parameters::{self, personal};
use crate::http::{CommandAnswer, Http, fresh_id};

/// A new customer.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewCustomer {
    /// Absent: one is generated.
    #[serde(default)]
    customer_id: Option<CustomerId>,
    #[serde(default = "person")]
    kind: CustomerKind,
    #[serde(default = "no_credit")]
    credit: CreditTerms,
    /// 1 to 200 characters.
    name: String,
    /// At most 50 characters.
    #[serde(default)]
    tax_id: Option<String>,
    /// At most 254 characters.
    #[serde(default)]
    email: Option<String>,
    /// At most 50 characters.
    #[serde(default)]
    phone: Option<String>,
    /// At most 500 characters.
    #[serde(default)]
    address: Option<String>,
}

fn person() -> CustomerKind {
    CustomerKind::Person
}

fn no_credit() -> CreditTerms {
    CreditTerms::None
}

/// Bounds of the contact's fields, in characters.
fn check_contact(fields: [(&'static str, Option<&str>); 4]) -> Result<(), Problem> {
    for (field, text) in fields {
        let max_chars = match field {
            "email" => 254,
            "address" => 500,
            _ => 50,
        };
        text.map_or(Ok(()), |text| personal(field, text, max_chars))?;
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
    fn check(&self) -> Result<(), Problem> {
        personal("name", &self.name, 200)?;
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
struct CustomerChange {
    #[serde(default)]
    kind: Option<CustomerKind>,
    /// 1 to 200 characters.
    #[serde(default)]
    name: Option<String>,
    /// At most 50 characters; `null` clears it.
    #[serde(default, deserialize_with = "double_option::deserialize")]
    #[schemars(with = "Option<String>")]
    tax_id: Option<Option<String>>,
    /// At most 254 characters; `null` clears it.
    #[serde(default, deserialize_with = "double_option::deserialize")]
    #[schemars(with = "Option<String>")]
    email: Option<Option<String>>,
    /// At most 50 characters; `null` clears it.
    #[serde(default, deserialize_with = "double_option::deserialize")]
    #[schemars(with = "Option<String>")]
    phone: Option<Option<String>>,
    /// At most 500 characters; `null` clears it.
    #[serde(default, deserialize_with = "double_option::deserialize")]
    #[schemars(with = "Option<String>")]
    address: Option<Option<String>>,
}

/// A field that is given and not cleared.
fn given(field: &Option<Option<String>>) -> Option<&str> {
    field.as_ref()?.as_deref()
}

/// The sealed text where one was given, `null` where it was cleared.
fn change(field: &Option<Option<String>>, sealed: Option<Sealed>) -> Option<Option<Sealed>> {
    field.as_ref().map(|_| sealed)
}

/// What a customer may do from now on.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct StatusChange {
    status: CustomerStatus,
}

/// A note about a customer.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewNote {
    /// Absent: one is generated.
    #[serde(default)]
    note_id: Option<NoteId>,
    /// 1 to 2,000 characters.
    text: String,
}

/// What a note says from now on.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NoteText {
    /// 1 to 2,000 characters.
    text: String,
}

/// Longest note, in characters.
const MAX_NOTE_CHARS: usize = 2_000;

/// New terms of credit.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewCredit {
    credit: CreditTerms,
}

/// What a customer owes besides sales.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Charge {
    /// Positive.
    amount_minor: Minor,
    /// At most 500 characters.
    #[serde(default)]
    note: Option<String>,
}

/// Money from a customer for their account.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CustomerPayment {
    /// Absent: one is generated.
    #[serde(default)]
    payment_id: Option<PaymentId>,
    /// Positive.
    amount_minor: Minor,
    /// Cash, card or transfer.
    method: PaymentMethod,
}

/// The customer and what they owe now; negative: what the shop owes.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct CustomerAnswer {
    customer_id: CustomerId,
    balance_minor: Minor,
    #[serde(default)]
    payment_id: Option<PaymentId>,
    position: i64,
}

/// The customer, what they may do, and what they owe.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct CustomerStatusAnswer {
    customer_id: CustomerId,
    status: CustomerStatus,
    balance_minor: Minor,
    position: i64,
}

/// The note.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct NoteAnswer {
    customer_id: CustomerId,
    note_id: NoteId,
    position: i64,
}

pub(super) struct CustomersApi(pub(super) Arc<Http>);

#[OpenApi(prefix_path = "/api/v1/customers")]
impl CustomersApi {
    /// Register a customer
    #[oai(path = "/", method = "post")]
    async fn register_customer(
        &self,
        context: Data<&RequestContext>,
        body: JsonBody<NewCustomer>,
    ) -> Result<CommandAnswer<CustomerAnswer, 201>, Problem> {
        let body = body.0;
        body.check()?;
        let customer_id = match &body.customer_id {
            Some(given) => given.clone(),
            None => parameters::id(&fresh_id(context.0, "customer").to_string())?,
        };
        let fields = [
            ("name", Some(body.name.as_str())),
            ("tax_id", body.tax_id.as_deref()),
            ("email", body.email.as_deref()),
            ("phone", body.phone.as_deref()),
            ("address", body.address.as_deref()),
        ];
        let person = format!("customer/{customer_id}");
        let [name, tax_id, email, phone, address] =
            self.0.seal(&context.principal.tenant, &person, fields).await?;
        let name = name.ok_or_else(|| Problem::new(&platform::http::codes::INTERNAL))?;
        let command = RegisterCustomer {
            customer_id,
            kind: body.kind,
            credit: body.credit,
            name,
            tax_id,
            email,
            phone,
            address,
        };
        self.0.submit(context.0, command).await
    }

    /// Change a customer's credit
    #[oai(path = "/:customer_id/credit", method = "put")]
    async fn change_credit(
        &self,
        context: Data<&RequestContext>,
        customer_id: Path<String>,
        body: JsonBody<NewCredit>,
    ) -> Result<CommandAnswer<CustomerAnswer>, Problem> {
        let customer_id = parameters::id(&customer_id.0)?;
        self.0
            .submit(
                context.0,
                ChangeCredit {
                    customer_id,
                    credit: body.0.credit,
                },
            )
            .await
    }

    /// Charge a customer's account
    #[oai(path = "/:customer_id/charges", method = "post")]
    async fn charge_customer(
        &self,
        context: Data<&RequestContext>,
        customer_id: Path<String>,
        body: JsonBody<Charge>,
    ) -> Result<CommandAnswer<CustomerAnswer, 201>, Problem> {
        let Charge { amount_minor, note } = body.0;
        let customer_id = parameters::id(&customer_id.0)?;
        self.0
            .submit(
                context.0,
                ChargeCustomer {
                    customer_id,
                    amount_minor,
                    note,
                },
            )
            .await
    }

    /// Receive a payment for a customer's account
    #[oai(path = "/:customer_id/payments", method = "post")]
    async fn receive_payment(
        &self,
        context: Data<&RequestContext>,
        customer_id: Path<String>,
        body: JsonBody<CustomerPayment>,
    ) -> Result<CommandAnswer<CustomerAnswer, 201>, Problem> {
        let CustomerPayment {
            payment_id,
            amount_minor,
            method,
        } = body.0;
        let customer_id = parameters::id(&customer_id.0)?;
        self.0
            .submit(
                context.0,
                ReceivePayment {
                    customer_id,
                    payment_id,
                    amount_minor,
                    method,
                },
            )
            .await
    }

    /// Change what is known about a customer
    #[oai(path = "/:customer_id", method = "patch")]
    async fn change_customer(
        &self,
        context: Data<&RequestContext>,
        customer_id: Path<String>,
        body: JsonBody<CustomerChange>,
    ) -> Result<CommandAnswer<CustomerAnswer>, Problem> {
        let body = body.0;
        let customer_id: CustomerId = parameters::id(&customer_id.0)?;
        let fields = [
            ("tax_id", given(&body.tax_id)),
            ("email", given(&body.email)),
            ("phone", given(&body.phone)),
            ("address", given(&body.address)),
        ];
        check_contact(fields)?;
        body.name
            .as_deref()
            .map_or(Ok(()), |name| personal("name", name, 200))?;
        let [tax_id, email, phone, address] = fields;
        let fields = [("name", body.name.as_deref()), tax_id, email, phone, address];
        let person = format!("customer/{customer_id}");
        let [name, tax_id, email, phone, address] =
            self.0.seal(&context.principal.tenant, &person, fields).await?;
        let command = ChangeCustomer {
            customer_id,
            kind: body.kind,
            name,
            tax_id: change(&body.tax_id, tax_id),
            email: change(&body.email, email),
            phone: change(&body.phone, phone),
            address: change(&body.address, address),
        };
        self.0.submit(context.0, command).await
    }

    /// Block, reactivate or archive a customer
    #[oai(path = "/:customer_id/status", method = "put")]
    async fn change_customer_status(
        &self,
        context: Data<&RequestContext>,
        customer_id: Path<String>,
        body: JsonBody<StatusChange>,
    ) -> Result<CommandAnswer<CustomerStatusAnswer>, Problem> {
        let (customer_id, status) = (parameters::id(&customer_id.0)?, body.0.status);
        self.0
            .submit(context.0, ChangeCustomerStatus { customer_id, status })
            .await
    }

    /// Write a note about a customer
    #[oai(path = "/:customer_id/notes", method = "post")]
    async fn add_customer_note(
        &self,
        context: Data<&RequestContext>,
        customer_id: Path<String>,
        body: JsonBody<NewNote>,
    ) -> Result<CommandAnswer<NoteAnswer, 201>, Problem> {
        let NewNote { note_id, text } = body.0;
        let customer_id: CustomerId = parameters::id(&customer_id.0)?;
        let text = self.sealed_note(context.0, &customer_id, &text).await?;
        let command = AddCustomerNote {
            customer_id,
            note_id,
            text,
        };
        self.0.submit(context.0, command).await
    }

    /// Correct a note about a customer
    #[oai(path = "/:customer_id/notes/:note_id", method = "put")]
    async fn correct_customer_note(
        &self,
        context: Data<&RequestContext>,
        customer_id: Path<String>,
        note_id: Path<String>,
        body: JsonBody<NoteText>,
    ) -> Result<CommandAnswer<NoteAnswer>, Problem> {
        let customer_id: CustomerId = parameters::id(&customer_id.0)?;
        let note_id = parameters::id(&note_id.0)?;
        let text = self.sealed_note(context.0, &customer_id, &body.0.text).await?;
        let command = CorrectCustomerNote {
            customer_id,
            note_id,
            text,
        };
        self.0.submit(context.0, command).await
    }

    /// Remove a note about a customer
    #[oai(path = "/:customer_id/notes/:note_id", method = "delete")]
    async fn remove_customer_note(
        &self,
        context: Data<&RequestContext>,
        customer_id: Path<String>,
        note_id: Path<String>,
    ) -> Result<CommandAnswer<NoteAnswer>, Problem> {
        let customer_id = parameters::id(&customer_id.0)?;
        let note_id = parameters::id(&note_id.0)?;
        self.0
            .submit(context.0, RemoveCustomerNote { customer_id, note_id })
            .await
    }
}

impl CustomersApi {
    /// Seals a note's text.
    async fn sealed_note(
        &self,
        context: &RequestContext,
        customer_id: &CustomerId,
        text: &str,
    ) -> Result<Sealed, Problem> {
        personal("text", text, MAX_NOTE_CHARS)?;
        let person = format!("customer/{customer_id}");
        let fields = [("text", Some(text))];
        let [sealed] = self.0.seal(&context.principal.tenant, &person, fields).await?;
        sealed.ok_or_else(|| Problem::new(&platform::http::codes::INTERNAL))
    }
}
