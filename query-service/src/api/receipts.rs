//! Receipts as PDF and JSON, and the page where anybody verifies one (POS-3).

use platform::auth::DocumentKeys;
use platform::http::json::{json_bytes, register_schema, schema_ref};
use platform::http::{Language, Problem, PublicContext, RequestContext, Text, codes};
use poem::http::{HeaderValue, StatusCode};
use poem::web::Data;
use poem::{Body, IntoResponse, Request, Response};
use poem_openapi::param::{Path, Query};
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, MetaSchemaRef, Registry};
use poem_openapi::{ApiResponse, OpenApi};
use schemars::JsonSchema;
use schemas::events::sale::SalePayment;
use schemas::{Currency, SaleId, Sealed, TenantId};
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Group;
use super::sales::{Sale, load_sale, load_sale_at};
use crate::QueryService;
use crate::failure::{not_found, unavailable};
use crate::parameters::path_id;
use crate::people::{self, SealedField};
use crate::receipt::layout::{Letterhead, Printed, PrintedItem, PrintedPayment, rows};
use crate::receipt::pdf::{Paper, draw};
use crate::receipt::signed::{Code, Proof, SignedLine, SignedPayment, SignedReceipt, check, grouped, prove};
use crate::receipt::verify_page;
use crate::snapshot::Snapshot;

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

/// What a verified receipt says. Whose it was stays private.
#[derive(Debug, Serialize, JsonSchema)]
pub struct VerifiedReceipt {
    /// Always true: an unknown code is answered with 404.
    pub valid: bool,
    pub business_name: String,
    pub store_name: String,
    pub sale_id: String,
    /// RFC 3339.
    pub occurred_at: String,
    /// The same as it is printed: in the shop's zone.
    pub printed_at: String,
    pub currency: String,
    pub currency_exponent: u32,
    pub total_minor: i64,
    pub tax_minor: i64,
    /// What came back of it since.
    pub returned_minor: i64,
    /// `completed` or `voided`.
    pub status: String,
    pub verification: Verification,
}

/// A receipt in the form that was asked for.
#[derive(Debug)]
pub enum ReceiptAnswer {
    Json(Box<Receipt>),
    Pdf { bytes: Vec<u8>, name: String },
}

/// A verified receipt in the form that was asked for.
#[derive(Debug)]
pub enum VerifiedAnswer {
    Json(Box<VerifiedReceipt>),
    Page { status: StatusCode, html: String },
}

fn json(value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(bytes) => json_bytes(StatusCode::OK, bytes),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written as JSON");
            poem::Error::from(Problem::new(&codes::INTERNAL)).into_response()
        }
    }
}

