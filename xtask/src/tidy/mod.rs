//! The rules of this repository that no compiler knows. Each submodule is one family; all of them are pure functions
//! over names and texts, so that their own tests need no repository.

mod arrows;
mod golden;
mod invariants;
mod sources;

use std::fs;
use std::path::{Path, PathBuf};

use crate::Result;
use crate::commands::root;

/// What is not ours to check.
const SKIPPED_FOLDERS: [&str; 5] = ["target", ".git", ".tools", "data", "node_modules"];

/// A file with its path from the root.
struct Source {
    path: PathBuf,
    text: String,
}

/// Checks everything, and lists what is wrong.
pub fn run() -> Result {
    let root = root();
    let mut paths = Vec::new();
    collect(&root, &root, &mut paths)?;
    paths.sort();
    let files = |name: &str| -> Result<Vec<Source>> {
        let wanted = paths.iter().filter(|path| path.to_string_lossy().ends_with(name));
        wanted
            .map(|path| {
                Ok(Source {
                    path: path.clone(),
                    text: read(&root.join(path))?,
                })
            })
            .collect()
    };
    let rust = files(".rs")?;
    let mut problems = Vec::new();
    for manifest in files("Cargo.toml")?
        .iter()
        .filter(|manifest| manifest.path != Path::new("Cargo.toml"))
    {
        problems.extend(arrows::problems(&manifest.text));
    }
    for source in &rust {
        problems.extend(sources::problems(&source.path, &source.text));
    }
    problems.extend(golden::problems(&root.join("schemas/golden")));
    if let Ok(text) = fs::read_to_string(root.join("ARCHITECTURE.md")) {
        problems.extend(invariants::problems(
            &text,
            &rust.iter().map(|source| source.text.as_str()).collect::<Vec<_>>(),
        ));
    }
    if problems.is_empty() {
        println!("tidy: {} files are in order", rust.len());
        return Ok(());
    }
    for problem in &problems {
        eprintln!("tidy: {problem}");
    }
    Err(format!("tidy found {} problems", problems.len()).into())
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<PathBuf>) -> Result {
    let entries =
        fs::read_dir(folder).map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
    for entry in entries.flatten() {
        let path = entry.path();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder
            && !SKIPPED_FOLDERS
                .iter()
                .any(|skipped| entry.file_name() == *skipped)
        {
            collect(root, &path, found)?;
        } else if !is_folder && let Ok(relative) = path.strip_prefix(root) {
            found.push(relative.to_path_buf());
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()).into())
}
