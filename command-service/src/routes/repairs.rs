//! Repairs: each step of the way is an operation (CRM-3). That a target is missed is the platform's own business and has
//! no route.

mod bodies;

use std::sync::Arc;

use domain::repairs::{
    AnswerQuote, CancelRepair, DeliverRepair, DiagnoseRepair, FinishRepair, GiveBackParts, KeepParts,
    QuoteRepair, ReceiveRepair, ResumeRepair, ReturnUnrepaired, SendToWorkshop, StartRepair,
    TakeFromWorkshop, TakeParts, WaitForParts,
};
use domain::{State, streams};
use platform::http::{JsonBody, Problem, RequestContext};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use schemas::events::repair::QuoteAnswer;
use schemas::{RepairId, Sealed};

use self::bodies::{
    DiagnosisBody, IntakeAnswer, IntakeBody, PartsAnswer, PartsBody, QuoteAnswerBody, RepairDeliveredAnswer,
    RepairDeliveryBody, RepairNoteBody, RepairQuoteBody, RepairQuotedAnswer, RepairStatusAnswer,
    UnrepairedAnswer, UnrepairedBody, WorkDoneBody, WorkshopAnswer, WorkshopBody,
};
use super::parameters::{self, NoFields, personal};
use crate::http::{CommandAnswer, Http, of_submit_error};

pub(super) struct RepairsApi(pub(super) Arc<Http>);

impl RepairsApi {
    /// Seals the name of who answered under the key of the repair's customer. Of a repair that is not there nothing is
    /// sealed: the command says so.
    async fn sealed_name(
        &self,
        context: &RequestContext,
        repair_id: &RepairId,
        name: Option<&str>,
    ) -> Result<Option<Sealed>, Problem> {
        let Some(name) = name else { return Ok(None) };
        personal("answered_by", name, 200)?;
        let tenant = &context.principal.tenant;
        let state = self.0.commands.peek(tenant, &streams::repair(repair_id)).await;
        let State::Repair(Some(repair)) = state.map_err(|error| of_submit_error(&error))? else {
            return Ok(None);
        };
        let person = format!("customer/{}", repair.customer_id);
        let [sealed] = self
            .0
            .seal(tenant, &person, [("answered_by", Some(name))])
            .await?;
        Ok(sealed)
    }

    async fn answer_quote(
        &self,
        context: &RequestContext,
        repair_id: &str,
        body: QuoteAnswerBody,
        approves: bool,
    ) -> Result<CommandAnswer<RepairStatusAnswer>, Problem> {
        let QuoteAnswerBody {
            quote,
            channel,
            answered_by,
        } = body;
        let repair_id: RepairId = parameters::id(repair_id)?;
        let answered_by = self
            .sealed_name(context, &repair_id, answered_by.as_deref())
            .await?;
        let command = AnswerQuote {
            repair_id,
            quote,
            approves,
            answer: QuoteAnswer { channel, answered_by },
        };
        self.0.submit(context, command).await
    }
}

#[OpenApi(prefix_path = "/api/v1/repairs")]
impl RepairsApi {
    /// Take a device in
    #[oai(path = "/", method = "post")]
    async fn receive_repair(
        &self,
        context: Data<&RequestContext>,
        body: JsonBody<IntakeBody>,
    ) -> Result<CommandAnswer<IntakeAnswer, 201>, Problem> {
        let IntakeBody {
            repair_id,
            store,
            customer_id,
            unit,
            description,
            accessories,
            fault,
            priority,
            promised_at,
        } = body.0;
        let command = ReceiveRepair {
            repair_id,
            store,
            customer_id,
            unit,
            description,
            accessories,
            fault,
            priority,
            promised_at,
        };
        self.0.submit(context.0, command).await
    }

    /// Say what is wrong, and whether the warranty pays
    #[oai(path = "/:repair_id/diagnosis", method = "post")]
    async fn diagnose_repair(
        &self,
        context: Data<&RequestContext>,
        repair_id: Path<String>,
        body: JsonBody<DiagnosisBody>,
    ) -> Result<CommandAnswer<RepairStatusAnswer>, Problem> {
        let DiagnosisBody { diagnosis, covered } = body.0;
        let command = DiagnoseRepair {
            repair_id: parameters::id(&repair_id.0)?,
            diagnosis,
            covered,
            workshop: None,
        };
        self.0.submit(context.0, command).await
    }

