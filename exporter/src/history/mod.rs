//! The flight recorder: the last minutes, interval by interval, in bounded memory.
//!
//! | file | lives there |
//! |---|---|
//! | `frame` | one interval, packed |
//! | `ring` | the last intervals, both bounds, who the series are |
//! | `recorder` | from a snapshot, and the one before, to an interval |
//! | `query` | what may be asked, and what is wrong with a question |
//! | `view` | intervals and series that were asked for, joined to steps |
//! | `json` | steps as JSON |
//! | `log` | steps as an interval log of HdrHistogram |
//! | `dump` | interval logs on disk |
//! | `telemetry` | what the recorder says of itself |
//!
//! Not here: HTTP, signals, what the last snapshot says (`format`).
//!
//! # What is kept
//! Of a counter by how much it grew, of a gauge its level, of a histogram the buckets that grew, at full resolution, and
//! by how much. What did not change, levels apart, takes no memory.
//!
//! # Time
//! Intervals are as long as the monotonic clock says, and are placed backwards from the wall clock at the last one's
//! end: a clock that is set moves them all, and never leaves a gap, an overlap or a wrong rate.

mod dump;
mod frame;
mod json;
mod log;
mod query;
mod recorder;
mod ring;
mod telemetry;
mod view;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use media_metrics_core::{RegisterError, Registry, Sink, Snapshot};

pub use self::dump::{DumpError, Dumped, Dumps};
pub use self::log::{LogError, LogSummary};
pub use self::query::{Format, Query};
use self::recorder::Recorder;
use self::ring::Ring;
use self::telemetry::Telemetry;
use self::view::View;
use crate::format::Filter;
pub use crate::parameters::BadQuery;

/// How far back the flight recorder goes, and what it may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryOptions {
    /// Time after which an interval is dropped. Default: 10 minutes.
    pub span: Duration,
    /// Shortest interval: snapshots that come sooner are joined. Default: 1 s.
    pub resolution: Duration,
    /// Memory for intervals, and names and labels of their series, in bytes: when it is full, the oldest intervals go.
    /// One more snapshot, which the next is compared with, comes on top. Default: 32 MiB.
    pub max_bytes: usize,
}

impl Default for HistoryOptions {
    fn default() -> Self {
        Self {
            span: Duration::from_secs(600),
            resolution: Duration::from_secs(1),
            max_bytes: 32 << 20,
        }
    }
}

/// The flight recorder of a registry. Cheap to clone: all clones are one.
///
/// - **Cost**: runs on a sink's thread; a tick is a look at each value, and one allocation for what is kept. Recording
///   threads, merges and scrapes do not notice it. Who asks holds up the sink for as long as it takes to copy a list
///   of intervals.
/// - **Memory**: [`HistoryOptions::max_bytes`], and one snapshot. `media_metrics_history_bytes` tells.
///
/// ```
/// use media_metrics_core::{Desc, Registry, Reporter};
/// use media_metrics_exporter::history::{History, Query};
///
/// let registry = Registry::new()?;
/// let history = History::new(&registry, Default::default())?;
/// let reporter = Reporter::builder(&registry).sink("history", 4, history.sink()).start()?;
/// // … and whenever somebody asks:
/// let query = Query::parse("family=jobs_total&since=60s")?;
/// let told = history.json(&query);
/// # assert!(told.is_err(), "nothing is recorded yet: there is no such family");
/// # drop(reporter);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct History {
    shared: Arc<Shared>,
}

struct Shared {
    options: HistoryOptions,
    state: Mutex<State>,
    telemetry: Telemetry,
}

#[derive(Debug)]
struct State {
    ring: Ring,
    recorder: Recorder,
    /// When the last interval ended, on both clocks; `None` before the first snapshot.
    last: Option<(Instant, SystemTime)>,
    /// Where the recorder's own time line begins.
    begun: Option<Instant>,
}

impl History {
    /// A flight recorder that reports on itself in `registry`.
    ///
    /// # Errors
    /// The registry has no room for its families.
    pub fn new(registry: &Registry, options: HistoryOptions) -> Result<Self, RegisterError> {
        let telemetry = Telemetry::new(registry)?;
        let state = State {
            ring: Ring::new(options.span, options.max_bytes),
            recorder: Recorder::default(),
            last: None,
            begun: None,
        };
        let state = Mutex::new(state);
        let shared = Arc::new(Shared {
            options,
            state,
            telemetry,
        });
        Ok(Self { shared })
    }

