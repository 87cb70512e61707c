//! Refusals of a tenant's settings: document numbers and terms.

super::table::refusals! {
    /// Why a setting is not accepted.
    AdminSettingsRefusal {
    NumberUsed { free: i64 } = "numbering.number_used" Conflict at "/next"
        en "numbers with this prefix were handed out before; the next one is at least {free}"
        es "ya se entregaron números con este prefijo; el siguiente es como mínimo {free}"
    NumbersUsedUp { series: String } = "numbering.used_up" Conflict
        en "the numbers of {series} documents are used up; set another prefix"
        es "se agotaron los números de los documentos {series}; defina otro prefijo"
    NumberOutOfRange { field: String, value: i64, min: i64, max: i64 } = "settings.number_out_of_range" Invalid at "/{field}"
        en "{field} is {value} and must be from {min} to {max}"
        es "{field} es {value} y debe estar entre {min} y {max}"
    }
    modules {}
}
