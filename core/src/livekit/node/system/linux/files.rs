//! Small files of numbers, as `/proc` and control groups have them.
//!
//! Lives here: reading with a bound, the few shapes of text. Not here: what the numbers mean.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// No file read here comes near; what does is none of the kernel's.
const MAX_BYTES: u64 = 4 << 20;

/// The file's text; `None` if there is no such file.
pub(super) fn optional(path: &Path) -> io::Result<Option<String>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    let mut text = String::new();
    let length = file.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if length as u64 > MAX_BYTES {
        return Err(invalid("a file of numbers"));
    }
    Ok(Some(text))
}

/// The file's text.
pub(super) fn required(path: &Path) -> io::Result<String> {
    optional(path)?.ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// A text that is one whole number.
pub(super) fn number(text: &str) -> io::Result<u64> {
    text.trim().parse().map_err(|_| invalid("a number"))
}

/// The number after `name` in a text of lines `name number` or `name: number unit`; `None` without such a line.
pub(super) fn value_of(text: &str, name: &str) -> io::Result<Option<u64>> {
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or_default();
        if first.strip_suffix(':').unwrap_or(first) == name {
            return number(words.next().unwrap_or_default()).map(Some);
        }
    }
    Ok(None)
}

/// `what` isn't as the kernel writes it.
pub(super) fn invalid(what: &str) -> io::Error {
    let text = format!("{what} is not as the kernel writes it");
    io::Error::new(io::ErrorKind::InvalidData, text)
}
