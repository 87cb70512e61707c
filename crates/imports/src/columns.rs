//! What each column of a table is taken for, and what was made of those that nobody knows.

use serde::{Deserialize, Serialize};

use crate::headings::{self, Field, normal};

/// What a column is taken for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "meaning", rename_all = "snake_case")]
pub enum Meaning {
    Field {
        field: Field,
    },
    /// A free attribute of the item, under this name.
    Attribute {
        name: String,
    },
    /// A second column of what another one already holds, or one without a heading.
    Ignored,
}

/// One column, as answers show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    pub heading: String,
    #[serde(flatten)]
    pub meaning: Meaning,
}

/// Most characters of an attribute's name.
const MAX_NAME_CHARS: usize = 100;
/// Free attributes of one item.
pub const MAX_ATTRIBUTES: usize = 50;

/// The meaning of each heading, in order.
pub fn of(texts: &[String]) -> Vec<Column> {
    let mut fields: Vec<Field> = Vec::new();
    let mut attributes: Vec<String> = Vec::new();
    texts
        .iter()
        .map(|heading| {
            let meaning = match headings::field(heading) {
                Some(field) if !fields.contains(&field) => {
                    fields.push(field);
                    Meaning::Field { field }
                }
                Some(_) => Meaning::Ignored,
                None => attribute(heading, &mut attributes),
            };
            Column {
                heading: heading.chars().take(200).collect(),
                meaning,
            }
        })
        .collect()
}

fn attribute(heading: &str, taken: &mut Vec<String>) -> Meaning {
    let name: String = heading
        .chars()
        .map(|c| if schemas::text::is_hidden(c) { ' ' } else { c })
        .take(MAX_NAME_CHARS)
        .collect();
    let name = name.trim().to_owned();
    let key = normal(&name);
    if key.is_empty() || taken.contains(&key) || taken.len() >= MAX_ATTRIBUTES {
        return Meaning::Ignored;
    }
    taken.push(key);
    Meaning::Attribute { name }
}
