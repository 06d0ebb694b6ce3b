//! A strict reader of Prometheus text 1.0.0 and of OpenMetrics 1.0, from their grammars.
//!
//! Lives here: what both have in common, quoted names included, and OpenMetrics' rules about types, units, reserved
//! names, exemplars and the end. Not here: Prometheus text 0.0.4 and OpenMetrics 2.0, whose readers are the exporter's
//! tests'.

use std::collections::HashSet;

/// One family as it stood on the page.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Family {
    pub(crate) name: String,
    pub(crate) help: String,
    pub(crate) kind: String,
    pub(crate) unit: String,
    pub(crate) lines: Vec<Line>,
}

/// One sample.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) value: f64,
    /// Labels, value and time.
    pub(crate) exemplar: Option<(Labels, f64, f64)>,
}

/// Names and values, in their order.
type Labels = Vec<(String, String)>;

type Read<T> = Result<T, String>;

/// Reads a page of OpenMetrics 1.0 if it is `open`, else of Prometheus text.
pub(crate) fn read(page: &[u8], open: bool) -> Read<Vec<Family>> {
    let page = std::str::from_utf8(page).map_err(|e| e.to_string())?;
    let body = match open {
        true => page.strip_suffix("# EOF\n").ok_or("no end")?,
        false => page,
    };
    if !body.is_empty() && !body.ends_with('\n') {
        return Err("a line that does not end".into());
    }
    let mut families: Vec<Family> = Vec::new();
    for line in body.split_terminator('\n') {
        one(line, open, &mut families).map_err(|e| format!("{line:?}: {e}"))?;
    }
    check(&families, open)?;
    Ok(families)
}

fn one(line: &str, open: bool, families: &mut Vec<Family>) -> Read<()> {
    let Some(comment) = line.strip_prefix("# ") else {
        let line = sample(line, open)?;
        let family = families.last_mut().ok_or("a sample of no family")?;
        family.lines.push(line);
        return Ok(());
    };
    let (what, rest) = comment.split_once(' ').ok_or("an empty comment")?;
    let (name, rest) = name(rest, true)?;
    let text = rest.strip_prefix(' ').ok_or("no space behind a name")?;
    if what == "HELP" {
        if families.iter().any(|f| f.name == name) {
            return Err("a family twice".into());
        }
        families.push(Family {
            name,
            help: unescape(text, open)?,
            ..Family::default()
        });
        return Ok(());
    }
    let family = families
        .last_mut()
        .filter(|f| f.name == name && f.lines.is_empty());
    let family = family.ok_or("a comment in the wrong place")?;
    let place = match what {
        "TYPE" => &mut family.kind,
        "UNIT" if open => &mut family.unit,
        _ => return Err("an unknown comment".into()),
    };
    if !place.is_empty() {
        return Err("a comment twice".into());
    }
    *place = text.to_owned();
    Ok(())
}

fn sample(line: &str, open: bool) -> Read<Line> {
    let (name, labels, rest) = match line.strip_prefix('{') {
        Some(inside) => {
            let (name, rest) = quoted(inside)?;
            match rest.strip_prefix(',') {
                Some(rest) => {
                    let (labels, rest) = braces(rest)?;
                    (name, labels, rest)
                }
                None => (name, Vec::new(), rest.strip_prefix('}').ok_or("no brace")?),
            }
        }
        None => {
            let (name, rest) = name(line, true)?;
            match rest.strip_prefix('{') {
                Some(rest) => {
                    let (labels, rest) = braces(rest)?;
                    (name, labels, rest)
                }
                None => (name, Vec::new(), rest),
            }
        }
    };
    let rest = rest.strip_prefix(' ').ok_or("no space before the value")?;
    let (value, exemplar) = match rest.split_once(" # {") {
        Some((value, exemplar)) if open => (value, Some(exemplar)),
        _ => (rest, None),
    };
    let exemplar = exemplar.map(|text| {
        let (labels, rest) = match text.strip_prefix('}') {
            Some(rest) => (Vec::new(), rest),
            None => braces(text)?,
        };
        let length: usize = labels
            .iter()
            .map(|(n, v)| n.chars().count() + v.chars().count())
            .sum();
        if length > 128 {
            return Err(format!("an exemplar of {length} characters"));
        }
        let numbers = rest.strip_prefix(' ').and_then(|r| r.split_once(' '));
        let (value, time) = numbers.ok_or("an exemplar without value or time")?;
        Ok((labels, number(value)?, number(time)?))
    });
    let value = number(value)?;
    Ok(Line {
        name,
        labels,
        value,
        exemplar: exemplar.transpose()?,
    })
}

