//! What a query's values are, and which of Grafana's units say so.
//!
//! Lives here: the algebra of units. Not here: what a query is made of (`query`).

use media_metrics_core::desc::{Desc, Unit};

/// What is counted or measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Base {
    /// A number: of packets, of streams, a score.
    Number,
    Seconds,
    Milliseconds,
    Microseconds,
    Nanoseconds,
    Bytes,
    Bits,
    /// A share, of 1.
    Ratio,
    /// A share, of 100.
    Percent,
}

/// A base, or so much of it a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dim {
    pub(crate) base: Base,
    pub(crate) per_second: bool,
}

impl Dim {
    pub(crate) const fn of(base: Base) -> Self {
        Self {
            base,
            per_second: false,
        }
    }

    /// What a family's values are: LiveKit's tell by their names.
    pub(crate) fn of_family(desc: &Desc) -> Self {
        let name = desc.name();
        let name = name.strip_suffix("_total").unwrap_or(name);
        let by_name = [
            ("_bytes_per_second", Base::Bytes),
            ("_seconds", Base::Seconds),
            ("_ms", Base::Milliseconds),
            ("_us", Base::Microseconds),
            ("_ns", Base::Nanoseconds),
            ("_bytes", Base::Bytes),
            ("_percent", Base::Percent),
            ("_ratio", Base::Ratio),
            // In nanoseconds, as their help says.
            ("livekit_forward_latency", Base::Nanoseconds),
            ("livekit_forward_jitter", Base::Nanoseconds),
        ];
        let told = by_name.iter().find(|(end, _)| name.ends_with(end));
        let base = match desc.exposed_unit() {
            Unit::Seconds => Base::Seconds,
            Unit::Bytes => Base::Bytes,
            Unit::Ratio => Base::Ratio,
            _ => told.map_or(Base::Number, |(_, base)| *base),
        };
        Self {
            base,
            per_second: name.ends_with("_per_second"),
        }
    }

    pub(crate) const fn rate(self) -> Self {
        Self {
            base: self.base,
            per_second: true,
        }
    }

    /// One divided by the other.
    pub(crate) fn divided_by(self, other: Self) -> Result<Self, String> {
        let number = Self::of(Base::Number);
        match (self, other) {
            (a, b) if a == b => Ok(Self::of(Base::Ratio)),
            (a, b) if b == number => Ok(a),
            // So much a second of what happens so often a second.
            (a, b) if a.per_second && b == number.rate() => Ok(Self::of(a.base)),
            (a, b) => Err(format!("{a:?} divided by {b:?} is nothing that has a unit")),
        }
    }

    /// One times a number that is written in the query.
    pub(crate) fn times(self, factor: f64) -> Self {
        match self.base {
            Base::Bytes if factor == 8.0 => Self {
                base: Base::Bits,
                ..self
            },
            // Written as a division by 1e9.
            Base::Nanoseconds if factor == 1e-9 => Self {
                base: Base::Seconds,
                ..self
            },
            _ => self,
        }
    }

    /// Whether Grafana's unit says what this is.
    pub(crate) fn is_shown_by(self, unit: &str) -> bool {
        let units: &[&str] = match (self.base, self.per_second) {
            (Base::Number, false) => &["none", "short"],
            (Base::Number, true) => &["cps", "ops", "reqps", "pps"],
            (Base::Seconds, false) => &["s"],
            // Seconds a second: how many at a time.
            (Base::Seconds, true) => &["none", "short", "percentunit"],
            (Base::Milliseconds, false) => &["ms"],
            (Base::Microseconds, false) => &["µs"],
            (Base::Nanoseconds, false) => &["ns"],
            (Base::Bytes, false) => &["bytes"],
            (Base::Bytes, true) => &["Bps"],
            (Base::Bits, false) => &["bits"],
            (Base::Bits, true) => &["bps"],
            // Packets by bursts are a length, and may be shown as a number.
            (Base::Ratio, false) => &["percentunit", "none", "short"],
            (Base::Percent, false) => &["percent"],
            _ => &[],
        };
        units.contains(&unit)
    }
}
