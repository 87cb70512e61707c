//! Receipts as PDF and JSON, and the page where anybody verifies one (POS-3).

mod answer;
mod around;

use platform::auth::DocumentKeys;
use platform::http::{Language, Problem, PublicContext, RequestContext, codes};
use poem::Request;
use poem::http::StatusCode;
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use schemars::JsonSchema;
use schemas::events::sale::SalePayment;
use schemas::{Currency, SaleId, Sealed, TenantId};
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use self::answer::{Form, ReceiptAnswer, VerifiedAnswer, form, language, wants_json};
use self::around::Around;
use super::Group;
use super::sales::{Sale, load_sale, load_sale_at};
use crate::QueryService;
use crate::failure::not_found;
use crate::parameters::path_id;
use crate::people::{self, SealedField};
use crate::receipt::layout::{Letterhead, Printed, PrintedItem, PrintedPayment, rows};
use crate::receipt::money::tax_is_added;
use crate::receipt::pdf::draw;
use crate::receipt::signed::{
    Code, Proof, SignedLine, SignedPayment, SignedReceipt, check, digest_of, grouped, prove,
};
use crate::receipt::verify_page;

/// What signs receipts, and where they are verified.
#[derive(Debug, Clone)]
pub struct Receipts {
    pub keys: DocumentKeys,
    /// Such as `https://tienda.example`, without a slash at the end.
    pub base_url: String,
}

/// What is printed for the customer, as figures.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SaleReceipt")]
pub struct Receipt {
    /// The letterhead's legal name, as it is printed; the tenant's name where there is no letterhead.
    pub business_name: String,
    pub store_name: String,
    /// Of the registered customer, if there is one who was not forgotten.
    pub customer_name: Option<String>,
    /// Decimal places of the currency: amounts are divided by ten to this power.
    pub currency_exponent: u32,
    pub verification: Verification,
    #[serde(flatten)]
    pub sale: Sale,
    /// The position in the log that this answer speaks for.
    pub position: i64,
}

/// How anybody finds out that a receipt is ours.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Verification {
    /// What is printed; groups, spaces and capitals do not matter.
    pub code: String,
    /// What the QR code holds.
    pub url: String,
    /// The text that is signed: JSON with a fixed order of fields.
    pub signed: String,
    /// Ed25519 over the UTF-8 bytes of `signed`: base64url without padding.
    pub signature: String,
    /// The public key: base64url without padding, 32 bytes.
    pub public_key: String,
}

/// What anybody is told who has the code: nothing of it says what was bought, or how it was paid.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PublicVerification {
    /// What is printed; groups, spaces and capitals do not matter.
    pub code: String,
    /// What the QR code holds.
    pub url: String,
    /// SHA-256 of the sale's `verification.signature` as it is written, hexadecimal: whoever was shown that proof sees that
    /// it is this receipt's. Its first ten bytes are the last twenty digits of the code.
    pub signature_sha256: String,
    /// The public key: base64url without padding, 32 bytes.
    pub public_key: String,
}

/// What a verified receipt says. Who bought what stays private.
#[derive(Debug, Serialize, JsonSchema)]
pub struct VerifiedReceipt {
    /// Always true: an unknown code is answered with 404.
    pub valid: bool,
    /// The letterhead's legal name, as it is printed; the tenant's name where there is no letterhead.
    pub business_name: String,
    pub store_name: String,
    pub sale_id: String,
    /// The tenant's own number of the receipt, where it numbers receipts.
    pub number: Option<String>,
    /// RFC 3339.
    pub occurred_at: String,
    /// The same as it is printed: in the shop's zone.
    pub printed_at: String,
    pub currency: String,
    pub currency_exponent: u32,
    pub total_minor: i64,
    /// In `total_minor`, whichever way the prices are.
    pub tax_minor: i64,
    /// Whether the tax came on top of the prices; else it is in them, or there is none.
    pub tax_is_added: bool,
    /// What came back of it since.
    pub returned_minor: i64,
    /// `completed` or `voided`.
    pub status: String,
    pub verification: PublicVerification,
}

/// Reads of receipts.
pub struct ReceiptReads(pub QueryService);