    /// Say what the repair would cost
    #[oai(path = "/:repair_id/quotes", method = "post")]
    async fn quote_repair(
        &self,
        context: Data<&RequestContext>,
        repair_id: Path<String>,
        body: JsonBody<RepairQuoteBody>,
    ) -> Result<CommandAnswer<RepairQuotedAnswer, 201>, Problem> {
        let RepairQuoteBody { lines, discount } = body.0;
        let command = QuoteRepair {
            repair_id: parameters::id(&repair_id.0)?,
            lines: lines.into_iter().map(Into::into).collect(),
            discount,
        };
        self.0.submit(context.0, command).await
    }

    /// Record that the customer approves the quote
    #[oai(path = "/:repair_id/approval", method = "post")]
    async fn approve_repair(
        &self,
        context: Data<&RequestContext>,
        repair_id: Path<String>,
        body: JsonBody<QuoteAnswerBody>,
    ) -> Result<CommandAnswer<RepairStatusAnswer>, Problem> {
        self.answer_quote(context.0, &repair_id.0, body.0, true).await
    }

    /// Record that the customer declines the quote
    #[oai(path = "/:repair_id/decline", method = "post")]
    async fn decline_repair(
        &self,
        context: Data<&RequestContext>,
        repair_id: Path<String>,
        body: JsonBody<QuoteAnswerBody>,
    ) -> Result<CommandAnswer<RepairStatusAnswer>, Problem> {
        self.answer_quote(context.0, &repair_id.0, body.0, false).await
    }

    /// Begin the work
    #[oai(path = "/:repair_id/start", method = "post")]
    async fn start_repair(
        &self,
        context: Data<&RequestContext>,
        repair_id: Path<String>,
        _body: JsonBody<NoFields>,
    ) -> Result<CommandAnswer<RepairStatusAnswer>, Problem> {
        let repair_id = parameters::id(&repair_id.0)?;
        self.0.submit(context.0, StartRepair { repair_id }).await
    }

    /// Let the work rest until parts come
    #[oai(path = "/:repair_id/wait-for-parts", method = "post")]
    async fn wait_for_parts(
        &self,
        context: Data<&RequestContext>,
        repair_id: Path<String>,
        body: JsonBody<RepairNoteBody>,
    ) -> Result<CommandAnswer<RepairStatusAnswer>, Problem> {
        let (repair_id, note) = (parameters::id(&repair_id.0)?, body.0.note);
        self.0.submit(context.0, WaitForParts { repair_id, note }).await
    }

    /// Go on with the work
    ///
    /// The parts are there, or what was ready is not right after all.
    #[oai(path = "/:repair_id/resume", method = "post")]
    async fn resume_repair(
        &self,
        context: Data<&RequestContext>,
        repair_id: Path<String>,
        _body: JsonBody<NoFields>,
    ) -> Result<CommandAnswer<RepairStatusAnswer>, Problem> {
        let repair_id = parameters::id(&repair_id.0)?;
        self.0.submit(context.0, ResumeRepair { repair_id }).await
    }

    /// Keep exactly these parts for the repair
    #[oai(path = "/:repair_id/parts/kept", method = "put")]
    async fn keep_parts(
        &self,
        context: Data<&RequestContext>,
        repair_id: Path<String>,
        body: JsonBody<PartsBody>,
    ) -> Result<CommandAnswer<PartsAnswer>, Problem> {
        let command = KeepParts {
            repair_id: parameters::id(&repair_id.0)?,
            lines: body.0.lines.into_iter().map(Into::into).collect(),
        };
        self.0.submit(context.0, command).await
    }

    /// Take parts from stock
    #[oai(path = "/:repair_id/parts/taken", method = "post")]
    async fn take_parts(
        &self,
        context: Data<&RequestContext>,
        repair_id: Path<String>,
        body: JsonBody<PartsBody>,
    ) -> Result<CommandAnswer<PartsAnswer, 201>, Problem> {
        let command = TakeParts {
            repair_id: parameters::id(&repair_id.0)?,
            lines: body.0.lines.into_iter().map(Into::into).collect(),
        };
        self.0.submit(context.0, command).await
    }

