//! From one snapshot to the next.
//!
//! Lives here: which snapshot was told last, what the next is compared with, and when to look again. Not here: what is
//! told (`moment`), who looks and who listens (`http::events`). The clock is an argument.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use media_metrics_core::snapshot::Snapshot;

use super::moment;
use crate::api::name;
use crate::source::Source;

/// Time between two moments at least: of snapshots that come sooner some are passed over.
const SHORTEST: Duration = Duration::from_millis(200);

/// When to look again for a snapshot that is late.
const AGAIN: Duration = Duration::from_millis(100);

/// When to look again if nobody knows how often there are new ones.
const SOMETIMES: Duration = Duration::from_secs(1);

/// A snapshot takes a moment from its making to its publication.
const GRACE: Duration = Duration::from_millis(10);

/// Moments over one source, one after another.
///
/// - **Memory**: the last snapshot, as long as somebody listens.
#[derive(Debug, Default)]
pub(crate) struct Moments {
    last: Mutex<Option<(Arc<Snapshot>, Instant)>>,
    history: bool,
}

/// What a look at the source brought.
#[derive(Debug)]
pub(crate) struct Look {
    /// The name of the snapshot and what is told of it; `None` if there is nothing new.
    pub(crate) told: Option<(String, Bytes)>,
    /// When to look again.
    pub(crate) wait: Duration,
}

impl Moments {
    /// Of a server that has a flight recorder, or has none.
    pub(crate) fn new(history: bool) -> Self {
        Self {
            last: Mutex::default(),
            history,
        }
    }

    /// Looks at the source.
    pub(crate) fn next(&self, source: &dyn Source, at: Instant, wall: SystemTime) -> Look {
        let mut last = self.last();
        let now = source.latest();
        // Nothing was published yet, or nothing since.
        let same = last
            .as_ref()
            .is_some_and(|(last, _)| Arc::ptr_eq(last, &now));
        if same || now.sequence() == 0 {
            let known = now.period() > Duration::ZERO || now.sequence() == 0;
            let wait = if known { AGAIN } else { SOMETIMES };
            return Look { told: None, wait };
        }
        let before = last.as_ref().and_then(|(before, then)| {
            let seconds = match now.sequence().checked_sub(before.sequence())? {
                0 => return None, // another registry's, or a snapshot made by hand
                1 => now.interval(),
                _ => at.saturating_duration_since(*then),
            };
            let seconds = seconds.as_secs_f64();
            (seconds > 0.0).then_some((&**before, seconds))
        });
        let json = moment::json(source, &now, before, self.history);
        let wait = due(&now, wall);
        let told = Some((name(&now), json));
        *last = Some((now, at));
        Look { told, wait }
    }

    /// Nobody listens any more: the last snapshot is let go.
    pub(crate) fn rest(&self) {
        *self.last() = None;
    }

