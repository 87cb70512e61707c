//! One line of an order: how much of it was delivered, came back and was invoiced, and what parts of it come to.
//!
//! Always: returned ≤ delivered ≤ ordered, and invoiced ≤ delivered − returned. Not here: which lines a command is about
//! (`picks`).

use schemas::events::order::{DeliveredLine, InvoicedLine, OrderReturnLine};
use schemas::events::sale::SaleLine;
use schemas::{Minor, Sku, UnitId};
use serde::{Deserialize, Serialize};

use crate::refusal::Refusal;
use crate::stock::MovedCost;

/// One line as it was ordered, what became of its pieces, and what was invoiced of them in minor units of the tenant's
/// currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLine {
    pub sku: Sku,
    /// The one unit that was ordered, when it was named.
    pub unit: Option<UnitId>,
    /// Pieces ordered.
    pub quantity: i64,
    /// Of the whole line: before its discount, the discount, the tax, and with tax.
    pub gross_minor: Minor,
    pub discount_minor: Minor,
    pub tax_minor: Minor,
    pub total_minor: Minor,
    /// Pieces that left the store, those that came back included.
    pub delivered: i64,
    /// Pieces of `delivered` that came back.
    pub returned: i64,
    /// Less what was credited for goods that came back.
    pub invoiced: i64,
    /// What the invoices said for these pieces, with tax, less what was credited: earlier invoices rounded otherwise.
    pub invoiced_minor: i64,
    /// What the pieces cost that are with the customer.
    pub cost: MovedCost,
}

/// What pieces of a line come to: gross − discount, and the tax where it is not in there already, is the total.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Worth {
    pub gross_minor: Minor,
    pub discount_minor: Minor,
    pub tax_minor: Minor,
    pub total_minor: Minor,
}

impl Worth {
    /// # Errors
    /// [`Refusal::AmountOutOfRange`].
    pub fn less(self, other: Worth) -> Result<Worth, Refusal> {
        Ok(Worth {
            gross_minor: self.gross_minor.minus(other.gross_minor)?,
            discount_minor: self.discount_minor.minus(other.discount_minor)?,
            tax_minor: self.tax_minor.minus(other.tax_minor)?,
            total_minor: self.total_minor.minus(other.total_minor)?,
        })
    }

    /// The same pieces for another total, never less than nothing; the difference is discount.
    fn at(self, total: Minor) -> Result<Worth, Refusal> {
        let total_minor = total.max(Minor::ZERO);
        let more = total_minor.minus(self.total_minor)?;
        Ok(Worth {
            discount_minor: self.discount_minor.minus(more)?,
            total_minor,
            ..self
        })
    }
}

impl OrderLine {
    /// What may still be delivered.
    pub fn undelivered(&self) -> i64 {
        self.quantity.saturating_sub(self.delivered)
    }

    /// What is with the customer.
    pub fn with_customer(&self) -> i64 {
        self.delivered.saturating_sub(self.returned)
    }

    /// What is with the customer and was not invoiced.
    pub fn uninvoiced(&self) -> i64 {
        self.with_customer().saturating_sub(self.invoiced)
    }

    /// What its first `pieces` come to: of what is left after the discount, and of the tax, always the rounded share of
    /// the whole, so that parts add up to it. The gross amount needs no rounding; what it has more is the discount.
    ///
    /// # Errors
    /// [`Refusal::AmountOutOfRange`].
    pub fn worth(&self, pieces: i64) -> Result<Worth, Refusal> {
        let share = |whole: Minor| whole.ratio(pieces, self.quantity);
        let whole_net = self.gross_minor.minus(self.discount_minor)?;
        let (gross_minor, net) = (share(self.gross_minor)?, share(whole_net)?);
        // Prices that include the tax leave nothing to add.
        let on_top = share(self.total_minor.minus(whole_net)?)?;
        Ok(Worth {
            gross_minor,
            discount_minor: gross_minor.minus(net)?,
            tax_minor: share(self.tax_minor)?,
            total_minor: net.plus(on_top)?,
        })
    }

    /// What the next `pieces` to be invoiced come to. The total is what all so far come to less what invoices said before,
    /// so that the last one makes up for what earlier ones rounded otherwise.
    ///
    /// # Errors
    /// [`Refusal::AmountOutOfRange`].
    pub fn to_invoice(&self, pieces: i64) -> Result<Worth, Refusal> {
        let after = self.worth(self.invoiced.saturating_add(pieces))?;
        let total = after.total_minor.minus(Minor::new(self.invoiced_minor)?)?;
        after.less(self.worth(self.invoiced)?)?.at(total)
    }

    /// What the customer gets back for the last `pieces` that were invoiced: all that was invoiced when none is left.
    ///
    /// # Errors
    /// [`Refusal::AmountOutOfRange`].
    pub fn to_credit(&self, pieces: i64) -> Result<Worth, Refusal> {
        let staying = self.worth(self.invoiced.saturating_sub(pieces))?;
        let total = if pieces == 0 {
            Minor::ZERO
        } else {
            Minor::new(self.invoiced_minor)?.minus(staying.total_minor)?
        };
        self.worth(self.invoiced)?.less(staying)?.at(total)
    }

    pub(super) fn deliver(&mut self, delivered: &DeliveredLine) {
        self.delivered = self.delivered.saturating_add(delivered.quantity.get());
        self.cost.quantity = self.cost.quantity.saturating_add(delivered.costed_quantity);
        self.cost.value_minor = self.cost.value_minor.saturating_add(delivered.value_minor.get());
    }

    pub(super) fn invoice(&mut self, invoiced: &InvoicedLine) {
        self.invoiced = self.invoiced.saturating_add(invoiced.quantity.get());
        self.invoiced_minor = self.invoiced_minor.saturating_add(invoiced.total_minor.get());
    }

    pub(super) fn take_back(&mut self, returned: &OrderReturnLine) {
        self.returned = self.returned.saturating_add(returned.quantity.get());
        self.invoiced = self.invoiced.saturating_sub(returned.credited_quantity);
        self.invoiced_minor = self.invoiced_minor.saturating_sub(returned.total_minor.get());
        self.cost.quantity = self.cost.quantity.saturating_sub(returned.costed_quantity);
        self.cost.value_minor = self.cost.value_minor.saturating_sub(returned.value_minor.get());
    }
}

impl From<&SaleLine> for OrderLine {
    fn from(line: &SaleLine) -> Self {
        OrderLine {
            sku: line.sku.clone(),
            unit: line.unit.clone(),
            quantity: line.quantity.get(),
            gross_minor: line.gross_minor,
            discount_minor: line.discount_minor,
            tax_minor: line.tax_minor,
            total_minor: line.total_minor,
            delivered: 0,
            returned: 0,
            invoiced: 0,
            invoiced_minor: 0,
            cost: MovedCost::default(),
        }
    }
}