    /// Give parts back that were not used
    #[oai(path = "/:repair_id/parts/given-back", method = "post")]
    async fn give_back_parts(
        &self,
        context: Data<&RequestContext>,
        repair_id: Path<String>,
        body: JsonBody<PartsBody>,
    ) -> Result<CommandAnswer<PartsAnswer, 201>, Problem> {
        let command = GiveBackParts {
            repair_id: parameters::id(&repair_id.0)?,
            lines: body.0.lines.into_iter().map(Into::into).collect(),
        };
        self.0.submit(context.0, command).await
    }

    /// Send the device to a workshop
    #[oai(path = "/:repair_id/workshop", method = "post")]
    async fn send_to_workshop(
        &self,
        context: Data<&RequestContext>,
        repair_id: Path<String>,
        body: JsonBody<WorkshopBody>,
    ) -> Result<CommandAnswer<WorkshopAnswer>, Problem> {
        let WorkshopBody {
            workshop,
            instructions,
        } = body.0;
        let command = SendToWorkshop {
            repair_id: parameters::id(&repair_id.0)?,
            workshop,
            instructions,
        };
        self.0.submit(context.0, command).await
    }

    /// Say that the device is back from the workshop
    #[oai(path = "/:repair_id/workshop/return", method = "post")]
    async fn take_from_workshop(
        &self,
        context: Data<&RequestContext>,
        repair_id: Path<String>,
        _body: JsonBody<NoFields>,
    ) -> Result<CommandAnswer<WorkshopAnswer>, Problem> {
        let repair_id = parameters::id(&repair_id.0)?;
        self.0.submit(context.0, TakeFromWorkshop { repair_id }).await
    }

    /// Say that the device works and waits for its owner
    #[oai(path = "/:repair_id/ready", method = "post")]
    async fn finish_repair(
        &self,
        context: Data<&RequestContext>,
        repair_id: Path<String>,
        body: JsonBody<WorkDoneBody>,
    ) -> Result<CommandAnswer<RepairStatusAnswer>, Problem> {
        let (repair_id, work_done) = (parameters::id(&repair_id.0)?, body.0.work_done);
        self.0
            .submit(context.0, FinishRepair { repair_id, work_done })
            .await
    }

    /// Hand the repaired device over, against payment or on credit
    #[oai(path = "/:repair_id/delivery", method = "post")]
    async fn deliver_repair(
        &self,
        context: Data<&RequestContext>,
        repair_id: Path<String>,
        body: JsonBody<RepairDeliveryBody>,
    ) -> Result<CommandAnswer<RepairDeliveredAnswer, 201>, Problem> {
        let command = DeliverRepair {
            repair_id: parameters::id(&repair_id.0)?,
            payments: body.0.payments.into_iter().map(Into::into).collect(),
        };
        self.0.submit(context.0, command).await
    }

    /// Hand the device back as it was
    ///
    /// With `fee`, what the customer pays all the same, such as the diagnosis; `payments` come to it.
    #[oai(path = "/:repair_id/return", method = "post")]
    async fn return_unrepaired(
        &self,
        context: Data<&RequestContext>,
        repair_id: Path<String>,
        body: JsonBody<UnrepairedBody>,
    ) -> Result<CommandAnswer<UnrepairedAnswer>, Problem> {
        let UnrepairedBody { cause, fee, payments } = body.0;
        let command = ReturnUnrepaired {
            repair_id: parameters::id(&repair_id.0)?,
            cause,
            fee: fee.into_iter().map(Into::into).collect(),
            payments: payments.into_iter().map(Into::into).collect(),
        };
        self.0.submit(context.0, command).await
    }

    /// Cancel a repair before any work was done
    #[oai(path = "/:repair_id/cancel", method = "post")]
    async fn cancel_repair(
        &self,
        context: Data<&RequestContext>,
        repair_id: Path<String>,
        body: JsonBody<RepairNoteBody>,
    ) -> Result<CommandAnswer<RepairStatusAnswer>, Problem> {
        let (repair_id, note) = (parameters::id(&repair_id.0)?, body.0.note);
        self.0.submit(context.0, CancelRepair { repair_id, note }).await
    }
}
