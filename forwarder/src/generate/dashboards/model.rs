//! What a dashboard is made of, in the terms of who describes one.
//!
//! Lives here: dashboards, rows, panels, their queries, and what a query may have to wait for. Not here: Grafana's JSON
//! (`grafana`, `write`), where a panel stands (`layout`), what is asked (a file for each dashboard).

use media_metrics_core::desc::Desc;

use crate::generate::query::Series;

/// What must happen before a query has data: the synthetic load of the forwarder does not make it happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Event {
    /// A receiver reports (RTCP RR), and answers a sender report.
    ReceiverReport,
    /// A packet is asked for again (NACK), and sent again.
    Retransmission,
    /// A key frame is asked for (PLI or FIR), and comes.
    KeyFrame,
    /// A LiveKit host tells how sessions begin, publish and end.
    Session,
    /// A LiveKit host tells of requests to its server API.
    ServerApi,
    /// A LiveKit host tells of calls between its services.
    InternalCall,
    /// A LiveKit host tells of webhooks, data streams, or its configuration.
    Upkeep,
    /// Clients send metric batches to a host that runs LiveKit's pipeline.
    ClientBatch,
    /// A family has as many series as it may, and more are asked for.
    Overflow,
    /// A push is configured, and its receiver answers.
    Push,
}

/// In which form Prometheus must keep a histogram for a query to have data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Storage {
    /// It does not matter.
    Either,
    /// As native histograms: `--enable-feature=native-histograms` in Prometheus 2.
    Native,
    /// As classic buckets.
    Classic,
}

/// A dashboard.
#[derive(Clone, Debug)]
pub struct Dashboard {
    /// Its name in files and addresses.
    pub slug: &'static str,
    /// Its name.
    pub title: &'static str,
    /// Whom it helps with what: a sentence.
    pub description: &'static str,
    /// The family that every job and instance of it exports: variables take their values from it.
    pub present: &'static Desc,
    /// Its panels.
    pub rows: Vec<Row>,
}

impl Dashboard {
    /// Its fixed id.
    #[must_use]
    pub fn uid(&self) -> String {
        uid(self.slug)
    }
}

/// The id of the dashboard of that name.
pub(super) fn uid(slug: &str) -> String {
    format!("media-metrics-{slug}")
}

/// Panels under a heading.
#[derive(Clone, Debug)]
pub struct Row {
    /// The heading.
    pub title: &'static str,
    /// Whether it is shut until somebody looks.
    pub collapsed: bool,
    /// The panels, from left to right and from top to bottom.
    pub panels: Vec<Panel>,
}

/// An open row.
pub(super) fn row(title: &'static str, panels: Vec<Panel>) -> Row {
    Row {
        title,
        collapsed: false,
        panels,
    }
}

/// A row that is shut at first: for what is rare.
pub(super) fn shut_row(title: &'static str, panels: Vec<Panel>) -> Row {
    Row {
        collapsed: true,
        ..row(title, panels)
    }
}

/// How a panel shows its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// One figure, with a line behind it.
    Stat,
    /// Lines over time.
    Lines,
    /// Lines on a logarithmic axis.
    LogLines,
    /// Areas that add up.
    Stacked,
    /// Rows of what is now; see [`Panel::columns`].
    Table,
    /// Cells of a histogram over time.
    Heatmap,
}

/// From which value on which colour holds.
pub type Steps = &'static [(f64, &'static str)];

/// A query of a panel.
#[derive(Clone, Debug)]
pub struct Query {
    /// The PromQL.
    pub expr: String,
    /// The name of its series; `{{label}}` stands for a label's value.
    pub legend: String,
    /// Whether to show exemplars of its series.
    pub exemplars: bool,
    /// What it waits for.
    pub awaits: Option<Event>,
    /// What Prometheus must keep.
    pub storage: Storage,
}

/// A column of a table: a label, or the value of a query.
#[derive(Clone, Debug)]
pub struct Column {
    /// The label, or the query's letter.
    pub from: Source,
    /// Its heading.
    pub title: &'static str,
    /// Of a value.
    pub unit: &'static str,
    /// Of a value: colours, if they mean something.
    pub steps: Steps,
    /// Colour below the first step.
    pub base: &'static str,
    /// Where a click leads: title and address.
    pub link: Option<(&'static str, String)>,
}

/// Where a table's column comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A label.
    Label(&'static str),
    /// The query of that number, from 0.
    Query(usize),
}

/// A panel.
#[derive(Clone, Debug)]
pub struct Panel {
    /// Its name.
    pub title: &'static str,
    /// What it shows, and when to worry: sentences.
    pub description: &'static str,
    /// How.
    pub view: View,
    /// Grafana's name of the unit.
    pub unit: &'static str,
    /// Width, of 24, and height.
    pub size: (u32, u32),
    /// Its queries.
    pub queries: Vec<Query>,
    /// Colours and lines at values that mean something; none: no value is better than another.
    pub steps: Steps,
    /// Colour below the first step.
    pub base: &'static str,
    /// Both ends of the axis, where they are known.
    pub range: (Option<f64>, Option<f64>),
    /// The dashboard that tells more.
    pub more: Option<&'static str>,
    /// Lines whose names mean a colour.
    pub colours: &'static [(&'static str, &'static str)],
    /// Of a table.
    pub columns: Vec<Column>,
    /// Labels that a table's lines are told apart by, and that are no columns.
    pub hidden: Vec<&'static str>,
    /// What stands there while there is no data.
    pub no_value: &'static str,
}

impl Panel {
    fn new(view: View, title: &'static str, unit: &'static str, description: &'static str) -> Self {
        let size = match view {
            View::Stat => (3, 4),
            View::Table => (24, 9),
            _ => (8, 8),
        };
        Self {
            title,
            description,
            view,
            unit,
            size,
            queries: Vec::new(),
            steps: &[],
            base: "green",
            range: (None, None),
            more: None,
            colours: &[],
            columns: Vec::new(),
            hidden: Vec::new(),
            no_value: "none yet",
        }
    }

