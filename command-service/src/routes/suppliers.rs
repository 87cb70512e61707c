//! Suppliers, their contacts and what we owe them (CRM-2). Contacts' personal fields are sealed, each contact's under a
//! key of its own, before the command is submitted.

use std::sync::Arc;

use domain::suppliers::{
    AddSupplierContact, AdjustSupplierDebt, ChangeSupplier, ChangeSupplierContact, DeactivateSupplier,
    PaySupplier, ReactivateSupplier, RegisterSupplier, RemoveSupplierContact,
};
use platform::http::{JsonBody, Problem, RequestContext};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use schemars::JsonSchema;
use schemas::events::sale::PaymentMethod;
use schemas::events::supplier::SupplierDetails;
use schemas::{ContactId, DebtAdjustmentId, Minor, PaymentId, Sealed, SupplierId};
use serde::Deserialize;

use super::parameters::{self, NoFields, personal};
use crate::http::{CommandAnswer, Http, fresh_id};

/// A new supplier: an organisation, not a person.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewSupplier {
    /// Absent: one is generated.
    #[serde(default)]
    supplier_id: Option<SupplierId>,
    /// 1 to 200 characters.
    name: String,
    /// The number at the tax office; at most 50 characters.
    #[serde(default)]
    tax_id: Option<String>,
    /// Days from invoice to payment, 0 to 3,650.
    #[serde(default)]
    payment_days: Option<i64>,
    /// At most 1,000 characters.
    #[serde(default)]
    note: Option<String>,
}

/// All that is known of a supplier; what is absent is cleared.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SupplierChange {
    /// 1 to 200 characters.
    name: String,
    /// The number at the tax office; at most 50 characters.
    #[serde(default)]
    tax_id: Option<String>,
    /// Days from invoice to payment, 0 to 3,650.
    #[serde(default)]
    payment_days: Option<i64>,
    /// At most 1,000 characters.
    #[serde(default)]
    note: Option<String>,
}

/// A person to talk to at a supplier.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewContact {
    /// Absent: one is generated.
    #[serde(default)]
    contact_id: Option<ContactId>,
    /// What the person does there, such as `ventas`; at most 100 characters.
    #[serde(default)]
    role: Option<String>,
    /// 1 to 200 characters.
    name: String,
    /// At most 254 characters.
    #[serde(default)]
    email: Option<String>,
    /// At most 50 characters.
    #[serde(default)]
    phone: Option<String>,
}

/// All that is known of a contact; what is absent is cleared.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ContactChange {
    /// What the person does there, such as `ventas`; at most 100 characters.
    #[serde(default)]
    role: Option<String>,
    /// 1 to 200 characters.
    name: String,
    /// At most 254 characters.
    #[serde(default)]
    email: Option<String>,
    /// At most 50 characters.
    #[serde(default)]
    phone: Option<String>,
}

/// Money to a supplier. More than is owed is an advance.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SupplierPayment {
    /// Absent: one is generated.
    #[serde(default)]
    payment_id: Option<PaymentId>,
    /// Positive.
    amount_minor: Minor,
    /// Cash, card or transfer.
    method: PaymentMethod,
    /// The bank's number or whatever proves it; at most 200 characters.
    #[serde(default)]
    reference: Option<String>,
}

/// A correction of what we owe.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DebtAdjustment {
    /// Absent: one is generated. Sent again, the same one is refused while it is among the newest 200 of the supplier.
    #[serde(default)]
    adjustment_id: Option<DebtAdjustmentId>,
    /// Not 0: what is added to the debt; below zero lowers it.
    delta_minor: Minor,
    /// At most 500 characters.
    #[serde(default)]
    note: Option<String>,
}

/// The supplier and what we owe it now; negative: what it owes us.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct SupplierAnswer {
    supplier_id: SupplierId,
    /// Whether it is ordered from.
    active: bool,
    balance_minor: Minor,
    position: i64,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct ContactAnswer {
    supplier_id: SupplierId,
    contact_id: ContactId,
    position: i64,
}

