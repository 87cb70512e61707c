//! Why goods do not come back as they were asked for: without the sale that is known, at another price, before they were
//! sold, or for more money than was paid.
//!
//! Not here: what returns refused before, which stands in the first table; the half of an exchange (`returned`).

use schemas::{SaleId, Sku, UnitId};

use super::Amount;

super::table::refusals! {
    /// Refusals of returns, voids and exchanges, beside those of the first table.
    ReturnRefusal {
    SaleKnown { unit: UnitId, sale_id: SaleId, line: usize } = "return.sale_known" Conflict at "/lines/{line}/unit"
        en "{unit} was sold with sale {sale_id}: return it with that sale"
        es "{unit} se vendió con la venta {sale_id}: devuélvala con esa venta"
    PriceTooHigh { sku: Sku, price: Amount, ceiling: Amount, line: usize }
        = "return.price_too_high" Forbidden at "/lines/{line}/unit_price_minor"
        en "without its sale at most {ceiling} is paid back for one {sku}, its price now, and {price} are asked for: only managers and administrators may pay more"
        es "sin su venta se devuelven como máximo {ceiling} por cada {sku}, su precio de ahora, y se piden {price}: solo gerencia y administración pueden devolver más"
    PriceNotAllowed { line: usize } = "return.price_not_allowed" Invalid at "/lines/{line}/unit_price_minor"
        en "what comes back with its sale is worth what was paid for it, so no price is given"
        es "lo que se devuelve con su venta vale lo que se pagó por ello, así que no se indica precio"
    ExceedsPaid { paid: Amount, refunded: Amount } = "refund.exceeds_paid" Forbidden at "/refunds"
        en "the sale's refunds in money would come to {refunded}, and {paid} were paid in money: the rest goes to the customer's account (credit, store_credit), unless a manager or an administrator decides otherwise"
        es "los reembolsos en dinero de la venta sumarían {refunded} y se pagaron {paid} en dinero: el resto va a la cuenta del cliente (credit, store_credit), salvo que gerencia o administración decida otra cosa"
    BeforeSale { sale_id: SaleId, sold_at: String } = "time.before_sale" Invalid at "/occurred_at"
        en "occurred_at is before sale {sale_id}, which was made at {sold_at}"
        es "occurred_at es anterior a la venta {sale_id}, que se hizo el {sold_at}"
    }
    modules {}
}