fn bytes(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Response {
    let mut response = Response::builder()
        .status(status)
        .content_type(content_type)
        .body(Body::from(body));
    let headers = response.headers_mut();
    headers.insert("cache-control", HeaderValue::from_static("no-store"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    response
}

impl IntoResponse for ReceiptAnswer {
    fn into_response(self) -> Response {
        match self {
            ReceiptAnswer::Json(receipt) => json(&receipt),
            ReceiptAnswer::Pdf { bytes: pdf, name } => {
                let mut response = bytes(StatusCode::OK, "application/pdf", pdf);
                if let Ok(value) = HeaderValue::from_str(&format!("inline; filename=\"{name}.pdf\"")) {
                    response.headers_mut().insert("content-disposition", value);
                }
                response
            }
        }
    }
}

impl IntoResponse for VerifiedAnswer {
    fn into_response(self) -> Response {
        match self {
            VerifiedAnswer::Json(verified) => json(&verified),
            VerifiedAnswer::Page { status, html } => {
                let mut response = bytes(status, "text/html; charset=utf-8", html.into_bytes());
                let policy =
                    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
                response
                    .headers_mut()
                    .insert("content-security-policy", HeaderValue::from_static(policy));
                response
            }
        }
    }
}

fn two_forms<T: JsonSchema>(description: &'static str, other: &'static str) -> MetaResponses {
    let media = |content_type, schema| MetaMediaType { content_type, schema };
    let text = MetaSchemaRef::Inline(Box::new(poem_openapi::registry::MetaSchema::new("string")));
    MetaResponses {
        responses: vec![MetaResponse {
            description,
            status: Some(200),
            status_range: None,
            content: vec![media(other, text), media("application/json", schema_ref::<T>())],
            headers: vec![],
        }],
    }
}

impl ApiResponse for ReceiptAnswer {
    fn meta() -> MetaResponses {
        two_forms::<Receipt>("The receipt.", "application/pdf")
    }

    fn register(registry: &mut Registry) {
        register_schema::<Receipt>(registry);
    }
}

impl ApiResponse for VerifiedAnswer {
    fn meta() -> MetaResponses {
        two_forms::<VerifiedReceipt>("The receipt is ours, and says this.", "text/html")
    }

    fn register(registry: &mut Registry) {
        register_schema::<VerifiedReceipt>(registry);
    }
}

/// What was asked for.
enum Form {
    Json,
    Pdf(Paper),
}

fn wants_json(request: &Request) -> bool {
    let accept = request
        .headers()
        .get("accept")
        .and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("json"))
}

fn form(format: Option<&str>, request: &Request) -> Result<Form, Problem> {
    match format {
        None if wants_json(request) => Ok(Form::Json),
        None | Some("80mm") => Ok(Form::Pdf(Paper::Roll80)),
        Some("a4") => Ok(Form::Pdf(Paper::A4)),
        Some("json") => Ok(Form::Json),
        Some(_) => Err(Problem::new(&codes::PARAMETER_INVALID).detail(Text::fixed(
            "`format` es `80mm`, `a4` o `json`.",
            "`format` is `80mm`, `a4` or `json`.",
        ))),
    }
}

fn language(lang: Option<&str>, of_request: Language) -> Result<Language, Problem> {
    match lang {
        None => Ok(of_request),
        Some("es") => Ok(Language::Spanish),
        Some("en") => Ok(Language::English),
        Some(_) => Err(Problem::new(&codes::PARAMETER_INVALID)
            .detail(Text::fixed("`lang` es `es` o `en`.", "`lang` is `es` or `en`."))),
    }
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
    #[expect(
        clippy::too_many_arguments,
        reason = "one argument per parameter of the query"
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
        let verification = verification(keys, base_url, proof)?;
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
    /// A page for people, or JSON with `Accept: application/json`. An unknown code is answered with 404.
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
        let header = sale.header;
        Ok(Some(VerifiedReceipt {
            valid: true,
            business_name: around.business_name,
            store_name: around.store_name,
            sale_id: header.sale_id,
            occurred_at: signed.occurred_at,
            printed_at: header
                .occurred_at
                .map_or_else(String::new, |at| local(at, around.time_zone.as_deref())),
            currency: signed.currency,
            currency_exponent: currency.exponent(),
            total_minor: header.total_minor,
            tax_minor: header.tax_minor,
            returned_minor: header.returned_minor,
            status: header.status,
            verification: verification(keys, base_url, proof)?,
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

fn verification(keys: &DocumentKeys, base_url: &str, proof: Proof) -> Result<Verification, Problem> {
    let public_key = keys
        .public(proof.signature.key)
        .ok_or_else(|| internal(&"its key is gone"))?;
    Ok(Verification {
        url: format!("{}/verify/receipt/{}", base_url.trim_end_matches('/'), proof.code),
        code: grouped(&proof.code),
        signed: proof.text,
        signature: proof.signature.signature,
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

/// What stands around the sale on paper.
struct Around {
    business_name: String,
    store_name: String,
    time_zone: Option<String>,
    name_sealed: Option<String>,
    letterhead: Option<Letterhead>,
}

type LetterheadRow = (
    String,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
);

impl Around {
    async fn load(snapshot: &mut Snapshot, sale: &Sale, language: Language) -> Result<Around, Problem> {
        let tenant = snapshot.tenant.clone();
        let names: (Option<String>, Option<String>, Option<String>, Option<String>) = sqlx::query_as(
            "select (select name from rm_tenant where tenant = $1), (select time_zone from rm_tenant where tenant = $1),
                    (select name from rm_stores where tenant = $1 and store = $2),
                    (select name_sealed from rm_customers where tenant = $1 and customer_id = $3)",
        )
        .bind(tenant.as_str())
        .bind(&sale.header.store)
        .bind(&sale.header.customer_id)
        .fetch_one(snapshot.connection())
        .await
        .map_err(unavailable)?;
        let head: Option<LetterheadRow> = sqlx::query_as(
            "select legal_name, tax_id, address, phone, email, website, footer_es, footer_en from rm_letterheads
             where tenant = $1",
        )
        .bind(tenant.as_str())
        .fetch_optional(snapshot.connection())
        .await
        .map_err(unavailable)?;
        let letterhead =
            head.map(
                |(legal_name, tax_id, address, phone, email, website, es, en)| Letterhead {
                    legal_name,
                    tax_id,
                    address,
                    phone,
                    email,
                    website,
                    footer: match language {
                        Language::Spanish => es,
                        Language::English => en,
                    },
                },
            );
        let (business_name, time_zone, store_name, name_sealed) = names;
        Ok(Around {
            business_name: business_name.unwrap_or_else(|| tenant.to_string()),
            store_name: store_name.unwrap_or_else(|| sale.header.store.clone()),
            time_zone,
            name_sealed,
            letterhead,
        })
    }
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
        discount_minor: line.discount_minor,
        total_minor: line.total_minor,
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
