//! The till: sales, drafts, voids, returns and exchanges (POS-1, POS-2).

mod bodies;
mod exchange;
mod receipt;

use std::sync::Arc;

use domain::sales::{CompleteDraft, CompleteSale, DiscardDraft, PaymentRequest, SaveDraft, VoidSale};
use platform::http::{JsonBody, Problem, RequestContext};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use schemas::events::sale::{DraftContent, DraftLine};

use self::bodies::{Completion, DraftBody, ReturnAnswer, ReturnBody, SaleAnswer, SaleBody, VoidBody};
pub(super) use self::bodies::{LineBody, PaymentBody, RefundBody};
use self::exchange::{ExchangeAnswer, ExchangeBody};
use self::receipt::with_receipt;
use super::parameters::{self, NoFields};
use crate::http::{CommandAnswer, Http};

pub(super) struct PosApi(pub(super) Arc<Http>);

#[OpenApi(prefix_path = "/api/v1/pos")]
impl PosApi {
    /// Sell, or save a draft
    #[oai(path = "/sale", method = "post")]
    async fn post_sale(
        &self,
        context: Data<&RequestContext>,
        body: JsonBody<SaleBody>,
    ) -> Result<CommandAnswer<SaleAnswer, 201>, Problem> {
        let body = body.0;
        body.check()?;
        let lines = body.lines.into_iter().map(DraftLine::from).collect();
        let (store, terminal, customer_id, discount) =
            (body.store, body.terminal, body.customer_id, body.discount);
        if body.draft {
            let hold_stock = body.hold_stock.unwrap_or(false);
            let draft = DraftContent {
                store,
                terminal,
                customer_id,
                lines,
                discount,
                hold_stock,
            };
            return self
                .0
                .submit(
                    context.0,
                    SaveDraft {
                        sale_id: body.sale_id,
                        draft,
                    },
                )
                .await;
        }
        let command = CompleteSale {
            sale_id: body.sale_id,
            store,
            terminal,
            customer_id,
            lines,
            discount,
            payments: body.payments.into_iter().map(PaymentRequest::from).collect(),
            reservation_id: body.reservation_id,
            occurred_at: body.occurred_at,
        };
        self.0.submit(context.0, command).await.map(with_receipt)
    }

    /// Replace a draft
    #[oai(path = "/sale/:sale_id", method = "put")]
    async fn replace_draft(
        &self,
        context: Data<&RequestContext>,
        sale_id: Path<String>,
        body: JsonBody<DraftBody>,
    ) -> Result<CommandAnswer<SaleAnswer>, Problem> {
        let sale_id = Some(parameters::id(&sale_id.0)?);
        self.0
            .submit(
                context.0,
                SaveDraft {
                    sale_id,
                    draft: body.0.into(),
                },
            )
            .await
    }

    /// Complete a draft
    #[oai(path = "/sale/:sale_id/complete", method = "post")]
    async fn complete_draft(
        &self,
        context: Data<&RequestContext>,
        sale_id: Path<String>,
        body: JsonBody<Completion>,
    ) -> Result<CommandAnswer<SaleAnswer>, Problem> {
        let Completion {
            payments,
            reservation_id,
            occurred_at,
        } = body.0;
        let payments = payments.into_iter().map(PaymentRequest::from).collect();
        let sale_id = parameters::id(&sale_id.0)?;
        self.0
            .submit(
                context.0,
                CompleteDraft {
                    sale_id,
                    payments,
                    reservation_id,
                    occurred_at,
                },
            )
            .await
            .map(with_receipt)
    }

    /// Discard a draft
    #[oai(path = "/sale/:sale_id/discard", method = "post")]
    async fn discard_draft(
        &self,
        context: Data<&RequestContext>,
        sale_id: Path<String>,
        _body: JsonBody<NoFields>,
    ) -> Result<CommandAnswer<SaleAnswer>, Problem> {
        self.0
            .submit(
                context.0,
                DiscardDraft {
                    sale_id: parameters::id(&sale_id.0)?,
                },
            )
            .await
    }

    /// Void a sale
    #[oai(path = "/sale/:sale_id/void", method = "post")]
    async fn void_sale(
        &self,
        context: Data<&RequestContext>,
        sale_id: Path<String>,
        body: JsonBody<VoidBody>,
    ) -> Result<CommandAnswer<SaleAnswer>, Problem> {
        let sale_id = parameters::id(&sale_id.0)?;
        self.0
            .submit(
                context.0,
                VoidSale {
                    sale_id,
                    occurred_at: body.0.occurred_at,
                },
            )
            .await
    }

    /// Return goods of a sale
    #[oai(path = "/sale/:sale_id/returns", method = "post")]
    async fn return_from_sale(
        &self,
        context: Data<&RequestContext>,
        sale_id: Path<String>,
        body: JsonBody<ReturnBody>,
    ) -> Result<CommandAnswer<ReturnAnswer, 201>, Problem> {
        let sale_id = parameters::id(&sale_id.0)?;
        self.0.submit(context.0, body.0.into_command(Some(sale_id))).await
    }

    /// Exchange goods of a sale for others
    #[oai(path = "/sale/:sale_id/exchange", method = "post")]
    async fn exchange_goods(
        &self,
        context: Data<&RequestContext>,
        sale_id: Path<String>,
        body: JsonBody<ExchangeBody>,
    ) -> Result<CommandAnswer<ExchangeAnswer, 201>, Problem> {
        let sale_id = parameters::id(&sale_id.0)?;
        let command = body.0.into_command(sale_id);
        self.0.submit(context.0, command).await.map(with_receipt)
    }

    /// Return goods whose sale is unknown
    #[oai(path = "/returns", method = "post")]
    async fn return_goods(
        &self,
        context: Data<&RequestContext>,
        body: JsonBody<ReturnBody>,
    ) -> Result<CommandAnswer<ReturnAnswer, 201>, Problem> {
        self.0.submit(context.0, body.0.into_command(None)).await
    }
}