#[OpenApi(tag = "Group::Sales")]
impl ReceiptReads {
    /// The receipt of a sale that was completed; drafts have none.
    ///
    /// A PDF on 80 mm paper, unless `format` or `Accept: application/json` says otherwise.
    #[oai(
        path = "/api/v1/pos/receipt/:sale_id",
        method = "get",
        operation_id = "get_receipt"
    )]
    async fn get_receipt(
        &self,
        context: Data<&RequestContext>,
        request: &Request,
        sale_id: Path<String>,
        /// `80mm`, `a4` or `json`.
        format: Query<Option<String>>,
        /// `es` or `en`; the request's language when absent.
        lang: Query<Option<String>>,
        /// Wait until the read models hold this position.
        min_position: Query<Option<i64>>,
    ) -> Result<ReceiptAnswer, Problem> {
        let tenant = &context.principal.tenant;
        let id: SaleId = path_id(&sale_id.0)?;
        let form = form(format.0.as_deref(), request)?;
        let language = language(lang.0.as_deref(), context.language)?;
        let mut snapshot = self.0.snapshot(tenant, min_position.0).await?;
        let sale = load_sale(&mut snapshot, &id).await?.ok_or_else(not_found)?;
        let around = Around::load(&mut snapshot, &sale, language).await?;
        let position = snapshot.position;
        snapshot.close().await?;
        let (currency, signed) = signed(tenant, &sale).ok_or_else(not_found)?;
        let Receipts { keys, base_url } = &self.0.receipts;
        let proof =
            prove(keys, tenant, sale.header.opened_position, &signed).map_err(|error| internal(&error))?;
        let verification = verification(keys, base_url, &proof)?;
        let customer_name = self
            .customer_name(tenant, &sale, around.name_sealed.clone())
            .await?;
        let paper = match form {
            Form::Json => {
                return Ok(ReceiptAnswer::Json(Box::new(Receipt {
                    business_name: around.business_name,
                    store_name: around.store_name,
                    customer_name,
                    currency_exponent: currency.exponent(),
                    verification,
                    sale,
                    position,
                })));
            }
            Form::Pdf(paper) => paper,
        };
        let printed = printed(&sale, around, customer_name, currency, &verification);
        let name = sale.header.sale_id;
        let drawn = self.0.renderer.draw(move || {
            let rows = rows(&printed, language, paper.columns());
            draw(&rows, paper, &printed.sale_id, &printed.url).map_err(|error| internal(&error))
        });
        Ok(ReceiptAnswer::Pdf {
            bytes: drawn.await?,
            name,
        })
    }

    /// Whether a receipt is ours, without signing in.
    ///
    /// A page for people, or JSON with `Accept: application/json`. An unknown code is answered with 404, in the same form.
    /// Neither says what was bought or how it was paid: the signed text is in the sale's receipt, for those who sign in.
    #[oai(
        path = "/verify/receipt/:code",
        method = "get",
        operation_id = "verify_receipt"
    )]
    async fn verify_receipt(
        &self,
        context: Data<&PublicContext>,
        request: &Request,
        /// As it is printed; groups, spaces and capitals do not matter.
        code: Path<String>,
    ) -> Result<VerifiedAnswer, Problem> {
        let as_json = wants_json(request);
        match self.verified(&code.0).await? {
            Some(verified) if as_json => Ok(VerifiedAnswer::Json(Box::new(verified))),
            Some(verified) => Ok(VerifiedAnswer::Page {
                status: StatusCode::OK,
                html: verify_page::valid(&verified, context.language),
            }),
            None if as_json => Err(not_found()),
            None => Ok(VerifiedAnswer::Page {
                status: StatusCode::NOT_FOUND,
                html: verify_page::unknown(context.language),
            }),
        }
    }
}

impl ReceiptReads {
    async fn verified(&self, code: &str) -> Result<Option<VerifiedReceipt>, Problem> {
        let Some(code) = Code::read(code) else {
            return Ok(None);
        };
        let mut snapshot = self.0.snapshot(&code.tenant, None).await?;
        let sale = load_sale_at(&mut snapshot, code.position).await?;
        let around = match &sale {
            Some(sale) => Some(Around::load(&mut snapshot, sale, Language::English).await?),
            None => None,
        };
        snapshot.close().await?;
        let (Some(sale), Some(around)) = (sale, around) else {
            return Ok(None);
        };
        let Some((currency, signed)) = signed(&code.tenant, &sale) else {
            return Ok(None);
        };
        let Receipts { keys, base_url } = &self.0.receipts;
        let Some(proof) = check(keys, &code, &signed) else {
            return Ok(None);
        };
        let verification = verification(keys, base_url, &proof)?;
        let header = sale.header;
        Ok(Some(VerifiedReceipt {
            valid: true,
            business_name: around.business_name,
            store_name: around.store_name,
            sale_id: header.sale_id,
            number: header.number,
            occurred_at: signed.occurred_at,
            printed_at: header
                .occurred_at
                .map_or_else(String::new, |at| local(at, around.time_zone.as_deref())),
            currency: signed.currency,
            currency_exponent: currency.exponent(),
            total_minor: header.total_minor,
            tax_minor: header.tax_minor,
            tax_is_added: tax_is_added(
                header.gross_minor,
                header.discount_minor,
                header.tax_minor,
                header.total_minor,
            ),
            returned_minor: header.returned_minor,
            status: header.status,
            verification: PublicVerification {
                code: verification.code,
                url: verification.url,
                signature_sha256: digest_of(&proof.signature),
                public_key: verification.public_key,
            },
        }))
    }

