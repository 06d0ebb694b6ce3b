//! What a run did, as tables for people.
//!
//! Lives here: text from a [`Report`]. Not here: printing it, the numbers themselves.

use std::fmt;
use std::time::Duration;

use comfy_table::{CellAlignment, Row, Table, presets};
use media_metrics_core::catalog;
use media_metrics_core::desc::Desc;
use media_metrics_core::livekit::node::messages::NodeStatsRate;
use media_metrics_core::snapshot::{Snapshot, Values};

use crate::flows::FlowSummary;
use crate::forward::Report;
use crate::synthetic::{Ledger, Published, Tally};

/// Streams that are listed: the busiest.
const LISTED: usize = 20;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.elapsed.as_secs_f64();
        writeln!(
            f,
            "Ran {seconds:.1} s: {} datagrams in, {} out.",
            self.received, self.sent
        )?;
        if let Some(snapshot) = &self.snapshot {
            streams(f, self, counter_sum(snapshot, &catalog::RTP_STARTED))?;
            totals(f, snapshot)?;
        }
        if let Some(node) = &self.node {
            rates(f, &node.rates)?;
        }
        if let Some(published) = &self.published {
            synthetic(f, published, self.tally, self.snapshot.as_deref())?;
        }
        self.failures
            .iter()
            .try_for_each(|failure| writeln!(f, "Failed: {failure}."))
    }
}

fn streams(f: &mut fmt::Formatter<'_>, report: &Report, started: u64) -> fmt::Result {
    if report.flows.is_empty() {
        return writeln!(f, "\nNo streams came.");
    }
    let listed = report.flows.len().min(LISTED);
    if listed as u64 == started {
        writeln!(f, "\nStreams:")?;
    } else {
        writeln!(f, "\nStreams (the busiest {listed} of {started}):")?;
    }
    let mut header = vec![
        "ssrc",
        "room",
        "source",
        "kind",
        "packets",
        "lost",
        "dup",
        "reordered",
        "jitter ms",
        "kbit/s",
    ];
    let flows = || report.flows.iter().take(LISTED);
    // What subscribers say stands in columns of its own, if any of them said anything.
    let reported = flows().any(|flow| flow.reported.is_some());
    if reported {
        header.extend(["they lost", "rtt ms"]);
    }
    let mut table = table(&header);
    table.add_rows(flows().map(|flow| stream(report, flow, reported)));
    right(&mut table, 4);
    writeln!(f, "{table}")?;
    match reported {
        true => writeln!(
            f,
            "they lost, rtt ms: as the subscribers report; packets of all together, the longest of their round trips."
        ),
        false => Ok(()),
    }
}

fn stream(report: &Report, flow: &FlowSummary, reported: bool) -> Row {
    let stats = &flow.stats;
    let room = report.rooms.get(usize::from(flow.room));
    let jitter_ms = 1e3 * stats.jitter_ticks / f64::from(flow.clock_rate.max(1));
    // One packet lasts no time: then a rate says nothing.
    let kbits = match flow.lasted_ns {
        0 => "-".to_owned(),
        ns => format!("{:.0}", stats.bytes as f64 * 8e6 / ns as f64),
    };
    let mut cells = vec![
        format!("{:08x}", flow.ssrc),
        room.map(|r| r.name.clone()).unwrap_or_default(),
        flow.source.to_string(),
        flow.kind.as_str().to_owned(),
        stats.packets.to_string(),
        stats.lost.to_string(),
        stats.duplicates.to_string(),
        stats.reordered.to_string(),
        format!("{jitter_ms:.2}"),
        kbits,
    ];
    if reported {
        let dash = || "-".to_owned();
        let lost = flow.reported.map(|said| said.lost.to_string());
        let rtt = flow.reported.and_then(|said| said.rtt_seconds);
        cells.push(lost.unwrap_or_else(dash));
        cells.push(rtt.map_or_else(dash, |seconds| format!("{:.2}", seconds * 1e3)));
    }
    Row::from(cells)
}

