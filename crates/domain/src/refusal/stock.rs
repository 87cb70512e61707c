//! Why goods may not move by documents, and why a cost, a threshold, a movement or an alert may not change.
//!
//! Not here: the older refusals of stock and units, which stand in the first table.

use schemas::{AlertId, MovementId, RepairId, Sku, StoreId, UnitId};

super::table::refusals! {
    /// Refusals of stock, beside those of the first table.
    StockRefusal {
    UnitAway { unit: UnitId, document: String, line: usize } = "unit.away" Conflict at "/lines/{line}"
        en "{unit} is away with {document}; it comes back by that document"
        es "{unit} está fuera con {document}; vuelve por ese mismo documento"
    UnitNotAway { unit: UnitId, document: String, line: usize } = "unit.not_away" Conflict at "/lines/{line}"
        en "{unit} is not away with {document}"
        es "{unit} no está fuera con {document}"
    UnitInRepair { unit: UnitId, repair_id: RepairId, line: usize } = "unit.in_repair" Conflict at "/lines/{line}"
        en "{unit} is here for repair {repair_id}; hand it back first"
        es "{unit} está aquí por la reparación {repair_id}; entréguelo antes"
    NothingCosted { store: StoreId, sku: Sku } = "stock.nothing_costed" Conflict
        en "no piece of {sku} in store {store} has a known cost that could change"
        es "ninguna pieza de {sku} en la tienda {store} tiene un costo conocido que se pueda cambiar"
    ValueBelowZero { store: StoreId, sku: Sku, value_minor: i64 } = "stock.value_below_zero" Conflict
        en "{sku} in store {store} is worth {value_minor} minor units, and the correction takes more than that"
        es "{sku} en la tienda {store} vale {value_minor} unidades mínimas y la corrección quita más que eso"
    ThresholdInvalid { minimum: i64 } = "threshold.minimum_invalid" Invalid at "/minimum"
        en "minimum is {minimum} and must be from 1 to 1,000,000,000"
        es "minimum es {minimum} y debe estar entre 1 y 1 000 000 000"
    AlertNotFound { alert_id: AlertId } = "alert.not_found" NotFound at "/alert_id"
        en "alert {alert_id} does not exist"
        es "la alerta {alert_id} no existe"
    AlertResolved { alert_id: AlertId } = "alert.resolved" Conflict at "/alert_id"
        en "alert {alert_id} is resolved"
        es "la alerta {alert_id} está resuelta"
    MovementNotFound { movement_id: MovementId } = "movement.not_found" NotFound at "/movement_id"
        en "movement {movement_id} does not exist"
        es "el movimiento {movement_id} no existe"
    MovementExists { movement_id: MovementId } = "movement.already_exists" Conflict at "/movement_id"
        en "movement {movement_id} already exists"
        es "el movimiento {movement_id} ya existe"
    MovementApproved { movement_id: MovementId } = "movement.approved" Conflict at "/movement_id"
        en "movement {movement_id} is approved and applied"
        es "el movimiento {movement_id} está aprobado y aplicado"
    MovementRejected { movement_id: MovementId } = "movement.rejected" Conflict at "/movement_id"
        en "movement {movement_id} was rejected"
        es "el movimiento {movement_id} se rechazó"
    MovementOwn { movement_id: MovementId, username: String } = "movement.self_approval" Forbidden at "/movement_id"
        en "{username} asked for movement {movement_id}; somebody else decides it"
        es "{username} pidió el movimiento {movement_id}; lo decide otra persona"
    MovementCostUnexpected { line: usize } = "movement.cost_unexpected" Invalid at "/lines/{line}/unit_cost_minor"
        en "only goods that come in have a unit cost"
        es "solo la mercancía que entra tiene costo unitario"
    MovementQuantityInvalid { line: usize } = "movement.quantity_invalid" Invalid at "/lines/{line}/quantity"
        en "quantity must be from 1 to 1,000,000,000; only an adjustment may be negative, and none is 0"
        es "quantity debe estar entre 1 y 1 000 000 000; solo un ajuste puede ser negativo y ninguno es 0"
    MovementPolicyInvalid { field: String } = "movement.policy_invalid" Invalid at "/{field}"
        en "{field} must be from 0 to 1,000,000,000,000,000"
        es "{field} debe estar entre 0 y 1 000 000 000 000 000"
    }
    modules {}
}
