//! `cargo xtask faults`: each of these mistakes, made in what a fuzz target watches, must turn the replay of its corpus red.
//!
//! Lives here: the mistakes, and how one is tried on a copy of the workspace. May not: touch the sources themselves.
//!
//! A fuzzer that finds nothing proves little, unless it is known to find something. These are mistakes that people make,
//! at least two for each target.

use std::collections::BTreeSet;
use std::fs;

use crate::changed::{Change, attempt, change, copy_folder, red_tests};
use crate::fuzz;
use crate::output::say;
use crate::step::{Failure, Step, root, target};

const HEADER: &str = "core/src/rtp/header.rs";
const EXTENSION: &str = "core/src/rtp/extension.rs";
const REPORT: &str = "core/src/rtp/rtcp/report.rs";
const REMOTE: &str = "core/src/rtp/feedback/remote.rs";
const REQUESTED: &str = "core/src/rtp/feedback/requests.rs";
const PEER: &str = "core/src/stream/sender/peer.rs";
const SEQUENCE: &str = "core/src/rtp/sequence.rs";
const LAYOUT: &str = "core/src/histogram/layout.rs";
const SNAPSHOT: &str = "core/src/histogram/snapshot.rs";
const ESCAPE: &str = "exporter/src/format/escape.rs";
const LINES: &str = "exporter/src/format/lines/plan.rs";
const PROTOBUF: &str = "exporter/src/format/protobuf/histogram.rs";
const NUMBER: &str = "exporter/src/format/number.rs";
const MERGE: &str = "core/src/livekit/batch/merge.rs";
const ESTIMATOR: &str = "core/src/livekit/timestamper/estimator.rs";
const SCORER: &str = "core/src/quality/scorer.rs";
const PARTS: &str = "core/src/quality/parts.rs";
const CAPTURED: &str = "forwarder/src/analyze/capture/pcapng.rs";
const MOS: &str = "forwarder/src/analyze/score.rs";
const FILE: &str = "forwarder/src/config/file.rs";
const SETTINGS: &str = "forwarder/src/config/settings.rs";
const PUSH: &str = "forwarder/src/config/push.rs";
const COMPRESS: &str = "exporter/src/compress.rs";
const USERS: &str = "exporter/src/http/auth.rs";
const ANSWERS: &str = "exporter/src/http/answers.rs";
const RETRY: &str = "exporter/src/push/retry.rs";
const TAKEN: &str = "exporter/src/otlp/answer.rs";

