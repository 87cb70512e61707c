//! What the rules for sales taken offline refuse. A collision is no refusal: it is recorded, and quarantined.

use schemas::{QuarantineId, SaleId, TerminalId};

super::table::refusals! {
    /// Why a till's batch or somebody's decision about a quarantined sale is refused.
    OfflineRefusal {
    TerminalMissing {} = "till.terminal_missing" Invalid at "/terminal"
        en "sales that were taken offline name their terminal"
        es "las ventas hechas sin conexión nombran su terminal"
    SequenceGap { terminal: TerminalId, expected: i64, sequence: i64 } = "till.sequence_gap" Conflict at "/sales/0/sequence"
        en "terminal {terminal} comes to number {expected} next, and {sequence} was sent: send what is missing first"
        es "la terminal {terminal} sigue con el número {expected} y se envió {sequence}: envíe antes lo que falta"
    SequenceReused { terminal: TerminalId, sequence: i64, sale_id: SaleId } = "till.sequence_reused" Conflict at "/sales/0/sequence"
        en "number {sequence} of terminal {terminal} was another sale than {sale_id}: a till that counts anew needs a new incarnation"
        es "el número {sequence} de la terminal {terminal} fue otra venta que {sale_id}: una caja que cuenta de nuevo necesita otra encarnación"
    TooManyIncarnations { terminal: TerminalId, max: usize } = "till.too_many_incarnations" Conflict at "/incarnation"
        en "terminal {terminal} has had {max} incarnations, and may not have more: register it under a new name"
        es "la terminal {terminal} ha tenido {max} encarnaciones y no puede tener más: regístrela con otro nombre"
    NotFound { quarantine_id: QuarantineId } = "quarantine.not_found" NotFound at "/quarantine_id"
        en "no sale {quarantine_id} is or was in quarantine"
        es "ninguna venta {quarantine_id} está ni estuvo en cuarentena"
    Accepted { quarantine_id: QuarantineId } = "quarantine.accepted" Conflict at "/quarantine_id"
        en "sale {quarantine_id} left quarantine: it is completed"
        es "la venta {quarantine_id} salió de cuarentena: está completada"
    Cancelled { quarantine_id: QuarantineId } = "quarantine.cancelled" Conflict at "/quarantine_id"
        en "sale {quarantine_id} left quarantine: it was cancelled"
        es "la venta {quarantine_id} salió de cuarentena: se canceló"
    ResolutionMismatch { kind: String } = "quarantine.resolution_mismatch" Conflict at "/resolution/kind"
        en "this resolution does not fit: what keeps the sale in quarantine is {kind}"
        es "esta resolución no corresponde: lo que mantiene la venta en cuarentena es {kind}"
    LineUnknown { line: i64 } = "quarantine.line_unknown" Invalid at "/resolution/line"
        en "the sale has no line {line}"
        es "la venta no tiene línea {line}"
    /// Kept as a sale's cause; nobody is refused with it.
    PriceChanged {} = "quarantine.price_changed" Conflict
        en "the till charged other prices or taxes than hold now"
        es "la caja cobró otros precios o impuestos que los vigentes"
    /// Kept as a sale's cause, as are the next four; nobody is refused with them.
    SkuUnreadable { line: usize } = "quarantine.sku_unreadable" Invalid at "/lines/{line}/sku"
        en "what the till noted as this line's item can be no SKU"
        es "lo que la caja anotó como artículo de esta línea no puede ser un SKU"
    UnitUnreadable { line: usize } = "quarantine.unit_unreadable" Invalid at "/lines/{line}/unit"
        en "what the till noted as this line's unit can be no IMEI and no serial number"
        es "lo que la caja anotó como unidad de esta línea no puede ser un IMEI ni un número de serie"
    QuantityInvalid { line: usize } = "quarantine.quantity_invalid" Invalid at "/lines/{line}/quantity"
        en "the till noted a quantity that cannot be sold: it must be from 1 to 1,000,000,000"
        es "la caja anotó una cantidad que no se puede vender: debe estar entre 1 y 1 000 000 000"
    PriceInvalid { line: usize } = "quarantine.price_invalid" Invalid at "/lines/{line}/unit_price_minor"
        en "the till noted a price beyond 1,000,000,000,000,000 minor units"
        es "la caja anotó un precio de más de 1 000 000 000 000 000 unidades mínimas"
    CustomerUnreadable {} = "quarantine.customer_unreadable" Invalid at "/customer_id"
        en "what the till noted as the customer can be no customer's id, and was not kept"
        es "lo que la caja anotó como cliente no puede ser el identificador de un cliente y no se guardó"
    StillBlocked { quarantine_id: QuarantineId, cause: String } = "quarantine.still_blocked" Conflict at "/quarantine_id"
        en "sale {quarantine_id} is still kept in quarantine by {cause}"
        es "la venta {quarantine_id} sigue en cuarentena por {cause}"
    }
    modules {}
}
