//! The selectors of a query, with what stands around them.
//!
//! Lives here: taking a query of a dashboard apart. Not here: whether it means something (`query`).

use promql_parser::parser::{self, Expr, VectorSelector};

/// The query with something in place of Grafana's variables that parses.
pub(crate) fn substituted(query: &str) -> String {
    query.replace("$__rate_interval", RATE_INTERVAL)
}

/// A time that nobody would write.
pub(crate) const RATE_INTERVAL: &str = "123454321ms";

/// All selectors of a query that parses: with their ranges in milliseconds, if they have any, and the function around.
pub(crate) fn selectors(query: &str) -> Vec<(VectorSelector, Option<u128>, String)> {
    fn walk(expr: &Expr, around: &str, found: &mut Vec<(VectorSelector, Option<u128>, String)>) {
        match expr {
            Expr::VectorSelector(selector) => {
                found.push((selector.clone(), None, around.to_owned()));
            }
            Expr::MatrixSelector(matrix) => found.push((
                matrix.vs.clone(),
                Some(matrix.range.as_millis()),
                around.to_owned(),
            )),
            Expr::Call(call) => {
                for argument in &call.args.args {
                    walk(argument, call.func.name, found);
                }
            }
            Expr::Aggregate(aggregate) => walk(&aggregate.expr, "", found),
            Expr::Binary(binary) => {
                walk(&binary.lhs, "", found);
                walk(&binary.rhs, "", found);
            }
            Expr::Unary(unary) => walk(&unary.expr, "", found),
            Expr::Paren(paren) => walk(&paren.expr, around, found),
            Expr::Subquery(subquery) => walk(&subquery.expr, around, found),
            _ => {}
        }
    }
    let mut found = Vec::new();
    if let Ok(expr) = parser::parse(&substituted(query)) {
        walk(&expr, "", &mut found);
    }
    found
}