/// What we owe now; negative: what the supplier owes us.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct SupplierBalanceAnswer {
    supplier_id: SupplierId,
    balance_minor: Minor,
    #[serde(default)]
    payment_id: Option<PaymentId>,
    #[serde(default)]
    adjustment_id: Option<DebtAdjustmentId>,
    position: i64,
}

pub(super) struct SuppliersApi(pub(super) Arc<Http>);

/// A contact's fields, sealed.
struct SealedContact {
    name: Sealed,
    email: Option<Sealed>,
    phone: Option<Sealed>,
}

impl SuppliersApi {
    async fn sealed(
        &self,
        context: &RequestContext,
        supplier: &SupplierId,
        contact: &ContactId,
        (name, email, phone): (&str, Option<&str>, Option<&str>),
    ) -> Result<SealedContact, Problem> {
        personal("name", name, 200)?;
        for (field, text, max_chars) in [("email", email, 254), ("phone", phone, 50)] {
            text.map_or(Ok(()), |text| personal(field, text, max_chars))?;
        }
        if email.is_some_and(|email| !email.contains('@')) {
            return Err(parameters::field_problem(
                "/email",
                "Una dirección de correo tiene una arroba.",
                "An e-mail address has an at sign.",
            ));
        }
        let fields = [("name", Some(name)), ("email", email), ("phone", phone)];
        let person = format!("supplier/{supplier}/{contact}");
        let [name, email, phone] = self.0.seal(&context.principal.tenant, &person, fields).await?;
        let name = name.ok_or_else(|| Problem::new(&platform::http::codes::INTERNAL))?;
        Ok(SealedContact { name, email, phone })
    }
}

#[OpenApi(prefix_path = "/api/v1/suppliers")]
impl SuppliersApi {
    /// Register a supplier
    #[oai(path = "/", method = "post")]
    async fn register_supplier(
        &self,
        context: Data<&RequestContext>,
        body: JsonBody<NewSupplier>,
    ) -> Result<CommandAnswer<SupplierAnswer, 201>, Problem> {
        let NewSupplier {
            supplier_id,
            name,
            tax_id,
            payment_days,
            note,
        } = body.0;
        let details = SupplierDetails {
            name,
            tax_id,
            payment_days,
            note,
        };
        let command = RegisterSupplier { supplier_id, details };
        self.0.submit(context.0, command).await
    }

    /// Replace what is known of a supplier
    #[oai(path = "/:supplier_id", method = "put")]
    async fn change_supplier(
        &self,
        context: Data<&RequestContext>,
        supplier_id: Path<String>,
        body: JsonBody<SupplierChange>,
    ) -> Result<CommandAnswer<SupplierAnswer>, Problem> {
        let SupplierChange {
            name,
            tax_id,
            payment_days,
            note,
        } = body.0;
        let details = SupplierDetails {
            name,
            tax_id,
            payment_days,
            note,
        };
        let supplier_id = parameters::id(&supplier_id.0)?;
        self.0
            .submit(context.0, ChangeSupplier { supplier_id, details })
            .await
    }

    /// Order nothing more from a supplier
    #[oai(path = "/:supplier_id/deactivate", method = "post")]
    async fn deactivate_supplier(
        &self,
        context: Data<&RequestContext>,
        supplier_id: Path<String>,
        _body: JsonBody<NoFields>,
    ) -> Result<CommandAnswer<SupplierAnswer>, Problem> {
        let supplier_id = parameters::id(&supplier_id.0)?;
        self.0.submit(context.0, DeactivateSupplier { supplier_id }).await
    }

    /// Order from a supplier again
    #[oai(path = "/:supplier_id/reactivate", method = "post")]
    async fn reactivate_supplier(
        &self,
        context: Data<&RequestContext>,
        supplier_id: Path<String>,
        _body: JsonBody<NoFields>,
    ) -> Result<CommandAnswer<SupplierAnswer>, Problem> {
        let supplier_id = parameters::id(&supplier_id.0)?;
        self.0.submit(context.0, ReactivateSupplier { supplier_id }).await
    }

