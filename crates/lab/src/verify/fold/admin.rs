//! The tables of a tenant's set-up: its settings, stores, terminals, users and tax rates.

use serde_json::{Value, json};

use super::super::findings::Findings;
use super::{Fact, Folded, Key};

const LETTERHEAD: &[&str] = &[
    "legal_name",
    "tax_id",
    "address",
    "phone",
    "email",
    "website",
    "footer_es",
    "footer_en",
];
const REPAIR_TERMS: &[&str] = &[
    "low_target_s",
    "normal_target_s",
    "high_target_s",
    "urgent_target_s",
    "warranty_days",
];

/// What an event does to its row.
struct Change {
    table: &'static str,
    /// The field that names the row within the tenant.
    key: Option<&'static str>,
    /// Whether the row may begin with it.
    opens: bool,
    values: Vec<(&'static str, Value)>,
}

impl Folded {
    pub(super) fn admin(&mut self, fact: &Fact<'_>, kind: &str, findings: &mut Findings) {
        let position = fact.event.position;
        if kind == "number_taken" {
            return self.number_taken(fact, findings);
        }
        let Some(change) = Change::of(fact, kind) else {
            findings.error(
                "admin",
                format!("position {position}: unknown event admin.{kind}"),
            );
            return;
        };
        let key: Key = change
            .key
            .map_or_else(|| fact.key(&[]), |field| fact.key(&[fact.text(field)]));
        let row = self.row(change.table, key);
        if !change.opens && row.is_empty() {
            findings.error(
                "admin",
                format!("position {position}: admin.{kind} changes what was never there"),
            );
        }
        row.extend(change.values);
        row.insert("last_position", json!(position));
    }
}

impl Change {
    fn of(fact: &Fact<'_>, kind: &str) -> Option<Self> {
        let change = match kind.split_once('_')? {
            ("tenant" | "stock", _) => Self::of_tenant(fact, kind)?,
            ("tax", "rate_set") => {
                let values = copied(fact, &["name", "rate_ppm"]);
                Self::new("rm_tax_rates", Some("tax_code"), true, values)
            }
            ("store", "opened") => Self::new(
                "rm_stores",
                Some("store"),
                true,
                flagged(copied(fact, &["name"]), "closed", false),
            ),
            ("store", "closed") => Self::new(
                "rm_stores",
                Some("store"),
                false,
                flagged(Vec::new(), "closed", true),
            ),
            ("store", "reopened") => Self::new(
                "rm_stores",
                Some("store"),
                false,
                flagged(Vec::new(), "closed", false),
            ),
            ("terminal", "registered") => Self::new(
                "rm_terminals",
                Some("terminal"),
                true,
                flagged(copied(fact, &["store", "name"]), "retired", false),
            ),
            ("store", "renamed") => Self::new("rm_stores", Some("store"), false, copied(fact, &["name"])),
            ("terminal", "renamed") => {
                Self::new("rm_terminals", Some("terminal"), false, copied(fact, &["name"]))
            }
            ("letterhead", "set") => Self::new("rm_letterheads", None, true, copied(fact, LETTERHEAD)),
            ("repair", "terms_set") => Self::new("rm_repair_terms", None, true, copied(fact, REPAIR_TERMS)),
            ("numbering", "set") => Self::new(
                "rm_numbering",
                Some("series"),
                true,
                flagged(
                    [
                        copied(fact, &["prefix", "next", "digits"]),
                        vec![("next_count", fact.value("next"))],
                    ]
                    .concat(),
                    "enabled",
                    true,
                ),
            ),
            ("numbering", "ended") => Self::new(
                "rm_numbering",
                Some("series"),
                false,
                flagged(Vec::new(), "enabled", false),
            ),
            ("terminal", "retired") => Self::new(
                "rm_terminals",
                Some("terminal"),
                false,
                flagged(Vec::new(), "retired", true),
            ),
            ("user", what) => {
                let values = user_values(fact, what)?;
                Self::new("rm_users", Some("username"), what == "created", values)
            }
            _ => return None,
        };
        Some(change)
    }

    fn of_tenant(fact: &Fact<'_>, kind: &str) -> Option<Self> {
        let columns: &[&'static str] = match kind {
            "tenant_created" => &[
                "name",
                "currency",
                "time_zone",
                "prices_include_tax",
                "stock_policy",
            ],
            "tenant_renamed" => &["name"],
            "stock_policy_changed" => &["stock_policy"],
            _ => return None,
        };
        let values = copied(fact, columns);
        Some(Self::new("rm_tenant", None, kind == "tenant_created", values))
    }

    fn new(
        table: &'static str,
        key: Option<&'static str>,
        opens: bool,
        values: Vec<(&'static str, Value)>,
    ) -> Self {
        Self {
            table,
            key,
            opens,
            values,
        }
    }
}

/// A password leaves no trace in a read model.
fn user_values(fact: &Fact<'_>, what: &str) -> Option<Vec<(&'static str, Value)>> {
    Some(match what {
        "created" => {
            let sealed = fact.value("display_name")["sealed"].clone();
            let mut values = flagged(copied(fact, &["role"]), "disabled", false);
            values.push(("display_name_sealed", sealed));
            values
        }
        "renamed" => vec![(
            "display_name_sealed",
            fact.value("display_name")["sealed"].clone(),
        )],
        "role_changed" => copied(fact, &["role"]),
        "password_changed" => Vec::new(),
        "disabled" => flagged(Vec::new(), "disabled", true),
        "enabled" => flagged(Vec::new(), "disabled", false),
        _ => return None,
    })
}

fn copied(fact: &Fact<'_>, columns: &[&'static str]) -> Vec<(&'static str, Value)> {
    columns
        .iter()
        .map(|column| (*column, fact.value(column)))
        .collect()
}

fn flagged(
    mut values: Vec<(&'static str, Value)>,
    column: &'static str,
    holds: bool,
) -> Vec<(&'static str, Value)> {
    values.push((column, json!(holds)));
    values
}
