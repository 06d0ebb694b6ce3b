//! From a description to Grafana's JSON.
//!
//! Lives here: the page, its variables, its queries, links between dashboards. Not here: how panels look (`looks`,
//! `table`), what is asked and of which families.

use super::grafana::{
    self, Chart, DashboardLink, Datasource, FieldConfig, LabelVariable, Link, Listed, Target, Time,
    Variable, VariableOption,
};
use super::layout::Grid;
use super::looks::{field, options};
use super::model::{Dashboard, Panel, Query, Row, Storage, View, uid};
use super::table::{coloured, column, transformations};

/// What a link to another dashboard takes along: the chosen variables and the time.
const ALONG: &str = "${__all_variables}&${__url_time_range}";

const DATASOURCE: Datasource = Datasource {
    kind: "prometheus",
    uid: "${datasource}",
};

/// The JSON of one of `all`, which its links lead to.
pub(super) fn dashboard(of: &Dashboard, all: &[Dashboard]) -> grafana::Dashboard {
    let others = all.iter().filter(|other| other.slug != of.slug);
    grafana::Dashboard {
        uid: of.uid(),
        title: of.title.to_owned(),
        description: of.description.to_owned(),
        tags: vec!["media-metrics"],
        editable: false,
        graph_tooltip: 1,
        schema_version: grafana::SCHEMA_VERSION,
        timezone: "browser",
        refresh: "10s",
        time: Time {
            from: "now-30m",
            to: "now",
        },
        links: others.map(link_to).collect(),
        annotations: Listed { list: Vec::new() },
        templating: Listed {
            list: variables(of),
        },
        panels: rows(&of.rows),
    }
}

/// The address of a dashboard, with the variables and the time of the one that it is clicked in.
pub(super) fn address(slug: &str) -> String {
    format!("/d/{}?{ALONG}", uid(slug))
}

fn link_to(other: &Dashboard) -> DashboardLink {
    DashboardLink {
        title: other.title.to_owned(),
        tooltip: other.description.to_owned(),
        kind: "link",
        url: format!("/d/{}", other.uid()),
        icon: "dashboard",
        tags: Vec::new(),
        as_dropdown: false,
        include_vars: true,
        keep_time: true,
        target_blank: false,
    }
}

fn variables(of: &Dashboard) -> Vec<Variable> {
    let present = of.present.name();
    let label = |name, label, description, query| Variable {
        name,
        label,
        description,
        kind: "query",
        query,
        refresh: 2,
        labels: Some(LabelVariable {
            datasource: DATASOURCE,
            multi: true,
            include_all: true,
            all_value: ".+",
            sort: 1,
            current: VariableOption {
                text: vec!["All"],
                value: vec!["$__all"],
            },
        }),
    };
    vec![
        Variable {
            name: "datasource",
            label: "Data source",
            description: "The Prometheus that scrapes the nodes.",
            kind: "datasource",
            query: "prometheus".to_owned(),
            refresh: 1,
            labels: None,
        },
        label(
            "job",
            "Job",
            "Scrape jobs with nodes.",
            format!("label_values({present}, job)"),
        ),
        label(
            "instance",
            "Instance",
            "Nodes of these jobs.",
            format!("label_values({present}{{job=~\"$job\"}}, instance)"),
        ),
    ]
}

/// Ids count from 1, in the order of the page.
fn rows(rows: &[Row]) -> Vec<grafana::Panel> {
    let mut grid = Grid::default();
    let mut ids = 1..;
    let mut next_id = || ids.next().unwrap_or(0);
    let mut page = Vec::new();
    for row in rows {
        let (id, grid_pos) = (next_id(), grid.heading());
        let places: Vec<_> = row
            .panels
            .iter()
            .map(|panel| (panel, grid.place(panel.size)))
            .collect();
        let charts = places
            .into_iter()
            .map(|(panel, place)| grafana::Panel::Chart(Box::new(chart(panel, next_id(), place))));
        let (inside, below): (Vec<_>, Vec<_>) = match row.collapsed {
            true => (charts.collect(), Vec::new()),
            false => (Vec::new(), charts.collect()),
        };
        page.push(grafana::Panel::Row(grafana::Row {
            id,
            kind: "row",
            title: row.title.to_owned(),
            collapsed: row.collapsed,
            grid_pos,
            panels: inside,
        }));
        page.extend(below);
    }
    page
}

fn chart(panel: &Panel, id: u32, grid_pos: grafana::GridPos) -> Chart {
    let links = panel.more.map(|slug| Link {
        title: format!("More: {slug}"),
        url: address(slug),
        target_blank: false,
    });
    Chart {
        id,
        kind: match panel.view {
            View::Stat => "stat",
            View::Lines | View::LogLines | View::Stacked => "timeseries",
            View::Table => "table",
            View::Heatmap => "heatmap",
        },
        title: panel.title.to_owned(),
        description: panel.description.to_owned(),
        datasource: DATASOURCE,
        grid_pos,
        links: links.into_iter().collect(),
        targets: (0..)
            .zip(&panel.queries)
            .map(|(i, query)| target(panel, query, i))
            .collect(),
        transformations: transformations(panel),
        field_config: FieldConfig {
            defaults: field(panel),
            overrides: panel
                .columns
                .iter()
                .filter_map(column)
                .chain(panel.colours.iter().map(coloured))
                .collect(),
        },
        options: options(panel),
    }
}

/// The letter of a panel's query.
pub(super) fn ref_id(number: usize) -> String {
    char::from(b'A' + number.min(25) as u8).to_string()
}

fn target(panel: &Panel, query: &Query, number: usize) -> Target {
    let instant = panel.view == View::Table;
    Target {
        ref_id: ref_id(number),
        datasource: DATASOURCE,
        editor_mode: "code",
        expr: query.expr.clone(),
        legend_format: query.legend.clone(),
        format: match (panel.view, query.storage) {
            (View::Table, _) => "table",
            // Native histograms come as cells already.
            (View::Heatmap, Storage::Either | Storage::Classic) => "heatmap",
            _ => "time_series",
        },
        instant,
        range: !instant,
        exemplar: query.exemplars,
    }
}
