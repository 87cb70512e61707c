//! Open files for as many connections as are allowed: systems start processes with room for about a thousand, and may
//! give them more when they ask.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that a process has open beside its clients' connections: pools, outgoing requests, logs.
const BESIDE: u64 = 1_024;

/// Raises the process's limit as far as it is needed and allowed, and says so when that is not enough.
pub fn make_room_for(connections: usize) {
    let needed = u64::try_from(connections)
        .unwrap_or(u64::MAX)
        .saturating_add(BESIDE);
    let limit = getrlimit(Resource::Nofile);
    // No limit is written as none.
    let (now, most) = (
        limit.current.unwrap_or(u64::MAX),
        limit.maximum.unwrap_or(u64::MAX),
    );
    if now >= needed {
        return;
    }
    let wanted = Rlimit {
        current: Some(needed.min(most)),
        maximum: limit.maximum,
    };
    let raised = setrlimit(Resource::Nofile, wanted);
    if raised.is_err() || most < needed {
        tracing::warn!(
            needed,
            allowed = most,
            "fewer files may be open than http.max_connections needs: raise the limit of open files"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_made_and_never_taken_away() {
        let before = getrlimit(Resource::Nofile);
        make_room_for(0);
        make_room_for(1_500);
        let after = getrlimit(Resource::Nofile);
        assert!(after.current >= before.current.min(after.maximum) || after.current.is_none());
        assert_eq!(after.maximum, before.maximum);
        let most = after.maximum.unwrap_or(u64::MAX);
        assert!(after.current.unwrap_or(u64::MAX) >= (1_500 + BESIDE).min(most));
    }
}
