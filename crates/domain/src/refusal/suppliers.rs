//! Why suppliers and their accounts cannot be changed as asked. Not here: purchases from them.

use schemas::{ContactId, DebtAdjustmentId, SupplierId};

super::table::refusals! {
    /// Refusals of suppliers, their contacts and accounts.
    SupplierRefusal {
    SupplierNotFound { supplier_id: SupplierId } = "supplier.not_found" NotFound at "/supplier_id"
        en "supplier {supplier_id} does not exist; register it first"
        es "el proveedor {supplier_id} no existe; regístrelo primero"
    SupplierExists { supplier_id: SupplierId } = "supplier.already_exists" Conflict at "/supplier_id"
        en "supplier {supplier_id} already exists"
        es "el proveedor {supplier_id} ya existe"
    SupplierInactive { supplier_id: SupplierId } = "supplier.inactive" Conflict at "/supplier_id"
        en "supplier {supplier_id} is deactivated, and nothing is ordered from it"
        es "el proveedor {supplier_id} está desactivado y no se le hacen pedidos"
    ContactNotFound { contact_id: ContactId } = "supplier.contact_not_found" NotFound at "/contact_id"
        en "contact {contact_id} does not exist at this supplier"
        es "el contacto {contact_id} no existe en este proveedor"
    ContactExists { contact_id: ContactId } = "supplier.contact_already_exists" Conflict at "/contact_id"
        en "contact {contact_id} already exists at this supplier"
        es "el contacto {contact_id} ya existe en este proveedor"
    TooManyContacts { supplier_id: SupplierId, max: usize } = "supplier.too_many_contacts" Conflict
        en "supplier {supplier_id} has {max} contacts, which is the most"
        es "el proveedor {supplier_id} tiene {max} contactos, que es el máximo"
    PaymentDaysInvalid { days: i64, max: i64 } = "supplier.payment_days_invalid" Invalid at "/payment_days"
        en "payment_days is {days} and must be from 0 to {max}"
        es "payment_days es {days} y debe estar entre 0 y {max}"
    DebtAdjustmentExists { adjustment_id: DebtAdjustmentId } = "supplier.adjustment_already_exists" Conflict at "/adjustment_id"
        en "adjustment {adjustment_id} was already made"
        es "el ajuste {adjustment_id} ya se hizo"
    DebtDeltaZero {} = "supplier.debt_delta_zero" Invalid at "/delta_minor"
        en "an adjustment of a debt must not be zero"
        es "un ajuste de deuda no puede ser cero"
    }
    modules {}
}
