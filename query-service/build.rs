//! Lists the pages of docs/errors for `src/pages/errors.rs`, so that the administration page can explain each code of
//! the API without a list that somebody would have to keep.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, error, fs};

fn main() -> Result<(), Box<dyn error::Error>> {
    // Asked for now and not when this was compiled: another checkout may share the folder of what is built.
    let here = env::var_os("CARGO_MANIFEST_DIR").ok_or("cargo does not say where this package is")?;
    let folder = Path::new(&here).join("../docs/errors");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut paths: Vec<PathBuf> = fs::read_dir(&folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    paths.sort();
    let mut list = String::from("&[\n");
    for path in &paths {
        let name = path.file_stem().and_then(|name| name.to_str());
        let name = name.ok_or("a page of docs/errors has a name that is not UTF-8")?;
        let path = path.canonicalize()?;
        writeln!(list, "    ({name:?}, include_str!({path:?})),")?;
    }
    list.push_str("]\n");
    let out = env::var_os("OUT_DIR").ok_or("cargo names no folder for what is generated")?;
    fs::write(Path::new(&out).join("error_pages.rs"), list)?;
    Ok(())
}