    async fn customer_name(
        &self,
        tenant: &TenantId,
        sale: &Sale,
        sealed: Option<String>,
    ) -> Result<Option<String>, Problem> {
        let customer = sale.header.customer_id.as_deref();
        let field = customer.zip(sealed).map(|(customer, sealed)| SealedField {
            person: format!("customer/{customer}"),
            field: "name",
            value: Sealed { sealed },
        });
        Ok(people::open(&self.0.vault, tenant, vec![field])
            .await?
            .pop()
            .flatten())
    }
}

fn internal(error: &dyn std::fmt::Display) -> Problem {
    tracing::error!(%error, "a receipt could not be made");
    Problem::new(&codes::INTERNAL)
}

fn verification(keys: &DocumentKeys, base_url: &str, proof: &Proof) -> Result<Verification, Problem> {
    let public_key = keys
        .public(proof.signature.key)
        .ok_or_else(|| internal(&"its key is gone"))?;
    Ok(Verification {
        url: format!("{}/verify/receipt/{}", base_url.trim_end_matches('/'), proof.code),
        code: grouped(&proof.code),
        signed: proof.text.clone(),
        signature: proof.signature.signature.clone(),
        public_key: public_key.to_owned(),
    })
}

/// What a receipt vouches for; drafts and discarded sales vouch for nothing.
fn signed(tenant: &TenantId, sale: &Sale) -> Option<(Currency, SignedReceipt)> {
    let header = &sale.header;
    let currency = Currency::new(header.currency.as_deref()?).ok()?;
    let payments: Vec<SalePayment> = serde_json::from_str(sale.documents.payments.as_str()).ok()?;
    let lines = sale.lines.iter().map(|line| SignedLine {
        sku: line.sku.clone(),
        unit: line.unit.clone(),
        quantity: line.quantity,
        total_minor: line.total_minor,
    });
    let signed = SignedReceipt {
        kind: "trastienda-receipt-1",
        tenant: tenant.to_string(),
        sale_id: header.sale_id.clone(),
        number: header.number.clone(),
        store: header.store.clone(),
        occurred_at: header.occurred_at?.format(&Rfc3339).ok()?,
        business_day: header.business_day.clone()?,
        currency: currency.to_string(),
        total_minor: header.total_minor,
        tax_minor: header.tax_minor,
        lines: lines.collect(),
        payments: payments.iter().map(SignedPayment::of).collect(),
    };
    Some((currency, signed))
}

fn printed(
    sale: &Sale,
    around: Around,
    customer_name: Option<String>,
    currency: Currency,
    verification: &Verification,
) -> Printed {
    let header = &sale.header;
    let item = |line: &super::sales::Line| PrintedItem {
        name: line.name.clone(),
        sku: line.sku.clone(),
        unit: line.unit.clone(),
        quantity: line.quantity,
        unit_price_minor: line.unit_price_minor,
        gross_minor: line.gross_minor,
        discount_minor: line.discount_minor,
    };
    let payments: Vec<SalePayment> =
        serde_json::from_str(sale.documents.payments.as_str()).unwrap_or_default();
    let payment = |payment: &SalePayment| PrintedPayment {
        method: SignedPayment::of(payment).method,
        tendered_minor: payment.tendered_minor.get(),
    };
    let business_name = around.business_name;
    let letterhead = around.letterhead.unwrap_or_else(|| Letterhead {
        legal_name: business_name,
        ..Letterhead::default()
    });
    Printed {
        letterhead,
        store_name: around.store_name,
        number: header.number.clone(),
        sale_id: header.sale_id.clone(),
        occurred_at: header
            .occurred_at
            .map_or_else(String::new, |at| local(at, around.time_zone.as_deref())),
        cashier: header.cashier.clone(),
        terminal: header.terminal.clone(),
        customer_name,
        currency,
        items: sale.lines.iter().map(item).collect(),
        gross_minor: header.gross_minor,
        discount_minor: header.discount_minor,
        tax_minor: header.tax_minor,
        total_minor: header.total_minor,
        payments: payments.iter().map(payment).collect(),
        change_minor: header.change_minor,
        returned_minor: header.returned_minor,
        voided: header.status == "voided",
        code: verification.code.clone(),
        url: verification.url.clone(),
    }
}

/// The time in the tenant's zone, with its offset; in UTC when the zone is not known.
fn local(at: OffsetDateTime, zone: Option<&str>) -> String {
    let zone = zone.and_then(|zone| jiff::tz::TimeZone::get(zone).ok());
    let Ok(timestamp) = jiff::Timestamp::from_second(at.unix_timestamp()) else {
        return String::new();
    };
    let zoned = timestamp.to_zoned(zone.unwrap_or(jiff::tz::TimeZone::UTC));
    zoned.strftime("%Y-%m-%d %H:%M %:z").to_string()
}
