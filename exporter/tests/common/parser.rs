//! A strict reader of Prometheus text 0.0.4, written from the format's description.
//!
//! It refuses what Prometheus would let pass: a family without HELP and TYPE, families in pieces,
//! trailing commas, several spaces, timestamps, a histogram whose buckets don't add up.

use std::collections::HashSet;

/// One family as it stood on the page.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Family {
    pub(crate) name: String,
    pub(crate) help: String,
    pub(crate) kind: String,
    pub(crate) samples: Vec<Sample>,
}

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: Vec<(String, String)>,
    /// The number's text: its look is tested, too.
    pub(crate) text: String,
}

impl Sample {
    pub(crate) fn value(&self) -> f64 {
        number(&self.text).unwrap()
    }

    pub(crate) fn label(&self, name: &str) -> Option<&str> {
        let found = self.labels.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    }

    fn labels_without_le(&self) -> Vec<(String, String)> {
        let others = self.labels.iter().filter(|(name, _)| name != "le");
        others.cloned().collect()
    }
}

/// Reads a page, or says what is wrong with it.
pub(crate) fn parse(page: &[u8]) -> Result<Vec<Family>, String> {
    let page = std::str::from_utf8(page).map_err(|e| e.to_string())?;
    if !page.is_empty() && !page.ends_with('\n') {
        return Err("the last line has no line feed".into());
    }
    let mut families: Vec<Family> = Vec::new();
    let mut lines = page.split_terminator('\n').peekable();
    while let Some(line) = lines.next() {
        let (name, help) = comment(line, "# HELP ")?;
        let (typed, kind) = comment(lines.next().unwrap_or(""), "# TYPE ")?;
        if typed != name || families.iter().any(|f| f.name == name) {
            return Err(format!("{name} is not described once, with help and type"));
        }
        let mut family = Family {
            name: name.to_owned(),
            help: unescape(help, false)?,
            kind: kind.to_owned(),
            samples: Vec::new(),
        };
        while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
            family
                .samples
                .push(sample(line).map_err(|e| format!("{line:?}: {e}"))?);
        }
        check(&family).map_err(|e| format!("{name}: {e}"))?;
        families.push(family);
    }
    Ok(families)
}

fn comment<'a>(line: &'a str, start: &str) -> Result<(&'a str, &'a str), String> {
    let rest = line
        .strip_prefix(start)
        .ok_or(format!("{line:?} is no {start}line"))?;
    let (name, rest) = rest
        .split_once(' ')
        .ok_or(format!("{line:?} names nothing"))?;
    if is_name(name, true) {
        Ok((name, rest))
    } else {
        Err(format!("{name:?} is no name"))
    }
}

fn is_name(name: &str, colon: bool) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_' || (colon && c == ':');
    name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit())
}

fn sample(line: &str) -> Result<Sample, String> {
    let end = line.find(['{', ' ']).ok_or("no value")?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = Vec::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            let (label, after) = rest.split_once("=\"").ok_or("a label without a value")?;
            let close = closing_quote(after).ok_or("a quote that is never closed")?;
            if !is_name(label, false) || labels.iter().any(|(l, _)| l == label) {
                return Err(format!("{label:?} is no label name, or is there twice"));
            }
            labels.push((label.to_owned(), unescape(&after[..close], true)?));
            rest = &after[close + 1..];
            match rest.strip_prefix(',') {
                Some(next) => rest = next,
                None => break,
            }
        }
        rest = rest.strip_prefix('}').ok_or("no closing brace")?;
    }
    let text = rest.strip_prefix(' ').ok_or("no space before the value")?;
    number(text)?;
    if !is_name(name, true) {
        return Err(format!("{name:?} is no name"));
    }
    Ok(Sample {
        name: name.to_owned(),
        labels,
        text: text.to_owned(),
    })
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|b| {
        let closes = b == b'"' && !escaped;
        escaped = b == b'\\' && !escaped;
        closes
    })
}

fn unescape(text: &str, quotes: bool) -> Result<String, String> {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        out.push(match chars.next() {
            Some('\\') => '\\',
            Some('n') => '\n',
            Some('"') if quotes => '"',
            other => return Err(format!("{text:?} escapes {other:?}")),
        });
    }
    Ok(out)
}

fn number(text: &str) -> Result<f64, String> {
    match text {
        "NaN" => Ok(f64::NAN),
        "+Inf" => Ok(f64::INFINITY),
        "-Inf" => Ok(f64::NEG_INFINITY),
        _ if text.contains(|c: char| !(c.is_ascii_digit() || "+-.e".contains(c))) => {
            Err(format!("{text:?} is no number"))
        }
        _ => text.parse().map_err(|e| format!("{text:?}: {e}")),
    }
}

fn check(family: &Family) -> Result<(), String> {
    let mut seen = HashSet::new();
    for sample in &family.samples {
        if !seen.insert((&sample.name, &sample.labels)) {
            return Err(format!("{sample:?} is there twice"));
        }
    }
    match family.kind.as_str() {
        "counter" | "gauge" => {
            let other = family.samples.iter().find(|s| s.name != family.name);
            other.map_or(Ok(()), |s| Err(format!("{} is of another family", s.name)))
        }
        "histogram" => {
            let mut rest = family.samples.as_slice();
            while !rest.is_empty() {
                rest = histogram(&family.name, rest)?;
            }
            Ok(())
        }
        kind => Err(format!("{kind:?} is no type")),
    }
}

/// One series of a histogram from the front of `samples`: buckets, sum, count; the rest comes back.
fn histogram<'a>(name: &str, samples: &'a [Sample]) -> Result<&'a [Sample], String> {
    let bucket = format!("{name}_bucket");
    let n = samples.iter().take_while(|s| s.name == bucket).count();
    let n = 1 + samples[..n]
        .iter()
        .position(|s| s.label("le") == Some("+Inf"))
        .ok_or("no +Inf")?;
    let (buckets, rest) = samples.split_at(n);
    let [sum, count, rest @ ..] = rest else {
        return Err("no sum and count".into());
    };
    if sum.name != format!("{name}_sum") || count.name != format!("{name}_count") {
        return Err(format!("{} and {} after the buckets", sum.name, count.name));
    }
    let all = || buckets.iter().chain([sum, count]);
    if all().any(|s| s.labels_without_le() != sum.labels) {
        return Err("one series, different labels".into());
    }
    let le = |s: &Sample| number(s.label("le").unwrap_or(""));
    let bounds: Vec<f64> = buckets.iter().map(le).collect::<Result<_, _>>()?;
    if !bounds.is_sorted_by(|a, b| a < b) || !buckets.is_sorted_by_key(Sample::value) {
        return Err("buckets that don't ascend".into());
    }
    if buckets.last().map(|b| &b.text) != Some(&count.text) {
        return Err("the count is not that of the +Inf bucket".into());
    }
    Ok(rest)
}
