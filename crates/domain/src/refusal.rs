//! Every "no" of the rules: a stable code, its figures, and a sentence in Spanish and English.
//!
//! Flat as stored (`{"code": …, …}`), whichever table a refusal stands in: it is kept as an idempotent answer and read
//! back by later builds, so codes and fields stay. Each code has a page in `docs/errors`. Modules that came later have a
//! table of their own beside this one. Not here: HTTP status codes, and faults (those are not answers).

mod admin_settings;
mod api_keys;
mod customer_care;
mod exchanges;
mod imports;
mod offline;
mod orders;
mod purchases;
mod render;
mod repairs;
mod returned;
mod returns;
mod stock;
mod suppliers;
mod table;
mod transfers;

use schemas::ids::{
    ConnectorSlug, CustomerId, EndpointId, PaymentId, ReservationId, ReturnId, SaleId, Sku, StoreId, TaxCode,
    TenantId, TerminalId, UnitId, Username,
};

pub use admin_settings::AdminSettingsRefusal;
pub use api_keys::ApiKeyRefusal;
pub use customer_care::CustomerRefusal;
pub use exchanges::ExchangeRefusal;
pub use imports::ImportRefusal;
pub use offline::OfflineRefusal;
pub use orders::OrderRefusal;
pub use purchases::PurchaseRefusal;
pub use render::{Amount, Language, RefusalKind};
pub use repairs::RepairRefusal;
pub use returned::ReturnedRefusal;
pub use returns::ReturnRefusal;
pub use stock::StockRefusal;
pub use suppliers::SupplierRefusal;
pub use transfers::TransferRefusal;

