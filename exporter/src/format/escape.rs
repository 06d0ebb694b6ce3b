//! Escaping of text that comes from outside, and of names.
//!
//! Lives here: the two rules of the Prometheus text format, for help and for label values; the schemes for names.
//! Not here: what names may be (core's `desc` refuses bad ones at registration).

use super::negotiate::Escaping;

/// Appends the text of a `# HELP` line: `\` and line feed are escaped, a quote is not.
pub(super) fn help(out: &mut Vec<u8>, text: &str) {
    escape(out, text, false);
}

/// Appends a label value, without the quotes around it: `\`, `"` and line feed are escaped.
pub(super) fn label_value(out: &mut Vec<u8>, value: &str) {
    escape(out, value, true);
}

/// Appends a name as the scheme writes it.
///
/// Names are those that core accepts: letters, digits, underscores and colons, which three of the schemes leave
/// as they are. The one that writes dots as `_dot_` doubles underscores, so that they can be told apart.
pub(super) fn name(out: &mut Vec<u8>, name: &str, scheme: Escaping) {
    if scheme != Escaping::Dots {
        return out.extend_from_slice(name.as_bytes());
    }
    for &byte in name.as_bytes() {
        out.push(byte);
        if byte == b'_' {
            out.push(b'_');
        }
    }
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
    fn a_backslash_before_an_n_is_no_line_feed() {
        assert_eq!(of(label_value, "\\n"), "\\\\n");
        assert_eq!(of(help, "\\n"), "\\\\n");
    }
}
