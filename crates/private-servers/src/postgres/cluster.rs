//! The cluster's place on disk and the process on it: initdb once, leftovers of an earlier run, the command line.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;
use tokio::process::Command;

use super::{OWNER, PORT, PostgresOptions, socket_in, wire};
use crate::error::Context;
use crate::folder::{FolderLock, private_folder, private_folder_in_tmp, short_name};
use crate::process::{self, Ask};
use crate::run_as::{self, RunAs};
use crate::supervisor::{Program, pid_file_in};
use crate::{Error, Result, find};

/// `sun_path` holds 108 bytes, and Postgres makes a `.lock` beside the socket.
const SOCKET_PATH_LIMIT_BYTES: usize = 100;
/// Where a cluster goes that cannot run below its data folder.
const SYSTEM_FOLDER: &str = "/var/lib";
const SYSTEM_PREFIX: &str = "trastienda-";
/// A link in the data folder that says where its cluster went.
const ELSEWHERE: &str = "elsewhere";

/// SIGINT rolls back and flushes, SIGQUIT leaves the rest to recovery.
const STOP: &[Ask] = &[
    (Signal::INT, Duration::from_secs(6)),
    (Signal::QUIT, Duration::from_secs(2)),
];

pub(super) struct Cluster {
    options: PostgresOptions,
    place: Option<Place>,
    lock: Option<FolderLock>,
}

/// What is known once the folder is taken.
struct Place {
    run_as: RunAs,
    cluster: PathBuf,
    socket_dir: PathBuf,
}

impl Cluster {
    pub(super) fn new(options: PostgresOptions) -> Self {
        Self {
            options,
            place: None,
            lock: None,
        }
    }

    fn place(&self) -> Result<&Place> {
        self.place.as_ref().ok_or_else(|| Error::Io {
            what: "the cluster has no place yet".into(),
            source: std::io::ErrorKind::NotFound.into(),
        })
    }
}

impl Program for Cluster {
    type Endpoint = PathBuf;
    const NAME: &'static str = "postgres";
    const STOP: &'static [Ask] = STOP;

    async fn set_up(&mut self) -> Result<()> {
        if !find::is_in_path("setpriv") {
            let source = std::io::Error::other("apt-get install --yes util-linux");
            return Err(Error::Io {
                what: "setpriv is missing; install it".into(),
                source,
            });
        }
        let folder = private_folder(&self.options.data_dir)?;
        self.lock = Some(FolderLock::take(&folder)?);
        let place = Place::choose(&folder)?;
        self.options.data_dir = folder;
        if !place.cluster.join("PG_VERSION").exists() {
            init(&place, &self.options.bin_dir).await?;
        }
        self.place = Some(place);
        Ok(())
    }

    async fn clear_leftovers(&mut self) -> Result<()> {
        let place = self.place()?;
        clear(&self.options.data_dir, &place.cluster).await?;
        let mut socket_lock = socket_in(&place.socket_dir).into_os_string();
        socket_lock.push(".lock");
        remove_stale(Path::new(&socket_lock))
    }

