//! The fuzz targets: functions of any bytes that end well or panic.
//!
//! Owns what is done with the bytes and what has to hold; must not know who makes them (libFuzzer in `rust/fuzz`, the replay
//! in the test suite). Invariant: the same bytes do the same; no clock, no files, no randomness.

mod open;
mod request;
mod search;

pub use open::open;
pub use search::search;

/// What one input may hold beside twice its length.
const FREE_BYTES: usize = 4 << 20;

/// Bytes as a stream of choices; zeros once they have run out.
struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    fn done(&self) -> bool {
        self.0.is_empty()
    }

    fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            None => 0,
            Some((byte, rest)) => {
                self.0 = rest;
                *byte
            }
        }
    }

    /// A number below `end`, at most 256.
    fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()) % end
    }

    fn one_of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())]
    }

    /// A number whose low values are likely and whose edges are there.
    fn number(&mut self) -> u32 {
        match self.byte() {
            255 => u32::MAX,
            254 => u32::MAX - 1,
            253 => 1 << 31,
            252 => 1 << 20,
            251 => 0xffff,
            byte => u32::from(byte),
        }
    }

    /// A component: mostly within -2 to 2, sometimes none that a vector may have.
    fn float(&mut self) -> f32 {
        const EDGES: [f32; 15] = [
            f32::NAN,
            f32::INFINITY,
            f32::NEG_INFINITY,
            f32::MAX,
            f32::MIN_POSITIVE,
            1e-45,
            1e-18,
            -1e-18,
            1e9,
            -1e9,
            1e10,
            -0.0,
            0.5,
            1.0,
            -1.0,
        ];
        let byte = self.byte();
        match EDGES.get(usize::from(byte).wrapping_sub(241)) {
            Some(edge) => *edge,
            None => (f32::from(byte) - 120.0) / 60.0,
        }
    }

    fn floats(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.float()).collect()
    }

    fn take(&mut self, most: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        taken
    }
}
