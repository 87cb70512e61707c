//! Customers, their credit and payments (CRM-1). Personal fields are sealed before the command is submitted.

use std::sync::Arc;

use domain::customers::{ChangeCredit, ChargeCustomer, ReceivePayment, RegisterCustomer};
use platform::http::{JsonBody, Problem, RequestContext};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use schemars::JsonSchema;
use schemas::events::customer::{CreditTerms, CustomerKind};
use schemas::events::sale::PaymentMethod;
use schemas::{CustomerId, Minor, PaymentId};
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

impl NewCustomer {
    fn check(&self) -> Result<(), Problem> {
        personal("name", &self.name, 200)?;
        for (field, text, max_chars) in [
            ("tax_id", &self.tax_id, 50),
            ("email", &self.email, 254),
            ("phone", &self.phone, 50),
            ("address", &self.address, 500),
        ] {
            text.as_deref()
                .map_or(Ok(()), |text| personal(field, text, max_chars))?;
        }
        match &self.email {
            Some(email) if !email.contains('@') => Err(parameters::field_problem(
                "/email",
                "Una dirección de correo tiene una arroba.",
                "An e-mail address has an at sign.",
            )),
            _ => Ok(()),
        }
    }
}

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
}
