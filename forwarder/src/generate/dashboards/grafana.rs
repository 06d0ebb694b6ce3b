//! A dashboard's JSON, as Grafana reads it.
//!
//! Lives here: the parts of Grafana's schema that are used, by Grafana's names. Not here: what they are set to
//! (`write`).

use serde::Serialize;

/// The version of the schema that these types are of: that of npm's `@grafana/schema` 13.
pub(super) const SCHEMA_VERSION: u32 = 42;

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Dashboard {
    pub(super) uid: String,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) tags: Vec<&'static str>,
    pub(super) editable: bool,
    pub(super) graph_tooltip: u8,
    pub(super) schema_version: u32,
    pub(super) timezone: &'static str,
    pub(super) refresh: &'static str,
    pub(super) time: Time,
    pub(super) links: Vec<DashboardLink>,
    pub(super) annotations: Listed<()>,
    pub(super) templating: Listed<Variable>,
    pub(super) panels: Vec<Panel>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Listed<T> {
    pub(super) list: Vec<T>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Time {
    pub(super) from: &'static str,
    pub(super) to: &'static str,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DashboardLink {
    pub(super) title: String,
    pub(super) tooltip: String,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) url: String,
    pub(super) icon: &'static str,
    pub(super) tags: Vec<String>,
    pub(super) as_dropdown: bool,
    pub(super) include_vars: bool,
    pub(super) keep_time: bool,
    pub(super) target_blank: bool,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Variable {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) description: &'static str,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) query: String,
    pub(super) refresh: u8,
    #[serde(flatten)]
    pub(super) labels: Option<LabelVariable>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LabelVariable {
    pub(super) datasource: Datasource,
    pub(super) multi: bool,
    pub(super) include_all: bool,
    pub(super) all_value: &'static str,
    pub(super) sort: u8,
    pub(super) current: VariableOption,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct VariableOption {
    pub(super) text: Vec<&'static str>,
    pub(super) value: Vec<&'static str>,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Datasource {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) uid: &'static str,
}

#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Panel {
    Row(Row),
    Chart(Box<Chart>),
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row {
    pub(super) id: u32,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) title: String,
    pub(super) collapsed: bool,
    pub(super) grid_pos: GridPos,
    pub(super) panels: Vec<Panel>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct GridPos {
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) w: u32,
    pub(super) h: u32,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Chart {
    pub(super) id: u32,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) datasource: Datasource,
    pub(super) grid_pos: GridPos,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) links: Vec<Link>,
    pub(super) targets: Vec<Target>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) transformations: Vec<Transformation>,
    pub(super) field_config: FieldConfig,
    pub(super) options: Options,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Link {
    pub(super) title: String,
    pub(super) url: String,
    pub(super) target_blank: bool,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Target {
    pub(super) ref_id: String,
    pub(super) datasource: Datasource,
    pub(super) editor_mode: &'static str,
    pub(super) expr: String,
    pub(super) legend_format: String,
    pub(super) format: &'static str,
    pub(super) instant: bool,
    pub(super) range: bool,
    pub(super) exemplar: bool,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Transformation {
    pub(super) id: &'static str,
    pub(super) options: TransformationOptions,
}

#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum TransformationOptions {
    None {},
    #[serde(rename_all = "camelCase")]
    Organize {
        exclude_by_name: Ordered<bool>,
        index_by_name: Ordered<usize>,
        rename_by_name: Ordered<String>,
    },
}

/// An object, its keys in this order.
#[derive(Clone, Debug)]
pub(super) struct Ordered<T>(pub(super) Vec<(String, T)>);

impl<T: Serialize> Serialize for Ordered<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct FieldConfig {
    pub(super) defaults: Field,
    pub(super) overrides: Vec<Override>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Field {
    pub(super) unit: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) min: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) decimals: Option<u8>,
    pub(super) no_value: &'static str,
    pub(super) color: Color,
    pub(super) thresholds: Thresholds,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) custom: Option<Custom>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Color {
    pub(super) mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fixed_color: Option<&'static str>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Thresholds {
    pub(super) mode: &'static str,
    pub(super) steps: Vec<Step>,
}

