//! PromQL from descriptions: who renames a family in the catalog has renamed it in every query, and a query about one
//! that is taken out does not compile.
//!
//! Lives here: selectors, and the expressions that are written the same way everywhere. Not here: what is asked and why
//! (`dashboards`, `rules`).
//!
//! Prometheus keeps a histogram as native if it scrapes protobuf and was told to, else as classic buckets; from 3.8 on
//! it keeps both if it was told to. Queries about histograms ask for the first `or` the second, so that they hold in
//! each case.

use std::fmt::Write as _;

use media_metrics_core::desc::Desc;

/// Who asks: what every selector says, over which time rates are taken, and which labels every aggregation keeps.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    matchers: &'static str,
    range: &'static str,
    keep: &'static [&'static str],
}

/// A dashboard: of the jobs and instances chosen in its variables.
pub const DASHBOARD: Scope = Scope {
    matchers: r#"job=~"$job", instance=~"$instance""#,
    range: "$__rate_interval",
    keep: &[],
};

impl Scope {
    /// A rule: of every job and instance by itself, with rates over `range`.
    #[must_use]
    pub const fn rule(range: &'static str) -> Self {
        Self {
            matchers: "",
            range,
            keep: &["job", "instance"],
        }
    }

    /// The series of a family.
    #[must_use]
    pub fn of(self, desc: &Desc) -> Series<'_> {
        Series {
            scope: self,
            desc,
            matchers: self.matchers.to_owned(),
        }
    }

    /// Prometheus' own series of a target: 1 if its last scrape came through, else 0.
    #[must_use]
    pub fn up(self) -> String {
        match self.matchers {
            "" => "up".to_owned(),
            matchers => format!("up{{{matchers}}}"),
        }
    }

    /// `sum by (…)`, or another aggregation, of any expression.
    #[must_use]
    pub fn aggregate(self, operator: &str, by: &[&str], of: &str) -> String {
        let labels: Vec<&str> = self.keep.iter().chain(by).copied().collect();
        match labels.as_slice() {
            [] => format!("{operator}({of})"),
            labels => format!("{operator} by ({}) ({of})", labels.join(", ")),
        }
    }
}

/// Series of one family, as a selector narrows them down.
#[derive(Clone, Debug)]
pub struct Series<'a> {
    scope: Scope,
    desc: &'a Desc,
    matchers: String,
}

impl Series<'_> {
    /// The family.
    #[must_use]
    pub const fn desc(&self) -> &Desc {
        self.desc
    }

    /// Those with this value of a label.
    #[must_use]
    pub fn with(self, label: &str, value: &str) -> Self {
        self.matching(label, "=", value)
    }

    /// Those without this value of a label.
    #[must_use]
    pub fn without(self, label: &str, value: &str) -> Self {
        self.matching(label, "!=", value)
    }

    /// Those of which a label's value is one of these: a regular expression.
    #[must_use]
    pub fn with_any(self, label: &str, values: &str) -> Self {
        self.matching(label, "=~", values)
    }

    fn matching(mut self, label: &str, operator: &str, value: &str) -> Self {
        let comma = if self.matchers.is_empty() { "" } else { ", " };
        // Debug writes quotes, backslashes and line ends as PromQL reads them.
        let _infallible = write!(self.matchers, "{comma}{label}{operator}{value:?}");
        self
    }

    /// The values now, one for each series.
    #[must_use]
    pub fn now(&self) -> String {
        self.select("")
    }

    fn select(&self, suffix: &str) -> String {
        let (name, matchers) = (self.desc.name(), &self.matchers);
        match matchers.is_empty() {
            true => format!("{name}{suffix}"),
            false => format!("{name}{suffix}{{{matchers}}}"),
        }
    }

    fn over_time(&self, function: &str, suffix: &str) -> String {
        format!("{function}({}[{}])", self.select(suffix), self.scope.range)
    }

    /// A gauge, as an operator puts it together.
    #[must_use]
    pub fn aggregated(&self, operator: &str, by: &[&str]) -> String {
        self.scope.aggregate(operator, by, &self.now())
    }

    /// A gauge, added up.
    #[must_use]
    pub fn sum(&self, by: &[&str]) -> String {
        self.scope.aggregate("sum", by, &self.now())
    }

    /// A gauge: the largest.
    #[must_use]
    pub fn max(&self, by: &[&str]) -> String {
        self.scope.aggregate("max", by, &self.now())
    }

    /// A gauge: the mean over series.
    #[must_use]
    pub fn average(&self, by: &[&str]) -> String {
        self.scope.aggregate("avg", by, &self.now())
    }

    /// A counter, a second.
    #[must_use]
    pub fn rate(&self, by: &[&str]) -> String {
        self.scope.aggregate("sum", by, &self.over_time("rate", ""))
    }

    /// A counter: of what it grew by, the share of each value of a label.
    #[must_use]
    pub fn shares(&self, label: &str) -> String {
        let (part, whole) = (self.rate(&[label]), self.rate(&[]));
        format!("{part} / ignoring ({label}) group_left () ({whole} > 0)")
    }

    /// A gauge's slope, a second: for totals that are called gauges.
    #[must_use]
    pub fn growth(&self, by: &[&str]) -> String {
        self.scope
            .aggregate("sum", by, &self.over_time("deriv", ""))
    }

    /// A counter: how much it grew.
    #[must_use]
    pub fn increase(&self, by: &[&str]) -> String {
        self.scope
            .aggregate("sum", by, &self.over_time("increase", ""))
    }

    /// A histogram as native buckets: what was recorded, a second. Prometheus has it only if it takes native histograms.
    #[must_use]
    pub fn native(&self, by: &[&str]) -> String {
        self.rate(by)
    }

    /// A histogram as classic buckets: what was recorded, a second, by upper bound.
    #[must_use]
    pub fn classic(&self, by: &[&str]) -> String {
        let by = [&["le"], by].concat();
        self.scope
            .aggregate("sum", &by, &self.over_time("rate", "_bucket"))
    }

    /// The first of these expressions that has data: of native histograms, of classic ones.
    fn either(&self, native: &str, classic: &str) -> String {
        match self.desc.native_schema() {
            Some(_) => format!("{native} or {classic}"),
            None => classic.to_owned(),
        }
    }

    /// A quantile of what a histogram recorded.
    #[must_use]
    pub fn quantile(&self, quantile: f64, by: &[&str]) -> String {
        let of = |buckets: &str| format!("histogram_quantile({quantile}, {buckets})");
        self.either(&of(&self.native(by)), &of(&self.classic(by)))
    }

    /// The mean of what a histogram recorded.
    #[must_use]
    pub fn mean(&self, by: &[&str]) -> String {
        let classic = |suffix| {
            self.scope
                .aggregate("sum", by, &self.over_time("rate", suffix))
        };
        let native = self.native(by);
        let native = format!("histogram_sum({native}) / histogram_count({native})");
        let classic = ratio(&classic("_sum"), &classic("_count"));
        self.either(&native, &classic)
    }

    /// How much a histogram recorded, a second.
    #[must_use]
    pub fn count(&self, by: &[&str]) -> String {
        let classic = self
            .scope
            .aggregate("sum", by, &self.over_time("rate", "_count"));
        self.either(&format!("histogram_count({})", self.native(by)), &classic)
    }

    /// The share of what a histogram recorded that is at most `bound`, which must be one of its bounds.
    ///
    /// From -Inf on: the native bucket of 0 reaches below it, and half of what is 0 would not count.
    #[must_use]
    pub fn share_up_to(&self, bound: f64, by: &[&str]) -> String {
        // OpenMetrics writes 40.0 where the older text format writes 40.
        let bucket = match bound.fract() == 0.0 {
            true => self.clone().with_any("le", &format!("{bound}(\\.0)?")),
            false => self.clone().with("le", &bound.to_string()),
        };
        let below = self
            .scope
            .aggregate("sum", by, &bucket.over_time("rate", "_bucket"));
        let all = self
            .scope
            .aggregate("sum", by, &self.over_time("rate", "_count"));
        let native = format!("histogram_fraction(-Inf, {bound}, {})", self.native(by));
        self.either(&native, &ratio(&below, &all))
    }
}

