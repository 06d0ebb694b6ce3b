//! Every family that the program can export, and the names that queries use for it.
//!
//! Lives here: the union of the catalogs, and the look-up from a series' name to its family. Not here: the catalogs.

use std::sync::LazyLock;

use hashbrown::HashMap;
use media_metrics_core::desc::{Desc, Kind};
use media_metrics_core::{catalog, livekit};

/// Which profile exports a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// `media`: ours.
    Media,
    /// `livekit`: LiveKit's names.
    LiveKit,
}

/// A family.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// What it is.
    pub desc: &'static Desc,
    /// Which profile exports it.
    pub origin: Origin,
}

/// What a series' name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The family's value: of a counter, of a gauge, or of a native histogram.
    Value,
    /// `_bucket` of a histogram: a counter by `le`.
    Bucket,
    /// `_sum` of a histogram.
    Sum,
    /// `_count` of a histogram: a counter.
    Count,
}

/// All of them, in the order of the catalogs.
pub fn all() -> impl Iterator<Item = Family> {
    let ours = catalog::ALL.iter().map(|desc| Family {
        desc,
        origin: Origin::Media,
    });
    let theirs = livekit::families::ALL.iter().map(|family| Family {
        desc: family.desc,
        origin: Origin::LiveKit,
    });
    ours.chain(theirs)
}

/// The family and the part of it that series of this name are.
#[must_use]
pub fn by_series(name: &str) -> Option<(Family, Part)> {
    static SERIES: LazyLock<HashMap<String, (Family, Part)>> = LazyLock::new(|| {
        let mut series = HashMap::new();
        for family in all() {
            let name = family.desc.name();
            series.insert(name.to_owned(), (family, Part::Value));
            if family.desc.kind() == Kind::Histogram {
                for (suffix, part) in [
                    ("_bucket", Part::Bucket),
                    ("_sum", Part::Sum),
                    ("_count", Part::Count),
                ] {
                    series.insert(format!("{name}{suffix}"), (family, part));
                }
            }
        }
        series
    });
    SERIES.get(name).copied()
}
