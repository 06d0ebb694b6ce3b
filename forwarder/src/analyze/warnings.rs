//! What was not as it should be, counted, and told in one line each.
//!
//! Lives here: the counts of an analysis and their sentences. Not here: printing them.

use std::path::Path;

use super::capture::Damage;
use super::tracks::MAX_STREAMS;

/// Link types that are told apart; any more are one.
const LINKS: usize = 8;

/// Counts over all captures of an analysis.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Packets in the captures.
    pub(crate) packets: u64,
    /// Packets without a time stamp.
    pub(crate) untimed: u64,
    /// Packets earlier than the one before, and by how much at most.
    pub(crate) backwards: u64,
    pub(crate) backwards_ns: u64,
    /// IP fragments of UDP datagrams.
    pub(crate) fragments: u64,
    /// Packets whose lengths contradict one another.
    pub(crate) lying: u64,
    /// Packets cut before the datagram's contents.
    pub(crate) cut_headers: u64,
    /// RTP packets whose payload was cut.
    pub(crate) cut_rtp: u64,
    /// RTCP that could not be read.
    pub(crate) malformed_rtcp: u64,
    links: Vec<(u16, u64)>,
    files: Vec<String>,
}

impl Tally {
    pub(crate) fn on_unknown_link(&mut self, link: u16) {
        if let Some((_, n)) = self.links.iter_mut().find(|l| l.0 == link) {
            *n += 1;
        } else if self.links.len() < LINKS {
            self.links.push((link, 1));
        } else if let Some((_, n)) = self.links.last_mut() {
            *n += 1;
        }
    }

    /// What was wrong with the file at `path`, of which `packets` were read.
    pub(crate) fn on_file(&mut self, path: &Path, damage: &Damage, packets: u64) {
        let path = path.display();
        let read = format!("{} read", counted(packets, "packet"));
        if damage.places > 0 {
            let places = counted(damage.places, "place");
            let (first_at, skipped) = (damage.first_at, counted(damage.skipped, "byte"));
            self.files.push(format!(
                "{path}: damaged in {places}, first at byte {first_at}; {skipped} skipped, {read}"
            ));
        }
        if let Some(error) = &damage.failure {
            self.files
                .push(format!("{path}: reading ended early ({error}); {read}"));
        } else if let Some(rest) = damage.cut_short {
            let rest = counted(rest, "byte");
            self.files.push(format!(
                "{path}: ends in the middle of a record, {rest} into it; {read}"
            ));
        }
    }

    /// One line for each kind of trouble. `strays`: packets that looked like RTP and belonged to no stream,
    /// and sources that gave way; `refused`: packets of streams beyond the limit.
    pub(crate) fn lines(&self, strays: (u64, u64), refused: u64) -> Vec<String> {
        let mut lines = self.files.clone();
        for &(link, n) in &self.links {
            let text = format!("of link type {link}, which is not known here: left out");
            lines.extend(line(n, "packet", &text));
        }
        let back = format!(
            "earlier than the one before, by up to {:.3} s: jitter and durations may be wrong (reordercap sorts a capture)",
            self.backwards_ns as f64 / 1e9
        );
        let beyond = format!("of streams beyond the first {MAX_STREAMS}: not measured");
        let kinds = [
            (self.backwards, "packet", &*back),
            (
                self.untimed,
                "packet",
                "without a time stamp: taken as captured with the one before",
            ),
            (
                self.cut_rtp,
                "RTP packet",
                "cut by the capture's snap length: counted with the length on the wire",
            ),
            (
                self.cut_headers,
                "packet",
                "cut before the contents of a datagram: left out",
            ),
            (
                self.fragments,
                "IP fragment",
                "left out: RTP in them counts as lost",
            ),
            (
                self.lying,
                "packet",
                "with lengths that contradict one another: left out",
            ),
            (
                self.malformed_rtcp,
                "datagram",
                "like RTCP that cannot be read: damaged, or SRTCP",
            ),
            (strays.0, "packet", "like RTP outside any stream"),
            (
                strays.1,
                "source",
                "like RTP given up before it could be told: too many at once",
            ),
            (refused, "RTP packet", &*beyond),
        ];
        lines.extend(
            kinds
                .iter()
                .filter_map(|&(n, noun, text)| line(n, noun, text)),
        );
        lines
    }
}

fn line(n: u64, noun: &str, text: &str) -> Option<String> {
    (n > 0).then(|| format!("{} {text}", counted(n, noun)))
}

/// `1 packet`, `2 packets`.
pub(crate) fn counted(n: u64, noun: &str) -> String {
    match n {
        1 => format!("1 {noun}"),
        n => format!("{n} {noun}s"),
    }
}