    pub(super) fn stat(
        title: &'static str,
        unit: &'static str,
        description: &'static str,
        expr: impl Into<String>,
    ) -> Self {
        Self::new(View::Stat, title, unit, description).query("", expr)
    }

    pub(super) fn lines(
        title: &'static str,
        unit: &'static str,
        description: &'static str,
    ) -> Self {
        Self::new(View::Lines, title, unit, description)
    }

    pub(super) fn stacked(
        title: &'static str,
        unit: &'static str,
        description: &'static str,
    ) -> Self {
        Self::new(View::Stacked, title, unit, description)
    }

    pub(super) fn table(title: &'static str, description: &'static str) -> Self {
        Self::new(View::Table, title, "none", description)
    }

    pub(super) fn heatmap(
        title: &'static str,
        unit: &'static str,
        description: &'static str,
    ) -> Self {
        Self::new(View::Heatmap, title, unit, description)
    }

    /// Asks for this, too.
    pub(super) fn query(mut self, legend: &str, expr: impl Into<String>) -> Self {
        self.queries.push(Query {
            expr: expr.into(),
            legend: legend.to_owned(),
            exemplars: false,
            awaits: None,
            storage: Storage::Either,
        });
        self
    }

    /// Asks for this, too, which waits for something that the rest does not wait for.
    pub(super) fn waiting(self, expr: impl Into<String>, event: Event) -> Self {
        let mut panel = self.query("", expr);
        if let Some(query) = panel.queries.last_mut() {
            query.awaits = Some(event);
        }
        panel
    }

    /// Quantiles of a histogram, the highest with exemplars if it has any. A name ends each legend: `p99 {{kind}}`.
    pub(super) fn quantiles(
        mut self,
        of: &Series<'_>,
        quantiles: &[f64],
        by: &[&str],
        name: &str,
    ) -> Self {
        for (i, quantile) in quantiles.iter().enumerate() {
            let last = i + 1 == quantiles.len();
            let legend = format!("p{} {name}", quantile * 100.0);
            self = self.query(legend.trim_end(), of.quantile(*quantile, by));
            if let Some(query) = self.queries.last_mut() {
                query.exemplars = last && of.desc().has_exemplars();
            }
        }
        self
    }

    /// All queries so far that wait for nothing yet wait for this.
    pub(super) fn awaits(mut self, event: Event) -> Self {
        for query in &mut self.queries {
            query.awaits.get_or_insert(event);
        }
        self
    }

    /// All queries have data in this form only.
    pub(super) fn storage(mut self, storage: Storage) -> Self {
        for query in &mut self.queries {
            query.storage = storage;
        }
        self
    }

    /// Shows exemplars of the last query.
    pub(super) fn exemplars(mut self) -> Self {
        if let Some(query) = self.queries.last_mut() {
            query.exemplars = true;
        }
        self
    }

    pub(super) fn size(mut self, width: u32, height: u32) -> Self {
        self.size = (width, height);
        self
    }

    /// Good below the first step.
    pub(super) fn worse_from(mut self, steps: Steps) -> Self {
        self.steps = steps;
        self
    }

    /// Bad below the first step.
    pub(super) fn better_from(mut self, steps: Steps) -> Self {
        self.steps = steps;
        self.base = "red";
        self
    }

    pub(super) fn between(mut self, low: f64, high: f64) -> Self {
        self.range = (Some(low), Some(high));
        self
    }

    pub(super) fn more(mut self, slug: &'static str) -> Self {
        self.more = Some(slug);
        self
    }

    pub(super) fn log(mut self) -> Self {
        self.view = View::LogLines;
        self
    }

    /// Says this where there is no data.
    pub(super) fn or_says(mut self, text: &'static str) -> Self {
        self.no_value = text;
        self
    }

    /// Lines of these names in these colours.
    pub(super) fn coloured(mut self, colours: &'static [(&'static str, &'static str)]) -> Self {
        self.colours = colours;
        self
    }

    pub(super) fn hides(mut self, label: &'static str) -> Self {
        self.hidden.push(label);
        self
    }

    pub(super) fn column(mut self, column: Column) -> Self {
        self.columns.push(column);
        self
    }
}

impl Column {
    pub(super) fn label(label: &'static str, title: &'static str) -> Self {
        Self {
            from: Source::Label(label),
            title,
            unit: "",
            steps: &[],
            base: "green",
            link: None,
        }
    }

    pub(super) fn value(query: usize, title: &'static str, unit: &'static str) -> Self {
        Self {
            from: Source::Query(query),
            title,
            unit,
            steps: &[],
            base: "green",
            link: None,
        }
    }

    pub(super) fn steps(mut self, steps: Steps) -> Self {
        self.steps = steps;
        self
    }

    /// Bad below the first step.
    pub(super) fn scored(mut self, steps: Steps) -> Self {
        self.steps = steps;
        self.base = "red";
        self
    }

    pub(super) fn link(mut self, title: &'static str, url: String) -> Self {
        self.link = Some((title, url));
        self
    }
}
