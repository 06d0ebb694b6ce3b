//! Reading a page of Prometheus text, as other libraries write it.
//!
//! Lives here: lines to families. Not here: what a family becomes (`with_page`).
//!
//! It takes what Prometheus takes: families without help or type, empty lines, timestamps (which it forgets). A
//! line that is none is left out, and counted: a foreign page must not spoil ours.

/// One family as it stands on the page.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Family {
    pub(super) name: String,
    pub(super) help: Option<String>,
    /// `counter`, `gauge`, `histogram`, `summary`, or anything else.
    pub(super) kind: String,
    pub(super) samples: Vec<Sample>,
}

/// One line.
#[derive(Debug, PartialEq)]
pub(super) struct Sample {
    /// What stands behind the family's name: `_bucket`, `_sum`, `_count`, or nothing.
    pub(super) suffix: &'static str,
    pub(super) labels: Vec<(String, String)>,
    /// As it was written: whole numbers are not always to be read as floats.
    pub(super) value: String,
}

/// Reads a page; the number is that of lines left out.
pub(super) fn parse(page: &str) -> (Vec<Family>, u64) {
    let mut families: Vec<Family> = Vec::new();
    let mut bad = 0;
    for line in page.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(comment) = line.strip_prefix('#') {
            note(&mut families, comment.trim_start());
        } else if sample(&mut families, line).is_none() {
            bad += 1;
        }
    }
    families.retain(|family| !family.samples.is_empty());
    (families, bad)
}

/// A comment: help, type, or nothing to us.
fn note(families: &mut Vec<Family>, comment: &str) {
    let mut words = comment.splitn(3, ' ');
    let (what, name, rest) = (words.next(), words.next(), words.next().unwrap_or(""));
    let Some(name) = name.filter(|_| matches!(what, Some("HELP" | "TYPE"))) else {
        return;
    };
    let family = family_of(families, name);
    match what {
        Some("HELP") => family.help = Some(unescape(rest)),
        _ => rest.trim().clone_into(&mut family.kind),
    }
}

/// The family of this name: the last one, or a new one.
fn family_of<'f>(families: &'f mut Vec<Family>, name: &str) -> &'f mut Family {
    // The last: a page has families one after the other. `position` for one that does not.
    let at = families.iter().rposition(|f| f.name == name);
    let at = at.unwrap_or_else(|| {
        families.push(Family {
            name: name.to_owned(),
            ..Family::default()
        });
        families.len() - 1
    });
    &mut families[at]
}

/// `name{labels} value timestamp`; `None` if it is no such line.
fn sample(families: &mut Vec<Family>, line: &str) -> Option<()> {
    let end = line.find(|c: char| c == '{' || c.is_whitespace())?;
    let (name, rest) = line.split_at(end);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Vec::new(), rest),
    };
    let mut words = rest.split_whitespace();
    let value = words.next()?;
    value.parse::<f64>().ok()?;
    let timestamp = words.next().map(str::parse::<i64>);
    if name.is_empty() || timestamp.is_some_and(|t| t.is_err()) || words.next().is_some() {
        return None;
    }
    let suffix = ["_bucket", "_sum", "_count"].into_iter().find(|suffix| {
        let whole = name.strip_suffix(suffix);
        let last = families.last().filter(|f| Some(f.name.as_str()) == whole);
        last.is_some_and(|f| matches!(f.kind.as_str(), "histogram" | "summary"))
    });
    let suffix = suffix.unwrap_or("");
    let family = family_of(families, name.strip_suffix(suffix).unwrap_or(name));
    family.samples.push(Sample {
        suffix,
        labels,
        value: value.to_owned(),
    });
    Some(())
}

/// `name="value",…}` and what follows.
fn labels(text: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut labels = Vec::new();
    let mut rest = text.trim_start();
    loop {
        if let Some(behind) = rest.strip_prefix('}') {
            return Some((labels, behind));
        }
        let (name, behind) = rest.split_once('=')?;
        let behind = behind.trim_start().strip_prefix('"')?;
        let end = closing_quote(behind)?;
        labels.push((name.trim().to_owned(), unescape(behind.get(..end)?)));
        rest = behind.get(end + 1..)?.trim_start();
        match rest.strip_prefix(',') {
            Some(next) => rest = next.trim_start(),
            None if rest.starts_with('}') => {}
            None => return None,
        }
    }
}

/// Where the first quote is that no backslash is before.
fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let quote = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        quote
    })
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (c, false) => plain.push(c),
            (c, true) => match chars.next() {
                Some('n') => plain.push('\n'),
                Some(escaped @ ('\\' | '"')) => plain.push(escaped),
                // No escape at all: it stands for itself.
                Some(other) => plain.extend([c, other]),
                None => plain.push(c),
            },
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_becomes_families() {
        let page = "# HELP a A \\\"q\\\\ b\\nc.\n# TYPE a counter\na{x=\"1\",y=\"a\\\"}\\\\\"} 3\n\n\
            # TYPE h histogram\nh_bucket{le=\"+Inf\"} 2 1700000000000\nh_sum 1.5\nh_count 2\nplain +Inf\n";
        let (families, bad) = parse(page);
        assert_eq!(bad, 0);
        let a = &families[0];
        assert_eq!((a.name.as_str(), a.kind.as_str()), ("a", "counter"));
        assert_eq!(a.help.as_deref(), Some("A \"q\\ b\nc."));
        let labels = [
            ("x".to_owned(), "1".to_owned()),
            ("y".into(), "a\"}\\".into()),
        ];
        assert_eq!(a.samples[0].labels, labels);
        assert_eq!(a.samples[0].value, "3");
        let suffixes: Vec<_> = families[1].samples.iter().map(|s| s.suffix).collect();
        assert_eq!(suffixes, ["_bucket", "_sum", "_count"]);
        assert_eq!(families[2].name, "plain");
    }

    #[test]
    fn lines_that_are_none_are_left_out_and_counted() {
        for bad in [
            "a",
            "a b",
            "a{",
            "a{x} 1",
            "a{x=1} 1",
            "a{x=\"1\" 1",
            "a{x=\"1\"y=\"2\"} 1",
            "a 1 2 3",
            "a 1 x",
            "{} 1",
            "a{x=\"1\\\"} 1",
        ] {
            assert_eq!(parse(bad), (Vec::new(), 1), "{bad}");
        }
    }

    #[test]
    fn a_suffix_belongs_to_a_histogram_or_summary_before_it() {
        let (families, _) = parse("# TYPE a counter\na_count 1\n# TYPE s summary\nb_count 1\n");
        let names: Vec<_> = families.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(names, ["a_count", "b_count"]);
    }
}
