//! What the rules for transfers refuse.

use schemas::{Sku, StoreId, TransferId, UnitId};

super::table::refusals! {
    /// Why a step of a transfer is refused. `line` is the request's number, from 1; `index` counts from 0.
    TransferRefusal {
    NotFound { transfer_id: TransferId } = "transfer.not_found" NotFound at "/transfer_id"
        en "transfer {transfer_id} does not exist"
        es "el traslado {transfer_id} no existe"
    Exists { transfer_id: TransferId } = "transfer.already_exists" Conflict at "/transfer_id"
        en "transfer {transfer_id} already exists"
        es "el traslado {transfer_id} ya existe"
    SameStore { store: StoreId } = "transfer.same_store" Invalid at "/to"
        en "a transfer goes to another store than {store}, where it starts"
        es "un traslado va a una tienda distinta de {store}, de la que sale"
    ItemRepeated { sku: Sku, index: usize } = "transfer.item_repeated" Invalid at "/lines/{index}/sku"
        en "item {sku} is in more than one line; ask for it once"
        es "el artículo {sku} está en más de una línea; pídalo una vez"
    NotDispatched { transfer_id: TransferId } = "transfer.not_dispatched" Conflict at "/transfer_id"
        en "transfer {transfer_id} is not dispatched yet"
        es "el traslado {transfer_id} aún no se ha despachado"
    InTransit { transfer_id: TransferId } = "transfer.in_transit" Conflict at "/transfer_id"
        en "transfer {transfer_id} is in transit: receive its goods, and decide about differences"
        es "el traslado {transfer_id} está en tránsito: reciba sus mercancías y decida sobre las diferencias"
    Closed { transfer_id: TransferId } = "transfer.closed" Conflict at "/transfer_id"
        en "transfer {transfer_id} is closed: none of its goods are in transit"
        es "el traslado {transfer_id} está cerrado: ninguna de sus mercancías está en tránsito"
    Cancelled { transfer_id: TransferId } = "transfer.cancelled" Conflict at "/transfer_id"
        en "transfer {transfer_id} was cancelled"
        es "el traslado {transfer_id} se canceló"
    LineRepeated { line: i64, index: usize } = "transfer.line_repeated" Invalid at "/lines/{index}/line"
        en "line {line} is given more than once"
        es "la línea {line} se da más de una vez"
    LineUnknown { transfer_id: TransferId, line: i64, index: usize } = "transfer.line_unknown" Invalid at "/lines/{index}/line"
        en "transfer {transfer_id} has no line {line}"
        es "el traslado {transfer_id} no tiene línea {line}"
    ExceedsRequested { line: i64, quantity: i64, requested: i64, index: usize }
        = "transfer.exceeds_requested" Conflict at "/lines/{index}/quantity"
        en "line {line} asks for {requested}, and {quantity} cannot be dispatched for it"
        es "la línea {line} pide {requested} y no se pueden despachar {quantity} para ella"
    LineNotInTransit { transfer_id: TransferId, line: i64, index: usize }
        = "transfer.line_not_in_transit" Conflict at "/lines/{index}/line"
        en "nothing of line {line} of transfer {transfer_id} is in transit"
        es "nada de la línea {line} del traslado {transfer_id} está en tránsito"
    ExceedsDispatched { line: i64, quantity: i64, in_transit: i64, index: usize }
        = "transfer.exceeds_dispatched" Conflict at "/lines/{index}/quantity"
        en "{in_transit} of line {line} are in transit, and {quantity} are more: name what is beyond them as surplus"
        es "{in_transit} de la línea {line} están en tránsito y {quantity} son más: indique lo que sobra como excedente (surplus)"
    UnitNotInTransit { unit: UnitId, index: usize } = "transfer.unit_not_in_transit" Conflict at "/lines/{index}/units"
        en "unit {unit} is not in transit in this line"
        es "la unidad {unit} no está en tránsito en esta línea"
    SurplusLineUnknown { line: i64, index: usize } = "transfer.surplus_line_unknown" Invalid at "/surplus/{index}/line"
        en "nobody asked for line {line}; what came without being asked for is found stock"
        es "nadie pidió la línea {line}; lo que llegó sin pedirse es mercancía encontrada"
    SurplusBeforeRest { line: i64, in_transit: i64, index: usize }
        = "transfer.surplus_before_rest" Conflict at "/surplus/{index}/quantity"
        en "{in_transit} of line {line} are still in transit: receive those first, then name what is beyond them"
        es "{in_transit} de la línea {line} siguen en tránsito: recíbalas primero y luego indique lo que sobra"
    UnitTwiceInSurplus { unit: UnitId, index: usize } = "transfer.unit_already_in_surplus" Conflict at "/surplus/{index}/units"
        en "unit {unit} is in this transfer's surplus already"
        es "la unidad {unit} ya está en el excedente de este traslado"
    NotInSurplus { line: i64, quantity: i64, surplus: i64, index: usize }
        = "transfer.not_in_surplus" Conflict at "/lines/{index}/quantity"
        en "{surplus} of line {line} are a surplus that waits for a decision, and {quantity} are more"
        es "{surplus} de la línea {line} son un excedente pendiente de decisión y {quantity} son más"
    UnitNotInSurplus { unit: UnitId, index: usize } = "transfer.unit_not_in_surplus" Conflict at "/lines/{index}/units"
        en "unit {unit} is not in the surplus of this line"
        es "la unidad {unit} no está en el excedente de esta línea"
    TooManyReceptions { transfer_id: TransferId, max: usize } = "transfer.too_many_receptions" Conflict
        en "transfer {transfer_id} has {max} receptions, and may not have more: decide what became of the rest"
        es "el traslado {transfer_id} tiene {max} recepciones y no puede tener más: decida qué fue del resto"
    }
    modules {}
}
