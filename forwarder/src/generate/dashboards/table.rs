//! What is said of single columns and lines: names, order, units, colours, links.
//!
//! Lives here: Grafana's transformations and overrides. Not here: what holds for a whole panel (`looks`).

use super::grafana::{
    Color, Link, Matcher, Ordered, Override, Property, PropertyValue, Transformation,
    TransformationOptions,
};
use super::looks::thresholds;
use super::model::{Column, Panel, Source, View};
use super::write::ref_id;

/// The name that a table's column has before it is renamed.
fn source_name(panel: &Panel, source: Source) -> String {
    match source {
        Source::Label(label) => label.to_owned(),
        Source::Query(_) if panel.queries.len() == 1 => "Value".to_owned(),
        Source::Query(number) => format!("Value #{}", ref_id(number)),
    }
}

/// One line for each set of labels, columns in order and named; values that are no column are left out.
pub(super) fn transformations(panel: &Panel) -> Vec<Transformation> {
    if panel.view != View::Table {
        return Vec::new();
    }
    let name = |column: &Column| source_name(panel, column.from);
    let values = (0..panel.queries.len()).map(|number| source_name(panel, Source::Query(number)));
    let unused = values.filter(|value| !panel.columns.iter().any(|column| name(column) == *value));
    let merge = Transformation {
        id: "merge",
        options: TransformationOptions::None {},
    };
    let organize = Transformation {
        id: "organize",
        options: TransformationOptions::Organize {
            exclude_by_name: Ordered(
                ["Time"]
                    .iter()
                    .chain(&panel.hidden)
                    .map(ToString::to_string)
                    .chain(unused)
                    .map(|name| (name, true))
                    .collect(),
            ),
            index_by_name: Ordered(panel.columns.iter().map(name).zip(0..).collect()),
            rename_by_name: Ordered(
                panel
                    .columns
                    .iter()
                    .map(|column| (name(column), column.title.to_owned()))
                    .collect(),
            ),
        },
    };
    vec![merge, organize]
}

/// A line's own colour.
pub(super) fn coloured(&(line, colour): &(&'static str, &'static str)) -> Override {
    Override {
        matcher: Matcher {
            id: "byName",
            options: line.to_owned(),
        },
        properties: vec![Property {
            id: "color",
            value: PropertyValue::Color(Color {
                mode: "fixed",
                fixed_color: Some(colour),
            }),
        }],
    }
}

/// What is said of a table's column beyond the defaults.
pub(super) fn column(column: &Column) -> Option<Override> {
    let mut properties = Vec::new();
    let mut say = |id, value| properties.push(Property { id, value });
    if !column.unit.is_empty() {
        say("unit", PropertyValue::Text(column.unit));
    }
    if !column.steps.is_empty() {
        say(
            "thresholds",
            PropertyValue::Thresholds(thresholds(column.steps, column.base)),
        );
        say(
            "custom.cellOptions",
            PropertyValue::Cell { kind: "color-text" },
        );
    }
    if let Some((title, url)) = &column.link {
        let link = Link {
            title: (*title).to_owned(),
            url: url.clone(),
            target_blank: false,
        };
        say("links", PropertyValue::Links(vec![link]));
    }
    (!properties.is_empty()).then(|| Override {
        matcher: Matcher {
            id: "byName",
            options: column.title.to_owned(),
        },
        properties,
    })
}
