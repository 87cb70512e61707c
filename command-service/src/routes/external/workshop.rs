//! What an external workshop writes with its key (CRM-3): what it found to be wrong with a device that is there.
//!
//! Of devices that are elsewhere, or that came from a store that the key may not see, it learns nothing: they do not
//! exist for it. Not here: what it reads (query-service), and what only the shop decides: the warranty, quotes, parts,
//! and that a device is back.

use std::sync::Arc;

use domain::refusal::RepairRefusal;
use domain::repairs::DiagnoseRepair;
use domain::{Refusal, State, streams};
use platform::http::{JsonBody, KeyContext, Problem, codes};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use schemars::JsonSchema;
use schemas::events::repair::Workshop;
use schemas::{RepairId, SupplierId};
use serde::{Deserialize, Serialize};

use super::super::parameters;
use super::{Fixed, answer_of, submission};
use crate::http::{CommandAnswer, Http, of_refusal, of_submit_error};

/// What was found.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = serde_json::json!({ "diagnosis": "Conector de carga sucio; limpieza, sin repuestos" }))]
struct WorkshopDiagnosisBody {
    /// At most 2,000 characters.
    diagnosis: String,
}

/// What has become of the repair.
#[derive(Serialize, Deserialize, JsonSchema)]
struct WorkshopDiagnosisAnswer {
    repair_id: RepairId,
    /// `diagnosed`.
    status: String,
    /// The position in the log: as `min_position`, a read waits for it.
    position: i64,
}

pub(in super::super) struct WorkshopApi(pub(in super::super) Arc<Http>);

impl WorkshopApi {
    /// The key's workshop, if the device is there and came from a store of the key. The command checks the workshop
    /// again; here it keeps answers that were given to others under the same idempotency key from being repeated to it.
    async fn workshop_of(&self, context: &KeyContext, repair_id: &RepairId) -> Result<SupplierId, Problem> {
        let Some(supplier_id) = context.holder.standing.settings.workshop.clone() else {
            return Err(Problem::new(&codes::API_KEY_SCOPE_MISSING));
        };
        let stream = streams::repair(repair_id);
        let state = self.0.commands.peek(context.tenant(), &stream).await;
        let own = Workshop::Supplier {
            supplier_id: supplier_id.clone(),
        };
        match state.map_err(|error| of_submit_error(&error))? {
            State::Repair(Some(repair))
                if repair.workshop == Some(own) && context.check_store(&repair.store).is_ok() =>
            {
                Ok(supplier_id)
            }
            _ => {
                let repair_id = repair_id.clone();
                let refusal: Refusal = RepairRefusal::RepairNotFound { repair_id }.into();
                Err(of_refusal(&refusal, false))
            }
        }
    }
}

#[OpenApi(prefix_path = "/api/v1/repairs/workshop")]
impl WorkshopApi {
    /// Say what is wrong with a device that is at the key's workshop
    #[oai(path = "/:repair_id/diagnosis", method = "post")]
    async fn diagnose_at_workshop(
        &self,
        context: Data<&KeyContext>,
        repair_id: Path<String>,
        body: JsonBody<WorkshopDiagnosisBody>,
    ) -> Result<Fixed<WorkshopDiagnosisAnswer, 200>, Problem> {
        let repair_id: RepairId = parameters::id(&repair_id.0)?;
        let workshop = self.workshop_of(context.0, &repair_id).await?;
        let command = DiagnoseRepair {
            repair_id,
            diagnosis: body.0.diagnosis,
            covered: None,
            workshop: Some(workshop),
        };
        let answer: CommandAnswer<()> = self.0.carry_out(submission(context.0, command)).await?;
        // The stored answer also says who pays, which is between the shop and its customer.
        answer_of(answer).map(Fixed)
    }
}
