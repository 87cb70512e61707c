//! What goods cost is no business of the till's: one rule for every answer that everybody may read and that has such a
//! figure. `tests/it/roles.rs` walks all reads of a cashier and finds none.
//!
//! Not here: answers that are all about costs, which cashiers do not get at all (`BUYING` in the route table), and what
//! goods sell for.

use platform::http::RequestContext;
use schemas::events::admin::Role;

/// An answer with figures of what goods cost.
pub trait HasCosts {
    /// Takes them out.
    fn forget_costs(&mut self);
}

/// Takes what goods cost out of what a cashier gets; whoever buys keeps it.
pub fn hide<'a, T: HasCosts + 'a>(context: &RequestContext, rows: impl IntoIterator<Item = &'a mut T>) {
    if context.principal.role == Role::Cashier {
        rows.into_iter().for_each(HasCosts::forget_costs);
    }
}
