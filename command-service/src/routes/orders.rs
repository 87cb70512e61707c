//! Sales orders: quotes, orders, deliveries, invoices, returns (TRD-1). Expiry is the platform's own business and has no
//! route.

mod bodies;

use std::sync::Arc;

use domain::orders::{
    AcceptQuote, CancelOrder, ChangeOrder, ConfirmOrder, CreateOrder, DeliverOrder, InvoiceOrder,
    ReturnDelivered,
};
use domain::sales::PaymentRequest;
use platform::http::{JsonBody, Problem, RequestContext};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use schemas::events::sale::{DraftLine, Refund};

use self::bodies::{
    AcceptBody, DeliveryAnswer, DeliveryBody, InvoiceAnswer, InvoiceBody, OrderAnswer, OrderBody,
    OrderChangeBody, OrderReturnAnswer, OrderReturnBody, OrderStatusAnswer,
};
use super::parameters::{self, NoFields};
use crate::http::{CommandAnswer, Http};

pub(super) struct OrdersApi(pub(super) Arc<Http>);

#[OpenApi(prefix_path = "/api/v1/sales")]
impl OrdersApi {
    /// Make a quote or an order
    #[oai(path = "/", method = "post")]
    async fn create_order(
        &self,
        context: Data<&RequestContext>,
        body: JsonBody<OrderBody>,
    ) -> Result<CommandAnswer<OrderAnswer, 201>, Problem> {
        let body = body.0;
        let kind = body.kind()?;
        let command = CreateOrder {
            order_id: body.order_id,
            kind,
            store: body.store,
            customer_id: body.customer_id,
            reference: body.reference,
            lines: body.lines.into_iter().map(DraftLine::from).collect(),
            discount: body.discount,
        };
        self.0.submit(context.0, command).await
    }

    /// Change a quote, or an order that is not confirmed
    #[oai(path = "/orders/:order_id", method = "put")]
    async fn change_order(
        &self,
        context: Data<&RequestContext>,
        order_id: Path<String>,
        body: JsonBody<OrderChangeBody>,
    ) -> Result<CommandAnswer<OrderAnswer>, Problem> {
        let body = body.0;
        let command = ChangeOrder {
            order_id: parameters::id(&order_id.0)?,
            expected_revision: body.expected_revision,
            store: body.store,
            customer_id: body.customer_id,
            reference: body.reference,
            lines: body.lines.into_iter().map(DraftLine::from).collect(),
            discount: body.discount,
            valid_until: body.valid_until,
            valid_for_s: body.valid_for_s,
        };
        self.0.submit(context.0, command).await
    }

    /// Accept a quote
    #[oai(path = "/orders/:order_id/accept", method = "post")]
    async fn accept_quote(
        &self,
        context: Data<&RequestContext>,
        order_id: Path<String>,
        body: JsonBody<AcceptBody>,
    ) -> Result<CommandAnswer<OrderStatusAnswer>, Problem> {
        let (order_id, customer_id) = (parameters::id(&order_id.0)?, body.0.customer_id);
        self.0
            .submit(
                context.0,
                AcceptQuote {
                    order_id,
                    customer_id,
                },
            )
            .await
    }

    /// Confirm an order and keep its goods
    #[oai(path = "/orders/:order_id/confirm", method = "post")]
    async fn confirm_order(
        &self,
        context: Data<&RequestContext>,
        order_id: Path<String>,
        _body: JsonBody<NoFields>,
    ) -> Result<CommandAnswer<OrderStatusAnswer>, Problem> {
        let order_id = parameters::id(&order_id.0)?;
        self.0.submit(context.0, ConfirmOrder { order_id }).await
    }

    /// Deliver goods of an order
    #[oai(path = "/orders/:order_id/deliver", method = "post")]
    async fn deliver_order(
        &self,
        context: Data<&RequestContext>,
        order_id: Path<String>,
        body: JsonBody<DeliveryBody>,
    ) -> Result<CommandAnswer<DeliveryAnswer, 201>, Problem> {
        let DeliveryBody {
            delivery_id,
            lines,
            occurred_at,
        } = body.0;
        let command = DeliverOrder {
            order_id: parameters::id(&order_id.0)?,
            delivery_id,
            lines: lines.into_iter().map(Into::into).collect(),
            occurred_at,
        };
        self.0.submit(context.0, command).await
    }

    /// Invoice what was delivered
    #[oai(path = "/orders/:order_id/invoice", method = "post")]
    async fn invoice_order(
        &self,
        context: Data<&RequestContext>,
        order_id: Path<String>,
        body: JsonBody<InvoiceBody>,
    ) -> Result<CommandAnswer<InvoiceAnswer, 201>, Problem> {
        let InvoiceBody {
            invoice_id,
            lines,
            payments,
            occurred_at,
        } = body.0;
        let command = InvoiceOrder {
            order_id: parameters::id(&order_id.0)?,
            invoice_id,
            lines: lines.into_iter().map(Into::into).collect(),
            payments: payments.into_iter().map(PaymentRequest::from).collect(),
            occurred_at,
        };
        self.0.submit(context.0, command).await
    }

    /// Take delivered goods back
    #[oai(path = "/orders/:order_id/returns", method = "post")]
    async fn return_delivered(
        &self,
        context: Data<&RequestContext>,
        order_id: Path<String>,
        body: JsonBody<OrderReturnBody>,
    ) -> Result<CommandAnswer<OrderReturnAnswer, 201>, Problem> {
        let OrderReturnBody {
            return_id,
            lines,
            refunds,
            occurred_at,
        } = body.0;
        let command = ReturnDelivered {
            order_id: parameters::id(&order_id.0)?,
            return_id,
            lines: lines.into_iter().map(Into::into).collect(),
            refunds: refunds.into_iter().map(Refund::from).collect(),
            occurred_at,
        };
        self.0.submit(context.0, command).await
    }

    /// Cancel a quote or an order
    #[oai(path = "/orders/:order_id/cancel", method = "post")]
    async fn cancel_order(
        &self,
        context: Data<&RequestContext>,
        order_id: Path<String>,
        _body: JsonBody<NoFields>,
    ) -> Result<CommandAnswer<OrderStatusAnswer>, Problem> {
        let order_id = parameters::id(&order_id.0)?;
        self.0.submit(context.0, CancelOrder { order_id }).await
    }
}
