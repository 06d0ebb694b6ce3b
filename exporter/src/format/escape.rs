//! Escaping of text that comes from outside, and of names.
//!
//! Lives here: the two rules of the Prometheus text format, for help and for label values; the schemes for names.
//! Not here: what names may be (core's `desc` refuses bad ones at registration), which of two names that come out alike
//! stays on the page (`names`).
//!
//! | scheme | `my.reqs_total` | `花` |
//! |---|---|---|
//! | allow-utf-8 | as it is, in quotes | as it is, in quotes |
//! | underscores | `my_reqs_total` | `_` |
//! | dots | `my_dot_reqs__total` | `__` |
//! | values | `U__my_2e_reqs__total` | `U___82b1_` |

use std::borrow::Cow;
use std::fmt::Write as _;

use super::negotiate::Escaping;

/// Appends the text of a `# HELP` line: `\` and line feed are escaped, a quote is not.
pub(super) fn help(out: &mut Vec<u8>, text: &str) {
    escape(out, text, false);
}

/// Appends a label value, without the quotes around it: `\`, `"` and line feed are escaped.
pub(super) fn label_value(out: &mut Vec<u8>, value: &str) {
    escape(out, value, true);
}

/// Appends `name="value"`, the name in quotes if it needs them.
pub(super) fn label(out: &mut Vec<u8>, name: &str, value: &str) {
    if is_plain_label(name) {
        out.extend_from_slice(name.as_bytes());
    } else {
        quoted(out, name);
    }
    out.push(b'=');
    quoted(out, value);
}

/// Writes `'` for each escaped quote in what stands from `start`, where every backslash begins an escape.
pub(super) fn soften(out: &mut Vec<u8>, start: usize) {
    let (mut from, mut to) = (start, start);
    while let Some(&byte) = out.get(from) {
        let escaped = (byte == b'\\')
            .then(|| out.get(from + 1).copied())
            .flatten();
        let (first, second) = match escaped {
            Some(b'"') => (b'\'', None),
            other => (byte, other),
        };
        for byte in [Some(first), second].into_iter().flatten() {
            if let Some(place) = out.get_mut(to) {
                *place = byte;
            }
            to += 1;
        }
        from += 1 + usize::from(escaped.is_some());
    }
    out.truncate(to);
}

/// Appends text in quotes.
pub(super) fn quoted(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    label_value(out, text);
    out.push(b'"');
}

/// Whether every reader takes this for a family's name.
pub(super) fn is_plain_name(name: &str) -> bool {
    !name.is_empty() && name.char_indices().all(|(at, c)| is_plain(at, c, true))
}

/// Whether every reader takes this for a label's name: as a family's, without colons.
pub(super) fn is_plain_label(name: &str) -> bool {
    !name.is_empty() && name.char_indices().all(|(at, c)| is_plain(at, c, false))
}

/// A family's name as the scheme writes it: the rules are those of `EscapeName` in Prometheus' common library.
pub(super) fn family_name(name: &str, scheme: Escaping) -> Cow<'_, str> {
    escaped(name, scheme, true)
}

/// A label's name as the scheme writes it. A colon, which that library leaves in although no reader takes it there, is
/// escaped as well.
pub(super) fn label_name(name: &str, scheme: Escaping) -> Cow<'_, str> {
    escaped(name, scheme, false)
}

fn escaped(name: &str, scheme: Escaping, colon: bool) -> Cow<'_, str> {
    let plain = name.char_indices().all(|(at, c)| is_plain(at, c, colon));
    match scheme {
        Escaping::AllowUtf8 => Cow::Borrowed(name),
        Escaping::Underscores | Escaping::Values if plain => Cow::Borrowed(name),
        Escaping::Dots if plain && !name.contains('_') => Cow::Borrowed(name),
        _ => Cow::Owned(rewritten(name, scheme, colon)),
    }
}

fn rewritten(name: &str, scheme: Escaping, colon: bool) -> String {
    let mut out = String::new();
    if scheme == Escaping::Values {
        out.push_str("U__");
    }
    for (at, c) in name.char_indices() {
        match scheme {
            Escaping::Dots | Escaping::Values if c == '_' => out.push_str("__"),
            Escaping::Dots if c == '.' => out.push_str("_dot_"),
            _ if is_plain(at, c, colon) => out.push(c),
            Escaping::Dots => out.push_str("__"),
            // Writing to a string can't fail.
            Escaping::Values => drop(write!(out, "_{:x}_", u32::from(c))),
            Escaping::Underscores | Escaping::AllowUtf8 => out.push('_'),
        }
    }
    out
}

