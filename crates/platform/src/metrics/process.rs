//! The process's own memory, processor time and open files, read from `/proc/self` at each scrape.
//! On systems without it the values stay 0.

use std::sync::{Mutex, PoisonError};

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Counter, IntGauge};

/// Clock ticks per second in `/proc/self/stat`: fixed at 100 for programs on every Linux architecture in use.
const TICKS_PER_SECOND: f64 = 100.0;

/// Names and meanings as in every Prometheus client library.
pub(super) struct ProcessCollector {
    resident_bytes: IntGauge,
    open_files: IntGauge,
    /// Under a lock, since two scrapes at once would add the same seconds twice.
    cpu_seconds: Mutex<Counter>,
}

impl ProcessCollector {
    pub(super) fn new() -> Self {
        let constant = "names are constants in the code";
        Self {
            resident_bytes: IntGauge::new("process_resident_memory_bytes", "Resident memory in bytes.")
                .expect(constant),
            open_files: IntGauge::new("process_open_fds", "Open file descriptors.").expect(constant),
            cpu_seconds: Mutex::new(
                Counter::new(
                    "process_cpu_seconds_total",
                    "User and system processor time in seconds.",
                )
                .expect(constant),
            ),
        }
    }
}

impl Collector for ProcessCollector {
    fn desc(&self) -> Vec<&Desc> {
        let mut all = self.resident_bytes.desc();
        all.extend(self.open_files.desc());
        all
    }

    fn collect(&self) -> Vec<MetricFamily> {
        if let Some(bytes) = resident_bytes() {
            self.resident_bytes.set(bytes);
        }
        if let Some(count) = open_files() {
            self.open_files.set(count);
        }
        let cpu = self.cpu_seconds.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seconds) = cpu_seconds() {
            cpu.inc_by((seconds - cpu.get()).max(0.0));
        }
        let mut all = self.resident_bytes.collect();
        all.extend(self.open_files.collect());
        all.extend(cpu.collect());
        all
    }
}

fn resident_bytes() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1_024)
}

fn open_files() -> Option<i64> {
    // One of them is the listing's own.
    i64::try_from(std::fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1)).ok()
}

fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The program's name stands in parentheses and may hold spaces: count fields from behind it.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some((f64::from(user) + f64::from(system)) / TICKS_PER_SECOND)
}
