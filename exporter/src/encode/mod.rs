//! One encoding of each snapshot in each format and coding, shared by all who ask for it.
//!
//! Lives here: which pages there are, and what others record, behind ours. In `shelf`: making those of one format. Not
//! here: the formats themselves (`format`), compressing (`compress`), who asks (`http`).

mod shelf;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use media_metrics_core::snapshot::Snapshot;

use self::shelf::{Look, Shelf};
use crate::format::negotiate::{Coding, Format};
use crate::format::{Filter, Settings};
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
    /// Which snapshot that is; weak, so that this doesn't keep it in memory.
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
}