table::refusals! {
    /// Why the rules refuse a command. `line` fields count from 0, as JSON pointers do.
    Refusal {
    // --- requests that can never be right ---
    TextInvalid { field: String, max_chars: usize } = "request.text_invalid" Invalid at "/{field}"
        en "{field} must have 1 to {max_chars} characters, without control characters or spaces at the ends"
        es "{field} debe tener de 1 a {max_chars} caracteres, sin caracteres de control ni espacios en los extremos"
    TextHoldsCard { field: String } = "request.card_number" Invalid at "/{field}"
        en "{field} holds what looks like a card number, and card numbers are never stored"
        es "{field} contiene lo que parece un número de tarjeta, y nunca se guardan números de tarjeta"
    TooManyEntries { field: String, entries: usize, max: usize } = "request.too_many_entries" Invalid at "/{field}"
        en "{field} has {entries} entries, and at most {max} are allowed"
        es "{field} tiene {entries} elementos y se permiten como máximo {max}"
    TooManyStreams { streams: usize, max: usize } = "request.too_large" Invalid
        en "the request touches {streams} records at once, and at most {max} are allowed: split it"
        es "la solicitud toca {streams} registros a la vez y se permiten como máximo {max}: divídala"
    AmountNotPositive { field: String } = "amount.not_positive" Invalid at "/{field}"
        en "{field} must be greater than zero"
        es "{field} debe ser mayor que cero"
    AmountNegative { field: String } = "amount.negative" Invalid at "/{field}"
        en "{field} must not be negative"
        es "{field} no puede ser negativo"
    AmountOutOfRange {} = "amount.out_of_range" Invalid
        en "an amount or sum is beyond 1,000,000,000,000,000 minor units"
        es "un importe o una suma supera 1 000 000 000 000 000 de unidades mínimas"
    OccurredInFuture { minutes: i64 } = "time.in_future" Invalid at "/occurred_at"
        en "occurred_at is more than {minutes} minutes ahead of the server's clock"
        es "occurred_at está más de {minutes} minutos por delante del reloj del servidor"
    OccurredTooLongAgo { years: i64 } = "time.too_long_ago" Invalid at "/occurred_at"
        en "occurred_at is more than {years} years ago"
        es "occurred_at es de hace más de {years} años"

    // --- tenants and what they are made of ---
    TenantNotFound { tenant: TenantId } = "tenant.not_found" NotFound
        en "tenant {tenant} does not exist"
        es "la organización {tenant} no existe"
    TenantExists { tenant: TenantId } = "tenant.already_exists" Conflict
        en "tenant {tenant} already exists"
        es "la organización {tenant} ya existe"
    TimeZoneUnknown { time_zone: String } = "tenant.time_zone_unknown" Invalid at "/time_zone"
        en "time zone {time_zone} is not in the IANA database; write it like America/Tegucigalpa"
        es "la zona horaria {time_zone} no está en la base IANA; escríbala como America/Tegucigalpa"
    TaxCodeNotFound { tax_code: TaxCode } = "tax_code.not_found" NotFound at "/tax_code"
        en "tax code {tax_code} does not exist; set its rate first"
        es "el código de impuesto {tax_code} no existe; defina antes su tasa"
    TaxRateOutOfRange { rate_ppm: i64 } = "tax_code.rate_out_of_range" Invalid at "/rate_ppm"
        en "rate_ppm is {rate_ppm} and must be from 0 to 1,000,000 (150,000 is 15 %)"
        es "rate_ppm es {rate_ppm} y debe estar entre 0 y 1 000 000 (150 000 es el 15 %)"
    StoreNotFound { store: StoreId } = "store.not_found" NotFound at "/store"
        en "store {store} does not exist"
        es "la tienda {store} no existe"
    StoreExists { store: StoreId } = "store.already_exists" Conflict at "/store"
        en "store {store} already exists"
        es "la tienda {store} ya existe"
    StoreClosed { store: StoreId } = "store.closed" Conflict at "/store"
        en "store {store} is closed"
        es "la tienda {store} está cerrada"
    TerminalNotFound { terminal: TerminalId } = "terminal.not_found" NotFound at "/terminal"
        en "terminal {terminal} does not exist"
        es "la terminal {terminal} no existe"
    TerminalExists { terminal: TerminalId } = "terminal.already_exists" Conflict at "/terminal"
        en "terminal {terminal} already exists"
        es "la terminal {terminal} ya existe"
    TerminalRetired { terminal: TerminalId } = "terminal.retired" Conflict at "/terminal"
        en "terminal {terminal} is retired"
        es "la terminal {terminal} está dada de baja"
    TerminalElsewhere { terminal: TerminalId, store: StoreId, registered_in: StoreId }
        = "terminal.other_store" Conflict at "/terminal"
        en "terminal {terminal} is registered in store {registered_in}, not in {store}"
        es "la terminal {terminal} está registrada en la tienda {registered_in}, no en {store}"
    UserNotFound { username: Username } = "user.not_found" NotFound at "/username"
        en "user {username} does not exist"
        es "el usuario {username} no existe"
    UserExists { username: Username } = "user.already_exists" Conflict at "/username"
        en "user {username} already exists"
        es "el usuario {username} ya existe"
    UserChanged { username: Username } = "user.changed_meanwhile" Conflict at "/username"
        en "role, password or state of user {username} were changed meanwhile; nothing else was"
        es "el rol, la contraseña o el estado del usuario {username} cambiaron entretanto; nada más cambió"
    UserSelfChange { username: Username } = "user.self_change" Forbidden at "/username"
        en "nobody may disable themselves or change their own role: ask another administrator than {username}"
        es "nadie puede desactivarse ni cambiar su propio rol: pídalo a otro administrador que no sea {username}"

    // --- catalogue ---
    ItemNotFound { sku: Sku } = "item.not_found" NotFound
        en "item {sku} does not exist in the catalogue"
        es "el artículo {sku} no existe en el catálogo"
    ItemExists { sku: Sku } = "item.already_exists" Conflict at "/sku"
        en "item {sku} already exists"
        es "el artículo {sku} ya existe"
    ItemDiscontinued { sku: Sku } = "item.discontinued" Conflict
        en "item {sku} is discontinued and no longer sold"
        es "el artículo {sku} está descatalogado y ya no se vende"
    GtinInvalid { gtin: String } = "item.gtin_invalid" Invalid at "/details/gtin"
        en "{gtin} is no GTIN: it needs 8, 12, 13 or 14 digits and a valid check digit"
        es "{gtin} no es un GTIN: necesita 8, 12, 13 o 14 dígitos y un dígito de control válido"
    WarrantyOutOfRange { warranty_months: i64 } = "item.warranty_out_of_range" Invalid at "/details/warranty_months"
        en "warranty_months is {warranty_months} and must be from 0 to 1,200"
        es "warranty_months es {warranty_months} y debe estar entre 0 y 1200"

    // --- stock and units ---
    StockInsufficient { store: StoreId, sku: Sku, available: i64, requested: i64, pointer: String }
        = "stock.insufficient" Conflict at "{pointer}"
        en "store {store} has {available} of {sku} available, and {requested} are needed"
        es "la tienda {store} tiene {available} de {sku} disponibles y se necesitan {requested}"
    StockLevelOutOfRange { store: StoreId, sku: Sku } = "stock.level_out_of_range" Conflict
        en "the stock of {sku} in store {store} would leave ±1,000,000,000"
        es "las existencias de {sku} en la tienda {store} quedarían fuera de ±1 000 000 000"
    StockDeltaInvalid { delta: i64 } = "stock.delta_invalid" Invalid at "/delta"
        en "delta is {delta}; it must not be 0 nor beyond ±1,000,000,000"
        es "delta es {delta}; no puede ser 0 ni superar ±1 000 000 000"
    StockOfService { sku: Sku } = "stock.service_item" Invalid
        en "{sku} is a service and has no stock"
        es "{sku} es un servicio y no tiene existencias"
    StockNotCounted { sku: Sku } = "stock.serialised_item" Invalid
        en "{sku} is kept unit by unit: receive or write off its units instead of adjusting a figure"
        es "{sku} se lleva unidad por unidad: reciba o dé de baja sus unidades en lugar de ajustar una cifra"
    UnitsRequired { sku: Sku, quantity: i64, units: usize, line: usize } = "unit.required" Invalid at "/lines/{line}"
        en "{sku} is kept unit by unit: {quantity} need as many IMEIs or serial numbers, and {units} are given"
        es "{sku} se lleva unidad por unidad: {quantity} necesitan otros tantos IMEI o números de serie y hay {units}"
    UnitsUnexpected { sku: Sku, line: usize } = "unit.unexpected" Invalid at "/lines/{line}"
        en "{sku} is not kept unit by unit, so no IMEI or serial number belongs to it"
        es "{sku} no se lleva unidad por unidad, así que no le corresponde ningún IMEI ni número de serie"
    TooManyHolders { store: StoreId, sku: Sku, max: usize } = "stock.too_many_holders" Conflict
        en "{sku} in store {store} is kept for {max} drafts and reservations already"
        es "{sku} en la tienda {store} ya está apartado para {max} borradores y reservas"
    UnitRepeated { unit: UnitId, line: usize } = "unit.repeated" Invalid at "/lines/{line}"
        en "{unit} appears twice in the request"
        es "{unit} aparece dos veces en la solicitud"
    UnitNotFound { unit: UnitId, line: usize } = "unit.not_found" NotFound at "/lines/{line}"
        en "{unit} is not known"
        es "{unit} no se conoce"
    UnitInStock { unit: UnitId, store: StoreId, line: usize } = "unit.already_in_stock" Conflict at "/lines/{line}"
        en "{unit} is already in stock in store {store}"
        es "{unit} ya está en las existencias de la tienda {store}"
    UnitSold { unit: UnitId, sale_id: SaleId, line: usize } = "unit.sold" Conflict at "/lines/{line}"
        en "{unit} was sold with sale {sale_id}; it comes back through a return"
        es "{unit} se vendió con la venta {sale_id}; vuelve mediante una devolución"
    UnitWrittenOff { unit: UnitId, line: usize } = "unit.written_off" Conflict at "/lines/{line}"
        en "{unit} was written off; receive it again first"
        es "{unit} se dio de baja; recíbala de nuevo primero"
    UnitElsewhere { unit: UnitId, store: StoreId, found_in: StoreId, line: usize }
        = "unit.other_store" Conflict at "/lines/{line}"
        en "{unit} is in store {found_in}, not in {store}"
        es "{unit} está en la tienda {found_in}, no en {store}"
    UnitReserved { unit: UnitId, holder: String, line: usize } = "unit.reserved" Conflict at "/lines/{line}"
        en "{unit} is reserved for {holder}"
        es "{unit} está reservada para {holder}"
    UnitOfOtherItem { unit: UnitId, sku: Sku, unit_sku: Sku, line: usize } = "unit.other_item" Conflict at "/lines/{line}"
        en "{unit} is a unit of {unit_sku}, not of {sku}"
        es "{unit} es una unidad de {unit_sku}, no de {sku}"
    UnitNotSold { unit: UnitId, line: usize } = "unit.not_sold" Conflict at "/lines/{line}"
        en "{unit} was not sold, not with that sale, or is back already, so it cannot be returned"
        es "{unit} no se vendió, no con esa venta, o ya volvió, así que no se puede devolver"
    UnitQuantity { unit: UnitId, line: usize } = "unit.quantity_not_one" Invalid at "/lines/{line}/quantity"
        en "{unit} is one physical unit, so the line's quantity must be 1"
        es "{unit} es una sola unidad física, así que la cantidad de la línea debe ser 1"

    // --- customers and credit ---
    CustomerNotFound { customer_id: CustomerId } = "customer.not_found" NotFound at "/customer_id"
        en "customer {customer_id} does not exist"
        es "el cliente {customer_id} no existe"
    CustomerExists { customer_id: CustomerId } = "customer.already_exists" Conflict at "/customer_id"
        en "customer {customer_id} already exists"
        es "el cliente {customer_id} ya existe"
    CustomerRequired {} = "customer.required" Invalid at "/customer_id"
        en "credit and store credit need a customer"
        es "el crédito y el saldo a favor necesitan un cliente"
    CreditLimitNegative {} = "credit.limit_negative" Invalid at "/credit/limit_minor"
        en "a credit limit must not be negative"
        es "un límite de crédito no puede ser negativo"
    CreditNotGranted { customer_id: CustomerId } = "credit.not_granted" Conflict
        en "customer {customer_id} buys without credit"
        es "el cliente {customer_id} compra sin crédito"
    CreditLimitExceeded { customer_id: CustomerId, balance: Amount, amount: Amount, limit: Amount }
        = "credit.limit_exceeded" Conflict
        en "customer {customer_id} owes {balance}; {amount} more would pass the limit of {limit}"
        es "el cliente {customer_id} debe {balance}; {amount} más superarían el límite de {limit}"
    StoreCreditInsufficient { customer_id: CustomerId, available: Amount, amount: Amount }
        = "credit.store_credit_insufficient" Conflict
        en "customer {customer_id} has {available} of store credit, and {amount} are asked for"
        es "el cliente {customer_id} tiene {available} de saldo a favor y se piden {amount}"

    // --- payments ---
    PaymentExists { payment_id: PaymentId } = "payment.already_exists" Conflict at "/payment_id"
        en "payment {payment_id} was already received"
        es "el pago {payment_id} ya se recibió"
    PaymentMethodNotAllowed {} = "payment.method_not_allowed" Invalid at "/method"
        en "an account is paid with cash, card or transfer, not with credit"
        es "una cuenta se paga con efectivo, tarjeta o transferencia, no con crédito"
    PaymentsTooLow { total: Amount, paid: Amount } = "payment.too_low" Invalid at "/payments"
        en "the payments come to {paid}, and the total is {total}"
        es "los pagos suman {paid} y el total es {total}"
    PaymentsTooHigh { total: Amount, paid: Amount } = "payment.too_high" Invalid at "/payments"
        en "the payments come to {paid} for a total of {total}, and only cash gives change"
        es "los pagos suman {paid} para un total de {total} y solo el efectivo da cambio"
    PaymentReferenceIsCard { payment: usize } = "payment.card_number" Invalid at "/payments/{payment}/reference"
        en "the reference looks like a card number, and card numbers are never stored"
        es "la referencia parece un número de tarjeta y los números de tarjeta nunca se guardan"

    // --- sales ---
    SaleNotFound { sale_id: SaleId } = "sale.not_found" NotFound at "/sale_id"
        en "sale {sale_id} does not exist"
        es "la venta {sale_id} no existe"
    SaleExists { sale_id: SaleId } = "sale.already_exists" Conflict at "/sale_id"
        en "sale {sale_id} already exists"
        es "la venta {sale_id} ya existe"
    SaleIsDraft { sale_id: SaleId } = "sale.is_draft" Conflict at "/sale_id"
        en "sale {sale_id} is still a draft"
        es "la venta {sale_id} todavía es un borrador"
    SaleDiscarded { sale_id: SaleId } = "sale.discarded" Conflict at "/sale_id"
        en "draft {sale_id} was discarded"
        es "el borrador {sale_id} se descartó"
    SaleCompleted { sale_id: SaleId } = "sale.already_completed" Conflict at "/sale_id"
        en "sale {sale_id} is already completed"
        es "la venta {sale_id} ya está completada"
    SaleVoided { sale_id: SaleId } = "sale.voided" Conflict at "/sale_id"
        en "sale {sale_id} was voided"
        es "la venta {sale_id} está anulada"
    SaleReturned { sale_id: SaleId } = "sale.fully_returned" Conflict at "/sale_id"
        en "everything of sale {sale_id} was returned, so nothing is left to void"
        es "todo lo de la venta {sale_id} se devolvió, así que no queda nada que anular"
    LinesMissing {} = "request.no_lines" Invalid at "/lines"
        en "at least one line is needed"
        es "se necesita al menos una línea"
    LineWithoutGoods { line: usize } = "sale.line_without_goods" Invalid at "/lines/{line}"
        en "each line needs a sku or a unit (IMEI or serial number)"
        es "cada línea necesita un sku o una unidad (IMEI o número de serie)"
    DiscountInvalid { pointer: String } = "sale.discount_invalid" Invalid at "{pointer}"
        en "a discount is a share from 0 to 1,000,000 ppm or an amount that is not negative"
        es "un descuento es una proporción de 0 a 1 000 000 ppm o un importe que no sea negativo"
    DiscountTooHigh { pointer: String, discount: Amount, gross: Amount } = "sale.discount_too_high" Invalid at "{pointer}"
        en "a discount of {discount} exceeds the {gross} that it applies to"
        es "un descuento de {discount} supera los {gross} a los que se aplica"

    // --- returns ---
    ReturnExists { return_id: ReturnId } = "return.already_exists" Conflict at "/return_id"
        en "return {return_id} already exists"
        es "la devolución {return_id} ya existe"
    ReturnLineUnknown { sale_id: SaleId, line: usize } = "return.line_unknown" Invalid at "/lines/{line}/sale_line"
        en "the line does not name a line of sale {sale_id} (by sale_line or unit)"
        es "la línea no nombra ninguna línea de la venta {sale_id} (por sale_line o unit)"
    ReturnLineMismatch { sale_line: i64, line: usize } = "return.line_mismatch" Invalid at "/lines/{line}"
        en "sku or unit differ from what line {sale_line} of the sale sold"
        es "el sku o la unidad difieren de lo que vendió la línea {sale_line} de la venta"
    ReturnExceedsSold { sku: Sku, returnable: i64, requested: i64, line: usize }
        = "return.exceeds_sold" Conflict at "/lines/{line}/quantity"
        en "{returnable} of {sku} may still be returned from this sale, and {requested} are asked for"
        es "de esta venta aún se pueden devolver {returnable} de {sku} y se piden {requested}"
    ReturnPriceRequired { line: usize } = "return.price_required" Invalid at "/lines/{line}/unit_price_minor"
        en "a return without its sale needs the unit price that is paid back"
        es "una devolución sin su venta necesita el precio unitario que se devuelve"
    ReturnOtherCustomer { sale_id: SaleId, customer_id: CustomerId } = "return.other_customer" Conflict at "/customer_id"
        en "sale {sale_id} was sold to another customer than {customer_id}"
        es "la venta {sale_id} se hizo a otro cliente, no a {customer_id}"
    RefundMismatch { total: Amount, refunded: Amount } = "return.refund_mismatch" Invalid at "/refunds"
        en "the refunds come to {refunded}, and the return's total is {total}"
        es "los reembolsos suman {refunded} y el total de la devolución es {total}"

    // --- reservations ---
    ReservationNotFound { reservation_id: ReservationId } = "reservation.not_found" NotFound at "/reservation_id"
        en "reservation {reservation_id} does not exist"
        es "la reserva {reservation_id} no existe"
    ReservationExists { reservation_id: ReservationId } = "reservation.already_exists" Conflict at "/reservation_id"
        en "reservation {reservation_id} already exists"
        es "la reserva {reservation_id} ya existe"
    ReservationExpiryInvalid { max_s: i64 } = "reservation.expiry_invalid" Invalid at "/expires_at"
        en "give either expires_at or expires_in_s, in the future and at most {max_s} seconds (90 days) ahead"
        es "indique expires_at o expires_in_s (uno de los dos), en el futuro y como máximo {max_s} segundos (90 días) después"
    ReservationNotConfirmed { reservation_id: ReservationId } = "reservation.not_confirmed" Conflict at "/reservation_id"
        en "reservation {reservation_id} is not confirmed yet"
        es "la reserva {reservation_id} todavía no está confirmada"
    ReservationConfirmed { reservation_id: ReservationId } = "reservation.confirmed" Conflict at "/reservation_id"
        en "reservation {reservation_id} is confirmed and does not expire"
        es "la reserva {reservation_id} está confirmada y no vence"
    ReservationFulfilled { reservation_id: ReservationId, sale_id: SaleId }
        = "reservation.fulfilled" Conflict at "/reservation_id"
        en "the goods of reservation {reservation_id} went to sale {sale_id}"
        es "la mercancía de la reserva {reservation_id} se entregó con la venta {sale_id}"
    ReservationReleased { reservation_id: ReservationId } = "reservation.released" Conflict at "/reservation_id"
        en "reservation {reservation_id} was released"
        es "la reserva {reservation_id} se liberó"
    ReservationExpired { reservation_id: ReservationId } = "reservation.expired" Conflict at "/reservation_id"
        en "reservation {reservation_id} has expired"
        es "la reserva {reservation_id} venció"
    ReservationNotDue { reservation_id: ReservationId, expires_at: String } = "reservation.not_due" Conflict at "/reservation_id"
        en "reservation {reservation_id} does not expire before {expires_at}"
        es "la reserva {reservation_id} no vence antes de {expires_at}"
    ReservationElsewhere { reservation_id: ReservationId, store: StoreId, reserved_in: StoreId }
        = "reservation.other_store" Conflict at "/reservation_id"
        en "reservation {reservation_id} keeps goods in store {reserved_in}, not in {store}"
        es "la reserva {reservation_id} guarda mercancía en la tienda {reserved_in}, no en {store}"
    ReservationOtherCustomer { reservation_id: ReservationId, customer_id: CustomerId }
        = "reservation.other_customer" Conflict at "/customer_id"
        en "reservation {reservation_id} is for another customer than {customer_id}"
        es "la reserva {reservation_id} es de otro cliente, no de {customer_id}"
    ReservationGoodsMissing { reservation_id: ReservationId, sku: Sku, kept: i64, taken: i64 }
        = "reservation.goods_missing" Conflict at "/lines"
        en "reservation {reservation_id} keeps {kept} of {sku}, and the sale takes {taken}: sell all that it keeps, or release it"
        es "la reserva {reservation_id} guarda {kept} de {sku} y la venta lleva {taken}: venda todo lo que guarda o libérela"

    // --- webhook endpoints ---
    EndpointNotFound { endpoint_id: EndpointId } = "endpoint.not_found" NotFound at "/endpoint_id"
        en "webhook endpoint {endpoint_id} does not exist"
        es "el destino de webhooks {endpoint_id} no existe"
    EndpointExists { endpoint_id: EndpointId } = "endpoint.already_exists" Conflict at "/endpoint_id"
        en "webhook endpoint {endpoint_id} already exists"
        es "el destino de webhooks {endpoint_id} ya existe"
    EndpointDisabled { endpoint_id: EndpointId } = "endpoint.disabled" Conflict at "/endpoint_id"
        en "webhook endpoint {endpoint_id} is disabled; resume it first"
        es "el destino de webhooks {endpoint_id} está desactivado; reanúdelo primero"
    EndpointUrlInvalid { url: String } = "endpoint.url_invalid" Invalid at "/settings/url"
        en "{url} is no http or https address with a host and without a user name or password"
        es "{url} no es una dirección http o https con servidor y sin usuario ni contraseña"
    EndpointFilterInvalid { index: usize, pattern: String } = "endpoint.filter_invalid" Invalid at "/settings/event_types/{index}"
        en "{pattern} is no event type pattern: write it like sale.completed, sale.* or *"
        es "{pattern} no es un patrón de tipos de evento: escríbalo como sale.completed, sale.* o *"
    EndpointFilterUnknown { index: usize, pattern: String } = "endpoint.filter_unknown" Invalid at "/settings/event_types/{index}"
        en "{pattern} matches no event type that there is: the catalogue at /events lists them"
        es "{pattern} no corresponde a ningún tipo de evento existente: el catálogo en /events los enumera"
    EndpointReserved {} = "endpoint.administrators_only" Forbidden at "/settings/event_types"
        en "only administrators send out events of admin, connector, security and webhook, and * holds them: name other modules, or ask an administrator"
        es "solo los administradores envían eventos de admin, connector, security y webhook, y * los incluye: nombre otros módulos o pídalo a un administrador"
    EndpointWithoutFilters {} = "endpoint.filters_missing" Invalid at "/settings/event_types"
        en "at least one event type pattern is needed; * means all"
        es "se necesita al menos un patrón de tipos de evento; * significa todos"
    EndpointHeaderInvalid { name: String } = "endpoint.header_invalid" Invalid at "/settings/headers"
        en "header {name} is not allowed: it is reserved or named twice, or its name or value has characters that headers cannot hold"
        es "la cabecera {name} no se permite: está reservada o repetida, o su nombre o valor tiene caracteres no admitidos"
    EndpointLimitInvalid { field: String, value: i64, min: i64, max: i64 } = "endpoint.limit_invalid" Invalid at "/settings/{field}"
        en "{field} is {value} and must be from {min} to {max}"
        es "{field} es {value} y debe estar entre {min} y {max}"
    EndpointStartInvalid { position: i64 } = "endpoint.start_invalid" Invalid at "/start/position"
        en "a start position must not be negative, and {position} is"
        es "una posición inicial no puede ser negativa y {position} lo es"
    EndpointNumberInvalid { field: String, value: i64, min: i64, max: i64 } = "endpoint.number_invalid" Invalid at "/{field}"
        en "{field} is {value} and must be from {min} to {max}"
        es "{field} es {value} y debe estar entre {min} y {max}"
    // --- pull connectors ---
    ConnectorNotFound { slug: ConnectorSlug } = "connector.not_found" NotFound at "/slug"
        en "connector {slug} does not exist"
        es "el conector {slug} no existe"
    ConnectorExists { slug: ConnectorSlug } = "connector.already_exists" Conflict at "/slug"
        en "connector {slug} already exists; a slug stays taken after its connector is revoked"
        es "el conector {slug} ya existe; un identificador queda ocupado aunque su conector se revoque"
    ConnectorRevoked { slug: ConnectorSlug } = "connector.revoked" Conflict at "/slug"
        en "connector {slug} is revoked for good; create another one"
        es "el conector {slug} está revocado definitivamente; cree otro"
    ConnectorWithoutGrants {} = "connector.grants_missing" Invalid at "/grants"
        en "a connector needs at least one grant, such as sale or inventory.adjusted"
        es "un conector necesita al menos un permiso, como sale o inventory.adjusted"
    ConnectorGrantInvalid { index: usize, grant: String } = "connector.grant_invalid" Invalid at "/grants/{index}"
        en "{grant} is no grant: name an entity such as sale, or an event type such as sale.completed"
        es "{grant} no es un permiso: nombre una entidad como sale o un tipo de evento como sale.completed"
    ConnectorGrantUnknown { index: usize, grant: String } = "connector.grant_unknown" Invalid at "/grants/{index}"
        en "{grant} is neither a module nor an event type that there is: the catalogue at /events lists them"
        es "{grant} no es un módulo ni un tipo de evento existente: el catálogo en /events los enumera"
    ConnectorOverlapInvalid { overlap_s: i64, max_s: i64 } = "connector.overlap_invalid" Invalid at "/overlap_s"
        en "overlap_s is {overlap_s} and must be from 0 to {max_s}"
        es "overlap_s es {overlap_s} y debe estar entre 0 y {max_s}"
    }
    // Modules with tables of their own: their codes are one space with these.
    modules {
        AdminSettings(AdminSettingsRefusal),
        Repairs(RepairRefusal),
        ApiKeys(ApiKeyRefusal),
        Customer(CustomerRefusal),
        Exchange(ExchangeRefusal),
        Returned(ReturnedRefusal),
        Returns(ReturnRefusal),
        Order(OrderRefusal),
        Imports(ImportRefusal),
        Offline(OfflineRefusal),
        Stock(StockRefusal),
        Suppliers(SupplierRefusal),
        Purchases(PurchaseRefusal),
        Transfers(TransferRefusal),
    }
}

impl From<schemas::MoneyError> for Refusal {
    fn from(_: schemas::MoneyError) -> Self {
        Refusal::AmountOutOfRange {}
    }
}

impl From<schemas::MoneyError> for crate::work::Missing {
    fn from(error: schemas::MoneyError) -> Self {
        Refusal::from(error).into()
    }
}
