//! OpenMetrics 2.0, as of its release candidate.
//!
//! Lives here: the public encoder. `plan` is the fixed bytes between the numbers, `composite` a histogram's value. Not
//! here: who gets this format, which hosts must allow (`negotiate`).

mod composite;
mod plan;

use media_metrics_core::snapshot::Snapshot;

use self::composite::Scratch;
use self::plan::Lines;
use super::memory::Memory;
use super::openmetrics::END;
use super::{Escaping, Filter, Settings};

/// The `Content-Type` of a page.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=2.0.0; charset=utf-8";

/// Encodes snapshots as OpenMetrics 2.0, and remembers what doesn't change between them.
///
/// Experimental, as the standard is: this is `2.0.0-rc0`, and what comes out changes with it.
///
/// Names are as they are, in quotes where they need them. A histogram is one line: its count and sum, native buckets
/// (unless the family says [otherwise](media_metrics_core::Desc::classic_only)) of the family's schema, at most
/// [`MAX_NATIVE_BUCKETS`](crate::protobuf::MAX_NATIVE_BUCKETS), and classic ones. Counters and histograms tell when
/// they began (`st@`), never later than the snapshot; histograms have exemplars. A gauge whose name ends in `_info` and
/// whose values are all 1 is an `info`.
///
/// - **Cost**: as [`protobuf::Encoder`](crate::protobuf::Encoder)'s. No allocation once every series has been seen and
///   `page` is as large as the text.
/// - **Errors, panics**: none.
///
/// ```
/// use media_metrics_core::{desc::Desc, snapshot::Builder};
/// use media_metrics_exporter::openmetrics_2::Encoder;
///
/// let wait = Desc::histogram("wait_seconds", "Wait.", &[0.5, 1.0]).native(0).labels(&["q"]);
/// let snapshot = Builder::new().histogram(&wait, &[(&["a"], &[0, 1, 1, 3])]).build();
///
/// let mut page = Vec::new();
/// Encoder::new().encode(&snapshot, &mut page);
/// let text = String::from_utf8(page)?;
/// let lines: Vec<&str> = text.lines().collect();
/// assert_eq!(lines[..2], ["# TYPE wait_seconds histogram", "# HELP wait_seconds Wait."]);
/// let (sample, start) = lines[2].split_once(" st@").unwrap_or_default();
/// assert_eq!(
///     sample,
///     "wait_seconds{q=\"a\"} {count:4,sum:5,schema:0,zero_threshold:2.938735877055719e-39,zero_count:1,\
///      positive_spans:[0:3],positive_buckets:[2,0,1],bucket:[0.5:1,1.0:3,+Inf:4]}"
/// );
/// assert!(start.parse::<f64>().is_ok());
/// assert_eq!(lines[3..], ["# EOF"]);
/// # Ok::<(), std::string::FromUtf8Error>(())
/// ```
#[derive(Debug)]
pub struct Encoder {
    memory: Memory<Lines>,
    scratch: Scratch,
}

impl Encoder {
    /// An encoder that has seen nothing yet, and shows every family.
    #[must_use]
    pub fn new() -> Self {
        Self::with(Settings {
            names: Escaping::AllowUtf8,
            ..Settings::DEFAULT
        })
    }

    /// The same, but families whose name `shown` says no to are left out. It is asked once for each family, and
    /// again when series came or went.
    #[must_use]
    pub fn only(shown: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self::with(Settings {
            shown: Filter::new(shown),
            ..Self::new().memory.into_settings()
        })
    }

    /// The same with names that not every reader knows written in this way; by default as they are.
    #[must_use]
    pub fn names(self, names: Escaping) -> Self {
        Self::with(Settings {
            names,
            ..self.memory.into_settings()
        })
    }

    pub(crate) fn with(settings: Settings) -> Self {
        Self {
            memory: Memory::new(settings),
            scratch: Scratch::default(),
        }
    }

    /// How many families of the last snapshot were left out because their names, once escaped, are those of others'
    /// samples; see [`Desc::utf8_names`](media_metrics_core::Desc::utf8_names).
    #[must_use]
    pub const fn left_out(&self) -> usize {
        self.memory.left_out()
    }

    /// Writes the page of `snapshot` into `page`, in place of what was there; its capacity is kept.
    pub fn encode(&mut self, snapshot: &Snapshot, page: &mut Vec<u8>) {
        self.memory.follow(
            snapshot,
            |_, on_page, _| on_page,
            |plan, &on_page| plan.is_on_page() == on_page,
            Lines::new,
        );
        page.clear();
        page.reserve(self.memory.plans().map(Lines::max_bytes).sum::<usize>() + END.len());
        for (plan, family) in self.memory.plans().zip(snapshot.families()) {
            plan.write(family.values(), snapshot.time(), &mut self.scratch, page);
        }
        page.extend_from_slice(END);
    }
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}
