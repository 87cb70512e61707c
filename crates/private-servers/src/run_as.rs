//! As whom a server runs. Postgres refuses root, and another user cannot enter a private folder of root's: so as root
//! it runs in a user namespace, where it is somebody else and still owns root's files; where namespaces are refused
//! (inside a chroot, for one), it runs as a system user on a system path.
//!
//! Every command asks the kernel for a signal when its parent ends. A change of user clears that request, so it comes
//! last, just before the server itself.

use std::ffi::OsStr;
use std::process::{Command as BlockingCommand, Stdio};

use tokio::process::Command;

/// As whom to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunAs {
    /// The user that we are.
    Ourselves,
    /// We are root, and the server believes that it is this user.
    Namespace { uid: u32, gid: u32 },
    /// We are root, and the server really is this user.
    Other { uid: u32, gid: u32 },
}

impl RunAs {
    /// The command that runs `program`, which gets SIGINT when the calling thread ends.
    pub(crate) fn command(self, program: impl AsRef<OsStr>) -> Command {
        let mut words: Vec<String> = match self {
            Self::Ourselves => Vec::new(),
            Self::Namespace { uid, gid } => in_namespace(uid, gid),
            Self::Other { uid, gid } => {
                let (uid, gid) = (format!("--reuid={uid}"), format!("--regid={gid}"));
                ["setpriv", &uid, &gid, "--clear-groups", "--"]
                    .map(str::to_owned)
                    .to_vec()
            }
        };
        words.extend(["setpriv", "--pdeathsig", "INT", "--"].map(str::to_owned));
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .arg(program)
            .current_dir("/")
            .stdin(Stdio::null());
        // The caller's PGPORT or PGDATA are about somebody else's server.
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"PG") {
                command.env_remove(name);
            }
        }
        command
    }
}

/// Whether the kernel lets us make a user namespace with this user in it.
pub(crate) fn namespace_works(uid: u32, gid: u32) -> bool {
    let words = in_namespace(uid, gid);
    let probe = BlockingCommand::new(&words[0])
        .args(&words[1..])
        .arg("true")
        .stderr(Stdio::null())
        .status();
    probe.is_ok_and(|status| status.success())
}

/// A system user for Postgres: Debian's own, or else nobody. initdb wants one that has a name.
pub(crate) fn system_user() -> Option<(u32, u32)> {
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    ["postgres", "nobody"].iter().find_map(|name| {
        users.lines().find_map(|line| {
            let mut fields = line.split(':');
            let found = fields.next()? == *name;
            let uid = fields.nth(1)?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            (found && uid != 0).then_some((uid, gid))
        })
    })
}

fn in_namespace(uid: u32, gid: u32) -> Vec<String> {
    let (uid, gid) = (format!("--map-user={uid}"), format!("--map-group={gid}"));
    ["unshare", "--user", &uid, &gid, "--"]
        .map(str::to_owned)
        .to_vec()
}
