//! Text from outside, before it may be a label's value.

use super::OTHER;

/// Longest name that passes, in bytes.
const MAX_NAME_BYTES: usize = 128;

/// Longest path that passes, in bytes.
const MAX_PATH_BYTES: usize = 512;

/// A name of a service, a method, a referrer: printable ASCII without spaces, at most 128 bytes. `None` for
/// anything else.
pub(in super::super) fn name(text: &str) -> Option<&str> {
    let fits = !text.is_empty() && text.len() <= MAX_NAME_BYTES;
    (fits && text.bytes().all(|b| b.is_ascii_graphic())).then_some(text)
}

/// A path of a file: at most 512 bytes, no control characters, nothing that has to be replaced in a label.
pub(in super::super) fn path(text: &str) -> Option<&str> {
    let harmless = |c: char| !c.is_control() && c != '\u{FFFF}';
    let fits = !text.is_empty() && text.len() <= MAX_PATH_BYTES;
    (fits && text.chars().all(harmless)).then_some(text)
}

/// A country: two ASCII letters, nothing, or `other`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Country(Code);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Code {
    Unknown,
    Letters([u8; 2]),
    Other,
}

impl Country {
    /// Not known: the empty text.
    pub const UNKNOWN: Self = Self(Code::Unknown);

    /// Of a code such as `DE` (ISO 3166-1 alpha-2), kept as it is written. The empty text is
    /// [`UNKNOWN`](Self::UNKNOWN), anything else `other`.
    ///
    /// ```
    /// use media_metrics_core::livekit::families::Country;
    /// assert_eq!(Country::of("DE").as_str(), "DE");
    /// assert_eq!(Country::of("").as_str(), "");
    /// assert_eq!(Country::of("Atlantis").as_str(), "other");
    /// ```
    #[must_use]
    pub fn of(code: &str) -> Self {
        Self(match *code.as_bytes() {
            [] => Code::Unknown,
            [a, b] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() => Code::Letters([a, b]),
            _ => Code::Other,
        })
    }

    /// The label's value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Code::Unknown => "",
            Code::Letters(letters) => std::str::from_utf8(letters).unwrap_or(OTHER),
            Code::Other => OTHER,
        }
    }
}

/// `true` or `false`.
pub(in super::super) const fn boolean(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

/// Highest protocol version that has a series of its own: LiveKit's clients are far below.
const MAX_PROTOCOL_VERSION: i32 = 64;

/// A client's protocol version: 0 to 64, or `other`.
pub(in super::super) fn protocol_version(version: i32) -> String {
    if (0..=MAX_PROTOCOL_VERSION).contains(&version) {
        version.to_string()
    } else {
        OTHER.to_owned()
    }
}

/// How many times a subscription has succeeded: 1 to 10, or `other`.
pub(in super::super) const fn times(count: u32) -> &'static str {
    match count {
        1 => "1",
        2 => "2",
        3 => "3",
        4 => "4",
        5 => "5",
        6 => "6",
        7 => "7",
        8 => "8",
        9 => "9",
        10 => "10",
        _ => OTHER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_paths_pass_if_they_are_harmless() {
        assert_eq!(name("RoomService"), Some("RoomService"));
        assert_eq!(name(&"x".repeat(128)), Some("x".repeat(128).as_str()));
        for bad in ["", "a b", "é", "a\n", "a\0", &"x".repeat(129)] {
            assert_eq!(name(bad), None, "{bad:?}");
        }
        assert_eq!(path("/etc/live kit/ü.yaml"), Some("/etc/live kit/ü.yaml"));
        for bad in ["", "a\n", "\u{FFFF}", &"x".repeat(513)] {
            assert_eq!(path(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn countries_are_two_letters_nothing_or_other() {
        let shown = |code| Country::of(code).as_str().to_owned();
        assert_eq!(["", "DE", "us"].map(shown), ["", "DE", "us"]);
        for other in ["D", "DEU", "D1", "  ", "é", "\u{FFFF}"] {
            assert_eq!(shown(other), OTHER, "{other:?}");
        }
    }

    #[test]
    fn numbers_keep_within_their_range() {
        let versions = [-1, 0, 17, 64, 65, i32::MIN, i32::MAX].map(protocol_version);
        assert_eq!(
            versions,
            ["other", "0", "17", "64", "other", "other", "other"]
        );
        let counts = [0, 1, 10, 11, u32::MAX].map(times);
        assert_eq!(counts, ["other", "1", "10", "other", "other"]);
    }
}
