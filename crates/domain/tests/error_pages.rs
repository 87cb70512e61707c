//! Each refusal's code has a page in `docs/errors`, in both languages.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use domain::Refusal;

#[test]
fn every_code_has_its_page() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors");
    let codes = Refusal::codes();
    let distinct: BTreeSet<&str> = codes.iter().copied().collect();
    assert_eq!(distinct.len(), codes.len(), "a code stands for one refusal");
    for code in codes {
        let path = folder.join(format!("{code}.md"));
        let page = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(page.starts_with(&format!("# `{code}`\n")), "{code}");
        for heading in ["## Español", "## English", "**Qué hacer**", "**What to do**"] {
            assert!(page.contains(heading), "{code} lacks {heading}");
        }
    }
}
