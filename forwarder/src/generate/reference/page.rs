//! The page around the entries: how to read it, contents, sections, index.

use std::fmt::Write as _;

use media_metrics_core::catalog;
use media_metrics_core::livekit::families::catalog as livekit;

use super::note::{Question, Section, filled};
use super::{entry, sections};
use crate::generate::families;

/// The whole page.
pub(super) fn text() -> String {
    let mut out = introduction();
    out += "## Contents\n\n";
    out += "- [How to read this](#how-to-read-this)\n- [Names on the wire](#names-on-the-wire)\n";
    for section in sections::ALL {
        let (title, families) = (section.title, section.notes.len());
        let _ = writeln!(out, "- [{title}](#{}): {families} families", anchor(title));
    }
    out += "- [Index](#index)\n\n";
    out += HOW_TO_READ;
    out += &names_on_the_wire();
    for section in sections::ALL {
        out += &section_text(section);
    }
    out + &index()
}

fn introduction() -> String {
    let of = |origin| families::all().filter(|f| f.origin == origin).count();
    format!(
        "# Metrics\n\n\
         <!-- Written by `media-metrics generate` from the catalogs in core/src. Changes are made there, and in \
         forwarder/src/generate/reference. -->\n\n\
         Every family that media-metrics exports: what it is, when to worry, and who says so. {} are ours, {} LiveKit's, which \
         `--profile livekit` serves in place of ours and `--profile both` beside them.\n\n",
        of(families::Origin::Media),
        of(families::Origin::LiveKit),
    )
}

const HOW_TO_READ: &str = "\
## How to read this

- **Type** is `counter` (only grows: ask `rate` or `increase`), `gauge` (a level: never `rate`) or `histogram` (ask
  `histogram_quantile` of the rate of its buckets). Units are Prometheus' base units, but for LiveKit's names, which are LiveKit's.
- **When to worry** says from where on it is worth a look at night; of a counter \"it rises\" means its rate. Shares are of rates over minutes,
  not of totals. Thresholds are for conversations between people: a broadcast can bear more delay and less loss.
- **Source** is who defines the figure. W3C names are those of
  [webrtc-stats](https://www.w3.org/TR/webrtc-stats/), of `inbound-rtp` for what is received and `outbound-rtp` for what is sent.
- **Served** says when the program `media-metrics` has it on its page. A family without a value has no line: absent is not 0.
- **Series** bounds what it costs in Prometheus. Nothing here has a label by user, stream or room that grows with them.

";

/// How names look in each format.
fn names_on_the_wire() -> String {
    let counter = catalog::RTP_PACKETS.name();
    let base = counter.strip_suffix("_total").unwrap_or(counter);
    let histogram = catalog::FORWARD_LATENCY.name();
    let odd = livekit::PACKET_BYTES.name();
    let law = livekit::FORWARD_LATENCY_NS.name();
    format!(
        "## Names on the wire\n\n\
         Series have one name in every format; what stands around them differs:\n\n\
         | format | a counter | a histogram |\n|---|---|---|\n\
         | Prometheus text 0.0.4, 1.0.0 | `{counter}` | `{histogram}_bucket`, `_sum`, `_count` |\n\
         | OpenMetrics 1.0 | family `{base}`, its samples `{counter}` | as above; `le` is a float: `le=\"1.0\"` |\n\
         | OpenMetrics 2.0 (release candidate; an option) | `{counter}`, with its start (`st@`) | one line `{histogram}`: classic and native buckets, sum, count, start |\n\
         | Prometheus protobuf | `{counter}`, with its start | classic and native buckets in one message, with exemplars |\n\n\
         - A Prometheus that scrapes native histograms stores `{histogram}` itself and no `_bucket` series, unless it is told to keep both \
         (`always_scrape_classic_histograms`). LiveKit's histograms, whose bounds are law, such as `{law}`, have no native buckets.\n\
         - OpenMetrics 1.0 can tell when a counter began by samples of their own, `{base}_created`. They are off by default, for readers \
         that know no better take them for series.\n\
         - Counters of LiveKit's without `_total`, such as `{odd}`, are of type `unknown` in OpenMetrics 1.0, which would add it.\n\
         - Info families (`_info`) are gauges of 1 in Prometheus' formats and `info` in OpenMetrics.\n\n"
    )
}

/// The anchor that GitHub gives a heading.
fn anchor(title: &str) -> String {
    title
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| {
            if c == ' ' {
                '-'
            } else {
                c.to_ascii_lowercase()
            }
        })
        .collect()
}

fn section_text(section: &Section) -> String {
    let mut out = format!("## {}\n\n{}\n\n", section.title, section.about);
    for Question { asked, answer, of } in section.questions {
        let answer = filled(answer, of, |desc| desc.name().to_owned());
        let _ = write!(out, "{asked}\n\n```promql\n{answer}\n```\n\n");
    }
    out += "| family | type | |\n|---|---|---|\n";
    for note in section.notes {
        let (name, kind) = (entry::link(note.desc.name()), note.desc.kind().as_str());
        let _ = writeln!(
            out,
            "| {name} | {kind} | {} |",
            first_sentence(note.desc.help())
        );
    }
    out.push('\n');
    for note in section.notes {
        if let Some((family, _)) = families::by_series(note.desc.name()) {
            out += &entry::text(note, family);
            out.push('\n');
        }
    }
    out
}

/// What ends with the first full stop before a blank.
fn first_sentence(help: &str) -> &str {
    help.find(". ").map_or(help, |end| &help[..=end])
}

fn index() -> String {
    let mut places: Vec<(&str, &str)> = sections::ALL
        .iter()
        .flat_map(|section| {
            section
                .notes
                .iter()
                .map(|note| (note.desc.name(), section.title))
        })
        .collect();
    places.sort_unstable();
    let mut out = "## Index\n\n| family | section |\n|---|---|\n".to_owned();
    for (name, title) in places {
        let _ = writeln!(
            out,
            "| {} | [{title}](#{}) |",
            entry::link(name),
            anchor(title)
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_are_those_of_github() {
        assert_eq!(anchor("The pipeline of metrics"), "the-pipeline-of-metrics");
        assert_eq!(
            anchor("LiveKit: node, signalling and API"),
            "livekit-node-signalling-and-api"
        );
    }

    #[test]
    fn a_sentence_ends_before_a_blank() {
        assert_eq!(
            first_sentence("As in A.3 (RFC 3550). And more."),
            "As in A.3 (RFC 3550)."
        );
        assert_eq!(first_sentence("One only."), "One only.");
    }
}