#[rustfmt::skip] // a table
const FAULTS: &[Change] = &[
    change("padding of no bytes is taken", HEADER, "padding_len == 0 || padding_len >", "padding_len >", "rtp"),
    change("an extension's length is one too short", EXTENSION, "usize::from(head & 0x0f) + 1", "usize::from(head & 0x0f)", "rtp"),
    change("packets lost are no longer signed", REPORT, "(block.cumulative_lost() << 8) as i32 >> 8", "block.cumulative_lost() as i32", "rtcp"),
    change("a reason to leave may be cut by a byte", REPORT, "text.len() < usize::from(len)", "text.len() + 1 < usize::from(len)", "rtcp"),
    change("a number that is skipped keeps the mark of a window ago", SEQUENCE, "(1..u64::from(ahead)).for_each(|i| self.clear", "(2..u64::from(ahead)).for_each(|i| self.clear", "streams"),
    change("a jump is a restart one number too late", SEQUENCE, "ahead < MAX_DROPOUT", "ahead <= MAX_DROPOUT", "streams"),
    change("what a receiver lost is not followed over its 24 bits", REMOTE, "(now.wrapping_sub(before.lost_24) << 8) >> 8", "now.wrapping_sub(before.lost_24)", "senders"),
    change("who asks for a packet again waits from then on", REQUESTED, "asked_ns: waiting.map_or(at_ns, |w| w.asked_ns)", "asked_ns: at_ns", "senders"),
    change("what was skipped, and nobody reported on, excuses losses", PEER, ".saturating_sub(self.skipped_unreported)", ".saturating_sub(0)", "senders"),
    change("a bucket reaches into the next", LAYOUT, "((1_u64 << self.shift(index)) - 1)", "(1_u64 << self.shift(index))", "histograms"),
    change("the last thread's counts are all there are", SNAPSHOT, "*count = count.saturating_add(n)", "*count = n", "histograms"),
    change("a line feed in a label's value ends its line", ESCAPE, r#"b'\n' => out.extend_from_slice(br"\n")"#, r"b'\n' => out.push(b'\n')", "pages"),
    change("values lose what is behind the point", NUMBER, "if integer as f64 == v &&", "if (integer as f64 - v).abs() < 1.0 &&", "pages"),
    change("help is the name", LINES, "escape::label_value(self.fixed(), desc.help());", "escape::label_value(self.fixed(), desc.name());", "pages"),
    change("histograms don't tell when they began", LINES, "self.line(series, COUNT, None);\n            }\n            self.created(series);", "self.line(series, COUNT, None);\n            }", "pages"),
    change("a unit is not told", LINES, ".filter(|_| open && kind != \"info\")", ".filter(|_| open && kind == \"info\")", "pages"),
    change("an exemplar of protobuf may be of tomorrow", PROTOBUF, "Timestamp::new(exemplar.time().min(now))", "Timestamp::new(exemplar.time().max(now))", "pages"),
    change("strings of a row that had no room stay known", MERGE, "if *index as usize >= FIRST_STRING_INDEX as usize + before {", "if *index as usize > FIRST_STRING_INDEX as usize + before {", "batches"),
    change("samples that are no number are kept", MERGE, ".all(|s| s.value.is_finite() && has_good_time(s))", ".all(has_good_time)", "batches"),
    change("a sender's clock that goes back unlearns", ESTIMATOR, "Rules::Corrected => share.max(0.0),", "Rules::Corrected => share,", "clocks"),
    change("a step waits for one report more", ESTIMATOR, "high.reports >= STEP_REPORTS", "high.reports > STEP_REPORTS", "clocks"),
    change("more bytes than expected are worth more than 100", PARTS, "(100.0 - BITRATE_SLOPE * short.ln()).clamp(0.0, 100.0)", "(100.0 - BITRATE_SLOPE * short.ln()).max(0.0)", "scores"),
    change("a stream that is lost recovers by a mute", SCORER, "&& !self.lost\n", "&& !self.score.is_nan()\n", "scores"),
    change("a mean MOS is above the best window's", MOS, "mean.max(self.lowest).min(self.highest)", "mean", "captures"),
    change("a packet of pcapng loses its last byte", CAPTURED, "content.get(20..)?.get(..captured)?", "content.get(20..)?.get(..captured.saturating_sub(1))?", "captures"),
    change("what is read is not written down", PUSH, "skip_serializing_if = \"BTreeMap::is_empty\")]\n    pub labels:", "skip_serializing)]\n    pub labels:", "configurations"),
    change("what pushes are let in by is shown", SETTINGS, "self.push.secrets().for_each(Secret::hide);", "self.push.secrets().for_each(drop);", "configurations"),
    change("a version is written as another", PUSH, "#[serde(rename = \"1.0\")]\n    V1,", "#[serde(rename(serialize = \"2.0\", deserialize = \"1.0\"))]\n    V1,", "configurations"),
    change("a key that nobody knows is passed over", FILE, "#[serde(default, deny_unknown_fields)]\npub(super) struct LimitsFile", "#[serde(default)]\npub(super) struct LimitsFile", "configurations"),
    change("a key is read, and the default stays", SETTINGS, "file.limits.idle_timeout.unwrap_or(Seconds::whole(30))", "Seconds::whole(30)", "configurations"),
    change("a page is compressed without its end", COMPRESS, "encoder.finish().map(drop)", "encoder.flush().map(|()| std::mem::forget(encoder))", "requests"),
    change("who says POST is told that we broke", ANSWERS, "Self::new(StatusCode::METHOD_NOT_ALLOWED, why)", "Self::new(StatusCode::INTERNAL_SERVER_ERROR, why)", "requests"),
    change("a user's name is enough", USERS, "if (known & right).into() {", "if (known | right).into() {", "requests"),
    change("a wait of a date that has passed is none at all", RETRY, "Some(date.duration_since(now).unwrap_or_default())", "Some(date.duration_since(now).unwrap_or(MOST_RETRY_AFTER))", "pushes"),
    change("a collector may reject more than it got", TAKEN, ".unwrap_or(0)\n            .min(points)", ".unwrap_or(points)", "pushes"),
];

/// What is no source.
const LEFT: [&str; 6] = [
    "target",
    ".git",
    "node_modules",
    ".venv",
    "grown",
    "artifacts",
];

/// Tries every fault, or those of some targets; fails if one is not noticed.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    let all = fuzz::targets()?;
    words.iter().try_for_each(|word| fuzz::known(word, &all))?;
    let tried: Vec<&Change> = FAULTS
        .iter()
        .filter(|fault| words.is_empty() || words.iter().any(|target| target == fault.test))
        .collect();
    let copy = target().join("faults/workspace");
    let made = match copy.exists() {
        true => fs::remove_dir_all(&copy),
        false => Ok(()),
    };
    made.and_then(|()| copy_folder(&root(), &copy, &LEFT))
        .map_err(|e| Failure::new(format!("can't copy the sources to {}: {e}", copy.display())))?;
    let manifest = copy.join("Cargo.toml");
    let replay = |targets: &[&str]| {
        let line =
            "cargo test --locked -p media-metrics-fuzz-oracles --test replay --manifest-path";
        let step = Step::new(line)
            .arguments(&[manifest.to_string_lossy()])
            .arguments(&["--", "--exact"])
            .arguments(targets)
            .own_target("faults/built");
        red_tests(&step)
    };
    let targets: BTreeSet<&str> = tried.iter().map(|fault| fault.test).collect();
    let red = replay(&Vec::from_iter(targets))?;
    if !red.is_empty() {
        let red = red.join(", ");
        return Err(Failure::new(format!("red without any fault: {red}")));
    }
    say!("as it is: all green");
    let mut unseen = 0;
    for fault in tried {
        let red = attempt(&copy, &[fault], || replay(&[fault.test]))
            .map_err(|failure| Failure::new(format!("{}: {failure}", fault.what)))?;
        let (seen, line) = fault.verdict(&red);
        unseen += usize::from(!seen);
        say!("{line}");
    }
    match unseen {
        0 => Ok(()),
        n => Err(Failure::new(format!(
            "{n} faults were not noticed: those oracles hold too little"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_is_known_to_find_two_mistakes() {
        let targets = fuzz::targets().unwrap();
        for name in &targets {
            let count = FAULTS.iter().filter(|fault| fault.test == name).count();
            assert!(count >= 2, "{name}: {count}");
        }
        for fault in FAULTS {
            assert!(
                targets.iter().any(|name| name == fault.test),
                "{}",
                fault.what
            );
        }
    }

    #[test]
    fn what_is_no_target_is_refused_with_those_that_are() {
        let text = run(&["stream".to_owned()]).unwrap_err().to_string();
        assert!(
            text.contains("\"stream\"") && text.contains("rtcp, rtp, scores"),
            "{text}"
        );
    }

    #[test]
    fn each_place_is_there_once() {
        for fault in FAULTS {
            let source = fs::read_to_string(root().join(fault.file)).unwrap();
            let count = source.matches(fault.from).count();
            assert_eq!(count, 1, "{}: {:?}", fault.what, fault.from);
        }
    }
}
