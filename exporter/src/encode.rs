//! One encoding of each snapshot in each format and coding, shared by all who ask for it.
//!
//! Lives here: encoding when a snapshot is asked for first, keeping the page until another snapshot is
//! asked for, reusing its memory; what others record, behind ours. Not here: the formats themselves (`format`),
//! compressing (`compress`), who asks (`http`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use media_metrics_core::snapshot::Snapshot;

use crate::compress::{Effort, compress};
use crate::format::negotiate::{Coding, Escaping, Format, Media};
use crate::format::{Filter, Settings, openmetrics, openmetrics_2, protobuf, text};
use crate::source::Source;

/// The encoders and the pages that they made last.
///
/// - **Cost**: the first request for a snapshot in a format encodes, the first in a coding compresses; every other
///   one clones a reference-counted pointer. Requests that come while it encodes wait for it: most want the same
///   page.
/// - **Memory**: one page for each format and coding that was ever asked for, and one more for each older snapshot
///   that a slow reader still holds; and each format's fixed bytes. A page of some families only is made for its
///   request, and gone with it.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    settings: Settings,
    openmetrics_2: bool,
    shelves: Mutex<Shelves>,
}

#[derive(Debug, Default)]
struct Shelves {
    along: Along,
    /// Whether a snapshot, the last one that this was asked of, may have names that not every reader knows.
    utf8: (Weak<Snapshot>, bool),
    by_look: BTreeMap<Look, Shelf>,
}

/// What others record, as it was when a snapshot was first scraped.
#[derive(Debug, Default)]
struct Along {
    /// Which snapshot that is; weak for the reasons of [`Shelf::of`].
    of: Weak<Snapshot>,
    families: Option<Arc<Snapshot>>,
}

impl Along {
    /// Along with `ours`; `ask` is called if that is another snapshot than the last one.
    fn with(
        &mut self,
        ours: &Arc<Snapshot>,
        ask: impl FnOnce(&Snapshot) -> Option<Snapshot>,
    ) -> Option<Arc<Snapshot>> {
        if self.of.as_ptr() != Arc::as_ptr(ours) {
            self.families = None; // not both at the same time in memory
            self.families = ask(ours).map(Arc::new);
            self.of = Arc::downgrade(ours);
        }
        self.families.clone()
    }
}

/// A page; the coding that it is in; and how it was made, if this request was the one that made it.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) bytes: Bytes,
    pub(crate) coding: Coding,
    pub(crate) encoded_in: Option<Duration>,
    /// Families that it could not show, as far as they were not counted with an earlier page.
    pub(crate) left_out: usize,
}

impl Pages {
    /// Pages of the families that `shown` names.
    pub(crate) fn new(shown: Filter) -> Self {
        Self {
            settings: Settings {
                shown,
                ..Settings::DEFAULT
            },
            ..Self::default()
        }
    }

    /// The same, with OpenMetrics 2.0 for who names it.
    pub(crate) fn with_openmetrics_2(self, offered: bool) -> Self {
        Self {
            openmetrics_2: offered,
            ..self
        }
    }

    /// The same, where OpenMetrics 1.0 also tells when series began.
    pub(crate) fn with_created(mut self, told: bool) -> Self {
        self.settings.created = told;
        self
    }

    /// The format that these `Accept` fields like best.
    pub(crate) fn format<'a>(&self, fields: impl Iterator<Item = &'a str>) -> Format {
        Format::accepted(fields, self.openmetrics_2)
    }

    /// The page of the source's latest snapshot.
    pub(crate) fn latest(&self, source: &dyn Source, format: Format, coding: Coding) -> Page {
        let snapshot = source.latest();
        let mut shelves = self.shelves();
        let along = shelves.along.with(&snapshot, |ours| source.along(ours));
        let utf8 = shelves.is_utf8(&snapshot) || along.as_deref().is_some_and(is_utf8);
        let look = Look::of(format, utf8);
        let new = || Shelf::new(look, &self.settings);
        let shelf = shelves.by_look.entry(look).or_insert_with(new);
        shelf.get(&snapshot, along.as_deref(), coding)
    }

    /// The page of those families of the source's latest snapshot that are called one of `names`, or have a sample of such a name.
    ///
    /// - **Cost**: looks at every family's name, encodes those wanted, and compresses; nobody waits for it.
    pub(crate) fn latest_named<'a>(
        &self,
        source: &dyn Source,
        format: Format,
        coding: Coding,
        names: impl Iterator<Item = &'a str> + Clone,
    ) -> Page {
        let settings = Settings {
            shown: self.settings.shown.only(names),
            ..self.settings.clone()
        };
        let snapshot = source.latest();
        // Of the lock only that much.
        let along = self
            .shelves()
            .along
            .with(&snapshot, |ours| source.along(ours));
        Shelf::new(Look::of(format, true), &settings).get(&snapshot, along.as_deref(), coding)
    }

    /// A panic while encoding leaves an encoder that still compares before it trusts, and a page that belongs to
    /// nobody: so a poisoned lock is as good as another.
    fn shelves(&self) -> MutexGuard<'_, Shelves> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelves {
    fn is_utf8(&mut self, snapshot: &Arc<Snapshot>) -> bool {
        if self.utf8.0.as_ptr() != Arc::as_ptr(snapshot) {
            self.utf8 = (Arc::downgrade(snapshot), is_utf8(snapshot));
        }
        self.utf8.1
    }
}

