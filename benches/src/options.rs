//! Options of the bench targets: `cargo bench -p media-metrics-benches -- [--quick] [--markdown [FILE]] [WORD]`.
//!
//! A target also calls itself, under Valgrind, with `--count TITLE NAME OPS`: see `contest`.

use std::path::PathBuf;
use std::time::Duration;

/// One contender, to be run alone so that its instructions can be counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// The contest's title.
    pub title: String,
    /// The contender's name.
    pub name: String,
    /// How many operations.
    pub ops: u64,
}

impl Count {
    /// As this program takes it.
    #[must_use]
    pub fn arguments(&self) -> [String; 4] {
        let Self { title, name, ops } = self;
        [
            "--count".to_owned(),
            title.clone(),
            name.clone(),
            ops.to_string(),
        ]
    }
}

/// How to run, and where the tables go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Fewer and shorter rounds: a smoke test, not a record.
    pub quick: bool,
    /// Also write the tables to this file, each target its own section.
    pub markdown: Option<PathBuf>,
    /// Only contests whose title holds this word.
    pub only: Option<String>,
    /// Run nothing but this.
    pub count: Option<Count>,
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
                "--count" => options.count = Some(count(&mut args)?),
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
        match (&self.count, &self.only) {
            (Some(count), _) => count.title == title,
            (None, Some(word)) => title.contains(word.as_str()),
            (None, None) => true,
        }
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

/// The three words after `--count`.
fn count(args: &mut impl Iterator<Item = String>) -> Result<Count, String> {
    let mut word = || args.next().ok_or("--count takes TITLE NAME OPS");
    let (title, name, ops) = (word()?, word()?, word()?);
    let ops = ops
        .parse()
        .map_err(|e| format!("--count: {ops:?} is no number of operations: {e}"))?;
    Ok(Count { title, name, ops })
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
    fn a_count_wants_its_own_contest_alone() {
        let count = Count {
            title: "one packet".into(),
            name: "Counter".into(),
            ops: 64,
        };
        let o = Options::parse(count.arguments().into_iter()).unwrap();
        assert_eq!(o.count, Some(count));
        assert!(o.wants("one packet") && !o.wants("one packet: two"));
        assert!(parse(&["--count", "one packet", "Counter"]).is_err());
        assert!(
            parse(&["--count", "a", "b", "many"])
                .unwrap_err()
                .contains("many")
        );
    }

    #[test]
    fn unknown_options_are_named() {
        assert!(parse(&["--fast"]).unwrap_err().contains("--fast"));
        assert!(parse(&["a", "--markdown"]).is_err());
    }
}
