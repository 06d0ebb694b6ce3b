//! A dashboard's JSON, taken apart for those who judge it.

use serde_json::Value;

/// A dashboard, as it stands in its file.
#[derive(Clone, Debug)]
pub(crate) struct Dashboard(pub(crate) Value);

/// A panel that is no row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Panel<'a>(pub(crate) &'a Value);

impl Dashboard {
    /// Everything in the grid, rows included, shut ones opened.
    pub(crate) fn items(&self) -> impl Iterator<Item = &Value> {
        list(&self.0["panels"]).flat_map(|panel| [panel].into_iter().chain(list(&panel["panels"])))
    }

    pub(crate) fn panels(&self) -> impl Iterator<Item = Panel<'_>> {
        self.items().filter(|item| item["type"] != "row").map(Panel)
    }

    /// Every query, with the panel that it is of.
    pub(crate) fn targets(&self) -> impl Iterator<Item = (Panel<'_>, &Value)> {
        self.panels()
            .flat_map(|panel| panel.targets().map(move |target| (panel, target)))
    }

    pub(crate) fn variables(&self) -> impl Iterator<Item = &Value> {
        list(&self.0["templating"]["list"])
    }

    pub(crate) fn variable(&self, name: &str) -> Option<&Value> {
        self.variables().find(|variable| variable["name"] == name)
    }
}

impl<'a> Panel<'a> {
    pub(crate) fn targets(self) -> impl Iterator<Item = &'a Value> {
        list(&self.0["targets"])
    }

    pub(crate) fn title(self) -> &'a str {
        text(&self.0["title"])
    }

    /// The unit of what a target asks for: of a table, of the column that shows it.
    pub(crate) fn unit(self, target: &Value) -> Option<&'a str> {
        let config = &self.0["fieldConfig"];
        if self.0["type"] != "table" {
            return config["defaults"]["unit"].as_str();
        }
        let letter = text(&target["refId"]);
        let organize = list(&self.0["transformations"]).find(|t| t["id"] == "organize")?;
        let column = organize["options"]["renameByName"][format!("Value #{letter}")].as_str()?;
        let of_column =
            |o: &&Value| o["matcher"]["id"] == "byName" && o["matcher"]["options"] == column;
        let properties = &list(&config["overrides"]).find(of_column)?["properties"];
        list(properties).find(|property| property["id"] == "unit")?["value"].as_str()
    }
}

/// The elements of what should be a list.
pub(crate) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// What should be a text; empty if it is none.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
