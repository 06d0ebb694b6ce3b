//! A metrics page, read plainly: families with their types, series with their labels.
//!
//! Lives here: splitting lines. Not here: whether the page is in order, which is promtool's to say.

use std::collections::{BTreeMap, BTreeSet};

/// A family of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Family {
    /// What its `# TYPE` line says.
    pub kind: String,
    /// The sets of label names that its series have, without `le`.
    pub labels: BTreeSet<Vec<String>>,
    /// The texts of `le`, as often as one set of labels has them, in the order of the page.
    pub le: Vec<String>,
}

/// The families of a page whose names begin with `prefix`.
#[must_use]
pub fn families(page: &str, prefix: &str) -> BTreeMap<String, Family> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut current = None;
    let mut first_series = None;
    for line in page.lines() {
        if let Some(named) = line.strip_prefix("# TYPE ") {
            let (name, kind) = named.split_once(' ').unwrap_or((named, ""));
            current = name.starts_with(prefix).then(|| name.to_owned());
            first_series = None;
            if let Some(name) = &current {
                let kind = kind.to_owned();
                families.entry(name.clone()).or_default().kind = kind;
            }
        } else if !line.starts_with('#')
            && let Some(family) = current.as_ref().and_then(|name| families.get_mut(name))
        {
            let mut labels = labels(line);
            let le = labels.iter().position(|(name, _)| name == "le");
            let le = le.map(|at| labels.remove(at).1);
            // Of one series is enough: the others have the same.
            if let Some(le) = le
                && *first_series.get_or_insert_with(|| labels.clone()) == labels
            {
                family.le.push(le);
            }
            family
                .labels
                .insert(labels.into_iter().map(|(name, _)| name).collect());
        }
    }
    families
}

/// Names and values, as escaped as they are.
fn labels(line: &str) -> Vec<(String, String)> {
    let Some((_, mut rest)) = line.split_once('{') else {
        return Vec::new();
    };
    let mut labels = Vec::new();
    while let Some((name, quoted)) = rest.split_once("=\"") {
        let mut escaped = false;
        let end = quoted.find(|c| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        let (value, after) = quoted.split_at(end.unwrap_or(quoted.len()));
        let name = name.trim_start_matches(',');
        labels.push((name.to_owned(), value.to_owned()));
        rest = after.trim_start_matches('"');
        if rest.starts_with('}') {
            break;
        }
    }
    labels
}

/// The samples of a page in text whose lines begin with `series`, added up: a whole name, or a name with some of its
/// labels. None without such a line.
#[must_use]
pub fn sum(page: &str, series: &str) -> Option<f64> {
    let values = page.lines().filter_map(|line| {
        let rest = line.strip_prefix(series)?;
        let ends = series.contains('{') || rest.starts_with([' ', '{']);
        ends.then(|| rest.rsplit(' ').next()?.parse::<f64>().ok())?
    });
    values.reduce(|sum, value| sum + value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_added_up_by_name_or_by_labels() {
        let page = "# HELP a 9\na{x=\"1\",y=\"1\"} 7\na{x=\"2\",y=\"1\"} 1e3\na_count 5\nb 0.5\n";
        assert_eq!(sum(page, "a"), Some(1_007.0));
        assert_eq!(sum(page, "a{x=\"1\""), Some(7.0));
        assert_eq!((sum(page, "b"), sum(page, "c")), (Some(0.5), None));
    }

    #[test]
    fn types_labels_and_bounds_are_read() {
        let page = "# HELP a Help.\n# TYPE a counter\na{x=\"1\",y=\"\\\"},{=\\\\\"} 7\n# TYPE h histogram\n\
                    h_bucket{x=\"1\",le=\"1e+06\"} 0\nh_bucket{x=\"1\",le=\"+Inf\"} 0\nh_sum{x=\"1\"} 0\nh_count{x=\"1\"} 0\n\
                    h_bucket{x=\"2\",le=\"1e+06\"} 0\n# TYPE other gauge\nother 1\n";
        let all = families(page, "");
        assert_eq!(all.keys().collect::<Vec<_>>(), ["a", "h", "other"]);
        assert_eq!(
            all["a"].labels,
            BTreeSet::from([vec!["x".into(), "y".into()]])
        );
        assert_eq!(all["h"].le, ["1e+06", "+Inf"]);
        assert_eq!(all["h"].labels, BTreeSet::from([vec!["x".into()]]));
        assert_eq!(
            (all["other"].kind.as_str(), all["other"].le.len()),
            ("gauge", 0)
        );
        assert_eq!(families(page, "ot").len(), 1);
    }
}
