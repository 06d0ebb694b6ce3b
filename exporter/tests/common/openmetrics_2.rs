//! A strict reader of OpenMetrics 2.0, written from the grammar and the rules of its release candidate.
//!
//! It follows the grammar to the letter, and refuses beyond it what the text says must not be: families twice or in
//! pieces, series twice, buckets that don't ascend or add up, an info that is not 1, lists and spans of different
//! lengths. It takes no summaries, gauge histograms and negative buckets: nobody here writes them.

use std::collections::HashSet;

/// One family as it stood on the page.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Family {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) unit: Option<String>,
    pub(crate) help: Option<String>,
    pub(crate) samples: Vec<Sample>,
}

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) value: Value,
    pub(crate) start: Option<f64>,
    pub(crate) exemplars: Vec<Exemplar>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Number(f64),
    Histogram(Histogram),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Histogram {
    pub(crate) count: f64,
    pub(crate) sum: f64,
    pub(crate) native: Option<Native>,
    /// Bounds and cumulative counts; empty if there are no classic buckets.
    pub(crate) classic: Vec<(f64, f64)>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Native {
    pub(crate) schema: i64,
    pub(crate) zero_threshold: f64,
    pub(crate) zero_count: f64,
    /// Index and count of each bucket.
    pub(crate) buckets: Vec<(i64, f64)>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Exemplar {
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) value: f64,
    pub(crate) time: f64,
}

type Read<T> = Result<T, String>;

/// Reads a page, or says what is wrong with it.
pub(crate) fn parse(page: &[u8]) -> Read<Vec<Family>> {
    let page = std::str::from_utf8(page).map_err(|e| e.to_string())?;
    let page = page.strip_suffix('\n').unwrap_or(page);
    let body = page.strip_suffix("# EOF").ok_or("no # EOF at the end")?;
    if !body.is_empty() && !body.ends_with('\n') {
        return Err("# EOF is not a line of its own".into());
    }
    let mut families: Vec<Family> = Vec::new();
    for line in body.split_terminator('\n') {
        read_line(line, &mut families).map_err(|e| format!("{line:?}: {e}"))?;
    }
    for family in &families {
        check(family).map_err(|e| format!("{}: {e}", family.name))?;
    }
    Ok(families)
}

fn read_line(line: &str, families: &mut Vec<Family>) -> Read<()> {
    let mut text = Text(line);
    let Some(rest) = line.strip_prefix("# ") else {
        let sample = sample(&mut text)?;
        let family = family(families, &sample.name, false)?;
        family.samples.push(sample);
        return Ok(());
    };
    text.0 = rest;
    let what = text.until(' ')?;
    let name = match text.0.starts_with('"') {
        true => text.quoted_name()?,
        false => text.metric_name()?,
    };
    text.expect(" ")?;
    let family = family(families, &name, true)?;
    match what {
        "TYPE" if family.kind.is_empty() => {
            let kinds = ["counter", "gauge", "histogram", "info", "unknown"];
            family.kind = kinds
                .iter()
                .find(|&&kind| kind == text.0)
                .ok_or("no such type")?
                .to_string();
        }
        "UNIT" if family.unit.is_none() => {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
            if !text.0.chars().all(plain) {
                return Err("no unit".into());
            }
            family.unit = Some(text.0.to_owned());
        }
        "HELP" if family.help.is_none() => {
            family.help = Some(text.escaped()?);
            text.end()?;
        }
        _ => return Err("unknown, or there twice".into()),
    }
    Ok(())
}

/// The family at hand, if it has this name; else a new one. Samples end its comments.
fn family<'a>(families: &'a mut Vec<Family>, name: &str, comment: bool) -> Read<&'a mut Family> {
    let same = families.last().is_some_and(|f| f.name == name);
    if same && comment && families.last().is_some_and(|f| !f.samples.is_empty()) {
        return Err("a comment after samples".into());
    }
    if !same {
        if families.iter().any(|f| f.name == name) {
            return Err("a family in pieces".into());
        }
        families.push(Family {
            name: name.to_owned(),
            ..Family::default()
        });
    }
    families.last_mut().ok_or_else(|| unreachable!())
}

