//! One encoding of each snapshot in each format and coding, shared by all who ask for it.
//!
//! Lives here: encoding when a snapshot is asked for first, keeping the page until another snapshot is
//! asked for, reusing its memory; what others record, behind ours. Not here: the formats themselves (`format`), compressing (`compress`), who asks
//! (`http`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use media_metrics_core::snapshot::Snapshot;

use crate::compress::compress;
use crate::format::negotiate::{Coding, Escaping, Format, Media};
use crate::format::{Filter, openmetrics, protobuf, text};
use crate::source::Source;

/// The encoders and the pages that they made last.
///
/// - **Cost**: the first request for a snapshot in a format encodes, the first in a coding compresses; every other
///   one clones a reference-counted pointer. Requests that come while it encodes wait for it: most want the same
///   page.
/// - **Memory**: one page for each format and coding that was ever asked for, and one more for each older snapshot
///   that a slow reader still holds; and each format's fixed bytes.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    shown: Filter,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    along: Along,
    shelves: BTreeMap<Look, Shelf>,
}

/// What others record, as it was when a snapshot was first scraped.
#[derive(Debug, Default)]
struct Along {
    /// Which snapshot that is; weak for the reasons of [`Shelf::of`].
    of: Weak<Snapshot>,
    families: Option<Snapshot>,
}

impl Along {
    /// Along with `ours`; `ask` is called if that is another snapshot than the last one.
    fn with(
        &mut self,
        ours: &Arc<Snapshot>,
        ask: impl FnOnce(&Snapshot) -> Option<Snapshot>,
    ) -> Option<&Snapshot> {
        if self.of.as_ptr() != Arc::as_ptr(ours) {
            self.families = None; // not both at the same time in memory
            self.families = ask(ours);
            self.of = Arc::downgrade(ours);
        }
        self.families.as_ref()
    }
}

/// A page; the coding that it is in; and how long it took if this request was the one that made it.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) bytes: Bytes,
    pub(crate) coding: Coding,
    pub(crate) encoded_in: Option<Duration>,
}

impl Pages {
    /// Pages of the families that `shown` names.
    pub(crate) fn new(shown: Filter) -> Self {
        Self {
            shown,
            ..Self::default()
        }
    }

    /// The page of the source's latest snapshot.
    pub(crate) fn latest(&self, source: &dyn Source, format: Format, coding: Coding) -> Page {
        let snapshot = source.latest();
        // A panic while encoding leaves an encoder that still compares before it trusts, and a page
        // that belongs to nobody: so a poisoned lock is as good as another.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { along, shelves } = &mut *state;
        let along = along.with(&snapshot, |ours| source.along(ours));
        let look = Look::of(format);
        shelves
            .entry(look)
            .or_insert_with(|| Shelf::new(look, self.shown.clone()))
            .get(&snapshot, along, coding)
    }
}

/// What formats have in common that have the same pages: versions of one format differ by what we never write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Look {
    kind: Kind,
    /// The only scheme of escaping that changes names which core accepts.
    dots: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Text,
    OpenMetrics,
    Protobuf,
}

impl Look {
    fn of(format: Format) -> Self {
        let kind = match format.media {
            Media::Text004 | Media::Text100 => Kind::Text,
            Media::OpenMetrics001 | Media::OpenMetrics100 => Kind::OpenMetrics,
            Media::Protobuf => Kind::Protobuf,
        };
        Self {
            kind,
            dots: format.names() == Escaping::Dots,
        }
    }
}

/// The pages of one snapshot in one format.
#[derive(Debug)]
struct Shelf {
    encoder: Encoder,
    /// The same for what others record, and the memory for its page.
    along: Encoder,
    along_page: Vec<u8>,
    /// Whose pages these are. Weak, so that a page doesn't keep a snapshot's values in memory; and while
    /// it is held no other snapshot can get the same address.
    of: Weak<Snapshot>,
    plain: Bytes,
    /// In each coding that was ever asked for: whether it is of this snapshot, and the page.
    coded: Vec<(Coding, bool, Bytes)>,
}

#[derive(Debug)]
enum Encoder {
    Text(text::Encoder),
    OpenMetrics(openmetrics::Encoder),
    /// Boxed: it has a message of its own to be filled again and again.
    Protobuf(Box<protobuf::Encoder>),
}

