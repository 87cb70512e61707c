//! The disk is full: commands say when to come back, nothing acknowledged is lost, and room is all it takes.
//!
//! The whole data folder is on a small file system in memory, which only root can mount.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::edges_outage::{Workers, check, wait_until_ready};
use crate::product::{Product, is_ci, scratch};

const TENANT: &str = "telefonia-teg";
/// A fresh cluster with the demo takes about two thirds of it.
const SIZE_MIB: u32 = 128;
const FULL_FOR: Duration = Duration::from_secs(5);

/// A file system in memory; it goes when this is dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where this user may not mount anything.
    fn mount(folder: &Path) -> Option<Self> {
        std::fs::create_dir_all(folder).unwrap();
        let size = format!("size={SIZE_MIB}m,mode=0700");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(folder)
            .output();
        mounted
            .is_ok_and(|output| output.status.success())
            .then(|| Self(folder.to_owned()))
    }

    /// Takes all that is left.
    fn fill(&self) -> std::fs::File {
        let mut filler = std::fs::File::create(self.filler()).unwrap();
        let block = vec![1; 1 << 16];
        let mut size = block.len();
        while size > 0 {
            if filler.write_all(&block[..size]).is_err() {
                size /= 2;
            }
        }
        filler
    }

    fn free(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
        let _ = std::fs::remove_dir(&self.0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_loses_nothing_and_needs_only_room() {
    let Some(disk) = SmallDisk::mount(&scratch("disk")) else {
        let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
        assert!(!(is_ci() && is_root), "root cannot mount a file system in memory");
        eprintln!("SKIPPED: only root can mount a small file system");
        return;
    };
    let product = Product::start("disk", &[]).await;
    if !product.data.join("postgres/cluster/PG_VERSION").is_file() {
        // Root without user namespaces: the cluster is under a system path, out of this disk's reach.
        eprintln!("SKIPPED: the private Postgres cannot live below the data folder here");
        return;
    }
    let admin = product.client(TENANT, "admin").await;
    let workers = Workers::start(&admin, "it-disk").await;

    let filler = disk.fill();
    workers.wait_for(&workers.turned_away, 1).await;
    tokio::time::sleep(FULL_FOR).await;
    drop(filler);
    disk.free();
    wait_until_ready(&product).await;
    workers.wait_for(&workers.carried_out, 20).await;
    let journals = workers.stop().await;
    check(&admin, "it-disk", &journals).await;
    drop(product);
    drop(disk);
}
