//! What can be wrong with a PromQL query about our families.
//!
//! Lives here: names, types, labels, buckets, and what the query's values are. Not here: what dashboards and rules
//! must have besides.
//!
//! A query is evaluated without data: each of its parts is a shape, with labels and a unit, or a fault.

use std::collections::{BTreeSet, HashMap};

use media_metrics_core::desc::{Desc, Kind};
use media_metrics_forwarder::generate::families::{self, Part};
use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{
    self, AggregateExpr, BinaryExpr, Call, Expr, LabelModifier, VectorMatchCardinality,
    VectorSelector,
};

use crate::selectors::substituted;
use crate::units::{Base, Dim};

/// What is wrong, in a sentence.
pub(crate) type Fault = String;

type Labels = BTreeSet<String>;

/// What an expression gives.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Value {
    pub(crate) shape: Shape,
    pub(crate) dim: Dim,
    /// None: any.
    pub(crate) labels: Option<Labels>,
}

/// What can be done with it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Shape {
    /// A number that is written in the query.
    Literal(f64),
    Text,
    /// Numbers that mean what they are.
    Plain,
    /// Counts up to bounds: by `le`.
    Buckets,
    /// Native histograms.
    Native,
}

/// Names that recording rules made, and what they are.
#[derive(Debug, Default)]
pub(crate) struct Names(HashMap<String, Value>);

impl Names {
    pub(crate) fn record(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }

    /// What a query gives: all that is wrong with it, if anything is.
    pub(crate) fn check(&self, query: &str) -> Result<Value, Vec<Fault>> {
        let expr =
            parser::parse(&substituted(query)).map_err(|e| vec![format!("does not parse: {e}")])?;
        let mut faults = Vec::new();
        let value = self.value(&expr, &mut faults);
        match value {
            Some(value) if faults.is_empty() => Ok(value),
            _ => Err(faults),
        }
    }
}

/// What is wrong with a query about families, without recording rules.
pub(crate) fn check_query(query: &str) -> Vec<Fault> {
    Names::default().check(query).err().unwrap_or_default()
}

/// Labels that Prometheus gives every series.
const TARGET: [&str; 2] = ["job", "instance"];

/// Functions of a range of a counter.
const OF_COUNTERS: &[&str] = &["rate", "irate", "increase", "resets"];

/// Functions of a range of a gauge.
const OF_GAUGES: &[&str] = &[
    "deriv",
    "delta",
    "idelta",
    "predict_linear",
    "changes",
    "avg_over_time",
    "min_over_time",
    "max_over_time",
    "last_over_time",
    "quantile_over_time",
    "stddev_over_time",
];

/// Functions that ask only whether there is something.
const OF_ANYTHING: &[&str] = &[
    "absent",
    "absent_over_time",
    "present_over_time",
    "count_over_time",
];

/// A family and a part of it, or a name of Prometheus' own or a rule's.
enum Named {
    Family(&'static Desc, Part),
    Other(Value),
}

impl Names {
    fn value(&self, expr: &Expr, faults: &mut Vec<Fault>) -> Option<Value> {
        match expr {
            Expr::Paren(paren) => self.value(&paren.expr, faults),
            Expr::Unary(unary) => self.value(&unary.expr, faults),
            Expr::NumberLiteral(number) => Some(literal(number.val)),
            Expr::StringLiteral(_) => Some(Value {
                shape: Shape::Text,
                dim: Dim::of(Base::Number),
                labels: Some(Labels::new()),
            }),
            Expr::VectorSelector(selector) => self.selector(selector, None, faults),
            Expr::MatrixSelector(_) => {
                faults.push("a range is no value: a function must make one of it".to_owned());
                None
            }
            Expr::Subquery(subquery) => self.value(&subquery.expr, faults),
            Expr::Call(call) => self.call(call, faults),
            Expr::Aggregate(aggregate) => self.aggregate(aggregate, faults),
            Expr::Binary(binary) => self.binary(binary, faults),
            Expr::Extension(_) => None,
        }
    }

