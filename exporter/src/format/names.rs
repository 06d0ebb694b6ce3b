//! Names on one page: escaped, and none twice.
//!
//! Lives here: what becomes of families and labels whose names come out alike once they are escaped. Not here: how a
//! single name is escaped (`escape`).
//!
//! A name that stays as it is always has its place: who changes gives way. A family that would take another's name, or
//! that of one of its samples, is left out, and counted; for two families under one name, with other types and labels,
//! are a page that nobody reads. A label gets more underscores: to leave it out might make two series one.

use std::borrow::Cow;
use std::collections::HashSet;

use media_metrics_core::snapshot::{FamilySnapshot, Values};

use super::escape;
use super::negotiate::Escaping;
use super::suffix::HISTOGRAM;

/// For each family, whether it is on a page of this scheme: of those that are `shown`, who has a name of its own. Those
/// that are hidden take nobody's.
pub(super) fn on_page(families: &[FamilySnapshot], shown: &[bool], scheme: Escaping) -> Vec<bool> {
    let mut on_page = shown.to_vec();
    let is_utf8 = |family: &&FamilySnapshot| family.schema().desc().has_utf8_names();
    if scheme == Escaping::AllowUtf8 || !families.iter().any(|family| is_utf8(&family)) {
        return on_page; // no name changes, or only in the one way that keeps them apart
    }
    // Once those that every reader knows, then the others.
    let mut taken = HashSet::new();
    for changes in [false, true] {
        let all = families.iter().zip(shown).zip(&mut on_page);
        for ((family, shown), on_page) in all {
            let plain = family.schema().desc().name();
            if escape::is_plain_name(plain) == changes || !shown {
                continue;
            }
            let name = escape::family_name(plain, scheme);
            let wanted: Vec<String> = samples(&name, family.values()).collect();
            *on_page = !changes || !wanted.iter().any(|name| taken.contains(name));
            if *on_page {
                taken.extend(wanted);
            }
        }
    }
    on_page
}

/// All names that a family called `name` may have on a page.
fn samples<'a>(name: &'a str, values: &Values) -> impl Iterator<Item = String> + use<'a> {
    let more = match values {
        Values::Histogram(_) => &HISTOGRAM[..],
        _ => &[],
    };
    [""].iter()
        .chain(more)
        .map(move |suffix| format!("{name}{suffix}"))
}

/// The names of a series' labels as the scheme writes them, in their order.
pub(super) fn labels<'a>(
    names: &[&'a str],
    scheme: Escaping,
    values: &Values,
) -> Vec<Cow<'a, str>> {
    let escape = |&name: &&'a str| escape::label_name(name, scheme);
    let mut escaped: Vec<Cow<'a, str>> = names.iter().map(escape).collect();
    if escaped.iter().all(|name| matches!(name, Cow::Borrowed(_))) {
        return escaped;
    }
    // Names that only a scraper gives are nobody's.
    let mut taken = vec!["__name__".to_owned()];
    if matches!(values, Values::Histogram(_)) {
        taken.push("le".to_owned());
    }
    for changes in [false, true] {
        for (name, escaped) in names.iter().zip(&mut escaped) {
            if escape::is_plain_label(name) == changes {
                continue;
            }
            while taken.iter().any(|name| *name == **escaped) {
                escaped.to_mut().push('_');
            }
            taken.push(escaped.clone().into_owned());
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use media_metrics_core::Desc;
    use media_metrics_core::snapshot::Builder;

    fn left_out(descs: &[Desc], scheme: Escaping) -> Vec<String> {
        left_out_of(descs, scheme, |_| true)
    }

    fn left_out_of(descs: &[Desc], scheme: Escaping, shows: impl Fn(&str) -> bool) -> Vec<String> {
        let builder = descs
            .iter()
            .fold(Builder::new(), |builder, desc| match desc.kind() {
                media_metrics_core::desc::Kind::Histogram => builder.histogram(desc, &[(&[], &[])]),
                _ => builder.counter(desc, &[(&[], 1)]),
            });
        let snapshot = builder.build();
        let families = snapshot.families();
        let name = |family: &FamilySnapshot| family.schema().desc().name().to_owned();
        let shown: Vec<bool> = families.iter().map(|f| shows(&name(f))).collect();
        let on_page = on_page(families, &shown, scheme);
        let all = families.iter().zip(shown).zip(on_page);
        all.filter(|((_, shown), on_page)| shown != on_page)
            .map(|((family, _), _)| name(family))
            .collect()
    }

    #[test]
    fn who_changes_gives_way() {
        let counter = |name| Desc::counter(name, "").utf8_names();
        let all = [
            counter("a.b"),
            counter("a_b"),
            counter("a b"),
            counter("h.x_bucket"),
            Desc::histogram("h.x", "", &[]).utf8_names(),
            counter("p_count"),
            Desc::histogram("p", "", &[]),
            counter("ü"),
            counter("U___fc_"),
        ];
        assert_eq!(left_out(&all, Escaping::AllowUtf8), [""; 0]);
        // `h.x` comes before `h.x_bucket`, and no name that stays is asked.
        assert_eq!(
            left_out(&all, Escaping::Underscores),
            ["a b", "a.b", "h.x_bucket"]
        );
        assert_eq!(left_out(&all, Escaping::Dots), ["a b"]);
        assert_eq!(left_out(&all, Escaping::Values), ["ü"]);
        assert_eq!(
            left_out(&[counter("a_b"), counter("a__b")], Escaping::Dots),
            [""; 0]
        );
    }

    #[test]
    fn who_is_hidden_takes_no_name() {
        let all = [
            Desc::counter("a.b", "").utf8_names(),
            Desc::counter("a_b", ""),
        ];
        let out = |hidden: &str| left_out_of(&all, Escaping::Underscores, |name| name != hidden);
        assert_eq!(out("another"), ["a.b"]);
        assert_eq!(out("a_b"), [""; 0]);
        assert_eq!(out("a.b"), [""; 0], "nor is it counted");
    }

    #[test]
    fn labels_are_told_apart() {
        let of = |names: &[&'static str], scheme, values: &Values| {
            labels(names, scheme, values).join(" ")
        };
        let (counter, histogram) = (Values::Counter(vec![]), Values::Histogram(vec![]));
        let names = ["a.b", "a b", "a_b", "a_b_", "..name..", "x"];
        assert_eq!(
            of(&names, Escaping::Underscores, &counter),
            "a_b__ a_b___ a_b a_b_ __name___ x"
        );
        assert_eq!(
            of(&names, Escaping::AllowUtf8, &counter),
            "a.b a b a_b a_b_ ..name.. x"
        );
        assert_eq!(
            of(&["a.b", "é"], Escaping::Values, &histogram),
            "U__a_2e_b U___e9_"
        );
        assert_eq!(of(&["_x"], Escaping::Dots, &counter), "__x");
        assert_eq!(of(&["_name_"], Escaping::Dots, &counter), "__name___");
        assert_eq!(of(&["a b", "a_b"], Escaping::Dots, &counter), "a__b_ a__b");
        assert_eq!(
            of(&["le", "l\u{e9}"], Escaping::Underscores, &counter),
            "le l_"
        );
    }
}