/// A name, plain or in quotes, and what follows it.
fn name(text: &str, colon: bool) -> Read<(String, &str)> {
    if let Some(inside) = text.strip_prefix('"') {
        let (name, rest) = closed(inside)?;
        return match name.is_empty() {
            true => Err("an empty name".into()),
            false => Ok((name, rest)),
        };
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || (colon && c == ':');
    let (name, rest) = text.split_at(text.find(|c| !plain(c)).unwrap_or(text.len()));
    match name.chars().next() {
        Some(c) if !c.is_ascii_digit() => Ok((name.to_owned(), rest)),
        _ => Err("no name".into()),
    }
}

fn quoted(text: &str) -> Read<(String, &str)> {
    closed(text.strip_prefix('"').ok_or("no quote")?)
}

/// Text up to its closing quote, and what follows.
fn closed(text: &str) -> Read<(String, &str)> {
    let mut escaped = false;
    let end = text.find(|c| {
        let closes = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        closes
    });
    let end = end.ok_or("a quote that is never closed")?;
    Ok((unescape(&text[..end], true)?, &text[end + 1..]))
}

/// Labels up to the closing brace, and what follows.
fn braces(mut text: &str) -> Read<(Vec<(String, String)>, &str)> {
    let mut labels: Vec<(String, String)> = Vec::new();
    loop {
        let (label, rest) = name(text, false)?;
        let (value, rest) = quoted(rest.strip_prefix('=').ok_or("no equals sign")?)?;
        if labels.iter().any(|(other, _)| *other == label) {
            return Err(format!("label {label:?} twice"));
        }
        labels.push((label, value));
        match rest.strip_prefix(',') {
            Some(rest) => text = rest,
            None => return Ok((labels, rest.strip_prefix('}').ok_or("no closing brace")?)),
        }
    }
}

fn unescape(text: &str, quotes: bool) -> Read<String> {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.push(match c {
            '\\' => match chars.next() {
                Some('n') => '\n',
                Some('\\') => '\\',
                Some('"') if quotes => '"',
                other => return Err(format!("escapes {other:?}")),
            },
            c => c,
        });
    }
    Ok(out)
}

fn number(text: &str) -> Read<f64> {
    match text {
        "NaN" => Ok(f64::NAN),
        "+Inf" => Ok(f64::INFINITY),
        "-Inf" => Ok(f64::NEG_INFINITY),
        _ if text.starts_with(|c: char| c.is_ascii_digit() || c == '-') && !text.ends_with('.') => {
            text.parse().map_err(|e| format!("{text:?}: {e}"))
        }
        _ => Err(format!("{text:?} is no number")),
    }
}

/// What a type adds to its family's name.
fn suffixes(kind: &str, open: bool) -> Read<&'static [&'static str]> {
    Ok(match (kind, open) {
        ("counter", true) => &["_total", "_created"],
        ("counter", false) | ("gauge", _) | ("unknown", true) => &[""],
        ("info", true) => &["_info"],
        ("histogram", false) => &["_bucket", "_sum", "_count"],
        ("histogram", true) => &["_bucket", "_sum", "_count", "_created"],
        _ => return Err(format!("{kind:?} is no type")),
    })
}

fn check(families: &[Family], open: bool) -> Read<()> {
    let mut taken: HashSet<String> = HashSet::new();
    let mut seen = HashSet::new();
    for family in families {
        let suffixes = suffixes(&family.kind, open).map_err(|e| format!("{}: {e}", family.name))?;
        let unit = &family.unit;
        if !unit.is_empty() && !family.name.ends_with(&format!("_{unit}")) {
            return Err(format!("{} is not in {unit}", family.name));
        }
        // What a type reserves is nobody else's.
        let mut own: HashSet<String> = suffixes
            .iter()
            .map(|s| format!("{}{s}", family.name))
            .collect();
        for line in &family.lines {
            if !own.contains(&line.name) {
                return Err(format!(
                    "{} in family {} ({})",
                    line.name, family.name, family.kind
                ));
            }
            let mut labels = line.labels.clone();
            labels.sort();
            if !seen.insert((line.name.clone(), labels)) {
                return Err(format!("{line:?} twice"));
            }
        }
        own.insert(family.name.clone());
        if open && own.iter().any(|name| taken.contains(name)) {
            return Err(format!("{} has names of another family", family.name));
        }
        taken.extend(own);
        check_values(family).map_err(|e| format!("{}: {e}", family.name))?;
    }
    Ok(())
}

fn check_values(family: &Family) -> Read<()> {
    for line in &family.lines {
        let counts = family.kind == "counter"
            || line.name.ends_with("_bucket") && family.kind == "histogram";
        if counts && (line.value.is_nan() || line.value < 0.0) {
            return Err(format!("{line:?} counts less than nothing"));
        }
        if family.kind == "info" && line.value != 1.0 {
            return Err(format!("{line:?} of an info"));
        }
        let exemplary = line.name.ends_with("_bucket") && family.kind == "histogram";
        if line.exemplar.is_some() && !exemplary {
            return Err(format!("{line:?} with an exemplar"));
        }
        let le = line
            .labels
            .iter()
            .find(|(name, _)| name == "le")
            .map(|(_, le)| le);
        if let (Some((_, value, _)), Some(le)) = (&line.exemplar, le)
            && *value > number(le)?
        {
            return Err(format!("{line:?} is not in its bucket"));
        }
    }
    Ok(())
}