/// One expression divided by another: nothing where that is 0.
#[must_use]
pub fn ratio(numerator: &str, denominator: &str) -> String {
    format!("{numerator} / ({denominator} > 0)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use media_metrics_core::catalog;

    #[test]
    fn a_dashboard_asks_for_what_its_variables_choose() {
        let lost = DASHBOARD.of(&catalog::RTP_LOST).with("kind", "a\"b");
        assert_eq!(
            lost.rate(&["direction"]),
            r#"sum by (direction) (rate(media_rtp_packets_lost_total{job=~"$job", instance=~"$instance", kind="a\"b"}[$__rate_interval]))"#
        );
    }

    #[test]
    fn a_rule_keeps_job_and_instance() {
        let rule = Scope::rule("5m");
        assert_eq!(
            rule.of(&catalog::RTP_STREAMS).sum(&[]),
            "sum by (job, instance) (media_rtp_streams)"
        );
        assert_eq!(
            rule.of(&catalog::RTP_LOST).increase(&["kind"]),
            "sum by (job, instance, kind) (increase(media_rtp_packets_lost_total[5m]))"
        );
    }

    #[test]
    fn histograms_are_asked_for_in_both_forms() {
        let rule = Scope::rule("5m");
        let latency = rule.of(&catalog::REPORTER_TICK);
        assert_eq!(
            latency.quantile(0.99, &[]),
            "histogram_quantile(0.99, sum by (job, instance) (rate(media_metrics_reporter_tick_seconds[5m]))) \
             or histogram_quantile(0.99, sum by (job, instance, le) (rate(media_metrics_reporter_tick_seconds_bucket[5m])))"
        );
        assert_eq!(
            latency.share_up_to(0.25, &[]),
            "histogram_fraction(-Inf, 0.25, sum by (job, instance) (rate(media_metrics_reporter_tick_seconds[5m]))) \
             or sum by (job, instance) (rate(media_metrics_reporter_tick_seconds_bucket{le=\"0.25\"}[5m])) \
             / (sum by (job, instance) (rate(media_metrics_reporter_tick_seconds_count[5m])) > 0)"
        );
        // LiveKit's have no native buckets.
        let theirs = rule.of(&media_metrics_core::livekit::families::catalog::RTT_MS);
        assert_eq!(
            theirs.count(&[]),
            "sum by (job, instance) (rate(livekit_rtt_ms_count[5m]))"
        );
    }
}
