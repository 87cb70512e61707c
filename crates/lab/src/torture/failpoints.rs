//! The product's failpoints: lines where it ends itself when the environment says so (`platform::failpoint`).
//!
//! Their names are written here again, as everything that this bench knows about the product; a test of the workspace
//! holds the two lists against each other.

use std::io::Read;
use std::path::Path;

use super::fleet::Service;

/// A place, and who passes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failpoint {
    pub name: &'static str,
    service: Service,
}

pub(crate) const ENGINE_ANSWER: &str = "engine_answer";

/// Passed only by a rebuild of the read models.
pub(super) const REBUILD_SWITCH: &str = "rebuild_switch";

/// Every place.
pub(super) const ALL: [Failpoint; 5] = [
    Failpoint {
        name: REBUILD_SWITCH,
        service: Service::Projector,
    },
    Failpoint {
        name: ENGINE_ANSWER,
        service: Service::Commands,
    },
    Failpoint {
        name: "projection_commit",
        service: Service::Projector,
    },
    Failpoint {
        name: "relay_checkpoint",
        service: Service::Projector,
    },
    Failpoint {
        name: "delivery_record",
        service: Service::Dispatcher,
    },
];

impl Failpoint {
    pub(super) fn is_in(self, service: Service) -> bool {
        service == self.service || service == Service::Standalone
    }
}

/// `FAILPOINTS` for a life that ends at a place after it was passed so many times.
pub(super) fn after(place: Failpoint, passes: u32) -> String {
    after_passes(place.name, passes)
}

/// As [`after`], by name.
pub(crate) fn after_passes(name: &str, passes: u32) -> String {
    if passes == 0 {
        format!("{name}=return")
    } else {
        format!("{name}={passes}*off->return")
    }
}

/// The variable's name stands in a binary only if it knows failpoints.
const MARK: &[u8] = b"FAILPOINT_JOURNAL";
const PIECE_BYTES: usize = 1 << 20;

/// Refuses a product that was built without failpoints.
///
/// # Errors
/// Then, or when the file cannot be read.
pub(crate) fn require(binary: &Path) -> anyhow::Result<()> {
    let mut file = std::fs::File::open(binary)?;
    let mut piece = vec![0; PIECE_BYTES];
    let mut kept = 0;
    loop {
        let read = file.read(&mut piece[kept..])?;
        if piece[..kept + read]
            .windows(MARK.len())
            .any(|window| window == MARK)
        {
            return Ok(());
        }
        anyhow::ensure!(
            read > 0,
            "{} is built without failpoints: build it with --features platform/failpoints",
            binary.display()
        );
        // The mark may stand across two pieces.
        let end = kept + read;
        let overlap = end.min(MARK.len() - 1);
        piece.copy_within(end - overlap..end, 0);
        kept = overlap;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binary_without_failpoints_is_refused() {
        let plain = crate::journal::scratch("plain-binary");
        std::fs::write(&plain, vec![7; PIECE_BYTES + 10]).unwrap();
        assert!(require(&plain).is_err());
        // Across the border of two pieces.
        let mut bytes = vec![7; PIECE_BYTES - 5];
        bytes.extend(MARK);
        std::fs::write(&plain, bytes).unwrap();
        require(&plain).unwrap();
    }
}
