//! Which cell of the 24 × 8 grid means what.
//!
//! Row 0 and column 0 are the finder: cells that alternate, white first, and never change. The other 23 × 7 = 161
//! cells carry 20 symbols of 8 bits, most significant bit first, and one spare cell that is always black. They are
//! filled like a snake: rows 1 to 4 column by column from left to right, then rows 5 to 7 column by column from right
//! to left. A symbol is therefore a compact block of 2 × 4 (or 3 × 3 less one) cells, so that a macroblock that a
//! codec spoilt or left stale touches few symbols.

use super::word::SYMBOLS;

/// Cells in a row.
pub(super) const COLUMNS: usize = 24;
/// Rows of cells.
pub(super) const ROWS: usize = 8;
/// All cells, row by row.
pub(super) const CELLS: usize = COLUMNS * ROWS;
/// Cells of the finder: row 0 and column 0.
pub(super) const FINDER_CELLS: usize = COLUMNS + ROWS - 1;
/// Cells that carry bits of symbols.
pub(super) const DATA_CELLS: usize = SYMBOLS * 8;

/// What one cell is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Always as [`white_finder`] says.
    Finder,
    /// Bit `7 − index % 8` of symbol `index / 8`; white means 1.
    Data {
        /// Counts along the snake.
        index: u8,
    },
    /// Always black, never looked at.
    Spare,
}

/// The role of each cell, row by row.
pub(super) static ROLES: [Role; CELLS] = roles();

/// Whether the finder cell at `column`, `row` is white.
pub(super) const fn white_finder(column: usize, row: usize) -> bool {
    (column + row).is_multiple_of(2)
}

const fn roles() -> [Role; CELLS] {
    const UPPER: usize = 4;
    const LOWER: usize = ROWS - 1 - UPPER;
    const WIDTH: usize = COLUMNS - 1;
    let mut roles = [Role::Finder; CELLS];
    let mut along = 0;
    while along < WIDTH * (UPPER + LOWER) {
        let (column, row) = if along < WIDTH * UPPER {
            (1 + along / UPPER, 1 + along % UPPER)
        } else {
            let back = along - WIDTH * UPPER;
            (WIDTH - back / LOWER, 1 + UPPER + back % LOWER)
        };
        roles[row * COLUMNS + column] =
            if along < DATA_CELLS { Role::Data { index: along as u8 } } else { Role::Spare };
        along += 1;
    }
    roles
}

/// The finder's cells, as index and whether they are white: the row, then what is left of the column.
pub(super) fn finder() -> impl Iterator<Item = (usize, bool)> + Clone {
    let (row, column) = ((0..COLUMNS).map(|column| (column, 0)), (1..ROWS).map(|row| (0, row)));
    row.chain(column).map(|(column, row)| (row * COLUMNS + column, white_finder(column, row)))
}

/// The whole grid for a word: `true` is white.
pub(super) fn cells(word: &[u8; SYMBOLS]) -> [bool; CELLS] {
    std::array::from_fn(|cell| match ROLES[cell] {
        Role::Finder => white_finder(cell % COLUMNS, cell / COLUMNS),
        Role::Data { index } => word[usize::from(index / 8)] >> (7 - index % 8) & 1 == 1,
        Role::Spare => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_data_bit_has_one_cell() {
        let mut seen = [0; DATA_CELLS];
        for role in ROLES {
            if let Role::Data { index } = role {
                seen[usize::from(index)] += 1;
            }
        }
        assert!(seen.iter().all(|&n| n == 1));
        assert_eq!(ROLES.iter().filter(|&&r| r == Role::Spare).count(), 1);
    }

    #[test]
    fn symbols_are_compact() {
        for symbol in 0..SYMBOLS {
            let mine = |cell: &usize| matches!(ROLES[*cell], Role::Data { index } if usize::from(index) / 8 == symbol);
            let cells: Vec<_> = (0..CELLS).filter(mine).collect();
            let span = |of: fn(usize) -> usize| {
                let all = cells.iter().map(|&c| of(c));
                all.clone().max().expect("a symbol has cells") - all.min().expect("a symbol has cells") + 1
            };
            assert!(span(|c| c % COLUMNS) <= 4 && span(|c| c / COLUMNS) <= 7, "symbol {symbol}: {cells:?}");
        }
    }
}
