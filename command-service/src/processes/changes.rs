//! What reactions come to, in terms of timers. Pure.

use std::collections::HashMap;

use domain::Command;
use domain::processes::Reaction;
use schemas::Position;
use schemas::ids::TenantId;
use time::OffsetDateTime;

/// A tenant's timer.
pub(super) type Key = (TenantId, String);

/// A timer that is to be taken away.
pub(super) type Gone = (Key, Position);
/// A timer that is to be set, under its key.
pub(super) type Set = (Key, Position, NewTimer);

/// A timer that is to be set.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NewTimer {
    /// `None` is at once.
    pub due_at: Option<OffsetDateTime>,
    /// What to submit when it is due, instead of asking the process.
    pub command: Option<Command>,
    /// Trace context of what it goes back to.
    pub traceparent: Option<String>,
}

/// What a process reacted to: whose it is, where it is in the log, and the trace that it belongs to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cause<'a> {
    pub tenant: &'a TenantId,
    pub position: Position,
    pub traceparent: Option<&'a str>,
}

/// Timers to set and to take away (`None`): for each key the last word, and the position that it rests on. Commands'
/// ids derive from that position.
#[derive(Debug, Default)]
pub(super) struct Changes(HashMap<Key, (Position, Option<NewTimer>)>);

impl Changes {
    /// Takes up what a process makes of something that began with the cause. `source` tells apart what several facts of
    /// one position lead to.
    pub fn take(&mut self, cause: Cause<'_>, source: &str, reactions: Vec<Reaction>) {
        let position = cause.position;
        for (index, reaction) in reactions.into_iter().enumerate() {
            let (key, timer) = match reaction {
                Reaction::Schedule { key, due_at } => {
                    let timer = NewTimer {
                        due_at: Some(due_at),
                        command: None,
                        traceparent: cause.traceparent.map(str::to_owned),
                    };
                    (key, Some(timer))
                }
                Reaction::Cancel { key } => (key, None),
                Reaction::Submit(command) => {
                    let timer = NewTimer {
                        due_at: None,
                        command: Some(*command),
                        traceparent: cause.traceparent.map(str::to_owned),
                    };
                    (format!("#{position}{source}.{index}"), Some(timer))
                }
            };
            self.0.insert((cause.tenant.clone(), key), (position, timer));
        }
    }

    /// Whether no timer is set or taken away.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those to take away, and those to set.
    pub fn split(self) -> (Vec<Gone>, Vec<Set>) {
        let (mut gone, mut set) = (Vec::new(), Vec::new());
        for (key, (position, timer)) in self.0 {
            match timer {
                Some(timer) => set.push((key, position, timer)),
                None => gone.push((key, position)),
            }
        }
        (gone, set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_is_said_about_a_key_the_last_word_counts() {
        let tenant = TenantId::new("t").unwrap();
        let due_at = OffsetDateTime::UNIX_EPOCH;
        let schedule = |key: &str| Reaction::Schedule {
            key: key.to_owned(),
            due_at,
        };
        let cancel = |key: &str| Reaction::Cancel { key: key.to_owned() };
        let mut changes = Changes::default();
        let at = |position| Cause {
            tenant: &tenant,
            position: Position(position),
            traceparent: None,
        };
        changes.take(at(1), "", vec![schedule("a"), schedule("b")]);
        changes.take(at(2), "", vec![cancel("a"), cancel("c"), schedule("c")]);
        let (gone, set) = changes.split();
        assert_eq!(gone, [((tenant.clone(), "a".to_owned()), Position(2))]);
        let mut positions: Vec<(&str, i64)> = set
            .iter()
            .map(|((_, key), position, _)| (key.as_str(), position.0))
            .collect();
        positions.sort_unstable();
        assert_eq!(positions, [("b", 1), ("c", 2)]);
    }
}
