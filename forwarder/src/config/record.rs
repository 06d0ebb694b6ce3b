//! What is kept and told of the process itself: the flight recorder, and who this is.
//!
//! Lives here: their keys, and what those mean. Not here: files of keys (`file`), the recorder (the exporter's).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use media_metrics_exporter::history::{Dumps, HistoryOptions};
use media_metrics_exporter::{BadAttribute, Target};
use serde::{Deserialize, Serialize};

use super::value::Bounded;

/// The flight recorder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HistoryConfig {
    /// How far back it goes; 0 turns it off.
    pub minutes: Bounded<0, 1_440>,
    /// Most memory for it, in MiB: when it is full, the oldest intervals go.
    pub max_mib: Bounded<1, 65_536>,
    /// Where SIGUSR1 puts interval logs; without it there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dump_dir: Option<PathBuf>,
    /// Most logs there.
    pub keep: Bounded<1, 10_000>,
    /// Most space for them together, in MiB.
    pub dumps_max_mib: Bounded<1, 1_048_576>,
}

impl Default for HistoryConfig {
    fn default() -> Self {
        Self {
            minutes: Bounded::nearest(10),
            max_mib: Bounded::nearest(32),
            dump_dir: None,
            keep: Bounded::nearest(10),
            dumps_max_mib: Bounded::nearest(256),
        }
    }
}

impl HistoryConfig {
    /// What the recorder is told, which takes an interval for each merge; `None` if it is off.
    pub(crate) fn options(&self, interval: Duration) -> Option<HistoryOptions> {
        let minutes = self.minutes.get() as u64;
        (minutes > 0).then(|| HistoryOptions {
            span: Duration::from_secs(minutes * 60),
            resolution: interval.max(Duration::from_secs(1)),
            max_bytes: self.max_mib.get() << 20,
        })
    }

    /// Where dumps go.
    pub(crate) fn dumps(&self) -> Option<Dumps> {
        Some(Dumps {
            folder: self.dump_dir.clone()?,
            keep: self.keep.get(),
            max_bytes: (self.dumps_max_mib.get() as u64) << 20,
        })
    }
}

/// Attributes of `target_info` if none are configured.
pub(super) fn default_target() -> BTreeMap<String, String> {
    [
        ("service.name", "media-metrics"),
        ("service.version", env!("CARGO_PKG_VERSION")),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// What these attributes say.
pub(crate) fn target(attributes: &BTreeMap<String, String>) -> Result<Target, BadAttribute> {
    attributes
        .iter()
        .try_fold(Target::new(), |target, (name, value)| {
            target.attribute(name, value)
        })
}
