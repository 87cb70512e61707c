//! `cargo xtask lint`: everything that is checked without running the product. All of it runs, then what failed is
//! listed.

use std::fs;
use std::process::{Command, Stdio};

use crate::commands::{cargo, output_of, root, run as run_command, tools};
use crate::{Result, tidy};

/// Its rules change between versions, so the version is part of the policy.
const CARGO_DENY_VERSION: &str = "0.20.2";
/// What `trastienda` prints, and where it is kept.
const GENERATED: [(&str, &str); 2] = [
    ("openapi", "docs/openapi.json"),
    ("asyncapi", "docs/asyncapi.json"),
];

/// A check with the name under which it is reported.
type Check = (&'static str, fn() -> Result);

/// Runs every check.
pub fn run() -> Result {
    let checks: [Check; 5] = [
        ("format", || {
            run_command(cargo().args(["fmt", "--all", "--check"]))
        }),
        ("tidy", tidy::run),
        ("clippy", || {
            run_command(cargo().args([
                "clippy",
                "--workspace",
                "--all-targets",
                "--",
                "--deny",
                "warnings",
            ]))
        }),
        ("generated files", || generate(true)),
        ("dependency policy", deny),
    ];
    let mut failed = Vec::new();
    for (name, check) in checks {
        if let Err(failure) = check() {
            eprintln!("xtask: {}", failure.message);
            failed.push(name);
        }
    }
    if failed.is_empty() {
        println!("lint: all is well");
        return Ok(());
    }
    Err(format!("lint failed: {}", failed.join(", ")).into())
}

/// The advisory database cannot be fetched everywhere: `cargo deny check advisories` is for where there is network.
fn deny() -> Result {
    let program = tools().join("cargo/bin/cargo-deny");
    let is_there = output_of(&program, &["--version"]).is_some_and(|line| line.ends_with(CARGO_DENY_VERSION));
    if !is_there {
        let mut install = cargo();
        install
            .args(["install", "--quiet", "--locked", "--root"])
            .arg(tools().join("cargo"));
        run_command(install.arg(format!("cargo-deny@{CARGO_DENY_VERSION}")))?;
    }
    let mut deny = Command::new(program);
    deny.current_dir(root())
        .args(["--log-level", "error", "check", "bans", "licenses", "sources"]);
    run_command(&mut deny)
}

/// Writes the documents about the API, or with `is_check` says whether the committed ones are up to date.
pub fn generate(is_check: bool) -> Result {
    for (word, file) in GENERATED {
        generate_one(word, file, is_check)?;
    }
    Ok(())
}

fn generate_one(word: &str, file: &str, is_check: bool) -> Result {
    let mut command = cargo();
    command.args([
        "run",
        "--quiet",
        "--package",
        "standalone",
        "--bin",
        "trastienda",
        "--",
        word,
    ]);
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| format!("cannot run cargo: {error}"))?;
    if !output.status.success() || output.stdout.is_empty() {
        return Err(format!("`trastienda {word}` failed ({})", output.status).into());
    }
    let path = root().join(file);
    if fs::read(&path).is_ok_and(|committed| committed == output.stdout) {
        return Ok(());
    }
    if is_check {
        return Err(format!(
            "{file} is not what the code says: run `cargo xtask gen` and look at the difference"
        )
        .into());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    }
    fs::write(&path, output.stdout).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    println!("wrote {file}");
    Ok(())
}
