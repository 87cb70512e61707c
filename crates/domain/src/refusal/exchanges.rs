//! Why goods may not be exchanged for others, and what an exchange forbids afterwards.
//!
//! Not here: what returns and sales refuse by themselves, which stands in the first table.

use schemas::SaleId;

super::table::refusals! {
    /// Refusals of exchanges.
    ExchangeRefusal {
    MethodNotAllowed { pointer: String } = "payment.exchange_not_allowed" Invalid at "{pointer}"
        en "method exchange is written by exchanges alone; name how money changed hands"
        es "el método exchange solo lo escriben los cambios; indique cómo se pagó"
    SalePaidByExchange { sale_id: SaleId } = "sale.paid_by_exchange" Conflict at "/sale_id"
        en "sale {sale_id} was paid with goods that came back, so it cannot be voided; return its goods instead"
        es "la venta {sale_id} se pagó con mercancía devuelta, así que no se puede anular; devuelva su mercancía"
    }
    modules {}
}
