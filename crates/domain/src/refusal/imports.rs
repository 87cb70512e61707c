//! Refusals of imports.

use schemas::{ImportId, Sku};

super::table::refusals! {
    /// Why an import, or a part of one, is refused.
    ImportRefusal {
    NotFound { import_id: ImportId } = "import.not_found" NotFound at "/import_id"
        en "import {import_id} does not exist"
        es "la importación {import_id} no existe"
    NotOpen { import_id: ImportId, status: String } = "import.not_open" Conflict
        en "import {import_id} is {status}, and this cannot be done with it now"
        es "la importación {import_id} está en estado {status} y ahora no admite esto"
    DraftDiffers { import_id: ImportId } = "import.draft_differs" Conflict at "/draft_sha256"
        en "import {import_id} has another draft than the one named; look at it again"
        es "la importación {import_id} tiene otro borrador que el indicado; revíselo de nuevo"
    FileAlreadyConfirmed { first: ImportId } = "import.file_already_confirmed" Conflict
        en "the same file was confirmed before as import {first}; nothing more is changed"
        es "el mismo archivo ya se confirmó como importación {first}; no se cambia nada más"
    OverrideForbidden { role: String } = "import.override_forbidden" Forbidden at "/overrides"
        en "only managers and administrators may override, and {role} is neither"
        es "solo gerencia y administración pueden autorizar excepciones, y {role} no lo es"
    BaseChanged { sku: Sku } = "import.base_changed" Conflict
        en "{sku} was changed after the draft was made; draft the file again"
        es "{sku} cambió después de hacerse el borrador; haga de nuevo el borrador del archivo"
    /// What it is, in English and in Spanish.
    FileUnsupported { found: String, hallado: String } = "import.file_unsupported" Invalid
        en "the file is {found}; CSV and XLSX can be imported"
        es "el archivo es {hallado}; se pueden importar CSV y XLSX"
    /// Why, in English and in Spanish.
    FileRejected { cause: String, causa: String } = "import.file_rejected" Invalid
        en "the file cannot be imported: {cause}"
        es "el archivo no se puede importar: {causa}"
    HeadingsUnknown {} = "import.headings_unknown" Invalid
        en "no row of headings was recognised; one of them must name the article, such as code or name"
        es "no se reconoció ninguna fila de encabezados; uno de ellos debe nombrar el artículo, como código o nombre"
    StoreRequired {} = "import.store_required" Invalid at "/store"
        en "an import of stock needs a store"
        es "una importación de existencias necesita una tienda"
    TooManyOpen { max: i64 } = "import.too_many_open" Conflict
        en "{max} imports of this organisation are waiting already; wait for one of them"
        es "ya hay {max} importaciones de esta organización en espera; aguarde a que termine alguna"
    ApprovalNeeded { sku: Sku } = "import.approval_needed" Conflict
        en "the difference of {sku} needs somebody's approval, so it cannot be carried out together with others"
        es "la diferencia de {sku} necesita aprobación, así que no se puede aplicar junto con otras"
    DraftExpired {} = "import.draft_expired" Conflict
        en "the draft was not confirmed in time, or newer ones took its place; import the file again"
        es "el borrador no se confirmó a tiempo, o lo desplazaron otros más nuevos; importe el archivo de nuevo"
    }
    modules {}
}
