//! The summary that the program prints at its end: its last word on every figure.
//!
//! Lives here: reading its tables. Not here: what the figures must be.

/// The last words of a program.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    rows: Vec<Vec<String>>,
    begun: u64,
}

/// A line of the table of streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Packets received.
    pub packets: u64,
    /// Never seen.
    pub lost: u64,
    /// Seen before.
    pub duplicates: u64,
    /// After a higher number.
    pub reordered: u64,
}

impl Summary {
    /// The tables among these lines.
    #[must_use]
    pub fn of(lines: &[String]) -> Self {
        let cells = |line: &String| {
            let inside = line.strip_prefix('│')?.strip_suffix('│')?;
            let cells = inside.split(['┆', '│']);
            Some(cells.map(|cell| cell.trim().to_owned()).collect())
        };
        let rows: Vec<Vec<String>> = lines.iter().filter_map(cells).collect();
        // "Streams:" if all are listed, "Streams (the busiest 20 of 3185):" otherwise.
        let more = lines.iter().find_map(|line| {
            let rest = line.strip_prefix("Streams (the busiest ")?;
            rest.split(" of ").nth(1)?.strip_suffix("):")?.parse().ok()
        });
        let ssrc = |row: &&Vec<String>| row.len() >= 10 && row[0] != "ssrc";
        let listed = rows.iter().filter(ssrc).count() as u64;
        Self {
            begun: more.unwrap_or(listed),
            rows,
        }
    }

    /// The number beside a name; of several tables, the first that has the name.
    #[track_caller]
    #[must_use]
    pub fn number(&self, name: &str) -> u64 {
        self.row(name, 1)
    }

    /// What the built-in publishers sent, by the name of the line.
    #[track_caller]
    #[must_use]
    pub fn published(&self, name: &str) -> u64 {
        self.built_in(name, 1)
    }

    /// What reached the built-in subscriber, by the name of the line.
    #[track_caller]
    #[must_use]
    pub fn arrived(&self, name: &str) -> u64 {
        self.built_in(name, 3)
    }

    /// How many streams it has seen begin.
    #[must_use]
    pub fn begun(&self) -> u64 {
        self.begun
    }

    /// What it says of a stream; `None` if it is not among those listed, or there twice.
    #[must_use]
    pub fn stream(&self, ssrc: u32) -> Option<Stream> {
        let name = format!("{ssrc:08x}");
        let mut rows = self.rows.iter().filter(|row| row.first() == Some(&name));
        let (Some(row), None) = (rows.next(), rows.next()) else {
            return None;
        };
        let number = |at: usize| row.get(at)?.parse().ok();
        Some(Stream {
            packets: number(4)?,
            lost: number(5)?,
            duplicates: number(6)?,
            reordered: number(7)?,
        })
    }

    #[track_caller]
    fn built_in(&self, name: &str, column: usize) -> u64 {
        let head = |row: &&[String]| row.first().is_some_and(|cell| cell == "built-in streams");
        let rows = self.rows.iter().map(Vec::as_slice);
        let mut below = rows.skip_while(|row| !head(row));
        let row = below.find(|row| row.first().is_some_and(|cell| cell == name));
        self.parse(name, row.and_then(|row| row.get(column)))
    }

    #[track_caller]
    fn row(&self, name: &str, column: usize) -> u64 {
        let mut rows = self.rows.iter();
        let row = rows.find(|row| row.first().is_some_and(|cell| cell == name));
        self.parse(name, row.and_then(|row| row.get(column)))
    }

    #[track_caller]
    fn parse(&self, name: &str, cell: Option<&String>) -> u64 {
        let number = cell.and_then(|cell| cell.parse().ok());
        number.unwrap_or_else(|| panic!("no {name} in the summary: {:#?}", self.rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_by_name_and_by_stream() {
        let text = "Ran 1.0 s.\n\nStreams:\n\
            ┌──────────┬──────┐\n\
            │ ssrc     ┆ room ┆ source      ┆ kind  ┆ packets ┆ lost ┆ dup ┆ reordered ┆ jitter ms ┆ kbit/s │\n\
            ╞══════════╪══════╡\n\
            │ 0000cafe ┆ main ┆ 127.0.0.1:5 ┆ audio ┆     120 ┆    1 ┆   2 ┆         3 ┆      0.10 ┆     60 │\n\
            │ RTP packets ┆ 7 │\n│ built-in streams ┆ sent ┆ counted ┆ at the subscriber │\n\
            │ RTP packets ┆ 5 ┆ 7 ┆ 9 │\n";
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let summary = Summary::of(&lines);
        assert_eq!(
            (
                summary.number("RTP packets"),
                summary.published("RTP packets")
            ),
            (7, 5)
        );
        let stream = Stream {
            packets: 120,
            lost: 1,
            duplicates: 2,
            reordered: 3,
        };
        assert_eq!(summary.stream(0xcafe), Some(stream));
        assert_eq!(summary.stream(0xcaff), None);
        assert_eq!((summary.arrived("RTP packets"), summary.begun()), (9, 1));
        let many = ["Streams (the busiest 20 of 3185):".to_owned()];
        assert_eq!(Summary::of(&many).begun(), 3_185);
    }

    #[test]
    #[should_panic(expected = "no jokes in the summary")]
    fn a_figure_that_is_not_there_is_named() {
        let _none = Summary::default().number("jokes");
    }
}