fn totals(f: &mut fmt::Formatter<'_>, snapshot: &Snapshot) -> fmt::Result {
    let sum = |desc| counter_sum(snapshot, desc).to_string();
    let mut table = table(&["in all", ""]);
    table.add_rows([
        [
            "RTP packets received".to_owned(),
            sum(&catalog::RTP_PACKETS),
        ],
        ["RTP bytes received".to_owned(), sum(&catalog::RTP_BYTES)],
        ["expected".to_owned(), sum(&catalog::RTP_EXPECTED)],
        ["lost".to_owned(), sum(&catalog::RTP_LOST)],
        ["duplicates".to_owned(), sum(&catalog::RTP_DUPLICATES)],
        ["reordered".to_owned(), sum(&catalog::RTP_REORDERED)],
        [
            "RTCP datagrams received".to_owned(),
            sum(&catalog::FORWARD_RTCP),
        ],
        [
            "RTCP datagrams passed up".to_owned(),
            sum(&catalog::FORWARD_FEEDBACK),
        ],
        [
            "RTCP datagrams undelivered".to_owned(),
            sum(&catalog::FORWARD_FEEDBACK_DROPPED),
        ],
        [
            "datagrams dropped by the kernel".to_owned(),
            sum(&catalog::FORWARD_OVERFLOWED),
        ],
        [
            "datagrams rejected".to_owned(),
            sum(&catalog::FORWARD_REJECTED),
        ],
        [
            "RTP packets untracked".to_owned(),
            sum(&catalog::FORWARD_UNTRACKED),
        ],
        [
            "RTP packets sent".to_owned(),
            sum(&catalog::FORWARD_PACKETS),
        ],
        ["send errors".to_owned(), sum(&catalog::FORWARD_SEND_ERRORS)],
    ]);
    let latency = snapshot.histogram(catalog::FORWARD_LATENCY.name(), &[]);
    for (name, q) in [
        ("50 %", 0.5),
        ("90 %", 0.9),
        ("99 %", 0.99),
        ("99.9 %", 0.999),
    ] {
        if let Some(ns) = latency.and_then(|h| h.quantile(q)) {
            let time = Duration::from_nanos(ns);
            table.add_row([format!("forwarded within, {name}"), format!("{time:.1?}")]);
        }
    }
    right(&mut table, 1);
    writeln!(f, "\n{table}")
}

/// What the node did of late: the intervals of `node_stats`, those that the run was long enough for.
fn rates(f: &mut fmt::Formatter<'_>, rates: &[NodeStatsRate]) -> fmt::Result {
    if rates.is_empty() {
        return Ok(());
    }
    // The message knows no unknown: there it is 0.
    let known = |n: f32, text: String| if n > 0.0 { text } else { "-".to_owned() };
    let per_second = |n: f32| format!("{n:.0}");
    let mut table = table(&[
        "node, the last",
        "cpu",
        "memory",
        "RTP in/s",
        "RTP out/s",
        "kbit/s in",
        "kbit/s out",
        "NACKed/s",
    ]);
    table.add_rows(rates.iter().map(|rate| {
        let memory_mib = f64::from(rate.memory_used) / f64::from(1 << 20);
        [
            format!("{} s", rate.duration),
            known(rate.cpu_load, format!("{:.1} %", rate.cpu_load * 1e2)),
            known(rate.memory_total, format!("{memory_mib:.0} MiB")),
            per_second(rate.packets_in),
            per_second(rate.packets_out),
            per_second(rate.bytes_in * 8e-3),
            per_second(rate.bytes_out * 8e-3),
            per_second(rate.nack_total),
        ]
    }));
    right(&mut table, 1);
    writeln!(f, "\n{table}")
}

/// What was sent on purpose, beside what was counted: the two columns should agree.
fn synthetic(
    f: &mut fmt::Formatter<'_>,
    published: &Published,
    tally: Option<Tally>,
    snapshot: Option<&Snapshot>,
) -> fmt::Result {
    let Ledger {
        sent,
        bytes,
        dropped,
        duplicated,
        reordered,
    } = published.total;
    let counted =
        |desc| snapshot.map_or_else(|| "-".to_owned(), |s| counter_sum(s, desc).to_string());
    let arrived =
        |field: fn(Tally) -> u64| tally.map_or_else(|| "-".to_owned(), |t| field(t).to_string());
    let mut table = table(&["built-in streams", "sent", "counted", "at the subscriber"]);
    let dash = || "-".to_owned();
    table.add_rows([
        [
            "RTP packets".to_owned(),
            sent.to_string(),
            counted(&catalog::RTP_PACKETS),
            arrived(|t| t.packets),
        ],
        [
            "RTP bytes".to_owned(),
            bytes.to_string(),
            counted(&catalog::RTP_BYTES),
            arrived(|t| t.bytes),
        ],
        [
            "dropped".to_owned(),
            dropped.to_string(),
            counted(&catalog::RTP_LOST),
            dash(),
        ],
        [
            "duplicated".to_owned(),
            duplicated.to_string(),
            counted(&catalog::RTP_DUPLICATES),
            dash(),
        ],
        [
            "reordered".to_owned(),
            reordered.to_string(),
            counted(&catalog::RTP_REORDERED),
            dash(),
        ],
        [
            "RTCP".to_owned(),
            published.reports.to_string(),
            counted(&catalog::FORWARD_RTCP),
            arrived(|t| t.reports),
        ],
    ]);
    right(&mut table, 1);
    writeln!(f, "\n{table}")?;
    match published.failed {
        0 => Ok(()),
        n => writeln!(f, "{n} built-in datagrams were not taken by the system."),
    }
}

/// A counter family's series together.
fn counter_sum(snapshot: &Snapshot, desc: &Desc) -> u64 {
    match snapshot.family(desc.name()).map(|family| family.values()) {
        Some(Values::Counter(values)) => values.iter().sum(),
        _ => 0,
    }
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_FULL_CONDENSED)
        .set_header(header.to_vec());
    table
}

/// Numbers stand to the right, from column `first` on.
fn right(table: &mut Table, first: usize) {
    for column in table.column_iter_mut().skip(first) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}
