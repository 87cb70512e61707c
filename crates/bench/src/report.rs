//! Figures of all blocks, their medians, a table for people and one line of JSON for programs.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Figures of one block, by name.
pub type Figures = BTreeMap<&'static str, f64>;

/// A line of the table. `target` is what `docs/performance.md` wants, for comparison by eye only.
struct Row {
    name: &'static str,
    label: &'static str,
    digits: usize,
    target: &'static str,
}

const fn row(name: &'static str, label: &'static str, digits: usize, target: &'static str) -> Row {
    Row {
        name,
        label,
        digits,
        target,
    }
}

/// In the order in which they are printed.
const ROWS: &[Row] = &[
    row("append_1", "append, 1 writer, ratio to pgbench", 2, "0.85"),
    row("append_8", "append, 8 writers", 2, "1.2"),
    row("append_64", "append, 64 writers", 2, "3.0"),
    row("append_256", "append, 256 writers", 2, "5.5"),
    row("append_1_rate", "  events/s, 1 writer", 0, ""),
    row("append_8_rate", "  events/s, 8 writers", 0, ""),
    row("append_64_rate", "  events/s, 64 writers", 0, ""),
    row("append_256_rate", "  events/s, 256 writers", 0, ""),
    row("append_64_batch", "  mean batch, 64 writers", 0, ""),
    row("append_64_p99_ms", "  p99, 64 writers, ms", 1, ""),
    row(
        "append_64_own_us",
        "  processor time per event, writers and owner, us",
        0,
        "",
    ),
    row("append_64_postgres_us", "    postgres, us", 0, ""),
    row(
        "adjust_ratio",
        "adjustment over HTTP, 64 connections, ratio",
        2,
        "1.0",
    ),
    row("adjust_rate", "  commands/s", 0, ""),
    row("adjust_p50_ms", "  p50, ms", 1, ""),
    row("adjust_p99_ms", "  p99, ms", 1, "3 x pgbench's mean"),
    row(
        "adjust_product_us",
        "  processor time per command, product, us",
        0,
        "",
    ),
    row("adjust_postgres_us", "    postgres, us", 0, ""),
    row("adjust_nats_us", "    nats, us", 0, ""),
    row("adjust_load_us", "    load client, us", 0, ""),
    row("sale_ratio", "sale over HTTP, 64 connections, ratio", 2, "0.5"),
    row("sale_events_ratio", "  events, ratio", 2, "2.5"),
    row("sale_rate", "  commands/s", 0, ""),
    row("sale_p50_ms", "  p50, ms", 1, ""),
    row("sale_p99_ms", "  p99, ms", 1, "3 x pgbench's mean"),
    row(
        "sale_product_us",
        "  processor time per command, product, us",
        0,
        "",
    ),
    row("sale_postgres_us", "    postgres, us", 0, ""),
    row("sale_nats_us", "    nats, us", 0, ""),
    row("sale_load_us", "    load client, us", 0, ""),
    row("pgbench_tps_64", "pgbench, 64 clients, rows/s", 0, ""),
    row("pgbench_latency_ms_64", "  mean latency, ms", 1, ""),
    row("projector_ratio", "projector, ratio to a raw scan", 3, "0.12"),
    row("projector_rate", "  events/s", 0, "80,000"),
    row("projector_scan_rate", "  raw scan, events/s", 0, "550,000"),
    row(
        "rebuild_ratio",
        "rebuild while serving, ratio to a raw scan",
        3,
        "0.12",
    ),
    row("rebuild_rate", "  events/s", 0, ""),
    row("rebuild_scan_rate", "  raw scan, events/s", 0, ""),
    row("rebuild_whole_s", "  with the comparison, s", 1, ""),
    row("deliveries_ratio", "deliveries, ratio to a bare loop", 2, "0.25"),
    row("deliveries_rate", "  per second", 0, "20,000"),
    row("deliveries_bare_rate", "  bare loop, per second", 0, ""),
    row(
        "deliveries_product_us",
        "  processor time per delivery, product, us",
        0,
        "",
    ),
    row("deliveries_postgres_us", "    postgres, us", 0, ""),
    row("webhook_p50_ms", "webhook of a single command, p50, ms", 1, ""),
    row("webhook_p99_ms", "  p99, ms", 1, "50"),
    row("rss_rest_mib", "resident memory at rest, MiB", 0, "60"),
    row("rss_load_mib", "  highest under the HTTP load, MiB", 0, "400"),
];

