//! Reading a page of Prometheus text, as other libraries write it.
//!
//! Lives here: lines to families. Not here: what a family becomes (`convert`).
//!
//! It takes what Prometheus takes: families without help or type, empty lines, timestamps (which it forgets). A
//! line that is none is left out, and counted: a foreign page must not spoil ours. Time and memory grow with the
//! page's length, whatever stands on it.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::format::suffix::{BUCKET, HISTOGRAM};

/// One family as it stands on the page.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Family<'p> {
    pub(super) name: Cow<'p, str>,
    pub(super) help: Option<Cow<'p, str>>,
    /// `counter`, `gauge`, `histogram`, `summary`, anything else, or nothing. The first that is told.
    pub(super) kind: &'p str,
    pub(super) samples: Vec<Sample<'p>>,
}

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample<'p> {
    /// What stands behind the family's name: `_bucket`, `_sum`, `_count`, or nothing.
    pub(super) suffix: &'static str,
    pub(super) labels: Vec<(&'p str, Cow<'p, str>)>,
    /// As it was written: whole numbers are not always to be read as floats.
    pub(super) value: &'p str,
}

/// Reads a page; the number is that of lines left out.
pub(super) fn parse(page: &str) -> (Vec<Family<'_>>, u64) {
    let mut families = Families::default();
    let mut bad = 0;
    for line in page.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(comment) = line.strip_prefix('#') {
            families.note(comment.trim_start());
        } else if families.sample(line).is_none() {
            bad += 1;
        }
    }
    families.all.retain(|family| !family.samples.is_empty());
    (families.all, bad)
}

/// Families in the order in which they came, and where each is.
#[derive(Default)]
struct Families<'p> {
    all: Vec<Family<'p>>,
    by_name: HashMap<&'p str, usize>,
}

impl<'p> Families<'p> {
    /// A comment: help, type, or nothing to us.
    fn note(&mut self, comment: &'p str) {
        let mut words = comment.splitn(3, ' ');
        let (what, name, rest) = (words.next(), words.next(), words.next().unwrap_or(""));
        let Some(name) = name.filter(|_| matches!(what, Some("HELP" | "TYPE"))) else {
            return;
        };
        let family = self.family(name);
        match what {
            Some("HELP") => family.help = family.help.take().or_else(|| Some(unescape(rest))),
            _ if family.kind.is_empty() => family.kind = rest.trim(),
            _ => {}
        }
    }

    /// The family of this name: the one that is there, or a new one.
    fn family(&mut self, name: &'p str) -> &mut Family<'p> {
        let all = &mut self.all;
        let at = *self.by_name.entry(name).or_insert_with(|| {
            all.push(Family {
                name: Cow::Borrowed(name),
                ..Family::default()
            });
            all.len() - 1
        });
        &mut all[at]
    }

    /// `name{labels} value timestamp`; `None` if it is no such line.
    fn sample(&mut self, line: &'p str) -> Option<()> {
        let end = line.find(|c: char| c == '{' || c.is_whitespace())?;
        let (name, rest) = line.split_at(end);
        let (labels, rest) = match rest.trim_start().strip_prefix('{') {
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
        let (name, suffix) = self.part(name).unwrap_or((name, ""));
        self.family(name).samples.push(Sample {
            suffix,
            labels,
            value,
        });
        Some(())
    }

    /// The family before, and the suffix, if `name` is a part of a histogram or summary.
    fn part(&self, name: &'p str) -> Option<(&'p str, &'static str)> {
        HISTOGRAM.into_iter().find_map(|part| {
            let whole = name.strip_suffix(part)?;
            let family = self.all.get(*self.by_name.get(whole)?)?;
            let has = match family.kind {
                "histogram" => true,
                "summary" => part != BUCKET,
                _ => false,
            };
            has.then_some((whole, part))
        })
    }
}

type Labels<'p> = Vec<(&'p str, Cow<'p, str>)>;

/// `name="value",…}` and what follows.
fn labels(text: &str) -> Option<(Labels<'_>, &str)> {
    let mut labels = Vec::new();
    let mut rest = text.trim_start();
    loop {
        if let Some(behind) = rest.strip_prefix('}') {
            return Some((labels, behind));
        }
        let (name, behind) = rest.split_once('=')?;
        let behind = behind.trim_start().strip_prefix('"')?;
        let end = closing_quote(behind)?;
        labels.push((name.trim(), unescape(behind.get(..end)?)));
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

fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => plain.push('\n'),
            Some(escaped @ ('\\' | '"')) => plain.push(escaped),
            // No escape at all: it stands for itself.
            Some(other) => plain.extend([c, other]),
            None => plain.push(c),
        }
    }
    Cow::Owned(plain)
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
        assert_eq!((&*a.name, a.kind), ("a", "counter"));
        assert_eq!(a.help.as_deref(), Some("A \"q\\ b\nc."));
        assert_eq!(
            a.samples[0].labels,
            [("x", "1".into()), ("y", "a\"}\\".into())]
        );
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
        let page =
            "# TYPE a counter\na_count 1\n# TYPE s summary\nb_count 1\ns_bucket 1\ns_count 1\n";
        let (families, _) = parse(page);
        let names: Vec<_> = families.iter().map(|f| &*f.name).collect();
        assert_eq!(names, ["a_count", "s", "b_count", "s_bucket"]);
    }

    #[test]
    fn the_first_help_and_type_count() {
        let page =
            "# TYPE a counter\n# HELP a One.\n# HELP a Two.\na 1\n# TYPE a gauge\na{b=\"1\"} 2\n";
        let (families, _) = parse(page);
        assert_eq!(families.len(), 1);
        assert_eq!(families[0].kind, "counter");
        assert_eq!(families[0].help.as_deref(), Some("One."));
    }
}
