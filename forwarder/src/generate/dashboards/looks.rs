//! How panels look that show the same kind of thing: colours, axes, legends.
//!
//! Lives here: Grafana's field configuration and options of each kind of panel. Not here: its queries and its place
//! (`write`), a table's columns (`table`).

use super::grafana::{
    CellValues, Color, Custom, ExemplarColor, Field, FilterValues, HeatColor, HeatTooltip, Legend,
    Mode, Options, Reduce, RowsFrame, ScaleDistribution, Shown, SortBy, Stacking, Step, Thresholds,
    Tooltip, YAxis,
};
use super::model::{Panel, Steps, View};

pub(super) fn thresholds(steps: Steps, base: &'static str) -> Thresholds {
    let first = Step {
        value: None,
        color: if steps.is_empty() { "text" } else { base },
    };
    let further = steps.iter().map(|&(value, color)| Step {
        value: Some(value),
        color,
    });
    Thresholds {
        mode: "absolute",
        steps: [first].into_iter().chain(further).collect(),
    }
}

pub(super) fn field(panel: &Panel) -> Field {
    let by_value = matches!(panel.view, View::Stat | View::Table);
    Field {
        unit: panel.unit,
        min: panel.range.0,
        max: panel.range.1,
        decimals: None,
        no_value: panel.no_value,
        color: Color {
            mode: if by_value {
                "thresholds"
            } else {
                "palette-classic"
            },
            fixed_color: None,
        },
        thresholds: thresholds(panel.steps, panel.base),
        custom: custom(panel),
    }
}

/// The axis reaches at least to here, so that nothing going on is not drawn as if it were much: to the first limit, or to a
/// hundredth of a share, or to one.
fn soft_max(panel: &Panel) -> f64 {
    let least = match panel.unit {
        "percentunit" => 0.01,
        "s" => 0.001,
        _ => 1.0,
    };
    panel
        .steps
        .first()
        .map_or(least, |(limit, _)| limit.max(least))
}

fn custom(panel: &Panel) -> Option<Custom> {
    let linear = ScaleDistribution {
        kind: "linear",
        log: None,
    };
    match panel.view {
        View::Stat => None,
        View::Table => Some(Custom::Cells {
            align: "auto",
            filterable: true,
        }),
        View::Heatmap => Some(Custom::Heat {
            scale_distribution: linear,
        }),
        View::Lines | View::LogLines | View::Stacked => {
            let stacked = panel.view == View::Stacked;
            let logarithmic = panel.view == View::LogLines;
            Some(Custom::Lines {
                draw_style: "line",
                line_width: 1,
                fill_opacity: if stacked { 30 } else { 8 },
                show_points: "never",
                span_nulls: false,
                axis_soft_min: (!logarithmic).then_some(0.0),
                axis_soft_max: (!logarithmic).then(|| soft_max(panel)),
                scale_distribution: match logarithmic {
                    true => ScaleDistribution {
                        kind: "log",
                        log: Some(10),
                    },
                    false => linear,
                },
                stacking: Stacking {
                    group: "A",
                    mode: if stacked { "normal" } else { "none" },
                },
                thresholds_style: Mode {
                    mode: if panel.steps.is_empty() {
                        "off"
                    } else {
                        "dashed"
                    },
                },
            })
        }
    }
}

pub(super) fn options(panel: &Panel) -> Options {
    match panel.view {
        View::Stat => Options::Stat {
            color_mode: if panel.steps.is_empty() {
                "none"
            } else {
                "background"
            },
            graph_mode: "area",
            justify_mode: "auto",
            text_mode: "auto",
            wide_layout: true,
            orientation: "auto",
            reduce_options: Reduce {
                calcs: vec!["lastNotNull"],
                fields: "",
                values: false,
            },
        },
        View::Table => Options::Table {
            show_header: true,
            cell_height: "sm",
            sort_by: panel
                .columns
                .first()
                .map(|column| SortBy {
                    display_name: column.title,
                    desc: false,
                })
                .into_iter()
                .collect(),
        },
        View::Heatmap => heatmap(panel),
        View::Lines | View::LogLines | View::Stacked => Options::Lines {
            legend: Legend {
                show_legend: true,
                display_mode: "list",
                placement: "bottom",
                calcs: Vec::new(),
            },
            tooltip: Tooltip {
                mode: "multi",
                sort: "desc",
            },
        },
    }
}

fn heatmap(panel: &Panel) -> Options {
    Options::Heatmap {
        calculate: false,
        color: HeatColor {
            mode: "scheme",
            scheme: "Oranges",
            scale: "exponential",
            fill: "dark-orange",
            exponent: 0.5,
            steps: 64,
            reverse: false,
        },
        y_axis: YAxis {
            unit: panel.unit,
            axis_placement: "left",
            reverse: false,
        },
        // Prometheus' buckets are named by their upper bound.
        rows_frame: RowsFrame { layout: "le" },
        cell_values: CellValues { unit: "pps" },
        filter_values: FilterValues { le: 1e-9 },
        exemplars: ExemplarColor {
            color: "rgba(255,0,255,0.7)",
        },
        legend: Shown { show: true },
        tooltip: HeatTooltip {
            mode: "single",
            y_histogram: true,
            show_color_scale: true,
        },
        show_value: "never",
    }
}
