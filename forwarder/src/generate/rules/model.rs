//! What a rule is: recorded series, alerts, what is to be done about one, and the cases that it is tried on.
//!
//! Lives here: types without content. Not here: which rules there are (`recording`, `alerts`), how they are written
//! (`written`, `trials`, `runbook`).

/// An expression whose result is stored under a name of its own, `level:metric:operations`.
#[derive(Clone, Debug)]
pub struct Recording {
    /// The name of the series.
    pub name: String,
    /// What it is made of.
    pub expr: String,
}

/// How soon somebody has to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// In working hours.
    Warning,
    /// Now.
    Critical,
}

impl Severity {
    /// The value of the label `severity`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// A symptom that somebody is told of: one rule for each severity, one runbook.
#[derive(Clone, Debug)]
pub struct Alert {
    /// `MediaMetrics…`: also the name of the runbook.
    pub name: &'static str,
    /// Uid of the dashboard to open first.
    pub dashboard: &'static str,
    /// What is wrong, in a few words, with `{{ $labels.… }}`.
    pub summary: &'static str,
    /// The same with figures: `{{ $value … }}` and `{{ $labels.… }}`.
    pub description: &'static str,
    /// When it fires, the milder severity first.
    pub rules: Vec<Rule>,
    /// What is to be done.
    pub runbook: Runbook,
    /// What it is tried on, firing and not firing.
    pub cases: Vec<Case>,
}

/// One condition of an alert.
#[derive(Clone, Debug)]
pub struct Rule {
    /// How soon somebody has to look.
    pub severity: Severity,
    /// The condition.
    pub expr: String,
    /// Minutes for which it has to hold.
    pub minutes: u32,
}

/// What somebody who was woken reads.
#[derive(Clone, Debug)]
pub struct Runbook {
    /// What was seen, and what was not.
    pub meaning: String,
    /// Who notices, and how.
    pub impact: &'static str,
    /// Where to look, in this order.
    pub diagnosis: Vec<Step>,
    /// What helps.
    pub mitigation: Vec<String>,
    /// Why the thresholds are what they are.
    pub thresholds: String,
    /// When silence is right, and of what.
    pub silence: &'static str,
}

/// A step of a diagnosis.
#[derive(Clone, Debug)]
pub struct Step {
    /// What to look for.
    pub look: &'static str,
    /// The query or command that shows it.
    pub with: Tool,
}

/// What shows something.
#[derive(Clone, Debug)]
pub enum Tool {
    /// A query to Prometheus.
    Query(String),
    /// A line for a shell on the machine, or one that reaches it; `INSTANCE` stands for the alert's label.
    Shell(String),
    /// Eyes.
    None,
}

/// Series over time, and which alerts fire when.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it shows.
    pub name: &'static str,
    /// Series and their values, one a minute, in promtool's notation.
    pub series: Vec<(String, String)>,
    /// Minutes, and what fires then.
    pub looks: Vec<(u32, Vec<Firing>)>,
}

/// An alert that fires.
#[derive(Clone, Debug)]
pub struct Firing {
    /// Its severity.
    pub severity: Severity,
    /// Its other labels.
    pub labels: Vec<(&'static str, &'static str)>,
    /// Its value, as its description shows it.
    pub value: &'static str,
}

impl Case {
    /// A case with these series.
    #[must_use]
    pub fn new(name: &'static str, series: Vec<(String, String)>) -> Self {
        Self {
            name,
            series,
            looks: Vec::new(),
        }
    }

    /// Nothing fires at any of these minutes.
    #[must_use]
    pub fn quiet(mut self, minutes: &[u32]) -> Self {
        self.looks
            .extend(minutes.iter().map(|at| (*at, Vec::new())));
        self
    }

    /// These and no others fire at this minute.
    #[must_use]
    pub fn fires(mut self, minute: u32, firing: Vec<Firing>) -> Self {
        self.looks.push((minute, firing));
        self
    }
}

/// An alert of the milder kind.
#[must_use]
pub fn warning(labels: &[(&'static str, &'static str)], value: &'static str) -> Firing {
    Firing {
        severity: Severity::Warning,
        labels: labels.to_vec(),
        value,
    }
}

/// An alert of the other kind.
#[must_use]
pub fn critical(labels: &[(&'static str, &'static str)], value: &'static str) -> Firing {
    Firing {
        severity: Severity::Critical,
        ..warning(labels, value)
    }
}

/// A query as a step.
#[must_use]
pub fn query(look: &'static str, query: impl Into<String>) -> Step {
    Step {
        look,
        with: Tool::Query(query.into()),
    }
}

/// A command as a step.
#[must_use]
pub fn shell(look: &'static str, line: impl Into<String>) -> Step {
    Step {
        look,
        with: Tool::Shell(line.into()),
    }
}

/// What helps, in this order.
#[must_use]
pub fn helps<const N: usize>(items: [&str; N]) -> Vec<String> {
    items.map(str::to_owned).into()
}

/// Something to look at.
#[must_use]
pub const fn look(look: &'static str) -> Step {
    Step {
        look,
        with: Tool::None,
    }
}
