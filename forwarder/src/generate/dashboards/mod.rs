//! Grafana's dashboards.
//!
//! Lives here: which dashboards there are. What each asks is a file of its own; the rest is machinery:
//!
//! | module | what lives there |
//! |---|---|
//! | `overview`, `quality`, `latency`, `streams`, `node`, `pipeline`, `livekit` | a dashboard each |
//! | `limits` | from when on one should worry |
//! | [`model`] | what a dashboard is made of |
//! | `layout` | where panels stand |
//! | `grafana` | the JSON |
//! | `write`, `looks`, `table` | how it follows from the model |
//!
//! Invariant: a query names a family by its description, never by a text of its own (`up` alone is Prometheus').

mod grafana;
mod latency;
mod layout;
mod limits;
mod livekit;
mod looks;
pub mod model;
mod node;
mod overview;
mod pipeline;
mod quality;
mod streams;
mod table;
mod write;

use super::File;
use model::Dashboard;

/// All of them, in the order in which one looks at them.
#[must_use]
pub fn all() -> Vec<Dashboard> {
    vec![
        overview::dashboard(),
        quality::dashboard(),
        latency::dashboard(),
        streams::dashboard(),
        node::dashboard(),
        pipeline::dashboard(),
        livekit::dashboard(),
    ]
}

/// `grafana/dashboards/*.json`.
#[must_use]
pub fn files() -> Vec<File> {
    let all = all();
    let file = |dashboard: &Dashboard| File {
        path: format!("grafana/dashboards/{}.json", dashboard.slug),
        // Nothing in these types is what JSON could not say: no keys but texts, no number but finite ones.
        text: serde_json::to_string_pretty(&write::dashboard(dashboard, &all)).unwrap_or_default()
            + "\n",
    };
    all.iter().map(file).collect()
}