    fn named(&self, name: &str) -> Option<Named> {
        if let Some((family, part)) = families::by_series(name) {
            return Some(Named::Family(family.desc, part));
        }
        if name == "up" {
            let labels = TARGET.iter().map(ToString::to_string).collect();
            return Some(Named::Other(Value {
                shape: Shape::Plain,
                // 0 or 1: on average a share.
                dim: Dim::of(Base::Ratio),
                labels: Some(labels),
            }));
        }
        self.0.get(name).cloned().map(Named::Other)
    }

    /// The series of a selector, over a range that `function` takes, or as they are.
    fn selector(
        &self,
        selector: &VectorSelector,
        function: Option<&str>,
        faults: &mut Vec<Fault>,
    ) -> Option<Value> {
        let Some(name) = &selector.name else {
            faults.push("a selector without a name".to_owned());
            return None;
        };
        let Some(named) = self.named(name) else {
            faults.push(format!("{name} is in no catalog and made by no rule"));
            return None;
        };
        let anything = function.is_some_and(|f| OF_ANYTHING.contains(&f));
        let value = match named {
            Named::Other(value) => value,
            Named::Family(desc, part) => {
                let counts = desc.kind() == Kind::Counter || part != Part::Value;
                let histogram = desc.kind() == Kind::Histogram;
                let rated = function.is_some_and(|f| OF_COUNTERS.contains(&f));
                let leveled = function.is_none_or(|f| OF_GAUGES.contains(&f));
                if !anything && (counts || histogram) && !rated {
                    faults.push(format!(
                        "{name} only grows: it means something under {OF_COUNTERS:?}"
                    ));
                } else if !anything && !counts && !histogram && !leveled {
                    faults.push(format!(
                        "{name} is a gauge: {} is for counters",
                        function.unwrap_or_default()
                    ));
                }
                if part == Part::Value && histogram && desc.native_schema().is_none() {
                    faults.push(format!("{name} has no native buckets"));
                }
                of_family(desc, part)
            }
        };
        for matcher in &selector.matchers.matchers {
            self.matcher(name, matcher, &value, faults);
        }
        let by_bound = |matcher: &Matcher| matcher.name == "le";
        let one_bound = selector.matchers.matchers.iter().any(by_bound);
        Some(match value.shape {
            Shape::Buckets if one_bound => Value {
                shape: Shape::Plain,
                dim: Dim::of(Base::Number),
                ..value
            },
            _ => value,
        })
    }

    fn matcher(&self, name: &str, matcher: &Matcher, value: &Value, faults: &mut Vec<Fault>) {
        if let Some(labels) = &value.labels
            && !labels.contains(&matcher.name)
        {
            faults.push(format!("{name} has no label {}", matcher.name));
        }
        if matcher.name != "le" {
            return;
        }
        let bound = matcher.value.trim_end_matches(r"(\.0)?");
        let known = families::by_series(name).is_some_and(|(family, _)| {
            bound == "+Inf"
                || bound
                    .parse()
                    .is_ok_and(|bound: f64| family.desc.bounds().contains(&bound))
        });
        let whole = bound.bytes().all(|digit| digit.is_ascii_digit());
        if !known {
            faults.push(format!("{name} has no bucket up to {bound}"));
        } else if whole && !matches!(matcher.op, MatchOp::Re(_)) {
            // As the older text format writes it; OpenMetrics writes 40.0.
            faults.push(format!(
                r#"le="{bound}" is le="{bound}.0" in OpenMetrics: match both"#
            ));
        }
    }

