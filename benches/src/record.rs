//! Reading the record back: the README's short table is made of what `RESULTS.md` says.
//!
//! Lives here: finding a figure by table, row and column, the lines of the short table, and putting it into a
//! document. May not: hold a figure.

use crate::results::{figure, table};

/// Where the README's table begins and ends.
const MARKS: (&str, &str) = ("<!-- from benches/RESULTS.md -->\n", "<!-- end -->\n");

/// One line: an operation, and where the record tells of it.
struct Line {
    operation: &'static str,
    /// The first column's heading, which is the contest's title.
    table: &'static str,
    ours: &'static str,
    /// The column of times or bytes.
    column: &'static str,
}

const LINES: [Line; 17] = [
    line(
        "count a packet (two counters), 1 thread",
        "one packet: two counters",
        "Counter",
        "ns per packet, 1 thread",
    ),
    line(
        "the same two counters from 2 threads",
        "one packet: two counters",
        "Counter",
        "ns per packet, 2 threads",
    ),
    line(
        "record a latency, 1 thread",
        "one sample: a histogram",
        "Histogram",
        "ns per sample, 1 thread",
    ),
    line(
        "record a latency, 2 threads, one histogram",
        "one sample: a histogram",
        "Histogram",
        "ns per sample, 2 threads",
    ),
    line(
        "account an RTP packet received, all statistics: audio",
        "one RTP packet, in order: audio",
        "Stream::on_rtp",
        "ns per packet, 1 thread",
    ),
    line(
        "the same: video",
        "one RTP packet, in order: video",
        "Stream::on_rtp",
        "ns per packet, 1 thread",
    ),
    line(
        "account an RTP packet sent",
        "one RTP packet, in order: audio",
        "SendStream::on_rtp",
        "ns per packet, 1 thread",
    ),
    line(
        "a forwarded packet: parsed, accounted, counted, its latency recorded",
        "one forwarded RTP packet: stream, two counters, latency",
        "parse, on_rtp, Counter x 2, Histogram",
        "ns per packet, 1 thread",
    ),
    line(
        "merge 10,000 counters of 64 threads, a cell",
        "merge: 10000 counters of 64 threads",
        "Registry::collect",
        "ns per cell, 1 thread",
    ),
    line(
        "a tick over 100,000 busy streams, a stream",
        "tick: 100000 streams",
        "Registry::collect, a packet on each stream",
        "ns per stream, 1 thread",
    ),
    line(
        "text exposition of 23,000 lines, a line",
        "a page of 23,000 lines",
        "encode a snapshot",
        "ns per line, 1 thread",
    ),
    line(
        "the same in protobuf, native histograms included",
        "the same snapshot in each format",
        "protobuf, with native histograms",
        "ns per line of text, 1 thread",
    ),
    line(
        "`counter!` of the `metrics` crate, a kept handle, 2 threads",
        "counter!: a handle that is kept",
        "media-metrics, facade",
        "ns per call, 2 threads",
    ),
    line(
        "`counter!`, the macro, 2 threads",
        "counter!(\"jobs\", \"queue\" => \"mail\"): the macro",
        "media-metrics, facade",
        "ns per call, 2 threads",
    ),
    line(
        "`analyze` a capture of a million packets, a packet",
        "a capture of 1000000 RTP packets, 200 streams",
        "media-metrics analyze",
        "ns per packet, 1 thread",
    ),
    line(
        "memory of a counter series, one thread",
        "a counter series",
        "ours, one thread, two merges (histograms: coarsest layout)",
        "heap bytes",
    ),
    line(
        "memory of a histogram series, one thread, within 1 %",
        "a histogram series within 1 %",
        "ours, one thread, two merges",
        "heap bytes",
    ),
];

const fn line(
    operation: &'static str,
    table: &'static str,
    ours: &'static str,
    column: &'static str,
) -> Line {
    Line {
        operation,
        table,
        ours,
        column,
    }
}

/// `document` with the table between its marks made anew from `record`.
///
/// # Errors
/// Names the mark that the document lacks, or the table, row or column that the record does.
pub fn renew(document: &str, record: &str) -> Result<String, String> {
    let (begin, end) = MARKS;
    let missing = |mark: &str| format!("no line {:?}", mark.trim());
    let (before, rest) = document.split_once(begin).ok_or_else(|| missing(begin))?;
    let (_, after) = rest.split_once(end).ok_or_else(|| missing(end))?;
    Ok(format!("{before}{begin}{}{end}{after}", short(record)?))
}

/// The short table.
fn short(record: &str) -> Result<String, String> {
    let head = ["operation", "best peer", "ours", "x floor", "floor", "peer"].map(str::to_owned);
    let rows = LINES.iter().map(|line| row(line, record));
    Ok(table(&head, &rows.collect::<Result<Vec<_>, _>>()?))
}

