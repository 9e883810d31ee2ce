//! Rows of f32 kept by blocks of columns, so that what is done column by column walks through memory once.
//!
//! Owns the layout; must not know what is computed. Invariant: columns beyond the last are zero.

/// Columns that lie together: a row of them is a cache line or two.
pub(crate) const WIDTH: usize = 32;

/// The columns of one block of one row.
pub(crate) type Line = [f32; WIDTH];

/// Rows of one length.
#[derive(Clone, Debug)]
pub struct Lines {
    dim: usize,
    rows: usize,
    pub(super) blocks: Vec<Vec<Line>>,
}

impl Lines {
    /// No rows of `dim` components, with room for so many.
    pub fn new(dim: usize, room: usize) -> Lines {
        let block = || Vec::with_capacity(room);
        Lines {
            dim,
            rows: 0,
            blocks: std::iter::repeat_with(block)
                .take(dim.div_ceil(WIDTH))
                .collect(),
        }
    }

    /// Rows of `dim` components, of which `block` gives the columns of a block.
    pub(super) fn of_blocks(dim: usize, block: impl Fn(usize) -> Vec<Line>) -> Lines {
        let blocks: Vec<Vec<Line>> = (0..dim.div_ceil(WIDTH)).map(block).collect();
        Lines {
            dim,
            rows: blocks.first().map_or(0, Vec::len),
            blocks,
        }
    }

    /// Components of a row.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Appends a row.
    ///
    /// # Panics
    /// When it has another number of components.
    pub fn push(&mut self, row: &[f32]) {
        assert_eq!(row.len(), self.dim, "a row of another length");
        for (block, columns) in self.blocks.iter_mut().zip(row.chunks(WIDTH)) {
            let mut line = [0.0; WIDTH];
            line[..columns.len()].copy_from_slice(columns);
            block.push(line);
        }
        self.rows += 1;
    }

    /// A row.
    ///
    /// # Panics
    /// When there is none of that number.
    pub fn row(&self, number: usize) -> Vec<f32> {
        let mut row: Vec<f32> = self.blocks.iter().flat_map(|block| block[number]).collect();
        row.truncate(self.dim);
        row
    }

    /// Replaces each component x of row n by `change(n, x)`, which leaves 0 as it is.
    pub fn change(&mut self, change: impl Fn(usize, f32) -> f32) {
        for (number, line) in self
            .blocks
            .iter_mut()
            .flat_map(|block| block.iter_mut().enumerate())
        {
            line.iter_mut().for_each(|x| *x = change(number, *x));
        }
    }
}