    fn call(&self, call: &Call, faults: &mut Vec<Fault>) -> Option<Value> {
        let name = call.func.name;
        let arguments = &call.args.args;
        if name == "time" {
            return Some(Value {
                dim: Dim::of(Base::Seconds),
                ..literal(f64::NAN)
            });
        }
        let last = arguments.last()?;
        if name.starts_with("histogram_") {
            return self.histogram(name, last, faults);
        }
        let ranged = arguments.iter().find_map(|argument| match &**argument {
            Expr::MatrixSelector(matrix) => Some(&matrix.vs),
            _ => None,
        });
        if let Some(selector) = ranged {
            let value = self.selector(selector, Some(name), faults)?;
            let dim = match name {
                "rate" | "irate" | "deriv" => value.dim.rate(),
                "changes" | "resets" => Dim::of(Base::Number),
                _ if OF_ANYTHING.contains(&name) => Dim::of(Base::Number),
                _ => value.dim,
            };
            return Some(Value { dim, ..value });
        }
        if let (true, Expr::VectorSelector(selector)) = (OF_ANYTHING.contains(&name), &**last) {
            return self.selector(selector, Some(name), faults);
        }
        let mut values = arguments
            .iter()
            .filter_map(|argument| self.value(argument, faults))
            .collect::<Vec<_>>()
            .into_iter();
        let first = values.next()?;
        match name {
            "vector" | "abs" | "ceil" | "floor" | "round" | "clamp" | "clamp_min" | "clamp_max"
            | "sort" | "sort_desc" | "scalar" => Some(first),
            "label_replace" | "label_join" => Some(Value {
                labels: None,
                ..first
            }),
            _ => {
                faults.push(format!("the linter does not know {name}"));
                None
            }
        }
    }

    fn histogram(&self, name: &str, of: &Expr, faults: &mut Vec<Fault>) -> Option<Value> {
        let value = self.value(of, faults)?;
        let labels = value.labels.clone();
        let by_le = labels.as_ref().is_none_or(|labels| labels.contains("le"));
        match (name, value.shape) {
            ("histogram_quantile", Shape::Buckets) if !by_le => {
                faults.push("histogram_quantile of buckets without le".to_owned());
            }
            (_, Shape::Native) | ("histogram_quantile", Shape::Buckets) => {}
            (_, shape) => faults.push(format!("{name} of {shape:?}")),
        }
        let base = match name {
            "histogram_count" => Dim::of(Base::Number).rate(),
            "histogram_sum" => value.dim,
            "histogram_fraction" => Dim::of(Base::Ratio),
            // Of a rate: but a quantile is of the values.
            _ => Dim::of(value.dim.base),
        };
        Some(Value {
            shape: Shape::Plain,
            dim: base,
            labels: labels.map(|mut labels| {
                labels.remove("le");
                labels
            }),
        })
    }

    fn aggregate(&self, aggregate: &AggregateExpr, faults: &mut Vec<Fault>) -> Option<Value> {
        let value = self.value(&aggregate.expr, faults)?;
        let operator = aggregate.op.to_string();
        let known = value.labels.clone();
        let labels = match &aggregate.modifier {
            Some(LabelModifier::Include(kept)) => {
                for label in &kept.labels {
                    if known.as_ref().is_some_and(|known| !known.contains(label)) {
                        faults.push(format!(
                            "by ({label}): what is aggregated has no such label"
                        ));
                    }
                }
                Some(kept.labels.iter().cloned().collect())
            }
            Some(LabelModifier::Exclude(dropped)) => known.map(|known| {
                let dropped: Labels = dropped.labels.iter().cloned().collect();
                known.difference(&dropped).cloned().collect()
            }),
            None if matches!(operator.as_str(), "topk" | "bottomk") => known,
            None => Some(Labels::new()),
        };
        let buckets = value.shape == Shape::Buckets;
        if buckets && labels.as_ref().is_some_and(|l: &Labels| !l.contains("le")) {
            faults.push("buckets added up without le count samples many times".to_owned());
        }
        let dim = match operator.as_str() {
            "count" | "group" => Dim::of(Base::Number),
            _ => value.dim,
        };
        Some(Value {
            dim,
            labels,
            ..value
        })
    }