/// Whether it may have names that not every reader knows.
fn is_utf8(snapshot: &Snapshot) -> bool {
    let mut families = snapshot.families().iter();
    families.any(|family| family.schema().desc().has_utf8_names())
}

/// What formats have in common that have the same pages: versions of one format differ by what we never write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Look {
    kind: Kind,
    names: Escaping,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Text,
    OpenMetrics,
    OpenMetrics2,
    Protobuf,
}

impl Look {
    /// The look of a page of which some names may be more than letters, digits and underscores, if `utf8`.
    fn of(format: Format, utf8: bool) -> Self {
        let kind = match format.media {
            Media::Text004 | Media::Text100 => Kind::Text,
            Media::OpenMetrics001 | Media::OpenMetrics100 => Kind::OpenMetrics,
            Media::OpenMetrics200 => Kind::OpenMetrics2,
            Media::Protobuf => Kind::Protobuf,
        };
        let names = match format.names() {
            // The only scheme that changes names which everybody knows.
            names if utf8 || names == Escaping::Dots => names,
            _ => Escaping::Underscores,
        };
        Self { kind, names }
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
    /// Boxed: these have memory of their own to be filled again and again.
    OpenMetrics2(Box<openmetrics_2::Encoder>),
    Protobuf(Box<protobuf::Encoder>),
}

impl Encoder {
    fn new(kind: Kind, settings: Settings) -> Self {
        match kind {
            Kind::Text => Self::Text(text::Encoder::with(settings)),
            Kind::OpenMetrics => Self::OpenMetrics(openmetrics::Encoder::with(settings)),
            Kind::OpenMetrics2 => {
                Self::OpenMetrics2(Box::new(openmetrics_2::Encoder::with(settings)))
            }
            Kind::Protobuf => Self::Protobuf(Box::new(protobuf::Encoder::with(settings))),
        }
    }

    /// What ends a page, and may stand there only.
    const fn end(&self) -> &'static [u8] {
        match self {
            Self::OpenMetrics(_) | Self::OpenMetrics2(_) => openmetrics::END,
            Self::Text(_) | Self::Protobuf(_) => b"",
        }
    }

    fn left_out(&self) -> usize {
        match self {
            Self::Text(encoder) => encoder.left_out(),
            Self::OpenMetrics(encoder) => encoder.left_out(),
            Self::OpenMetrics2(encoder) => encoder.left_out(),
            Self::Protobuf(encoder) => encoder.left_out(),
        }
    }

    fn encode(&mut self, snapshot: &Snapshot, page: &mut Vec<u8>) {
        match self {
            Self::Text(encoder) => encoder.encode(snapshot, page),
            Self::OpenMetrics(encoder) => encoder.encode(snapshot, page),
            Self::OpenMetrics2(encoder) => encoder.encode(snapshot, page),
            Self::Protobuf(encoder) => encoder.encode(snapshot, page),
        }
    }
}

impl Shelf {
    fn new(look: Look, settings: &Settings) -> Self {
        let settings = Settings {
            names: look.names,
            ..settings.clone()
        };
        Self {
            encoder: Encoder::new(look.kind, settings.clone()),
            along: Encoder::new(look.kind, settings),
            along_page: Vec::new(),
            of: Weak::new(),
            plain: Bytes::new(),
            coded: Vec::new(),
        }
    }

    fn get(&mut self, snapshot: &Arc<Snapshot>, along: Option<&Snapshot>, coding: Coding) -> Page {
        let start = Instant::now();
        let (mut made, mut left_out) = (false, 0);
        if self.of.as_ptr() != Arc::as_ptr(snapshot) {
            self.of = Weak::new();
            let mut buffer = reclaim(std::mem::take(&mut self.plain));
            self.encoder.encode(snapshot, &mut buffer);
            left_out = self.encoder.left_out();
            if let Some(along) = along {
                self.append(along, &mut buffer);
                left_out += self.along.left_out();
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
            left_out,
        }
    }

    /// Puts what others record behind ours. Two pages of a format make one, but for what ends it.
    fn append(&mut self, along: &Snapshot, page: &mut Vec<u8>) {
        self.along.encode(along, &mut self.along_page);
        page.truncate(page.len() - self.encoder.end().len());
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
            compress(coding, Effort::Quick, &self.plain, &mut buffer).ok()?;
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
        Format::accepted([accept].into_iter(), true)
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

    #[test]
    fn names_of_others_are_written_as_the_scraper_asked() {
        struct Both(Arc<Snapshot>);
        impl Source for Both {
            fn latest(&self) -> Arc<Snapshot> {
                Arc::clone(&self.0)
            }
            fn along(&self, _: &Snapshot) -> Option<Snapshot> {
                let theirs = Desc::counter("b.total", "B.").utf8_names();
                Some(Builder::new().counter(&theirs, &[(&[], 2)]).build())
            }
        }
        let (pages, source) = (Pages::default(), Both(snapshot(1)));
        let page = |accept| {
            let page = pages.latest(&source, format(accept), Coding::Identity);
            String::from_utf8(page.bytes.to_vec()).unwrap()
        };
        let utf8 = page("text/plain;version=1.0.0;escaping=allow-utf-8");
        assert!(utf8.ends_with("\n{\"b.total\"} 2\n"), "{utf8}");
        assert!(page("text/plain").ends_with("\nb_total 2\n"));
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
