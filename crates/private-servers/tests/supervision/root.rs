//! As root: Postgres, which refuses root, runs below a folder that only root may enter.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::fixtures::{Folder, Holder, is_gone, postgres_in, remember, wait_for};

#[tokio::test]
async fn as_root_the_servers_run_below_a_private_folder_of_roots() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: this needs root");
        return;
    }
    let folder = Folder::below(Path::new("/root"), ".trastienda-test");
    std::fs::set_permissions(&folder.0, std::fs::Permissions::from_mode(0o700)).unwrap();
    let mut holder = Holder::start(&folder.0.join("data"));
    let held = holder.held.clone();
    assert_eq!(remember(&held.postgres_url).await, 1);
    holder.kill();
    // The change of user must not have cleared the parent-death signal.
    wait_for("postgres ends with its holder", || is_gone(held.postgres_pid));
    let postgres = postgres_in(&folder.0.join("data/postgres")).await;
    assert_eq!(remember(&held.postgres_url).await, 2);
    postgres.stop().await;
}
