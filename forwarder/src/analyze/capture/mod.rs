//! Capture files: pcap and pcapng, plain or gzip, as a run of time-stamped link-layer packets.
//!
//! Lives here: telling the formats apart, and the one loop that reads either and survives damage. In
//! `source`: where bytes come from. In `window`: the part of them that is in memory. In `pcap` and
//! `pcapng`: what a record is. Not here: what is in a packet (`super::frame`).
//!
//! # Damage
//! A record whose own lengths cannot be true ends what can be trusted. The loop then looks for the next
//! place where a record *and the one after it* (or the end of the file) make sense, goes on from there,
//! and counts. So it reads what can be read, in one pass, and its memory is one window whatever the file
//! says: no length in the file is believed before its bytes are there.

mod pcap;
mod pcapng;
mod source;
mod window;

use std::io;

use pcap::Pcap;
use pcapng::PcapNg;
pub(crate) use source::Source;
use window::Window;

/// One captured packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet<'a> {
    /// Capture time, nanoseconds since 1970; `None` where the format has none (simple packet blocks).
    pub(crate) time_ns: Option<u64>,
    /// Link type, as of the registry of LINKTYPE values.
    pub(crate) link: u16,
    /// What was captured of it.
    pub(crate) data: &'a [u8],
}

/// What was wrong with one file.
#[derive(Debug, Default)]
pub(crate) struct Damage {
    /// Places where records stopped making sense.
    pub(crate) places: u64,
    /// Offset of the first of them, in bytes (of the inflated file).
    pub(crate) first_at: u64,
    /// Bytes between those places and where reading went on.
    pub(crate) skipped: u64,
    /// Bytes of a last record that was cut short.
    pub(crate) cut_short: Option<u64>,
    /// Why reading ended early.
    pub(crate) failure: Option<io::Error>,
}

/// Not a capture at all.
#[derive(Debug)]
pub(crate) enum NoCapture {
    /// Nothing could be read.
    Io(io::Error),
    /// It is empty.
    Empty,
    /// It begins with these bytes (4 at most), which no capture begins with.
    Magic(Vec<u8>),
}

/// What stands at the beginning of some bytes.
enum Step<'a> {
    /// A packet, in a record of so many bytes.
    Packet(usize, Packet<'a>),
    /// A record of so many bytes that holds no packet.
    Skip(usize),
    /// A record of so many bytes that makes no sense inside; the next one may.
    Malformed(usize),
    /// So many bytes are needed to tell.
    More(usize),
    /// No record.
    Nonsense,
}

/// A file format: a run of records.
trait Format {
    /// Bytes that tell how long a record is.
    const HEADER: usize;

    /// Places where a record may begin are so many bytes apart.
    const ALIGN: usize;

    /// What stands at the beginning of `data`.
    fn step<'a>(&mut self, data: &'a [u8]) -> Step<'a>;

    /// Length of the record that `data` (of [`HEADER`](Self::HEADER) bytes at least) seems to begin with.
    fn plausible(&self, data: &[u8]) -> Option<usize>;
}

/// Reads all packets of a capture.
///
/// # Errors
/// [`NoCapture`], and then no packet was seen. A damaged capture is no error.
pub(crate) fn read(
    source: Source,
    on_packet: &mut impl FnMut(Packet<'_>),
) -> Result<Damage, NoCapture> {
    let mut window = Window::new(source);
    window.want(pcap::FILE_HEADER);
    let mut damage = Damage::default();
    if Pcap::is_magic(window.data()) {
        match Pcap::begin(window.data()) {
            Some(mut pcap) => {
                window.consume(pcap::FILE_HEADER);
                records(&mut pcap, &mut window, &mut damage, on_packet);
            }
            None => damage.cut_short = Some(window.data().len() as u64),
        }
    } else if PcapNg::is_magic(window.data()) {
        records(&mut PcapNg::default(), &mut window, &mut damage, on_packet);
    } else {
        let magic = window.data().iter().take(4).copied().collect();
        return Err(match window.take_failure() {
            Some(error) => NoCapture::Io(error),
            None if window.data().is_empty() => NoCapture::Empty,
            None => NoCapture::Magic(magic),
        });
    }
    damage.failure = window.take_failure();
    Ok(damage)
}

fn records<F: Format>(
    format: &mut F,
    window: &mut Window,
    damage: &mut Damage,
    on_packet: &mut impl FnMut(Packet<'_>),
) {
    loop {
        match format.step(window.data()) {
            Step::Packet(len, packet) => {
                on_packet(packet);
                window.consume(len);
            }
            Step::Skip(len) => window.consume(len),
            Step::Malformed(len) => {
                damage.note(window.position(), len as u64);
                window.consume(len);
            }
            Step::More(len) => {
                if window.want(len) {
                    continue;
                }
                // The last record, cut short; or one in the midst of others, with a length that lies.
                let (from, rest) = (window.position(), window.data().len() as u64);
                find_record(format, window);
                if window.data().is_empty() {
                    damage.cut_short = (rest > 0).then_some(rest);
                    return;
                }
                damage.note(from, window.position() - from);
            }
            Step::Nonsense => {
                let from = window.position();
                find_record(format, window);
                damage.note(from, window.position() - from);
            }
        }
    }
}

/// Goes on to the next place that looks like a record with another, or the end, behind it.
fn find_record<F: Format>(format: &F, window: &mut Window) {
    loop {
        window.consume(F::ALIGN.min(window.data().len()));
        if !window.want(F::HEADER) {
            window.consume(window.data().len());
            return;
        }
        let Some(len) = format.plausible(window.data()) else {
            continue;
        };
        window.want(len + F::HEADER);
        let after = window.data().get(len..);
        if after.is_some_and(|d| {
            d.is_empty() || (d.len() >= F::HEADER && format.plausible(d).is_some())
        }) {
            return;
        }
    }
}

impl Damage {
    fn note(&mut self, at: u64, skipped: u64) {
        if self.places == 0 {
            self.first_at = at;
        }
        self.places += 1;
        self.skipped += skipped;
    }
}