    /// Add a contact of a supplier
    #[oai(path = "/:supplier_id/contacts", method = "post")]
    async fn add_supplier_contact(
        &self,
        context: Data<&RequestContext>,
        supplier_id: Path<String>,
        body: JsonBody<NewContact>,
    ) -> Result<CommandAnswer<ContactAnswer, 201>, Problem> {
        let body = body.0;
        let supplier_id: SupplierId = parameters::id(&supplier_id.0)?;
        let contact_id = match &body.contact_id {
            Some(given) => given.clone(),
            None => parameters::id(&fresh_id(context.0, "contact").to_string())?,
        };
        let fields = (body.name.as_str(), body.email.as_deref(), body.phone.as_deref());
        let SealedContact { name, email, phone } =
            self.sealed(context.0, &supplier_id, &contact_id, fields).await?;
        let command = AddSupplierContact {
            supplier_id,
            contact_id: Some(contact_id),
            role: body.role,
            name,
            email,
            phone,
        };
        self.0.submit(context.0, command).await
    }

    /// Replace what is known of a supplier's contact
    #[oai(path = "/:supplier_id/contacts/:contact_id", method = "put")]
    async fn change_supplier_contact(
        &self,
        context: Data<&RequestContext>,
        supplier_id: Path<String>,
        contact_id: Path<String>,
        body: JsonBody<ContactChange>,
    ) -> Result<CommandAnswer<ContactAnswer>, Problem> {
        let body = body.0;
        let supplier_id: SupplierId = parameters::id(&supplier_id.0)?;
        let contact_id: ContactId = parameters::id(&contact_id.0)?;
        let fields = (body.name.as_str(), body.email.as_deref(), body.phone.as_deref());
        let SealedContact { name, email, phone } =
            self.sealed(context.0, &supplier_id, &contact_id, fields).await?;
        let command = ChangeSupplierContact {
            supplier_id,
            contact_id,
            role: body.role,
            name,
            email,
            phone,
        };
        self.0.submit(context.0, command).await
    }

    /// Remove a contact of a supplier
    #[oai(path = "/:supplier_id/contacts/:contact_id", method = "delete")]
    async fn remove_supplier_contact(
        &self,
        context: Data<&RequestContext>,
        supplier_id: Path<String>,
        contact_id: Path<String>,
    ) -> Result<CommandAnswer<ContactAnswer>, Problem> {
        let command = RemoveSupplierContact {
            supplier_id: parameters::id(&supplier_id.0)?,
            contact_id: parameters::id(&contact_id.0)?,
        };
        self.0.submit(context.0, command).await
    }

    /// Pay a supplier
    #[oai(path = "/:supplier_id/payments", method = "post")]
    async fn pay_supplier(
        &self,
        context: Data<&RequestContext>,
        supplier_id: Path<String>,
        body: JsonBody<SupplierPayment>,
    ) -> Result<CommandAnswer<SupplierBalanceAnswer, 201>, Problem> {
        let SupplierPayment {
            payment_id,
            amount_minor,
            method,
            reference,
        } = body.0;
        let command = PaySupplier {
            supplier_id: parameters::id(&supplier_id.0)?,
            payment_id,
            amount_minor,
            method,
            reference,
        };
        self.0.submit(context.0, command).await
    }

    /// Correct what we owe a supplier
    #[oai(path = "/:supplier_id/adjustments", method = "post")]
    async fn adjust_supplier_debt(
        &self,
        context: Data<&RequestContext>,
        supplier_id: Path<String>,
        body: JsonBody<DebtAdjustment>,
    ) -> Result<CommandAnswer<SupplierBalanceAnswer, 201>, Problem> {
        let DebtAdjustment {
            adjustment_id,
            delta_minor,
            note,
        } = body.0;
        let command = AdjustSupplierDebt {
            supplier_id: parameters::id(&supplier_id.0)?,
            adjustment_id,
            delta_minor,
            note,
        };
        self.0.submit(context.0, command).await
    }
}
