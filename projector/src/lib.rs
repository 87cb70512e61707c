//! Follows the log: serving read models in Postgres, and the relay to NATS.
//!
//! Read models are pure functions of the log and can be thrown away. Deliberately absent: answers to queries
//! (query-service) and anything that the outside world could notice.

pub mod checkpoint;
pub mod copy;
pub mod fact;
mod follower;
pub mod groups;
pub mod journal;
mod leader;
mod measure;
pub mod models;
mod outgoing;
pub mod poison;
pub mod projection;
mod projector;
mod rebuild;
pub mod relay;
pub mod row;
mod row_cache;
pub mod runner;
mod statements;

use std::sync::OnceLock;

use platform::db::Migration;

pub use projector::{Projector, ProjectorHandle, ProjectorOptions};

/// The schema: checkpoints, frozen rows, and groups of read models. The models' text is composed once from their column
/// lists; a build whose models differ fills a group of its own.
pub fn migrations() -> &'static [Migration] {
    static STEPS: OnceLock<Vec<Migration>> = OnceLock::new();
    STEPS.get_or_init(|| {
        let poison = format!(
            "{} {}",
            poison::DDL,
            platform::db::tenant_policy("projection_poison")
        );
        let mut steps = vec![
            Migration {
                module: "projection_checkpoint",
                version: 1,
                sql: checkpoint::DDL,
            },
            Migration {
                module: "projection_poison",
                version: 1,
                sql: poison.leak(),
            },
            relay::MIGRATION,
        ];
        steps.extend(groups::migrations());
        steps
    })
}