fn sample(text: &mut Text<'_>) -> Read<Sample> {
    let (name, labels) = match text.0.starts_with('{') {
        true => {
            text.expect("{")?;
            let name = text.quoted_name()?;
            let labels = match text.take(",") {
                true => text.labels()?,
                false => Vec::new(),
            };
            text.expect("}")?;
            (name, labels)
        }
        false => {
            let name = text.metric_name()?;
            let braces = text.0.starts_with('{');
            (name, if braces { text.braces()? } else { Vec::new() })
        }
    };
    text.expect(" ")?;
    let value = match text.0.starts_with('{') {
        true => Value::Histogram(text.histogram()?),
        false => Value::Number(text.number()?),
    };
    let start = match text.take(" st@") {
        true => Some(text.real()?),
        false => None,
    };
    let mut exemplars = Vec::new();
    while text.take(" # ") {
        let labels = text.braces()?;
        text.expect(" ")?;
        let value = text.number()?;
        text.expect(" ")?;
        let time = text.real()?;
        exemplars.push(Exemplar {
            labels,
            value,
            time,
        });
    }
    text.end()?;
    Ok(Sample {
        name,
        labels,
        value,
        start,
        exemplars,
    })
}

/// What is left of a line.
struct Text<'a>(&'a str);

impl<'a> Text<'a> {
    fn take(&mut self, wanted: &str) -> bool {
        let rest = self.0.strip_prefix(wanted);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn expect(&mut self, wanted: &str) -> Read<()> {
        match self.take(wanted) {
            true => Ok(()),
            false => Err(format!("{wanted:?} expected before {:?}", self.0)),
        }
    }

    fn end(&self) -> Read<()> {
        match self.0 {
            "" => Ok(()),
            rest => Err(format!("{rest:?} is too much")),
        }
    }

    fn until(&mut self, end: char) -> Read<&'a str> {
        let (before, rest) = self.0.split_once(end).ok_or(format!("no {end:?}"))?;
        self.0 = rest;
        Ok(before)
    }

    fn while_is(&mut self, is: impl Fn(char) -> bool) -> &'a str {
        let end = self.0.find(|c| !is(c)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken
    }

    /// `metricname`, or `label-name` if it has no colon.
    fn name(&mut self, colon: bool) -> Read<String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || (colon && c == ':');
        let name = self.while_is(plain);
        match name.chars().next() {
            Some(c) if !c.is_ascii_digit() => Ok(name.to_owned()),
            _ => Err(format!("no name before {:?}", self.0)),
        }
    }

    fn metric_name(&mut self) -> Read<String> {
        self.name(true)
    }

    fn quoted(&mut self) -> Read<String> {
        self.expect("\"")?;
        let text = self.escaped()?;
        self.expect("\"")?;
        Ok(text)
    }

    fn quoted_name(&mut self) -> Read<String> {
        match self.quoted()? {
            name if name.is_empty() => Err("an empty name".into()),
            name => Ok(name),
        }
    }

    /// `escaped-string`, up to a quote or the end. Escapes that are discouraged are refused.
    fn escaped(&mut self) -> Read<String> {
        let mut out = String::new();
        loop {
            out.push_str(self.while_is(|c| c != '"' && c != '\\'));
            if !self.take("\\") {
                return Ok(out);
            }
            let mut chars = self.0.chars();
            out.push(match chars.next() {
                Some('n') => '\n',
                Some(c @ ('\\' | '"')) => c,
                other => return Err(format!("escapes {other:?}")),
            });
            self.0 = chars.as_str();
        }
    }

    fn braces(&mut self) -> Read<Vec<(String, String)>> {
        self.expect("{")?;
        let labels = match self.0.starts_with('}') {
            true => Vec::new(),
            false => self.labels()?,
        };
        self.expect("}")?;
        Ok(labels)
    }

    fn labels(&mut self) -> Read<Vec<(String, String)>> {
        let mut labels: Vec<(String, String)> = Vec::new();
        loop {
            let name = match self.0.starts_with('"') {
                true => self.quoted_name()?,
                false => self.name(false)?,
            };
            self.expect("=")?;
            let value = self.quoted()?;
            if labels.iter().any(|(other, _)| *other == name) {
                return Err(format!("{name:?} is there twice"));
            }
            labels.push((name, value));
            if !self.take(",") {
                return Ok(labels);
            }
        }
    }

    /// `realnumber`.
    fn real(&mut self) -> Read<f64> {
        let digit = |c: char| c.is_ascii_digit();
        let start = self.0;
        let _sign = self.take("-") || self.take("+");
        let before = self.while_is(digit);
        let after = match self.take(".") {
            true => self.while_is(digit),
            false => "",
        };
        if before.is_empty() && after.is_empty() {
            return Err(format!("no number at {start:?}"));
        }
        if self.take("e") {
            let _sign = self.take("-") || self.take("+");
            if self.while_is(digit).is_empty() {
                return Err(format!("no exponent at {start:?}"));
            }
        }
        let text = &start[..start.len() - self.0.len()];
        text.parse().map_err(|e| format!("{text:?}: {e}"))
    }

    /// `number`: of the words those that are in use.
    fn number(&mut self) -> Read<f64> {
        for (word, value) in [
            ("NaN", f64::NAN),
            ("+Inf", f64::INFINITY),
            ("-Inf", f64::NEG_INFINITY),
        ] {
            if self.take(word) {
                return Ok(value);
            }
        }
        self.real()
    }

    fn integer(&mut self) -> Read<i64> {
        let start = self.0;
        let _sign = self.take("-");
        self.while_is(|c| c.is_ascii_digit());
        let text = &start[..start.len() - self.0.len()];
        text.parse().map_err(|e| format!("{text:?}: {e}"))
    }

    fn histogram(&mut self) -> Read<Histogram> {
        self.expect("{count:")?;
        let count = self.number()?;
        self.expect(",sum:")?;
        let sum = self.number()?;
        let native = match self.take(",schema:") {
            true => Some(self.native()?),
            false => None,
        };
        let mut classic = Vec::new();
        if self.take(",bucket:[") {
            loop {
                let bound = self.number()?;
                self.expect(":")?;
                classic.push((bound, self.number()?));
                if !self.take(",") {
                    break;
                }
            }
            self.expect("]")?;
        } else if native.is_none() {
            return Err("a histogram without buckets".into());
        }
        self.expect("}")?;
        Ok(Histogram {
            count,
            sum,
            native,
            classic,
        })
    }

    fn native(&mut self) -> Read<Native> {
        let schema = self.integer()?;
        self.expect(",zero_threshold:")?;
        let zero_threshold = self.real()?;
        self.expect(",zero_count:")?;
        let zero_count = self.number()?;
        let mut buckets = Vec::new();
        if self.take(",positive_spans:[") {
            let mut indexes = Vec::new();
            let mut next = 0;
            loop {
                let offset = self.integer()?;
                self.expect(":")?;
                let length = self.integer()?;
                if length < 1 || (offset < 1 && !indexes.is_empty()) {
                    return Err("spans that touch, or are empty".into());
                }
                indexes.extend(next + offset..next + offset + length);
                next += offset + length;
                if !self.take(",") {
                    break;
                }
            }
            self.expect("],positive_buckets:[")?;
            for (at, &index) in indexes.iter().enumerate() {
                if at > 0 {
                    self.expect(",")?;
                }
                buckets.push((index, self.number()?));
            }
            self.expect("]")?; // as many as the spans are long
        }
        Ok(Native {
            schema,
            zero_threshold,
            zero_count,
            buckets,
        })
    }
}

