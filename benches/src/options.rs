//! Options of the bench targets: `cargo bench -p media-metrics-benches -- [--quick] [--markdown [FILE]] [WORD]`.

use std::path::PathBuf;
use std::time::Duration;

/// How to run, and where the tables go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Fewer and shorter rounds: a smoke test, not a record.
    pub quick: bool,
    /// Also write the tables to this file, each target its own section.
    pub markdown: Option<PathBuf>,
    /// Only contests whose title holds this word.
    pub only: Option<String>,
}

impl Options {
    /// Options of a quick run.
    #[must_use]
    pub fn quick() -> Self {
        Self {
            quick: true,
            ..Self::default()
        }
    }

    /// Reads the options of this process.
    ///
    /// # Errors
    /// Names the word that it does not know.
    pub fn from_args() -> Result<Self, String> {
        Self::parse(std::env::args().skip(1))
    }

    fn parse(args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        let mut args = args.peekable();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--bench" => {} // cargo's own
                "--quick" => options.quick = true,
                "--markdown" => {
                    let file = args.next_if(|a| !a.starts_with('-'));
                    let default = || concat!(env!("CARGO_MANIFEST_DIR"), "/RESULTS.md").into();
                    options.markdown = Some(file.map_or_else(default, PathBuf::from));
                }
                word if !word.starts_with('-') && options.only.is_none() => {
                    options.only = Some(word.to_owned());
                }
                other => {
                    return Err(format!(
                        "{other:?} is not an option here: use --quick, --markdown [FILE] or one word to choose contests"
                    ));
                }
            }
        }
        if options.markdown.is_some() && options.only.is_some() {
            return Err("--markdown writes whole sections: leave the word out".to_owned());
        }
        Ok(options)
    }

    /// Whether the contest `title` was asked for.
    #[must_use]
    pub fn wants(&self, title: &str) -> bool {
        self.only
            .as_ref()
            .is_none_or(|w| title.contains(w.as_str()))
    }

    /// How many rounds a contest has.
    #[must_use]
    pub const fn rounds(&self) -> usize {
        if self.quick { 5 } else { 31 }
    }

    /// How long one turn takes, about. Short, so that many turns pass undisturbed by other processes.
    #[must_use]
    pub const fn slice(&self) -> Duration {
        Duration::from_millis(if self.quick { 1 } else { 4 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Options, String> {
        Options::parse(args.iter().map(|a| (*a).to_owned()))
    }

    #[test]
    fn options_are_read() {
        let o = parse(&["--bench", "--quick", "--markdown", "out.md"]).unwrap();
        assert!(o.quick);
        assert_eq!(o.markdown, Some("out.md".into()));
        let o = parse(&["--markdown", "--bench"]).unwrap();
        assert!(o.markdown.unwrap().ends_with("benches/RESULTS.md"));
        assert!(parse(&["packet"]).unwrap().wants("one packet"));
        assert!(!parse(&["packet"]).unwrap().wants("record"));
    }

    #[test]
    fn unknown_options_are_named() {
        assert!(parse(&["--fast"]).unwrap_err().contains("--fast"));
        assert!(parse(&["a", "--markdown"]).is_err());
    }
}
