//! The groups' schema: tables and functions that never change, and the text of each build's models.
//!
//! A build is known by its models and their versions. Its text is data for a function of the owner's, so that the
//! projector's role can create a group of models and nothing else.

use std::sync::OnceLock;

use platform::db::{Migration, tenant_policy};

use crate::{models, poison};

const TABLES: Migration = Migration {
    module: "projection_groups",
    version: 1,
    sql: include_str!("schema.sql"),
};

/// The models of this build with their versions, such as `audit:1,customers:1`.
pub fn fingerprint() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| {
        let mut models: Vec<String> = models::all()
            .iter()
            .map(|model| format!("{}:{}", model.name(), model.version()))
            .collect();
        models.sort();
        models.join(",")
    })
}

/// The steps that every database needs, and the one that makes this build known.
pub fn migrations() -> Vec<Migration> {
    let (mut create, mut index) = (
        format!("{} {}", poison::DDL, tenant_policy("projection_poison")),
        String::new(),
    );
    for model in models::all() {
        create.push_str(&model.ddl());
        index.push_str(&model.index_ddl());
    }
    let build = format!(
        "insert into projection_builds (fingerprint, create_sql, index_sql) values ({fingerprint}, {create}, {index})
           on conflict (fingerprint) do update set create_sql = excluded.create_sql, index_sql = excluded.index_sql;
         select projection_group_begin({fingerprint});",
        fingerprint = quoted(fingerprint()),
        create = quoted(&create),
        index = quoted(&index),
    );
    // An index that comes or goes makes no other build, but another text.
    let module = format!("projection_build {} {:016x}", fingerprint(), fnv(&build));
    vec![
        TABLES,
        Migration {
            module: module.leak(),
            version: 1,
            sql: build.leak(),
        },
    ]
}

/// FNV-1a: tells texts apart, and is the same in every release of the compiler.
fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A text of our own as a literal. Nothing of it comes from outside.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