fn check(family: &Family) -> Read<()> {
    let mut seen = HashSet::new();
    for sample in &family.samples {
        let mut labels: Vec<_> = sample.labels.iter().collect();
        labels.sort();
        if !seen.insert(labels) {
            return Err(format!("{sample:?} is there twice"));
        }
        let is_composite = matches!(sample.value, Value::Histogram(_));
        let starts = matches!(family.kind.as_str(), "counter" | "histogram");
        if is_composite != (family.kind == "histogram") {
            return Err("a value of another type".into());
        }
        if !starts && (sample.start.is_some() || !sample.exemplars.is_empty()) {
            return Err("a start or an exemplar where there can be none".into());
        }
        match &sample.value {
            Value::Number(n) if family.kind == "counter" && (n.is_nan() || *n < 0.0) => {
                return Err(format!("a counter of {n}"));
            }
            Value::Number(n) if family.kind == "info" && *n != 1.0 => {
                return Err(format!("an info of {n}"));
            }
            Value::Number(_) => {}
            Value::Histogram(histogram) => check_histogram(histogram)?,
        }
    }
    let info_without = family.kind == "info" && !family.name.ends_with("_info");
    if info_without || (family.kind == "info" && family.unit.is_some()) {
        return Err("an info with a unit, or without its suffix".into());
    }
    Ok(())
}

fn check_histogram(histogram: &Histogram) -> Read<()> {
    let Histogram {
        count,
        native,
        classic,
        ..
    } = histogram;
    if let Some((bound, last)) = classic.last()
        && (*bound != f64::INFINITY || last != count)
    {
        return Err("the last bucket is not all".into());
    }
    if !classic.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1) {
        return Err("buckets that don't ascend".into());
    }
    if let Some(native) = native {
        let all = native.zero_count + native.buckets.iter().map(|b| b.1).sum::<f64>();
        if !(-4..=8).contains(&native.schema) || native.zero_threshold < 0.0 {
            return Err("a schema or a threshold that is none".into());
        }
        if (all - count).abs() > count * 1e-12 || native.buckets.iter().any(|b| b.1 < 0.0) {
            return Err(format!("native buckets of {all}, a count of {count}"));
        }
    }
    Ok(())
}
