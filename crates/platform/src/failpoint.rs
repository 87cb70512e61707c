//! Places where fault tests end the process: the lines where a crash would hurt most.
//!
//! Without the feature `failpoints` a place is nothing at all, and `main` of a release knows none. With it the
//! environment says where and how often, in the language of the `fail` crate: `FAILPOINTS="engine_answer=1%return"`
//! ends the process by abort, as a crash would, at one visit in a hundred; `pause` and `sleep(ms)` work too.
//! Each crash first adds its name as a line to the file that `FAILPOINT_JOURNAL` names. Deliberately absent: errors
//! that are made up; those come from real servers that are killed, cut or full.

/// After a batch is committed, before anybody is answered.
pub const ENGINE_ANSWER: &str = "engine_answer";
/// After a batch is folded and written, before its transaction commits.
pub const PROJECTION_COMMIT: &str = "projection_commit";
/// After the broker has acknowledged, before the relay's checkpoint moves.
pub const RELAY_CHECKPOINT: &str = "relay_checkpoint";
/// After a receiver's 2xx, before the attempt is recorded.
pub const DELIVERY_RECORD: &str = "delivery_record";
/// After the pointer of a rebuilt group was switched, before that commits.
pub const REBUILD_SWITCH: &str = "rebuild_switch";

/// Every place, for harnesses that must visit each.
pub const ALL: [&str; 5] = [
    ENGINE_ANSWER,
    PROJECTION_COMMIT,
    RELAY_CHECKPOINT,
    DELIVERY_RECORD,
    REBUILD_SWITCH,
];

/// Reads what the environment wants; called first by whatever runs a process.
pub fn set_up() {
    #[cfg(feature = "failpoints")]
    std::mem::forget(fail::FailScenario::setup());
}

/// Passes a place; comes back unless a fault test wants the process to end here.
#[cfg(feature = "failpoints")]
pub fn reached(place: &'static str) {
    fail::fail_point!(place, |_| die(place));
}

/// Passes a place: nothing, in a build without fault tests.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub fn reached(_place: &'static str) {}

#[cfg(feature = "failpoints")]
fn die(place: &'static str) {
    use std::io::Write;
    #[expect(
        clippy::disallowed_methods,
        reason = "fault tests configure by the environment alone"
    )]
    let journal = std::env::var("FAILPOINT_JOURNAL");
    if let Ok(path) = journal {
        let written = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .and_then(|mut file| file.write_all(format!("{place}\n").as_bytes()));
        if let Err(error) = written {
            tracing::error!(%error, place, "the journal of failpoints cannot be written");
        }
    }
    std::process::abort()
}