impl Encoder {
    fn new(look: Look, shown: Filter) -> Self {
        let names = match look.dots {
            true => Escaping::Dots,
            false => Escaping::Underscores,
        };
        match look.kind {
            Kind::Text => Self::Text(text::Encoder::with(names, shown)),
            Kind::OpenMetrics => Self::OpenMetrics(openmetrics::Encoder::with(names, shown)),
            Kind::Protobuf => Self::Protobuf(Box::new(protobuf::Encoder::with(names, shown))),
        }
    }

    fn encode(&mut self, snapshot: &Snapshot, page: &mut Vec<u8>) {
        match self {
            Self::Text(encoder) => encoder.encode(snapshot, page),
            Self::OpenMetrics(encoder) => encoder.encode(snapshot, page),
            Self::Protobuf(encoder) => encoder.encode(snapshot, page),
        }
    }
}

impl Shelf {
    fn new(look: Look, shown: Filter) -> Self {
        Self {
            encoder: Encoder::new(look, shown.clone()),
            along: Encoder::new(look, shown),
            along_page: Vec::new(),
            of: Weak::new(),
            plain: Bytes::new(),
            coded: Vec::new(),
        }
    }

    fn get(&mut self, snapshot: &Arc<Snapshot>, along: Option<&Snapshot>, coding: Coding) -> Page {
        let start = Instant::now();
        let mut made = false;
        if self.of.as_ptr() != Arc::as_ptr(snapshot) {
            self.of = Weak::new();
            let mut buffer = reclaim(std::mem::take(&mut self.plain));
            self.encoder.encode(snapshot, &mut buffer);
            if let Some(along) = along {
                self.append(along, &mut buffer);
            }
            self.plain = Bytes::from(buffer);
            self.of = Arc::downgrade(snapshot);
            self.coded
                .iter_mut()
                .for_each(|(_, current, _)| *current = false);
            made = true;
        }
        let coded = (coding != Coding::Identity).then(|| self.coded(coding, &mut made));
        let (bytes, coding) = match coded.flatten() {
            Some(bytes) => (bytes, coding),
            None => (self.plain.clone(), Coding::Identity),
        };
        Page {
            bytes,
            coding,
            encoded_in: made.then(|| start.elapsed()),
        }
    }

    /// Puts what others record behind ours. Two pages of a format make one, but for what ends an OpenMetrics page.
    fn append(&mut self, along: &Snapshot, page: &mut Vec<u8>) {
        self.along.encode(along, &mut self.along_page);
        let end = match self.encoder {
            Encoder::OpenMetrics(_) => openmetrics::END.len(),
            Encoder::Text(_) | Encoder::Protobuf(_) => 0,
        };
        page.truncate(page.len() - end);
        page.extend_from_slice(&self.along_page);
    }

    /// The page in a coding, and whether that was `made` now; `None` if the library could not.
    fn coded(&mut self, coding: Coding, made: &mut bool) -> Option<Bytes> {
        let at = self.coded.iter().position(|(c, ..)| *c == coding);
        let (_, current, mut bytes) = match at {
            Some(at) => self.coded.swap_remove(at),
            None => (coding, false, Bytes::new()),
        };
        if !current {
            let mut buffer = reclaim(bytes);
            compress(coding, &self.plain, &mut buffer).ok()?;
            bytes = Bytes::from(buffer);
            *made = true;
        }
        self.coded.push((coding, true, bytes.clone()));
        Some(bytes)
    }
}

