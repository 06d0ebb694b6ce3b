//! A batch as requests, and what their answers mean.
//!
//! Lives here: where a request ends and the next begins, which version is spoken, what is counted as written. Not here:
//! the messages (`v1`, `v2`), retries (the sender).
//!
//! # Order
//! A batch's first requests tell of series that ended, with the batch's own time, which is later than that of any sample
//! they had; then come the values. One request is under way at a time, so samples of a series arrive in order.
//!
//! # Versions
//! A receiver that refuses 2.0 with 415, or takes it without saying what it wrote (a 1.0 receiver that reads 2.0 as an empty
//! request), gets the same request again as 1.0, and 1.0 from then on. So does one that answers 400 before it ever took 2.0;
//! if it does not take 1.0 either, it was not the version. After [`BACK_AFTER`] 2.0 is tried again: receivers get upgraded.

use std::time::{Duration, Instant};

use snap::raw::{Encoder, max_compress_len};

use super::batch::{Batch, FamilyValues, STALE};
use super::series::{Point, Series, stale_native};
use super::told::{Ended, Ends};
use super::{RequestLimits, Version, v1, v2};
use crate::push::client::Answer;
use crate::push::telemetry::Telemetry;
use crate::push::{self, Request, Verdict};

/// How long 1.0 is spoken with a receiver that did not know 2.0.
const BACK_AFTER: Duration = Duration::from_secs(3_600);

/// What headers of a 2.0 receiver say that it wrote.
const WRITTEN: [&str; 3] = [
    "x-prometheus-remote-write-samples-written",
    "x-prometheus-remote-write-histograms-written",
    "x-prometheus-remote-write-exemplars-written",
];

pub(super) struct Protocol {
    wanted: Version,
    limits: RequestLimits,
    tells_end: bool,
    telemetry: Telemetry,
    /// The batch that is being sent, or was sent last.
    batch: Batch,
    ended: Ends,
    /// Where the next request begins.
    next: Cursor,
    /// The request that is under way.
    sent: Sent,
    /// When 2.0 was given up.
    fell_back: Option<Instant>,
    /// Whether the receiver knows 2.0.
    knows_v2: bool,
    /// Whether the receiver took 1.0 since 2.0 was given up.
    knows_v1: bool,
    v1: v1::Message,
    v2: v2::Message,
    snappy: Encoder,
}

/// A place among a batch's series.
#[derive(Clone, Copy, Debug, Default)]
struct Cursor {
    family: usize,
    series: usize,
}

/// What a request holds.
#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    version: Version,
    /// Series that ended: their samples or histograms are counted below, too.
    ended: usize,
    samples: u64,
    histograms: u64,
    /// Where the one after it begins.
    end: Cursor,
}

impl Protocol {
    pub(super) fn new(
        wanted: Version,
        limits: RequestLimits,
        tells_end: bool,
        telemetry: Telemetry,
    ) -> Self {
        Self {
            wanted,
            limits,
            tells_end,
            telemetry,
            batch: Batch::default(),
            ended: Ends::default(),
            next: Cursor::default(),
            sent: Sent::default(),
            fell_back: None,
            knows_v2: false,
            knows_v1: false,
            v1: v1::Message::default(),
            v2: v2::Message::default(),
            snappy: Encoder::new(),
        }
    }

    const fn version(&self) -> Version {
        match self.fell_back {
            Some(_) => Version::V1,
            None => self.wanted,
        }
    }

    /// Fills the message of a version; what it holds, or nothing if there is nothing left.
    fn fill(&mut self) -> Option<Sent> {
        let version = self.version();
        let (v1, v2) = (&mut self.v1, &mut self.v2);
        v1.clear();
        v2.clear();
        let limits = self.limits;
        let mut sent = Sent {
            version,
            end: self.next,
            ..Sent::default()
        };
        let mut push = |series: &Series<'_>, sent: &mut Sent| {
            let len = match version {
                Version::V1 => {
                    v1.push(series);
                    v1.len()
                }
                Version::V2 => {
                    v2.push(series);
                    v2.len()
                }
            };
            match series.point {
                Point::Number(_) => sent.samples += 1,
                Point::Native(_) => sent.histograms += 1,
            }
            sent.samples + sent.histograms < limits.samples && len < limits.bytes
        };
        let time_ms = self.batch.time_ms;
        let stale = stale_native();
        for at in 0..self.ended.len() {
            let Some(ended) = self.ended.get(at) else {
                break;
            };
            let point = match ended.is_native {
                true => Point::Native(&stale),
                false => Point::Number(f64::from_bits(STALE)),
            };
            sent.ended += 1;
            if !push(&of_ended(ended, point, time_ms), &mut sent) {
                return Some(sent);
            }
        }
        'full: while let Some(family) = self.batch.families.get(sent.end.family) {
            while sent.end.series < family.plan.len() {
                let at = sent.end.series;
                sent.end.series += 1;
                if let Some(series) = of_value(family, at, time_ms)
                    && !push(&series, &mut sent)
                {
                    break 'full;
                }
            }
            sent.end = Cursor {
                family: sent.end.family + 1,
                series: 0,
            };
        }
        (sent.samples + sent.histograms > 0).then_some(sent)
    }

    /// What of the request the receiver did not write, by its own account. Of an account that claims more than was
    /// sent, all was written.
    fn unwritten(&self, answer: &Answer) -> u64 {
        let [samples, histograms, _] = WRITTEN.map(|name| count(answer, name).unwrap_or(0));
        let missing = self.sent.samples.saturating_sub(samples);
        missing + self.sent.histograms.saturating_sub(histograms)
    }

    fn fall_back(&mut self) -> Verdict {
        self.fell_back = Some(Instant::now());
        self.knows_v1 = false;
        Verdict::Again
    }

    /// What a refusal of 1.0 says of the versions.
    const fn refused_v1(&mut self, status: u16) {
        if !self.knows_v1 {
            self.fell_back = None;
            self.knows_v2 |= status == 415;
        }
    }
}

