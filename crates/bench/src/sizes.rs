//! How long and how much is measured.

use std::time::Duration;

use crate::baseline::Length;

/// Writers that append side by side, as in the table of targets.
pub const WRITERS: [u32; 4] = [1, 8, 64, 256];
/// Connections of the HTTP load, and clients of the baseline that it is compared with.
pub const CONNECTIONS: u32 = 64;

/// The sizes of one run.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// Interleaved blocks; the median over them counts.
    pub blocks: usize,
    /// No block begins when it would probably end after this; the first always runs.
    pub budget: Option<Duration>,
    /// Of each run of the baseline.
    pub baseline: Length,
    /// Of each measured stretch.
    pub stretch: Duration,
    /// Items in the shop that the HTTP load works on.
    pub items: u32,
    /// Sales (five events each) in the log that the projector is measured on.
    pub sales: u32,
    /// Deliveries in the backlog.
    pub deliveries: u32,
    /// Single commands whose webhook is waited for.
    pub webhooks: u32,
}

impl Sizes {
    pub const FULL: Self = Self {
        blocks: 3,
        budget: None,
        baseline: Length::Seconds(5),
        stretch: Duration::from_secs(5),
        items: 1_000,
        sales: 20_000,
        deliveries: 30_000,
        webhooks: 200,
    };
    pub const QUICK: Self = Self {
        blocks: 3,
        budget: Some(Duration::from_secs(105)),
        baseline: Length::Seconds(1),
        stretch: Duration::from_secs(1),
        items: 500,
        sales: 6_000,
        deliveries: 6_000,
        webhooks: 100,
    };
    pub const SMOKE: Self = Self {
        blocks: 1,
        budget: None,
        baseline: Length::Transactions(50),
        stretch: Duration::from_millis(200),
        items: 20,
        sales: 200,
        deliveries: 200,
        webhooks: 10,
    };
}
