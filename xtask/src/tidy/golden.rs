//! Golden samples are frozen: what was once written to a log must be readable for ever, so nobody edits them.
//!
//! `schemas/golden/FROZEN` lists them as `sha256sum` does; new ones are added with
//! `sha256sum NAME >> FROZEN` in that folder.

use std::path::Path;
use std::process::Command;

/// Every frozen sample that changed or is gone. Without the list nothing is frozen yet.
pub fn problems(folder: &Path) -> Vec<String> {
    if !folder.join("FROZEN").is_file() {
        return Vec::new();
    }
    match Command::new("sha256sum")
        .args(["--check", "--quiet", "--strict", "FROZEN"])
        .current_dir(folder)
        .output()
    {
        Ok(output) if output.status.success() => Vec::new(),
        Ok(output) => {
            let said = [output.stdout, output.stderr].concat();
            let lines = String::from_utf8_lossy(&said);
            lines
                .lines()
                .map(|line| format!("schemas/golden: {line} (frozen samples are never edited)"))
                .collect()
        }
        Err(error) => vec![format!("cannot run sha256sum: {error}")],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edited_sample_is_found_and_an_unlisted_one_is_free() {
        let folder = std::env::temp_dir().join(format!("trastienda-golden-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        assert!(problems(&folder).is_empty());
        std::fs::write(folder.join("a.json"), "").unwrap();
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a.json\n";
        std::fs::write(folder.join("FROZEN"), empty).unwrap();
        std::fs::write(folder.join("new.json"), "{}").unwrap();
        assert!(problems(&folder).is_empty());
        std::fs::write(folder.join("a.json"), "{}").unwrap();
        assert!(problems(&folder)[0].contains("a.json"));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