    /// What feeds it: for a reporter of the same registry. After a restart of the reporter another one goes on where
    /// the first ended.
    #[must_use]
    pub fn sink(&self) -> impl Sink + use<> {
        let history = self.clone();
        move |snapshot: &Arc<Snapshot>| history.record(snapshot, Instant::now())
    }

    /// Takes a snapshot that was handed over at `now`: what [`sink`](Self::sink) does.
    ///
    /// The time since the snapshot before is the snapshot's own; if some in between were missed, it is `now` that
    /// counts. A snapshot that came before is passed over, and one from another registry begins anew.
    pub fn record(&self, snapshot: &Arc<Snapshot>, now: Instant) {
        let state = self.state();
        let sequence = snapshot.sequence();
        let before = state.recorder.sequence();
        if before == Some(sequence) {
            return;
        }
        let at = match state.last {
            Some((last, _)) if before.is_some_and(|before| before + 1 == sequence) => {
                last.checked_add(snapshot.interval()).unwrap_or(now)
            }
            Some((last, _)) => now.max(last),
            None => now,
        };
        drop(state);
        self.record_at(snapshot, at, snapshot.time());
    }

    /// The same with both clocks told: the interval ends at `at`, which is `wall` for people.
    pub fn record_at(&self, snapshot: &Arc<Snapshot>, at: Instant, wall: SystemTime) {
        let mut state = self.state();
        let State {
            ring,
            recorder,
            last,
            begun,
        } = &mut *state;
        let begun = *begun.get_or_insert(at);
        let before = recorder.sequence();
        match *last {
            Some((then, _)) if before.is_some_and(|before| before < snapshot.sequence()) => {
                let length = at.saturating_duration_since(then);
                // A tick may be a little early: nine tenths are an interval.
                if length < self.shared.options.resolution.mul_f64(0.9) {
                    return;
                }
                let records = recorder.interval(snapshot, ring);
                ring.push(at.saturating_duration_since(begun), length, records);
            }
            _ => recorder.begin(snapshot, ring),
        }
        *last = Some((at, wall));
        self.shared.telemetry.tell(ring, recorder);
    }

    /// Answers a question as JSON.
    ///
    /// - **Size**: at most a quarter of a million figures (some MB); series that find no room are counted in
    ///   `series_left_out`.
    ///
    /// # Errors
    /// The family asked for is not there.
    pub fn json(&self, query: &Query) -> Result<Vec<u8>, BadQuery> {
        self.json_of(&Filter::ALL, query)
    }

    /// The same of families that `shown` names: of others it is as if they were not there.
    pub(crate) fn json_of(&self, shown: &Filter, query: &Query) -> Result<Vec<u8>, BadQuery> {
        let view = self.view(shown, query)?;
        Ok(json::answer(&view, query))
    }

    /// Answers a question as an interval log of HdrHistogram (version 2, deflated): one line for each histogram series
    /// and step in which something was recorded, tagged `family;label=value;…`, with all characters but letters,
    /// digits and `_.:-` of names and values as `%XX`. Values are in the *recorded* unit (nanoseconds for most times): a
    /// comment says for each family how many make one exposed unit.
    ///
    /// # Errors
    /// The family asked for is not there, or `out` failed.
    pub fn log(
        &self,
        query: &Query,
        out: &mut impl std::io::Write,
    ) -> Result<LogSummary, LogError> {
        self.log_of(&Filter::ALL, query, out)
    }

    /// The same of families that `shown` names.
    pub(crate) fn log_of(
        &self,
        shown: &Filter,
        query: &Query,
        out: &mut impl std::io::Write,
    ) -> Result<LogSummary, LogError> {
        let view = self.view(shown, query).map_err(LogError::Query)?;
        log::write(&view, query, out).map_err(LogError::Io)
    }

    fn view(&self, shown: &Filter, query: &Query) -> Result<View, BadQuery> {
        let state = self.state();
        let (last, wall) = state.last.unzip();
        let begun = state.begun.zip(last);
        let end = begun.map_or(Duration::ZERO, |(begun, last)| {
            last.saturating_duration_since(begun)
        });
        let wall = wall.unwrap_or(SystemTime::UNIX_EPOCH);
        let kept = state.ring.share();
        // Whom `shown` asks is the host's business; and it takes its time, as sorting does.
        drop(state);
        let resolution = self.shared.options.resolution;
        View::new(kept, shown, query, (end, wall), resolution)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing here panics; if it did, what was kept would still be whole intervals.
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn telemetry(&self) -> &Telemetry {
        &self.shared.telemetry
    }
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("History")
            .field("options", &self.shared.options)
            .finish_non_exhaustive()
    }
}
