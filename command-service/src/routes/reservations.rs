//! Goods that are kept for somebody (INV-5). The platform expires what is due by itself; a caller need not wait for it.

use std::sync::Arc;

use domain::reservations::{
    ConfirmReservation, CreateReservation, ExpireReservation, ReleaseReservation, ReservationLineRequest,
};
use platform::http::{JsonBody, Problem, RequestContext};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use schemars::JsonSchema;
use schemas::events::reservation::ReservedLine;
use schemas::{CustomerId, Quantity, ReservationId, Sku, StoreId, UnitId};
use serde::Deserialize;
use time::OffsetDateTime;
use time::serde::rfc3339;

use super::parameters::{self, NoFields};
use crate::http::{CommandAnswer, Http};

/// What is to be kept, for whom and until when. Needs either `expires_at` or `expires_in_s`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReservationBody {
    /// Absent: one is generated.
    #[serde(default)]
    reservation_id: Option<ReservationId>,
    store: StoreId,
    #[serde(default)]
    customer_id: Option<CustomerId>,
    /// At most 1,000.
    lines: Vec<ReservationBodyLine>,
    /// Until when it is pending at most; at most 90 days ahead.
    #[serde(default, with = "rfc3339::option")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    expires_at: Option<OffsetDateTime>,
    /// The same as seconds from now: 1 to 7,776,000.
    #[serde(default)]
    expires_in_s: Option<i64>,
}

/// What one line keeps. Needs a `sku` or a `unit`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReservationBodyLine {
    #[serde(default)]
    sku: Option<Sku>,
    /// `imei:…` or `serial:…`; then the quantity is 1. Serialised items need it.
    #[serde(default)]
    unit: Option<UnitId>,
    quantity: Quantity,
}

/// A reservation as it was made.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct ReservationCreatedAnswer {
    reservation_id: ReservationId,
    store: StoreId,
    #[serde(default)]
    customer_id: Option<CustomerId>,
    lines: Vec<ReservedLine>,
    #[serde(with = "rfc3339")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    expires_at: OffsetDateTime,
    /// `pending`.
    status: String,
    position: i64,
}

/// What has become of a reservation.
#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the shape of an answer that is kept as bytes")]
struct ReservationStatusAnswer {
    reservation_id: ReservationId,
    /// `confirmed`, `released` or `expired`.
    status: String,
    position: i64,
}

pub(super) struct ReservationsApi(pub(super) Arc<Http>);

#[OpenApi(prefix_path = "/api/v1/inventory/reservations")]
impl ReservationsApi {
    /// Reserve goods
    #[oai(path = "/", method = "post")]
    async fn create_reservation(
        &self,
        context: Data<&RequestContext>,
        body: JsonBody<ReservationBody>,
    ) -> Result<CommandAnswer<ReservationCreatedAnswer, 201>, Problem> {
        let ReservationBody {
            reservation_id,
            store,
            customer_id,
            lines,
            expires_at,
            expires_in_s,
        } = body.0;
        let lines = lines.into_iter().map(|line| {
            let ReservationBodyLine { sku, unit, quantity } = line;
            ReservationLineRequest { sku, unit, quantity }
        });
        let command = CreateReservation {
            reservation_id,
            store,
            customer_id,
            lines: lines.collect(),
            expires_at,
            expires_in_s,
        };
        self.0.submit(context.0, command).await
    }

    /// Keep the goods until they are sold or released
    #[oai(path = "/:reservation_id/confirm", method = "post")]
    async fn confirm_reservation(
        &self,
        context: Data<&RequestContext>,
        reservation_id: Path<String>,
        _body: JsonBody<NoFields>,
    ) -> Result<CommandAnswer<ReservationStatusAnswer>, Problem> {
        let reservation_id = parameters::id(&reservation_id.0)?;
        self.0
            .submit(context.0, ConfirmReservation { reservation_id })
            .await
    }

    /// Give the goods back to everybody
    #[oai(path = "/:reservation_id/release", method = "post")]
    async fn release_reservation(
        &self,
        context: Data<&RequestContext>,
        reservation_id: Path<String>,
        _body: JsonBody<NoFields>,
    ) -> Result<CommandAnswer<ReservationStatusAnswer>, Problem> {
        let reservation_id = parameters::id(&reservation_id.0)?;
        self.0
            .submit(context.0, ReleaseReservation { reservation_id })
            .await
    }

    /// End a reservation whose time is over
    ///
    /// The platform does so by itself; this is for who cannot wait for it. Before `expires_at` it is refused: to give goods
    /// back early, release them.
    #[oai(path = "/:reservation_id/expire", method = "post")]
    async fn expire_reservation(
        &self,
        context: Data<&RequestContext>,
        reservation_id: Path<String>,
        _body: JsonBody<NoFields>,
    ) -> Result<CommandAnswer<ReservationStatusAnswer>, Problem> {
        let reservation_id = parameters::id(&reservation_id.0)?;
        self.0
            .submit(context.0, ExpireReservation { reservation_id })
            .await
    }
}
