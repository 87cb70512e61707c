//! Writes the JSON Schema (2020-12) of each event type's newest version into `schemas/json-schema`.
//!
//! Schemas of earlier versions stay as they are. The test `golden` compares what is committed with the code.

use std::path::Path;
use std::{fs, io};

use schemas::Event;

fn main() -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("json-schema");
    fs::create_dir_all(&folder)?;
    for event_type in Event::types() {
        let mut text = serde_json::to_string_pretty((event_type.schema)().as_value())?;
        text.push('\n');
        fs::write(
            folder.join(format!("{}.v{}.json", event_type.name, event_type.version)),
            text,
        )?;
    }
    Ok(())
}