fn row(line: &Line, record: &str) -> Result<Vec<String>, String> {
    let lacks = |what: &str| format!("the record has no {what} in the table {:?}", line.table);
    let rows = rows(record, line.table).ok_or_else(|| lacks("head"))?;
    let (head, rows) = rows.split_first().ok_or_else(|| lacks("rows"))?;
    let column = head.iter().position(|cell| *cell == line.column);
    let column = column.ok_or_else(|| lacks(line.column))?;
    let value = |row: &[&str]| number(row.get(column)?);
    let own = rows.iter().find(|row| row[0] == line.ours);
    let own = own.ok_or_else(|| lacks(line.ours))?;
    let ours = value(own).ok_or_else(|| lacks(line.ours))?;
    // The record's own, of the same rounds: not the ratio of two medians.
    let ratio = head.get(column + 1).filter(|cell| **cell == "x floor");
    let ratio = ratio.and_then(|_| own.get(column + 1));
    let floor = rows.iter().find(|row| row.get(1) == Some(&"floor"));
    let floor = floor.and_then(|row| value(row));
    let peers = rows.iter().filter(|row| row.get(1) == Some(&"peer"));
    let peers = peers.filter_map(|row| Some((row[0], value(row)?)));
    let best = peers.min_by(|a, b| a.1.total_cmp(&b.1));
    let unit = line.column.split_whitespace().next().unwrap_or_default();
    let unit = if unit == "heap" { "bytes" } else { unit };
    let shown = |value: f64| format!("{} {unit}", figure(value));
    Ok(vec![
        line.operation.to_owned(),
        best.map_or_else(String::new, |(name, _)| name.to_owned()),
        shown(ours),
        ratio.map_or_else(String::new, |ratio| (*ratio).to_owned()),
        floor.map_or_else(String::new, shown),
        best.map_or_else(String::new, |(_, value)| shown(value)),
    ])
}

/// The cells of the table whose first heading is `title`: its head, then its rows.
fn rows<'a>(record: &'a str, title: &str) -> Option<Vec<Vec<&'a str>>> {
    let cells = |line: &'a str| -> Vec<&'a str> {
        let inner = line.trim().trim_matches('|');
        inner.split('|').map(str::trim).collect()
    };
    let mut lines = record.lines().skip_while(|line| cells(line)[0] != title);
    let head = cells(lines.next()?);
    let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
    Some(std::iter::once(head).chain(rows.map(cells)).collect())
}

/// A figure as the record writes it.
fn number(cell: &str) -> Option<f64> {
    cell.replace(',', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = "\
## Memory

| a stream |     | heap bytes |
| -------- | --- | ---------: |
| ours     | x   |          9 |

| a thing  |          | ns a thing, 1 thread | x floor |
| -------- | -------- | -------------------: | ------: |
| nothing  | floor    |                 0.50 |    1.00 |
| ours     | **ours** |                 1.00 |    2.05 |
| slow     | peer     |                1,200 |   2,400 |
| swift    | peer     |                 4.00 |    8.00 |
";

    const THING: Line = Line {
        operation: "do a thing",
        table: "a thing",
        ours: "ours",
        column: "ns a thing, 1 thread",
    };

    #[test]
    fn a_line_is_made_of_the_record() {
        let row = row(&THING, RECORD).unwrap();
        let shown = [
            "do a thing",
            "swift",
            "1.00 ns",
            "2.05",
            "0.50 ns",
            "4.00 ns",
        ];
        assert_eq!(row, shown);
    }

    #[test]
    fn what_the_record_lacks_is_named() {
        let lacks = |line: Line| row(&line, RECORD).unwrap_err();
        assert!(
            lacks(Line {
                table: "gone",
                ..THING
            })
            .contains("gone")
        );
        assert!(
            lacks(Line {
                ours: "theirs",
                ..THING
            })
            .contains("theirs")
        );
        let column = "ns a thing, 2 threads";
        assert!(lacks(Line { column, ..THING }).contains(column));
        assert!(
            renew("no marks", RECORD)
                .unwrap_err()
                .contains("from benches")
        );
    }

    #[test]
    fn the_readme_says_what_the_record_says() {
        let read = |name: &str| {
            let path = format!("{}/../{name}", env!("CARGO_MANIFEST_DIR"));
            std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
        };
        let readme = read("README.md");
        let renewed = renew(&readme, &read("benches/RESULTS.md")).unwrap();
        assert!(
            readme == renewed,
            "the README's table is not the record's: `cargo run -p media-metrics-benches --bin short_table` renews it"
        );
    }

    /// Words in quotes that stand behind any of `before` in the benchmarks' sources, up to where a contender's work begins.
    fn named(before: &[&str]) -> Vec<String> {
        fn sources(folder: &std::path::Path, found: &mut Vec<String>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => sources(&path, found),
                    false => found.push(std::fs::read_to_string(path).unwrap()),
                }
            }
        }
        let mut all = Vec::new();
        let benches = format!("{}/benches", env!("CARGO_MANIFEST_DIR"));
        sources(std::path::Path::new(&benches), &mut all);
        let of = |source: &str, word: &str| -> Vec<String> {
            let parts = source.split(word).skip(1).map(|part| {
                let end = part.find(['|', ';']).unwrap_or(part.len());
                let mut quoted = part[..end].split('"');
                quoted.nth(1).map(str::to_owned)
            });
            parts.flatten().collect()
        };
        let of_all = |word: &&str| -> Vec<String> {
            all.iter().flat_map(|source| of(source, word)).collect()
        };
        before.iter().flat_map(of_all).collect()
    }

    #[test]
    fn each_contest_and_each_contender_is_in_the_record() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/RESULTS.md");
        let record = std::fs::read_to_string(path).unwrap();
        let titles = named(&["const TITLE: &str ="]);
        let contenders = named(&["Role::Peer,", "Role::Naive,", "Role::Part,"]);
        assert!(
            titles.len() >= 8 && contenders.len() >= 20,
            "{titles:?} {contenders:?}"
        );
        for name in titles.iter().chain(&contenders) {
            assert!(
                record.contains(&format!("| {name} ")),
                "{name:?} is not in RESULTS.md: `cargo xtask report` renews it"
            );
        }
    }
}
