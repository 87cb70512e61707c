//! What a table of refusals becomes: an enum with codes, kinds, pointers and sentences.
//!
//! Not here: the tables.

/// One row: `Variant { fields } = "code" Kind at "/pointer" en "…" es "…"`. `modules` names enums that are tables
/// themselves; their refusals are stored and shown as if they stood in this one.
macro_rules! refusals {
    (
        $(#[$about:meta])*
        $name:ident { $(
            $(#[$doc:meta])*
            $variant:ident { $($field:ident: $type:ty),* $(,)? } = $code:literal $kind:ident $(at $pointer:literal)?
                en $english:literal
                es $spanish:literal
        )+ }
        modules { $($module:ident($table:ty)),* $(,)? }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, thiserror::Error)]
        #[serde(tag = "code")]
        pub enum $name {
            $($(#[$doc])* #[error($english)] #[serde(rename = $code)] $variant { $($field: $type),* },)+
            $(#[error(transparent)] #[serde(untagged)] $module($table),)*
        }

        impl $name {
            /// Every code of this table and of its modules, for the pages in `docs/errors` and the API's document.
            pub fn codes() -> Vec<&'static str> {
                let own = vec![$($code),+];
                let modules: Vec<Vec<&'static str>> = vec![$(<$table>::codes()),*];
                own.into_iter().chain(modules.into_iter().flatten()).collect()
            }

            /// The stable code, such as `stock.insufficient`.
            pub fn code(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => $code,)+
                    $(Self::$module(refusal) => refusal.code(),)*
                }
            }

            /// What the refusal is about, as its row says; the HTTP layer takes the status from it.
            pub fn kind(&self) -> $crate::refusal::RefusalKind {
                match self {
                    $(Self::$variant { .. } => $crate::refusal::RefusalKind::$kind,)+
                    $(Self::$module(refusal) => refusal.kind(),)*
                }
            }

            /// JSON pointer (RFC 6901) to the field of the request that is to blame, when there is one. For a draft
            /// that is completed, lines are those of the draft.
            #[allow(unused_variables, reason = "most pointers are fixed, but the table binds every field")]
            pub fn pointer(&self) -> Option<String> {
                match self {
                    $(Self::$variant { $($field),* } => {
                        let pointers: &[String] = &[$(format!($pointer))?];
                        pointers.first().cloned()
                    })+
                    $(Self::$module(refusal) => refusal.pointer(),)*
                }
            }

            /// A whole sentence for people, with the figures.
            #[allow(unused_variables, reason = "a sentence may leave a field out, but the table binds all")]
            pub fn text(&self, language: $crate::refusal::Language) -> String {
                match language {
                    $crate::refusal::Language::English => match self {
                        $(Self::$variant { $($field),* } => $crate::refusal::render::sentence($english, &format!($english)),)+
                        $(Self::$module(refusal) => refusal.text(language),)*
                    },
                    $crate::refusal::Language::Spanish => match self {
                        $(Self::$variant { $($field),* } => $crate::refusal::render::sentence($spanish, &format!($spanish)),)+
                        $(Self::$module(refusal) => refusal.text(language),)*
                    },
                }
            }
        }

        $(
            impl From<$table> for $name {
                fn from(refusal: $table) -> Self { Self::$module(refusal) }
            }

            impl From<$table> for $crate::work::Missing {
                fn from(refusal: $table) -> Self { $name::$module(refusal).into() }
            }
        )*
    };
}
pub(super) use refusals;
