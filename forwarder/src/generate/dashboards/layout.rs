//! Where panels stand: a grid of 24 columns, filled line by line.
//!
//! Lives here: arithmetic. Not here: how large a panel is (its description says).

use super::grafana::GridPos;

/// Columns of Grafana's grid.
pub(super) const COLUMNS: u32 = 24;

/// The next free place.
#[derive(Debug, Default)]
pub(super) struct Grid {
    x: u32,
    y: u32,
    line: u32,
}

impl Grid {
    /// A place for a panel of this size: beside the one before if there is room, else below its line.
    pub(super) fn place(&mut self, (w, h): (u32, u32)) -> GridPos {
        if self.x + w > COLUMNS {
            self.new_line();
        }
        let place = GridPos {
            x: self.x,
            y: self.y,
            w,
            h,
        };
        self.x += w;
        self.line = self.line.max(h);
        place
    }

    /// A line for a heading, of which nothing stands beside.
    pub(super) fn heading(&mut self) -> GridPos {
        self.new_line();
        let place = self.place((COLUMNS, 1));
        self.new_line();
        place
    }

    fn new_line(&mut self) {
        (self.x, self.y, self.line) = (0, self.y + self.line, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panel_that_does_not_fit_begins_below_the_tallest() {
        let mut grid = Grid::default();
        let at = |place: GridPos| (place.x, place.y);
        assert_eq!(at(grid.heading()), (0, 0));
        assert_eq!(at(grid.place((12, 4))), (0, 1));
        assert_eq!(at(grid.place((12, 8))), (12, 1));
        assert_eq!(at(grid.place((8, 8))), (0, 9));
        assert_eq!(at(grid.heading()), (0, 17));
        assert_eq!(at(grid.place((24, 2))), (0, 18));
    }
}