/// The memory of the last page, unless a reader still holds it.
fn reclaim(page: Bytes) -> Vec<u8> {
    match page.try_into_mut() {
        Ok(mut memory) => {
            memory.clear(); // here, not on the `Bytes`: cleared, that would let go of its memory
            memory.into()
        }
        Err(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use media_metrics_core::desc::Desc;
    use media_metrics_core::snapshot::Builder;

    impl Pages {
        /// The page of a snapshot that nothing is along with.
        fn get(&self, snapshot: &Arc<Snapshot>, format: Format, coding: Coding) -> Page {
            let snapshot = Arc::clone(snapshot);
            self.latest(&move || Arc::clone(&snapshot), format, coding)
        }
    }

    fn snapshot(total: u64) -> Arc<Snapshot> {
        let desc = Desc::counter("a_total", "A.");
        Arc::new(Builder::new().counter(&desc, &[(&[], total)]).build())
    }

    /// Prometheus text, uncompressed.
    fn plain(pages: &Pages, snapshot: &Arc<Snapshot>) -> Page {
        pages.get(snapshot, Format::DEFAULT, Coding::Identity)
    }

    fn format(accept: &str) -> Format {
        Format::accepted([accept].into_iter())
    }

    #[test]
    fn one_snapshot_is_encoded_once() {
        let pages = Pages::default();
        let snapshot = snapshot(1);
        let first = plain(&pages, &snapshot);
        let second = plain(&pages, &snapshot);
        assert!(first.encoded_in.is_some() && second.encoded_in.is_none());
        assert_eq!(first.bytes.as_ptr(), second.bytes.as_ptr(), "shared");
        assert!(first.bytes.ends_with(b"\na_total 1\n"));
    }

    #[test]
    fn each_format_is_encoded_once_and_versions_share() {
        let pages = Pages::default();
        let snapshot = snapshot(1);
        let asked = [
            ("text/plain", true),
            ("application/openmetrics-text", true),
            ("application/vnd.google.protobuf", true),
            ("text/plain;version=1.0.0;escaping=dots", true),
            ("text/plain;version=1.0.0;escaping=allow-utf-8", false),
            ("application/openmetrics-text;version=0.0.1", false),
            ("text/plain;version=0.0.4;escaping=dots", false),
            ("application/vnd.google.protobuf", false),
        ];
        for (accept, made) in asked {
            let page = pages.get(&snapshot, format(accept), Coding::Identity);
            assert_eq!(page.encoded_in.is_some(), made, "{accept}");
        }
        let dots = format("text/plain;escaping=dots");
        let page = pages.get(&snapshot, dots, Coding::Identity);
        assert!(page.bytes.ends_with(b"\na__total 1\n"));
    }

    /// What is in a page.
    #[cfg(any(feature = "gzip", feature = "zstd"))]
    fn read(page: &Page) -> String {
        let mut text = String::new();
        match page.coding {
            Coding::Identity => panic!("not compressed"),
            #[cfg(feature = "gzip")]
            Coding::Gzip => {
                use std::io::Read as _;
                let mut decoder = flate2::read::GzDecoder::new(&*page.bytes);
                decoder.read_to_string(&mut text).unwrap();
            }
            #[cfg(feature = "zstd")]
            Coding::Zstd => {
                let bytes = zstd::decode_all(&*page.bytes).unwrap();
                text.push_str(std::str::from_utf8(&bytes).unwrap());
            }
        }
        text
    }

    #[cfg(any(feature = "gzip", feature = "zstd"))]
    #[test]
    fn a_compressed_page_is_made_once_for_each_snapshot_and_coding() {
        let pages = Pages::default();
        for total in 1..4 {
            let snapshot = snapshot(total);
            for name in ["gzip", "zstd"] {
                let coding = Coding::accepted([name].into_iter());
                if coding == Coding::Identity {
                    continue; // this build has no such feature
                }
                let first = pages.get(&snapshot, Format::DEFAULT, coding);
                assert!(first.encoded_in.is_some() && first.coding == coding);
                assert!(
                    plain(&pages, &snapshot).encoded_in.is_none(),
                    "it was needed"
                );
                let second = pages.get(&snapshot, Format::DEFAULT, coding);
                assert!(second.encoded_in.is_none());
                assert_eq!(first.bytes.as_ptr(), second.bytes.as_ptr(), "shared");
                assert!(read(&first).ends_with(&format!("\na_total {total}\n")));
            }
        }
    }

    #[test]
    fn another_snapshot_gets_its_own_page_and_the_old_reader_keeps_his() {
        let pages = Pages::default();
        let old = plain(&pages, &snapshot(1)).bytes;
        // The first snapshot is gone by now: its address is free, its page must not come back.
        for total in 2..50 {
            let page = plain(&pages, &snapshot(total)).bytes;
            assert!(page.ends_with(format!("\na_total {total}\n").as_bytes()));
        }
        assert!(old.ends_with(b"\na_total 1\n"));
    }

    #[test]
    fn a_page_does_not_keep_its_snapshot() {
        let pages = Pages::default();
        let snapshot = snapshot(1);
        let page = plain(&pages, &snapshot);
        assert_eq!(Arc::strong_count(&snapshot), 1);
        drop(page);
    }

    #[test]
    fn memory_of_a_page_that_nobody_reads_is_used_again() {
        let page = Bytes::from(Vec::with_capacity(1_000));
        let reader = page.clone();
        assert_eq!(reclaim(page).capacity(), 0, "somebody reads it");
        assert!(reclaim(reader).capacity() >= 1_000);
        let full = Bytes::from(vec![1; 1_000]); // kept in another way than one with room to spare
        let buffer = reclaim(full);
        assert!(buffer.is_empty() && buffer.capacity() >= 1_000);
    }
}