/// From `value` on; the first step has none, which is from the beginning.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Step {
    pub(super) value: Option<f64>,
    pub(super) color: &'static str,
}

#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Custom {
    #[serde(rename_all = "camelCase")]
    Lines {
        draw_style: &'static str,
        line_width: u8,
        fill_opacity: u8,
        show_points: &'static str,
        span_nulls: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        axis_soft_min: Option<f64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        axis_soft_max: Option<f64>,
        scale_distribution: ScaleDistribution,
        stacking: Stacking,
        thresholds_style: Mode,
    },
    #[serde(rename_all = "camelCase")]
    Cells {
        align: &'static str,
        filterable: bool,
    },
    #[serde(rename_all = "camelCase")]
    Heat {
        scale_distribution: ScaleDistribution,
    },
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct ScaleDistribution {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) log: Option<u8>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Stacking {
    pub(super) group: &'static str,
    pub(super) mode: &'static str,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Mode {
    pub(super) mode: &'static str,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Override {
    pub(super) matcher: Matcher,
    pub(super) properties: Vec<Property>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Matcher {
    pub(super) id: &'static str,
    pub(super) options: String,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Property {
    pub(super) id: &'static str,
    pub(super) value: PropertyValue,
}

#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum PropertyValue {
    Text(&'static str),
    Thresholds(Thresholds),
    Color(Color),
    #[serde(rename_all = "camelCase")]
    Cell {
        #[serde(rename = "type")]
        kind: &'static str,
    },
    Links(Vec<Link>),
}

#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Options {
    Lines {
        legend: Legend,
        tooltip: Tooltip,
    },
    #[serde(rename_all = "camelCase")]
    Stat {
        color_mode: &'static str,
        graph_mode: &'static str,
        justify_mode: &'static str,
        text_mode: &'static str,
        wide_layout: bool,
        orientation: &'static str,
        reduce_options: Reduce,
    },
    #[serde(rename_all = "camelCase")]
    Table {
        show_header: bool,
        cell_height: &'static str,
        sort_by: Vec<SortBy>,
    },
    #[serde(rename_all = "camelCase")]
    Heatmap {
        calculate: bool,
        color: HeatColor,
        y_axis: YAxis,
        rows_frame: RowsFrame,
        cell_values: CellValues,
        filter_values: FilterValues,
        exemplars: ExemplarColor,
        legend: Shown,
        tooltip: HeatTooltip,
        show_value: &'static str,
    },
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Legend {
    pub(super) show_legend: bool,
    pub(super) display_mode: &'static str,
    pub(super) placement: &'static str,
    pub(super) calcs: Vec<&'static str>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Tooltip {
    pub(super) mode: &'static str,
    pub(super) sort: &'static str,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Reduce {
    pub(super) calcs: Vec<&'static str>,
    pub(super) fields: &'static str,
    pub(super) values: bool,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SortBy {
    pub(super) display_name: &'static str,
    pub(super) desc: bool,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct HeatColor {
    pub(super) mode: &'static str,
    pub(super) scheme: &'static str,
    pub(super) scale: &'static str,
    pub(super) fill: &'static str,
    pub(super) exponent: f64,
    pub(super) steps: u8,
    pub(super) reverse: bool,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct YAxis {
    pub(super) unit: &'static str,
    pub(super) axis_placement: &'static str,
    pub(super) reverse: bool,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct RowsFrame {
    pub(super) layout: &'static str,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct CellValues {
    pub(super) unit: &'static str,
}

/// Cells below this are not drawn.
#[derive(Clone, Debug, Serialize)]
pub(super) struct FilterValues {
    pub(super) le: f64,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct ExemplarColor {
    pub(super) color: &'static str,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Shown {
    pub(super) show: bool,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HeatTooltip {
    pub(super) mode: &'static str,
    pub(super) y_histogram: bool,
    pub(super) show_color_scale: bool,
}