fn is_plain(at: usize, c: char, colon: bool) -> bool {
    c.is_ascii_alphabetic() || c == '_' || (colon && c == ':') || (at > 0 && c.is_ascii_digit())
}

/// Works on bytes: the three special ones are ASCII, so they are never part of a longer character.
fn escape(out: &mut Vec<u8>, text: &str, quotes: bool) {
    for &byte in text.as_bytes() {
        match byte {
            b'\\' => out.extend_from_slice(br"\\"),
            b'\n' => out.extend_from_slice(br"\n"),
            b'"' if quotes => out.extend_from_slice(br#"\""#),
            _ => out.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(escape: fn(&mut Vec<u8>, &str), text: &str) -> String {
        let mut out = Vec::new();
        escape(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn only_what_the_format_names_is_escaped() {
        let hostile = "a\\b\"c\nd\re\tü\u{2028}\0";
        assert_eq!(of(help, hostile), "a\\\\b\"c\\nd\re\tü\u{2028}\0");
        assert_eq!(of(label_value, hostile), "a\\\\b\\\"c\\nd\re\tü\u{2028}\0");
    }

    #[test]
    fn softened_text_has_no_quote_but_its_ends() {
        for (value, wanted) in [
            ("", "a=\"\""),
            ("\"", "a=\"'\""),
            ("\\\"\n\\", "a=\"\\\\'\\n\\\\\""),
            ("x\"\"y", "a=\"x''y\""),
        ] {
            let mut out = b"\\\"".to_vec(); // what stood before stays
            label(&mut out, "a", value);
            soften(&mut out, 2);
            assert_eq!(String::from_utf8(out).unwrap(), format!("\\\"{wanted}"));
        }
    }

    #[test]
    fn a_backslash_before_an_n_is_no_line_feed() {
        assert_eq!(of(label_value, "\\n"), "\\\\n");
        assert_eq!(of(help, "\\n"), "\\\\n");
    }

    /// What Prometheus' common library makes of these names, and two that begin with a digit.
    #[test]
    fn names_are_escaped_as_by_prometheus() {
        for (name, underscores, dots, values) in [
            ("", "", "", ""),
            (
                "no:escaping_required",
                "no:escaping_required",
                "no:escaping__required",
                "no:escaping_required",
            ),
            (
                "mysystem.prod.west.cpu.load",
                "mysystem_prod_west_cpu_load",
                "mysystem_dot_prod_dot_west_dot_cpu_dot_load",
                "U__mysystem_2e_prod_2e_west_2e_cpu_2e_load",
            ),
            (
                "mysystem.prod.west.cpu.load_total",
                "mysystem_prod_west_cpu_load_total",
                "mysystem_dot_prod_dot_west_dot_cpu_dot_load__total",
                "U__mysystem_2e_prod_2e_west_2e_cpu_2e_load__total",
            ),
            (
                "http.status:sum",
                "http_status:sum",
                "http_dot_status:sum",
                "U__http_2e_status:sum",
            ),
            (
                "label with 😱",
                "label_with__",
                "label__with____",
                "U__label_20_with_20__1f631_",
            ),
            ("花火", "__", "____", "U___82b1__706b_"),
            (
                "label with \u{100}",
                "label_with__",
                "label__with____",
                "U__label_20_with_20__100_",
            ),
            (
                "unicode.and.dots.花火",
                "unicode_and_dots___",
                "unicode_dot_and_dot_dots_dot_____",
                "U__unicode_2e_and_2e_dots_2e__82b1__706b_",
            ),
            ("9lives", "_lives", "__lives", "U___39_lives"),
            ("é9", "_9", "__9", "U___e9_9"),
        ] {
            assert_eq!(family_name(name, Escaping::AllowUtf8), name);
            assert_eq!(family_name(name, Escaping::Underscores), underscores);
            assert_eq!(family_name(name, Escaping::Dots), dots);
            assert_eq!(family_name(name, Escaping::Values), values);
            if !name.contains(':') {
                assert_eq!(label_name(name, Escaping::Values), values);
            }
        }
        assert_eq!(label_name("a:b", Escaping::Underscores), "a_b");
        assert_eq!(label_name("a:b", Escaping::Dots), "a__b");
        assert_eq!(label_name("a:b", Escaping::Values), "U__a_3a_b");
    }
}
