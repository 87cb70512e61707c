//! Customers, their credit, payments and notes (CRM-1). Personal fields are sealed before the command is submitted.

mod bodies;

use std::sync::Arc;

use domain::customers::{
    AddCustomerNote, ChangeCredit, ChangeCustomer, ChangeCustomerStatus, ChargeCustomer, CorrectCustomerNote,
    ReceivePayment, RegisterCustomer, RemoveCustomerNote,
};
use platform::http::{JsonBody, Problem, RequestContext};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use schemas::{CustomerId, Sealed};

use self::bodies::{
    Charge, CustomerAnswer, CustomerChange, CustomerPayment, CustomerStatusAnswer, MAX_NOTE_CHARS, NewCredit,
    NewCustomer, NewNote, NoteAnswer, NoteText, StatusChange, change, check_credit, given,
};
use super::parameters::{self, personal};
use crate::http::{CommandAnswer, Http, fresh_id};

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
        check_credit(body.credit, context.principal.role)?;
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
        let Charge {
            charge_id,
            amount_minor,
            note,
        } = body.0;
        let customer_id = parameters::id(&customer_id.0)?;
        self.0
            .submit(
                context.0,
                ChargeCustomer {
                    customer_id,
                    charge_id,
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
        body.check()?;
        let customer_id: CustomerId = parameters::id(&customer_id.0)?;
        let fields = [
            ("name", given(&body.name)),
            ("tax_id", given(&body.tax_id)),
            ("email", given(&body.email)),
            ("phone", given(&body.phone)),
            ("address", given(&body.address)),
        ];
        let person = format!("customer/{customer_id}");
        let [name, tax_id, email, phone, address] =
            self.0.seal(&context.principal.tenant, &person, fields).await?;
        let command = ChangeCustomer {
            customer_id,
            kind: body.kind.flatten(),
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