    fn command(&self) -> Result<Command> {
        let place = self.place()?;
        let mut command = place.run_as.command(self.options.bin_dir.join("postgres"));
        command.arg("-D").arg(&place.cluster);
        let own = [
            ("listen_addresses", String::new()),
            ("port", PORT.to_string()),
            ("unix_socket_directories", quote_in_list(&place.socket_dir)),
            ("unix_socket_permissions", "0700".into()),
            ("max_connections", self.options.max_connections.to_string()),
            ("logging_collector", "off".into()),
            ("log_destination", "stderr".into()),
            ("timezone", "UTC".into()),
            ("log_timezone", "UTC".into()),
            ("lc_messages", "C".into()),
        ];
        for (name, value) in own {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        for (name, value) in &self.options.settings {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        Ok(command)
    }

    async fn ready(&mut self, _pid: u32) -> Option<PathBuf> {
        let folder = self.place().ok()?.socket_dir.clone();
        wire::run(&socket_in(&folder), OWNER, "postgres", None)
            .await
            .ok()?;
        Some(folder)
    }

    fn folder(&self) -> &Path {
        &self.options.data_dir
    }
}

impl Place {
    /// Below the data folder whenever the server can work there; an existing cluster stays where it is.
    fn choose(folder: &Path) -> Result<Self> {
        let elsewhere = folder.join(ELSEWHERE);
        if !rustix::process::geteuid().is_root() {
            return Self::below(folder, folder, RunAs::Ourselves);
        }
        let no_user = |problem: &str| Error::NoUser {
            folder: folder.to_path_buf(),
            problem: problem.into(),
        };
        let (uid, gid) =
            run_as::system_user().ok_or_else(|| no_user("/etc/passwd has neither postgres nor nobody"))?;
        if elsewhere.is_symlink() {
            let home = elsewhere
                .canonicalize()
                .context(|| format!("{} leads nowhere", elsewhere.display()))?;
            return Self::below(&home, &home, RunAs::Other { uid, gid });
        }
        if run_as::namespace_works(uid, gid) {
            return Self::below(folder, folder, RunAs::Namespace { uid, gid });
        }
        if folder.join("cluster").exists() {
            return Err(no_user(
                "its cluster belongs to root, and the kernel refuses user namespaces here",
            ));
        }
        let home = make_home(folder, uid, gid)?;
        symlink(&home, &elsewhere).context(|| format!("cannot make {}", elsewhere.display()))?;
        tracing::warn!(home = %home.display(), "user namespaces are refused here: the cluster goes to a system path");
        Self::below(&home, &home, RunAs::Other { uid, gid })
    }

    fn below(home: &Path, socket_home: &Path, run_as: RunAs) -> Result<Self> {
        let beside = socket_home.join("socket");
        let socket_dir = if socket_in(&beside).as_os_str().len() <= SOCKET_PATH_LIMIT_BYTES {
            private_folder(&beside)?
        } else {
            let short = std::env::temp_dir().join(format!("trastienda-{}", short_name(home)));
            private_folder_in_tmp(&short)?;
            short
        };
        if let RunAs::Other { uid, gid } = run_as {
            give_to(&socket_dir, uid, gid)?;
        }
        Ok(Self {
            run_as,
            cluster: home.join("cluster"),
            socket_dir,
        })
    }
}

/// A free system path named after the data folder. What a removed data folder of the same name left there stays:
/// it may belong to one that was moved.
fn make_home(folder: &Path, uid: u32, gid: u32) -> Result<PathBuf> {
    let name = format!("{SYSTEM_PREFIX}{}", short_name(folder));
    for attempt in 1..=100 {
        let home = Path::new(SYSTEM_FOLDER).join(if attempt == 1 {
            name.clone()
        } else {
            format!("{name}-{attempt}")
        });
        if !home.exists() {
            private_folder(&home)?;
            give_to(&home, uid, gid)?;
            return Ok(home);
        }
    }
    let problem = format!("{SYSTEM_FOLDER} holds a hundred clusters of this name");
    Err(Error::NoUser {
        folder: folder.to_path_buf(),
        problem,
    })
}

fn give_to(folder: &Path, uid: u32, gid: u32) -> Result<()> {
    let found = fs::metadata(folder).context(|| format!("cannot look at {}", folder.display()))?;
    if found.uid() == uid {
        return Ok(());
    }
    std::os::unix::fs::chown(folder, Some(uid), Some(gid))
        .context(|| format!("cannot give {} to user {uid}", folder.display()))
}

/// initdb beside the final place, then a rename: a cluster is there whole or not at all.
async fn init(place: &Place, bin_dir: &Path) -> Result<()> {
    let draft = place.cluster.with_extension("new");
    if draft.exists() {
        fs::remove_dir_all(&draft).context(|| format!("cannot remove {}", draft.display()))?;
    }
    let mut command = place.run_as.command(bin_dir.join("initdb"));
    command.args([
        "--username",
        OWNER,
        "--encoding",
        "UTF8",
        "--locale",
        "C",
        "--lc-ctype",
        "C.UTF-8",
    ]);
    command
        .args(["--auth-local", "trust", "--auth-host", "reject", "--pgdata"])
        .arg(&draft);
    let output = command.output().await.context(|| "cannot run initdb".into())?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        return Err(Error::Tool {
            tool: "initdb".into(),
            status: output.status.to_string(),
            output: String::from_utf8_lossy(&said).trim().to_owned(),
        });
    }
    fs::rename(&draft, &place.cluster).context(|| format!("cannot rename {}", draft.display()))
}

/// Ends what an earlier run left, and removes the pid file that would keep Postgres from starting: it may name a
/// process that has nothing to do with us, or a zombie.
async fn clear(folder: &Path, cluster: &Path) -> Result<()> {
    let postmaster = cluster.join("postmaster.pid");
    process::end_leftover(&[pid_file_in(folder), postmaster.clone()], cluster, STOP_LEFTOVER).await;
    process::wait_until_nobody_works_in(cluster, Duration::from_secs(10)).await;
    remove_stale(&postmaster)
}

/// Only for files that keep Postgres from starting, once it is known that nobody works on the cluster.
fn remove_stale(file: &Path) -> Result<()> {
    match fs::remove_file(file) {
        Ok(()) => tracing::info!(file = %file.display(), "a lock of an earlier run was removed"),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(source) => {
            return Err(Error::Io {
                what: format!("cannot remove {}", file.display()),
                source,
            });
        }
    }
    Ok(())
}

/// A leftover gets the same patience as an own child, and SIGKILL after it.
const STOP_LEFTOVER: &[Ask] = &[
    (Signal::INT, Duration::from_secs(6)),
    (Signal::QUIT, Duration::from_secs(2)),
    (Signal::KILL, Duration::from_secs(2)),
];

pub(super) async fn remove(data_dir: &Path) -> Result<()> {
    let Ok(folder) = data_dir.canonicalize() else {
        return Ok(());
    };
    let lock = FolderLock::take(&folder)?;
    let home = folder.join(ELSEWHERE).canonicalize().ok();
    let cluster = home.as_deref().unwrap_or(&folder).join("cluster");
    if cluster.exists() {
        clear(&folder, &cluster).await?;
    }
    if let Some(home) = home.filter(|home| home.starts_with(Path::new(SYSTEM_FOLDER))) {
        fs::remove_dir_all(&home).context(|| format!("cannot remove {}", home.display()))?;
    }
    let short = std::env::temp_dir().join(format!("trastienda-{}", short_name(&folder)));
    if short.exists() {
        fs::remove_dir_all(&short).context(|| format!("cannot remove {}", short.display()))?;
    }
    fs::remove_dir_all(&folder).context(|| format!("cannot remove {}", folder.display()))?;
    drop(lock);
    Ok(())
}

/// `unix_socket_directories` is a list: quotes keep a comma in the path from being one.
fn quote_in_list(path: &Path) -> String {
    format!("\"{}\"", path.to_string_lossy().replace('"', "\"\""))
}