    /// Whole between any two statements.
    fn last(&self) -> MutexGuard<'_, Option<(Arc<Snapshot>, Instant)>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long it is until the snapshot after this one.
fn due(now: &Snapshot, wall: SystemTime) -> Duration {
    let period = now.period();
    if period.is_zero() {
        return SOMETIMES;
    }
    // Of a clock that was set only this much is believed.
    let age = wall.duration_since(now.time()).unwrap_or_default();
    let left = (period + GRACE).saturating_sub(age);
    left.max(SHORTEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use media_metrics_core::desc::Desc;
    use media_metrics_core::snapshot::Builder;
    use media_metrics_core::{RegisterError, Registry, catalog};
    use serde_json::Value;

    fn json(look: &Look) -> Value {
        serde_json::from_slice(&look.told.as_ref().unwrap().1).unwrap()
    }

    #[test]
    fn each_snapshot_is_told_once_with_what_grew_since() -> Result<(), RegisterError> {
        let registry = Registry::new()?;
        let packets = registry.counter(&catalog::RTP_PACKETS, &["incoming", "audio"])?;
        let bytes = registry.counter(&catalog::RTP_BYTES, &["incoming", "audio"])?;
        let (moments, start, wall) = (Moments::default(), Instant::now(), SystemTime::now());
        let look = |seconds| moments.next(&registry, start + Duration::from_secs(seconds), wall);
        assert!(look(0).told.is_none(), "nothing is published yet");
        packets.add(5);
        registry.collect();
        let first = look(1);
        let told = json(&first);
        assert_eq!(told["received"]["packets_total"], 5.0);
        assert_eq!(told["received"]["packets_per_second"], Value::Null);
        assert_eq!(told["interval_seconds"], Value::Null);
        assert!(look(1).told.is_none(), "told already");
        // A series that is new began with nothing; two merges between two looks are one interval.
        registry
            .counter(&catalog::RTP_PACKETS, &["incoming", "video"])?
            .add(20);
        registry.collect();
        packets.add(10);
        bytes.add(1_000);
        registry.collect();
        let told = json(&look(4));
        assert_eq!(told["sequence"], 3);
        assert_eq!(told["interval_seconds"], 3.0);
        assert_eq!(told["received"]["packets_total"], 35.0);
        assert_eq!(told["received"]["packets_per_second"], 10.0);
        assert_eq!(told["received"]["bits_per_second"], 8_000.0 / 3.0);
        assert_eq!(told["forwarding"], Value::Null, "no such family");
        moments.rest();
        let again = json(&look(5));
        assert_eq!(again["sequence"], 3);
        assert_eq!(again["interval_seconds"], Value::Null);
        Ok(())
    }

    #[test]
    fn what_was_recorded_in_the_interval_alone_is_in_its_figures() -> Result<(), RegisterError> {
        let registry = Registry::new()?;
        let latency = registry.histogram(&catalog::FORWARD_LATENCY, &[])?;
        let (moments, wall) = (Moments::default(), SystemTime::now());
        let look = || moments.next(&registry, Instant::now(), wall);
        latency.record_n(1_000_000_000, 1_000);
        registry.collect();
        look();
        latency.record_n(1_000_000, 3);
        registry.collect();
        let told = json(&look());
        let figures = &told["forwarding"]["latency_seconds"];
        assert_eq!(figures["count"], 3);
        let p999 = figures["p999"].as_f64().unwrap();
        assert!((0.001..0.00101).contains(&p999), "{p999}");
        // 2^(-39/4) s is 1.16 ms, 2^(-40/4) s 0.98 ms.
        assert_eq!(
            told["forwarding"]["latency_buckets"],
            serde_json::json!([[-39, 3]])
        );
        registry.collect();
        assert_eq!(json(&look())["forwarding"]["latency_seconds"], Value::Null);
        Ok(())
    }

    #[test]
    fn the_next_look_is_when_the_next_snapshot_is_due() {
        let counter = Desc::counter("a_total", "A.");
        let by_hand = Arc::new(Builder::new().counter(&counter, &[(&[], 7)]).build());
        let made = by_hand.time();
        let ms = Duration::from_millis;
        for (age, wait) in [(0, 1_010), (600, 410), (990, 200), (5_000, 200)] {
            let moments = Moments::default();
            let source = {
                let s = Arc::clone(&by_hand);
                move || Arc::clone(&s)
            };
            let look = moments.next(&source, Instant::now(), made + ms(age));
            assert!(look.told.is_some());
            assert_eq!(look.wait, ms(wait), "{age}");
            let again = moments.next(&source, Instant::now(), made + ms(age));
            assert_eq!((again.told.is_none(), again.wait), (true, AGAIN));
        }
        let moments = Moments::default();
        let source = move || Arc::clone(&by_hand);
        let set_back = moments.next(&source, Instant::now(), made - ms(60_000));
        assert_eq!(set_back.wait, ms(1_010));
    }
}
