//! A holder that is killed leaves nothing running.

use crate::fixtures::{Folder, Holder, cluster_of, is_gone, processes_on, wait_for};

#[test]
fn a_killed_holder_leaves_nothing_running() {
    let folder = Folder::new("orphans");
    let mut holder = Holder::start(&folder.0);
    let held = holder.held.clone();
    assert!(!is_gone(held.postgres_pid) && !is_gone(held.nats_pid));
    holder.kill();
    wait_for("postgres ends with its holder", || is_gone(held.postgres_pid));
    wait_for("nats ends with its holder", || is_gone(held.nats_pid));
    wait_for("every backend ends, too", || processes_on(&folder.0).is_empty());
}

#[test]
fn a_stopped_holder_leaves_nothing_running() {
    let folder = Folder::new("stopped");
    let holder = Holder::start(&folder.0);
    holder.stop();
    assert_eq!(processes_on(&folder.0), Vec::<String>::new());
    assert!(
        !cluster_of(&folder.0.join("postgres"))
            .join("postmaster.pid")
            .exists()
    );
}

#[test]
fn the_servers_have_process_groups_of_their_own() {
    let folder = Folder::new("groups");
    let holder = Holder::start(&folder.0);
    for pid in [holder.held.postgres_pid, holder.held.nats_pid] {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let group: u32 = stat
            .rsplit(") ")
            .next()
            .unwrap()
            .split(' ')
            .nth(2)
            .unwrap()
            .parse()
            .unwrap();
        assert_eq!(group, pid);
    }
    holder.stop();
}
