//! The floor of a text page: copy what is the same in every page, format the numbers between, nothing else.

/// The lines of the series that everybody has: ours exposes itself, too.
pub(crate) fn own_lines(page: &str) -> String {
    let lines = page.lines().filter(|l| l.starts_with("bench_"));
    lines.flat_map(|l| [l, "\n"]).collect()
}

/// A page taken apart into the bytes before each number, and the numbers.
pub(crate) struct Floor {
    prefixes: Vec<u8>,
    /// Where each line's prefix ends, and its number.
    lines: Vec<(usize, Number)>,
    pub(crate) whole: String,
}

#[derive(Clone, Copy)]
enum Number {
    Count(u64),
    Sum(f64),
}

impl Floor {
    pub(crate) fn new(page: &str) -> Self {
        let mut floor = Self {
            prefixes: Vec::new(),
            lines: Vec::new(),
            whole: page.to_owned(),
        };
        for line in page.lines() {
            let (prefix, number) = line.rsplit_once(' ').expect("a sample line");
            floor.prefixes.extend(prefix.as_bytes());
            floor.prefixes.push(b' ');
            let number = match number.parse() {
                Ok(count) => Number::Count(count),
                Err(_) => Number::Sum(number.parse().expect("a number")),
            };
            floor.lines.push((floor.prefixes.len(), number));
        }
        let mut again = Vec::new();
        floor.write(&mut again);
        assert_eq!(
            again,
            floor.whole.as_bytes(),
            "the floor writes the same page"
        );
        floor
    }

    pub(crate) fn write(&self, page: &mut Vec<u8>) {
        page.clear();
        page.reserve(self.whole.len());
        let mut start = 0;
        let mut digits = itoa::Buffer::new();
        for &(end, number) in &self.lines {
            page.extend_from_slice(&self.prefixes[start..end]);
            start = end;
            match number {
                Number::Count(count) => page.extend_from_slice(digits.format(count).as_bytes()),
                Number::Sum(sum) => {
                    use std::io::Write as _;
                    // Writing to a Vec can't fail.
                    let _ = write!(page, "{sum}");
                }
            }
            page.push(b'\n');
        }
    }
}