/// The number in a header; none, if it is missing or no number.
fn count(answer: &Answer, name: &str) -> Option<u64> {
    answer.headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

impl push::Protocol for Protocol {
    type Batch = Batch;

    fn begin(&mut self, batch: Batch) {
        let over = self.ended.compare(&self.batch, &batch);
        self.telemetry.markers_dropped(over);
        self.batch = batch;
        self.next = Cursor::default();
        if self.fell_back.is_some_and(|at| at.elapsed() >= BACK_AFTER) {
            self.fell_back = None;
            self.knows_v2 = false;
        }
    }

    fn encode(&mut self, body: &mut Vec<u8>) -> Option<Request> {
        self.sent = self.fill()?;
        let message = match self.sent.version {
            Version::V1 => self.v1.finish(),
            Version::V2 => self.v2.finish(),
        };
        body.resize(max_compress_len(message.len()), 0);
        // It fails for messages of 4 GiB only, which the limits do not let come up.
        let len = self.snappy.compress(message, body).unwrap_or(0);
        body.truncate(len);
        Some(Request {
            headers: match self.sent.version {
                Version::V1 => v1::HEADERS,
                Version::V2 => v2::HEADERS,
            },
            samples: self.sent.samples + self.sent.histograms,
        })
    }

    fn judge(&mut self, answer: &Answer) -> Verdict {
        let is_v2 = self.sent.version == Version::V2;
        let says = || {
            WRITTEN
                .iter()
                .any(|&name| answer.headers.contains_key(name))
        };
        match answer.status {
            200..300 if is_v2 && !says() => self.fall_back(),
            200..300 => {
                self.knows_v2 |= is_v2;
                self.knows_v1 |= !is_v2;
                let unwritten = if is_v2 { self.unwritten(answer) } else { 0 };
                Verdict::Accepted { unwritten }
            }
            429 | 500..600 => Verdict::Retry,
            415 if is_v2 => self.fall_back(),
            400 if is_v2 && !self.knows_v2 && !says() => self.fall_back(),
            _ if is_v2 => Verdict::Refused {
                unwritten: self.unwritten(answer),
            },
            status => {
                self.refused_v1(status);
                let unwritten = self.sent.samples + self.sent.histograms;
                Verdict::Refused { unwritten }
            }
        }
    }

    fn advance(&mut self) {
        self.ended.told(self.sent.ended);
        self.next = self.sent.end;
    }

    fn farewell(&mut self) -> Option<Batch> {
        // One millisecond later: two samples of one time are one too many.
        let end = Batch::end(self.batch.time_ms.saturating_add(1));
        self.tells_end.then_some(end)
    }
}

fn of_ended<'a>(ended: &'a Ended, point: Point<'a>, time_ms: i64) -> Series<'a> {
    Series {
        labels: &ended.labels,
        texts: &ended.texts,
        kind: ended.kind,
        help: "",
        unit: "",
        started_ms: 0,
        time_ms,
        point,
        exemplars: &[],
    }
}

/// A series of a batch, if it has a value.
fn of_value(family: &FamilyValues, at: usize, time_ms: i64) -> Option<Series<'_>> {
    let plan = &family.plan;
    let point = match at.checked_sub(plan.numbers()) {
        Some(native) => Point::Native(family.natives.get(native)?.as_ref()?),
        None => {
            let value = family.numbers.get(at).copied();
            Point::Number(value.filter(|v| v.to_bits() != STALE)?)
        }
    };
    let first = family.exemplars.partition_point(|(of, _)| *of < at);
    let last = family.exemplars.partition_point(|(of, _)| *of <= at);
    Some(Series {
        labels: plan.labels(at),
        texts: plan.texts(),
        kind: plan.kind,
        help: plan.help(),
        unit: plan.unit(),
        started_ms: plan.started(at),
        time_ms,
        point,
        exemplars: family.exemplars.get(first..last).unwrap_or_default(),
    })
}
