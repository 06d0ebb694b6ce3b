//! An analysis as a table for people.
//!
//! Lives here: which figures are worth a column, and how they are rounded. Not here: anything that a program
//! should read.

use std::fmt::Write;
use std::net::SocketAddr;

use comfy_table::{CellAlignment, ContentArrangement, Row, Table, presets};

use crate::analyze::warnings::counted;
use crate::analyze::{Analysis, Record};

/// Wide enough for all columns, and no wider than most terminals.
const WIDTH: u16 = 120;

const HEADER: [&str; 10] = [
    "source\ndestination",
    "SSRC",
    "payload",
    "time",
    "packets",
    "lost",
    "dup\nlate",
    "jitter ms\nmean / max",
    "max Δ\nms",
    "MOS",
];

pub(super) fn text(analysis: &Analysis) -> String {
    let Analysis {
        streams, packets, ..
    } = analysis;
    if streams.is_empty() {
        return format!("No RTP streams in {}.", counted(*packets, "packet"));
    }
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH)
        .set_header(HEADER);
    table.add_rows(streams.iter().map(row));
    for column in table.column_iter_mut().skip(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut text = table.to_string();
    let sum = |f: fn(&Record) -> u64| streams.iter().map(f).sum::<u64>();
    let (of_streams, lost, expected) = (sum(|s| s.packets), sum(|s| s.lost), sum(|s| s.expected));
    // Writing to a string does not fail.
    let _ = write!(
        text,
        "\n{}: {of_streams} of {packets} packets, {lost} lost ({}), {}, {} out of order, {}",
        counted(streams.len() as u64, "stream"),
        percent(lost, expected),
        counted(sum(|s| s.duplicates), "duplicate"),
        sum(|s| s.out_of_order),
        counted(sum(|s| s.restarts), "restart"),
    );
    text
}

fn row(s: &Record) -> Row {
    let codec = match &s.codec {
        Some(name) => format!("{name} ({})", s.payload_type),
        None => format!("type {}", s.payload_type),
    };
    Row::from([
        ends(s.src, s.dst),
        format!("{:08x}", s.ssrc),
        format!("{codec}\n{} Hz", s.clock_rate),
        time(s.duration_s),
        s.packets.to_string(),
        format!("{}\n{}", s.lost, percent(s.lost, s.expected)),
        format!("{}\n{}", s.duplicates, s.out_of_order),
        format!(
            "{} / {}",
            figure(s.jitter_mean_ms, 2),
            figure(s.jitter_max_ms, 2)
        ),
        figure(s.max_delta_ms, 1),
        figure(s.mos, 2),
    ])
}

fn ends(src: SocketAddr, dst: SocketAddr) -> String {
    format!("{src}\n→ {dst}")
}

fn figure(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |v| format!("{v:.digits$}"))
}

fn percent(part: u64, whole: u64) -> String {
    match whole {
        0 => "-".to_owned(),
        _ => format!("{:.2} %", 100.0 * part as f64 / whole as f64),
    }
}

/// Seconds, with minutes and hours where there are any.
fn time(seconds: f64) -> String {
    if seconds < 59.95 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    match whole {
        0..3_600 => format!("{}:{:02}", whole / 60, whole % 60),
        _ => format!("{}:{:02}:{:02}", whole / 3_600, whole / 60 % 60, whole % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        assert_eq!(
            [0.04, 59.94, 59.96, 3_599.4, 36_125.0].map(time),
            ["0.0 s", "59.9 s", "1:00", "59:59", "10:02:05"]
        );
    }

    #[test]
    fn what_is_absent_is_a_dash() {
        assert_eq!(
            (figure(None, 2), figure(Some(0.0), 2)),
            ("-".into(), "0.00".into())
        );
        assert_eq!(
            (percent(0, 0), percent(1, 3)),
            ("-".into(), "33.33 %".into())
        );
    }
}