/// The middle one; the mean of the middle two of an even number.
pub fn median(mut figures: Vec<f64>) -> Option<f64> {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    let upper = *figures.get(middle)?;
    if figures.len() % 2 == 1 {
        return Some(upper);
    }
    Some(f64::midpoint(*figures.get(middle.checked_sub(1)?)?, upper))
}

/// Median over blocks, figure by figure.
pub fn medians(blocks: &[Figures]) -> Figures {
    let of = |name: &'static str| {
        let figures: Vec<f64> = blocks
            .iter()
            .filter_map(|block| block.get(name).copied())
            .collect();
        Some((name, median(figures)?))
    };
    ROWS.iter().filter_map(|row| of(row.name)).collect()
}

/// The table for people.
pub fn table(blocks: &[Figures], medians: &Figures) -> String {
    let mut lines = vec![line(
        "",
        (1..=blocks.len()).map(|number| format!("block {number}")),
        "median",
        "target",
    )];
    for row in ROWS {
        let Some(median) = medians.get(row.name) else {
            continue;
        };
        let digits = row.digits;
        let cells = blocks.iter().map(|block| {
            let figure = block.get(row.name);
            figure.map_or_else(String::new, |figure| format!("{figure:.digits$}"))
        });
        lines.push(line(row.label, cells, &format!("{median:.digits$}"), row.target));
    }
    lines.join("\n")
}

fn line(label: &str, cells: impl Iterator<Item = String>, median: &str, target: &str) -> String {
    let cells: String = cells.map(|cell| format!("{cell:>10}")).collect();
    format!("{label:<48}{cells}{median:>10}  {target}")
        .trim_end()
        .to_owned()
}

/// The last line. `None` when something was not measured.
pub fn json(medians: &Figures) -> Option<Value> {
    let of = |name: &str, digits: i32| {
        let scale = 10_f64.powi(digits);
        Some(json!((medians.get(name)? * scale).round() / scale))
    };
    let mut append = Map::new();
    for (writers, name) in [
        ("1", "append_1"),
        ("8", "append_8"),
        ("64", "append_64"),
        ("256", "append_256"),
    ] {
        append.insert(writers.to_owned(), of(name, 3)?);
    }
    Some(json!({
        "append_ratio": append,
        "http_adjust": { "ratio_64": of("adjust_ratio", 3)?, "p99_ms_64": of("adjust_p99_ms", 2)? },
        "http_sale": {
            "ratio_64": of("sale_ratio", 3)?,
            "events_ratio_64": of("sale_events_ratio", 3)?,
            "p99_ms_64": of("sale_p99_ms", 2)?,
        },
        "pgbench": { "tps_64": of("pgbench_tps_64", 1)?, "latency_ms_64": of("pgbench_latency_ms_64", 3)? },
        "projector_ratio": of("projector_ratio", 4)?,
        "rebuild_ratio": of("rebuild_ratio", 4)?,
        "deliveries_ratio": of("deliveries_ratio", 3)?,
        "webhook_p99_ms": of("webhook_p99_ms", 2)?,
        "rss_mib": { "rest": of("rss_rest_mib", 1)?, "load": of("rss_load_mib", 1)? },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(figure: f64) -> Figures {
        ROWS.iter().map(|row| (row.name, figure)).collect()
    }

    #[test]
    fn one_bad_block_of_three_does_not_count() {
        let medians = medians(&[block(3.0), block(900.0), block(4.0)]);
        assert!(medians.values().all(|figure| (3.9..4.1).contains(figure)));
        assert!(median(vec![1.0, 2.0]).is_some_and(|middle| (1.4..1.6).contains(&middle)));
        assert!(median(Vec::new()).is_none());
    }

    #[test]
    fn the_last_line_is_printed_only_when_everything_was_measured() {
        let mut all = block(1.5);
        assert!(json(&all).is_some());
        all.remove("webhook_p99_ms");
        assert!(json(&all).is_none());
    }

    #[test]
    fn the_table_names_every_figure_and_skips_what_was_not_measured() {
        let mut one = block(2.0);
        one.remove("sale_ratio");
        let text = table(std::slice::from_ref(&one), &medians(&[one.clone()]));
        assert_eq!(text.lines().count(), ROWS.len());
        assert!(!text.contains("sale over HTTP"));
    }
}