    fn binary(&self, binary: &BinaryExpr, faults: &mut Vec<Fault>) -> Option<Value> {
        let left = self.value(&binary.lhs, faults);
        let right = self.value(&binary.rhs, faults);
        let (left, right) = (left?, right?);
        let operator = binary.op.to_string();
        for side in [&left, &right] {
            let histogram = matches!(side.shape, Shape::Native | Shape::Buckets);
            if histogram && !matches!(operator.as_str(), "or" | "and" | "unless") {
                faults.push(format!("{operator} of histograms"));
            }
        }
        let dim = match (operator.as_str(), left.shape, right.shape) {
            ("/", _, Shape::Literal(divisor)) => left.dim.times(1.0 / divisor),
            ("/", ..) => left.dim.divided_by(right.dim).unwrap_or_else(|fault| {
                faults.push(fault);
                left.dim
            }),
            ("*", _, Shape::Literal(factor)) => left.dim.times(factor),
            ("*", Shape::Literal(factor), _) => right.dim.times(factor),
            ("*", ..) if right.dim == Dim::of(Base::Number) => left.dim,
            ("*", ..) => right.dim,
            ("and" | "unless", ..) => left.dim,
            (_, Shape::Literal(value), _) if !value.is_nan() => right.dim,
            (_, _, Shape::Literal(value)) if !value.is_nan() => left.dim,
            _ => {
                if left.dim != right.dim {
                    faults.push(format!(
                        "{:?} {operator} {:?}: they differ",
                        left.dim, right.dim
                    ));
                }
                left.dim
            }
        };
        let labels = self.joined(binary, &left, &right, faults);
        let shape = match left.shape {
            Shape::Literal(_) => right.shape,
            shape => shape,
        };
        Some(Value { shape, dim, labels })
    }

    /// The labels of both sides, where one is matched with the other.
    fn joined(
        &self,
        binary: &BinaryExpr,
        left: &Value,
        right: &Value,
        faults: &mut Vec<Fault>,
    ) -> Option<Labels> {
        let literal = |value: &Value| matches!(value.shape, Shape::Literal(_));
        if literal(left) || literal(right) {
            return if literal(left) {
                &right.labels
            } else {
                &left.labels
            }
            .clone();
        }
        let (Some(of_left), Some(of_right)) = (&left.labels, &right.labels) else {
            return None;
        };
        let modifier = binary.modifier.as_ref();
        match modifier.and_then(|m| m.matching.as_ref()) {
            Some(LabelModifier::Include(on)) => {
                for label in &on.labels {
                    if !of_left.contains(label) || !of_right.contains(label) {
                        faults.push(format!("on ({label}): one side has no such label"));
                    }
                }
            }
            Some(LabelModifier::Exclude(_)) => {}
            None if of_left != of_right => faults.push(format!(
                "{of_left:?} {} {of_right:?}: the labels of both sides differ, so nothing matches",
                binary.op
            )),
            None => {}
        }
        match modifier.map(|m| &m.card) {
            Some(VectorMatchCardinality::ManyToOne(more)) => {
                Some(of_left.iter().chain(&more.labels).cloned().collect())
            }
            Some(VectorMatchCardinality::OneToMany(more)) => {
                Some(of_right.iter().chain(&more.labels).cloned().collect())
            }
            _ => Some(of_left.clone()),
        }
    }
}

fn literal(value: f64) -> Value {
    Value {
        shape: Shape::Literal(value),
        dim: Dim::of(Base::Number),
        labels: Some(Labels::new()),
    }
}

fn of_family(desc: &'static Desc, part: Part) -> Value {
    let le = (part == Part::Bucket).then_some("le");
    let names = desc.label_names().iter().chain(TARGET).chain(le);
    let labels = (!desc.has_open_labels()).then(|| names.map(str::to_owned).collect());
    let of_values = Dim::of_family(desc);
    let (shape, dim) = match (desc.kind(), part) {
        (_, Part::Bucket) => (Shape::Buckets, of_values),
        (_, Part::Count) => (Shape::Plain, Dim::of(Base::Number)),
        (Kind::Histogram, Part::Value) => (Shape::Native, of_values),
        _ => (Shape::Plain, of_values),
    };
    Value { shape, dim, labels }
}
