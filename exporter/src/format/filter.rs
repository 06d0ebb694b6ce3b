//! Which families a page has.
//!
//! Lives here: both questions, whether the host shows a family and whether the scraper wants it. Not here: when they are
//! asked (`plans`, which keeps the host's answers, and the plans of a format).

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use media_metrics_core::desc::{Desc, Kind};

use super::suffix::{CREATED, HISTOGRAM, INFO, TOTAL};
use super::{Escaping, escape};

type Shown = dyn Fn(&str) -> bool + Send + Sync;

/// Says whether a family is shown; by default all are.
#[derive(Clone, Default)]
pub(crate) struct Filter {
    shown: Option<Arc<Shown>>,
    wanted: Option<Arc<Wanted>>,
}

impl Filter {
    pub(crate) const ALL: Self = Self {
        shown: None,
        wanted: None,
    };

    pub(crate) fn new(shown: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self {
            shown: Some(Arc::new(shown)),
            wanted: None,
        }
    }

    /// Of what this shows only families of which a sample, or which themselves, are called one of `names`.
    pub(crate) fn only<'a>(&self, names: impl Iterator<Item = &'a str> + Clone) -> Self {
        Self {
            shown: self.shown.clone(),
            wanted: Some(Arc::new(Wanted::new(names))),
        }
    }

    /// Whether the host shows a family of this name, whoever wants it.
    pub(crate) fn shows_name(&self, name: &str) -> bool {
        self.shown.as_ref().is_none_or(|shown| shown(name))
    }

    /// Whether the scraper wants the family, if the host shows it, on a page whose names are of this scheme.
    pub(super) fn wants(&self, desc: &Desc, scheme: Escaping) -> bool {
        let wanted = self.wanted.as_ref();
        wanted.is_none_or(|wanted| wanted.has(desc, scheme))
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.shown.is_none() && self.wanted.is_none();
        f.write_str(if all { "all" } else { "some" })
    }
}

/// Names that a scraper asked for, as names of families.
struct Wanted {
    names: HashSet<String>,
    /// Histograms of which a sample was asked for.
    histograms: HashSet<String>,
    /// Counters that were asked for without `_total`, as OpenMetrics calls them, or by `_created`.
    counters: HashSet<String>,
    /// Gauges that were asked for without `_info`.
    gauges: HashSet<String>,
}

impl Wanted {
    fn new<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Self {
        let of_sample = |name: &'a str| {
            let ends = HISTOGRAM.iter().chain(&[CREATED]);
            let stems = ends.filter_map(|end| name.strip_suffix(end));
            stems.map(str::to_owned).collect::<Vec<_>>()
        };
        let of_counter = |name: &'a str| {
            let stem = name.strip_suffix(CREATED).unwrap_or(name);
            [format!("{name}{TOTAL}"), format!("{stem}{TOTAL}")]
        };
        Self {
            names: names.clone().map(str::to_owned).collect(),
            histograms: names.clone().flat_map(of_sample).collect(),
            counters: names.clone().flat_map(of_counter).collect(),
            gauges: names.map(|name| format!("{name}{INFO}")).collect(),
        }
    }

    /// By the family's own name, or by that on the page.
    fn has(&self, desc: &Desc, scheme: Escaping) -> bool {
        let more = match desc.kind() {
            Kind::Histogram => &self.histograms,
            Kind::Counter => &self.counters,
            _ => &self.gauges,
        };
        let is = |name: &str| self.names.contains(name) || more.contains(name);
        match escape::family_name(desc.name(), scheme) {
            Cow::Borrowed(name) => is(name),
            Cow::Owned(escaped) => is(desc.name()) || is(&escaped),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_wanted_by_each_of_its_names() {
        let hosts = Filter::new(|name| name != "hidden");
        let shows = |wanted: &str, desc: &Desc| {
            let names = [wanted, "other"];
            let both = hosts.only(names.into_iter());
            both.shows_name(desc.name()) && both.wants(desc, Escaping::Dots)
        };
        let histogram = Desc::histogram("h", "", &[]);
        let counter = Desc::counter("c_total", "");
        let gauge = Desc::gauge("g", "");
        let info = Desc::gauge("i_info", "");
        let dotted = Desc::gauge("a.b", "").utf8_names();
        let hidden = Desc::gauge("hidden", "");
        for (wanted, desc) in [
            ("h", &histogram),
            ("h_bucket", &histogram),
            ("h_sum", &histogram),
            ("h_count", &histogram),
            ("h_created", &histogram),
            ("c_total", &counter),
            ("c__total", &counter), // as this page has it
            ("c", &counter),
            ("c_created", &counter),
            ("g", &gauge),
            ("i", &info),
            ("i_info", &info),
            ("a.b", &dotted),
            ("a_dot_b", &dotted),
        ] {
            assert!(shows(wanted, desc), "{wanted}");
        }
        for (wanted, desc) in [
            ("", &histogram),
            ("h_", &histogram),
            ("h_total", &histogram),
            ("g_bucket", &gauge),
            ("g_info", &gauge),
            ("H", &histogram),
            ("hidden", &hidden),
            ("c_total_total", &counter),
        ] {
            assert!(!shows(wanted, desc), "{wanted}");
        }
        assert!(hosts.wants(&gauge, Escaping::Underscores));
    }
}
