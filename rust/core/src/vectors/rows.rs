//! Vectors by row number, as floats, bytes or half bytes, and how near one is to many.
//!
//! Owns the encodings, what is derived from them, and the closeness; knows nothing of ids, graphs or files. Invariant:
//! closeness comes from exact integers or from sums in a fixed order, rounded in a fixed way, so every target ranks alike.

use super::spec::{Keep, Metric, Spec};
use crate::codes::{self, Query};
use crate::error::Result;
use crate::kernels::{Kernels, Measure, fastest};
use crate::numbers;

/// Rows are padded with zeros to a multiple of this many components.
const STEP: usize = 16;

/// A vector prepared for comparison with rows.
#[derive(Clone, Debug, Default)]
pub struct Probe {
    /// The components, or those that the codes stand for.
    floats: Vec<f32>,
    codes: Vec<i16>,
    sketch: Vec<u64>,
    /// What one unit of a code is worth; with the cosine, what makes the codes a vector of length 1.
    factor: f64,
    /// The squared length.
    squares: f64,
}

/// All rows of one index.
#[derive(Clone, Debug)]
pub struct Rows {
    kernels: &'static Kernels,
    metric: Metric,
    keep: Keep,
    dim: usize,
    stride: usize,
    len: usize,
    floats: Vec<f32>,
    codes: Vec<i8>,
    nibbles: Vec<u8>,
    /// What one unit of a code is worth, one a row.
    scales: Vec<f32>,
    /// Derived: the factor that turns a dot product into a closeness.
    factors: Vec<f32>,
    /// Derived: the squared length of what the codes stand for, with the Euclidean metric.
    squares: Vec<f64>,
    /// Derived: the signs, for specs that want them.
    sketches: Option<Vec<u64>>,
}

/// Buffers of a comparison, reused from call to call.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    dots: Vec<i32>,
    bytes: Vec<i8>,
    floats: Vec<f32>,
    order: Vec<u32>,
}

impl Probe {
    /// Bytes held.
    pub fn size_bytes(&self) -> usize {
        4 * self.floats.capacity() + 2 * self.codes.capacity() + 8 * self.sketch.capacity()
    }
}

impl Scratch {
    /// Bytes held.
    pub fn size_bytes(&self) -> usize {
        4 * (self.dots.capacity() + self.floats.capacity() + self.order.capacity())
            + self.bytes.capacity()
    }
}

/// What one new vector becomes, before it is known whether all of a batch can be taken.
pub struct Encoded {
    floats: Vec<f32>,
    codes: Vec<i8>,
    scales: Vec<f32>,
}

impl Rows {
    /// No rows yet.
    pub fn new(spec: &Spec) -> Rows {
        Rows {
            kernels: fastest(),
            metric: spec.metric,
            keep: spec.store,
            dim: spec.dim,
            stride: spec.dim.next_multiple_of(STEP),
            len: 0,
            floats: Vec::new(),
            codes: Vec::new(),
            nibbles: Vec::new(),
            scales: Vec::new(),
            factors: Vec::new(),
            squares: Vec::new(),
            sketches: spec.sketch.then(Vec::new),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Bytes held.
    pub fn size_bytes(&self) -> usize {
        4 * (self.floats.capacity() + self.scales.capacity() + self.factors.capacity())
            + self.codes.capacity()
            + self.nibbles.capacity()
            + 8 * (self.squares.capacity() + self.sketches.as_ref().map_or(0, Vec::capacity))
    }

    /// Whether signs are kept beside the codes.
    pub fn has_sketches(&self) -> bool {
        self.sketches.is_some()
    }

    fn words(&self) -> usize {
        self.dim.div_ceil(64)
    }

    /// Encodes whole rows of `dim` components.
    ///
    /// # Errors
    /// `bad_input` when a component is not finite, or a vector is zero or out of range.
    pub fn encode(&self, vectors: &[f32]) -> Result<Encoded> {
        let mut encoded = Encoded {
            floats: Vec::new(),
            codes: Vec::new(),
            scales: Vec::new(),
        };
        for vector in vectors.chunks_exact(self.dim) {
            let codes = &mut encoded.codes;
            let scale = match self.keep {
                Keep::F32 => {
                    codes::magnitude(vector)?;
                    encoded.floats.extend_from_slice(vector);
                    let padding = self.stride - self.dim;
                    encoded.floats.extend(std::iter::repeat_n(0.0, padding));
                    continue;
                }
                Keep::Int8 => codes::quantize(vector, codes)?,
                Keep::Int4 => codes::quantize_nibbles(vector, codes)?,
            };
            encoded.scales.push(scale);
            codes.resize(encoded.scales.len() * self.stride, 0);
        }
        Ok(encoded)
    }

    /// Adds encoded rows at the end.
    pub fn append(&mut self, encoded: Encoded) {
        let first = self.len;
        self.len += match self.keep {
            Keep::F32 => encoded.floats.len() / self.stride,
            Keep::Int8 | Keep::Int4 => encoded.scales.len(),
        };
        self.floats.extend_from_slice(&encoded.floats);
        self.scales.extend_from_slice(&encoded.scales);
        match self.keep {
            Keep::F32 => {}
            Keep::Int8 => self.codes.extend_from_slice(&encoded.codes),
            Keep::Int4 => self.nibbles.extend(codes::pack_nibbles(&encoded.codes)),
        }
        self.derive(first);
    }

    /// Fills what is derived for the rows from `first` on.
    fn derive(&mut self, first: usize) {
        let mut codes = vec![0; self.stride];
        for row in first..self.len {
            let mut squares = 0.0;
            if self.keep == Keep::F32 {
                let floats = &self.floats[row * self.stride..][..self.dim];
                for x in floats {
                    squares += f64::from(*x) * f64::from(*x);
                }
                if let Some(sketches) = &mut self.sketches {
                    sketch(floats.iter().map(|x| *x > 0.0), sketches);
                }
                let factor = match self.metric {
                    Metric::Cosine => 1.0 / squares.sqrt(),
                    _ => 1.0,
                };
                self.factors.push(factor as f32);
            } else {
                self.unpack(row, &mut codes);
                let sum: i64 = codes.iter().map(|x| i64::from(*x) * i64::from(*x)).sum();
                if let Some(sketches) = &mut self.sketches {
                    sketch(codes[..self.dim].iter().map(|x| *x > 0), sketches);
                }
                let scale = f64::from(self.scales[row]);
                squares = sum as f64 * scale * scale;
                let factor = match self.metric {
                    Metric::Cosine => 1.0 / (sum as f64).sqrt(),
                    _ => scale,
                };
                self.factors.push(factor as f32);
            }
            if self.metric == Metric::Euclidean {
                self.squares.push(squares);
            }
        }
    }

    /// The codes of one row, `stride` of them.
    fn unpack(&self, row: usize, to: &mut [i8]) {
        match self.keep {
            Keep::Int4 => {
                let half = self.stride / 2;
                let packed = &self.nibbles[row * half..][..half];
                for (pair, byte) in to.as_chunks_mut().0.iter_mut().zip(packed) {
                    *pair = codes::unpack_nibbles(*byte);
                }
            }
            Keep::Int8 | Keep::F32 => {
                to.copy_from_slice(&self.codes[row * self.stride..][..self.stride]);
            }
        }
    }

    /// The components that a row stands for, appended to `to`.
    pub fn decode(&self, row: usize, to: &mut Vec<f32>) {
        if self.keep == Keep::F32 {
            to.extend_from_slice(&self.floats[row * self.stride..][..self.dim]);
            return;
        }
        let mut codes = vec![0; self.stride];
        self.unpack(row, &mut codes);
        let scale = self.scales[row];
        to.extend(
            codes[..self.dim]
                .iter()
                .map(|code| f32::from(*code) * scale),
        );
    }

    /// Prepares a vector of `dim` components.
    ///
    /// # Errors
    /// `bad_input` as for [`Rows::encode`].
    pub fn probe(&self, vector: &[f32], probe: &mut Probe) -> Result<()> {
        let mut query = Query {
            codes: std::mem::take(&mut probe.codes),
            ..Query::default()
        };
        query.set(vector)?;
        probe.codes = query.codes;
        probe.codes.resize(self.stride, 0);
        probe.floats.clear();
        probe.floats.extend_from_slice(vector);
        probe.floats.resize(self.stride, 0.0);
        probe.sketch.clear();
        if self.has_sketches() {
            sketch(vector.iter().map(|x| *x > 0.0), &mut probe.sketch);
        }
        self.weigh(probe, f64::from(query.scale));
        Ok(())
    }

    /// Prepares a row for comparison with others.
    pub fn probe_row(&self, row: usize, probe: &mut Probe, scratch: &mut Scratch) {
        if self.keep == Keep::F32 {
            probe.floats.clear();
            let floats = &self.floats[row * self.stride..][..self.stride];
            probe.floats.extend_from_slice(floats);
            self.weigh(probe, 1.0);
            return;
        }
        scratch.bytes.resize(self.stride, 0);
        self.unpack(row, &mut scratch.bytes);
        let scale = self.scales[row];
        probe.codes.clear();
        probe
            .codes
            .extend(scratch.bytes.iter().map(|code| i16::from(*code)));
        if self.metric == Metric::Manhattan {
            probe.floats.clear();
            probe
                .floats
                .extend(scratch.bytes.iter().map(|code| f32::from(*code) * scale));
        }
        probe.factor = match self.metric {
            Metric::Cosine => f64::from(self.factors[row]),
            _ => f64::from(scale),
        };
        if self.metric == Metric::Euclidean {
            probe.squares = self.squares[row];
        }
    }

    /// Fills in a probe's factor and squared length, from its floats or from its codes of this `scale`.
    fn weigh(&self, probe: &mut Probe, scale: f64) {
        let squares: f64 = if self.keep == Keep::F32 {
            probe
                .floats
                .iter()
                .map(|x| f64::from(*x) * f64::from(*x))
                .sum()
        } else {
            probe
                .codes
                .iter()
                .map(|x| f64::from(*x) * f64::from(*x))
                .sum()
        };
        probe.squares = squares * scale * scale;
        probe.factor = match (self.metric, self.keep) {
            (Metric::Cosine, _) => 1.0 / squares.sqrt(),
            (_, Keep::F32) => 1.0,
            _ => scale,
        };
    }

    /// How near each of the named rows is: the score of the metric, one in each place of `to`.
    pub fn closeness(&self, probe: &Probe, rows: &[u32], to: &mut [f32], scratch: &mut Scratch) {
        if self.metric == Metric::Manhattan {
            return self.manhattan(probe, rows, to, scratch);
        }
        if self.keep == Keep::F32 {
            let measure = match self.metric {
                Metric::Euclidean => Measure::Squared,
                _ => Measure::Dot,
            };
            self.kernels
                .measures_at(measure, &probe.floats, &self.floats, rows, to);
            if self.metric == Metric::Euclidean {
                to.iter_mut().for_each(|x| *x = -x.sqrt());
            } else {
                let factor = probe.factor as f32;
                for (x, row) in to.iter_mut().zip(rows) {
                    *x = *x * self.factors[*row as usize] * factor;
                }
            }
            return;
        }
        scratch.dots.resize(rows.len(), 0);
        if self.keep == Keep::Int4 {
            self.unpack_all(rows, scratch);
            let (bytes, order) = (&scratch.bytes, &scratch.order);
            self.kernels
                .dots_at(&probe.codes, bytes, order, &mut scratch.dots);
        } else {
            self.kernels
                .dots_at(&probe.codes, &self.codes, rows, &mut scratch.dots);
        }
        if self.metric == Metric::Euclidean {
            for ((x, dot), row) in to.iter_mut().zip(&scratch.dots).zip(rows) {
                let row = *row as usize;
                let product = f64::from(*dot) * f64::from(self.factors[row]) * probe.factor;
                let squared = probe.squares + self.squares[row] - 2.0 * product;
                *x = -(squared.max(0.0).sqrt() as f32);
            }
        } else {
            let factor = probe.factor as f32;
            for ((x, dot), row) in to.iter_mut().zip(&scratch.dots).zip(rows) {
                *x = *dot as f32 * self.factors[*row as usize] * factor;
            }
        }
    }

    fn manhattan(&self, probe: &Probe, rows: &[u32], to: &mut [f32], scratch: &mut Scratch) {
        if self.keep == Keep::F32 {
            let (measure, from) = (Measure::Absolute, &self.floats);
            self.kernels
                .measures_at(measure, &probe.floats, from, rows, to);
        } else {
            self.unpack_all(rows, scratch);
            scratch.floats.clear();
            for (codes, row) in scratch.bytes.chunks_exact(self.stride).zip(rows) {
                let scale = self.scales[*row as usize];
                let decoded = codes.iter().map(|code| f32::from(*code) * scale);
                scratch.floats.extend(decoded);
            }
            let (measure, from) = (Measure::Absolute, &scratch.floats);
            let order = &scratch.order;
            self.kernels
                .measures_at(measure, &probe.floats, from, order, to);
        }
        to.iter_mut().for_each(|x| *x = -*x);
    }

    /// The codes of the named rows one after the other, and the numbers 0, 1, 2...
    fn unpack_all(&self, rows: &[u32], scratch: &mut Scratch) {
        scratch.bytes.resize(rows.len() * self.stride, 0);
        for (to, row) in scratch.bytes.chunks_exact_mut(self.stride).zip(rows) {
            self.unpack(*row as usize, to);
        }
        scratch.order.clear();
        scratch.order.extend(0..rows.len() as u32);
    }

    /// In how many signs the probe differs from each of the first `to.len()` rows, for specs that want sketches.
    pub fn differing_signs(&self, probe: &Probe, to: &mut [u32]) {
        if let Some(sketches) = &self.sketches {
            let sketches = &sketches[..to.len() * self.words()];
            self.kernels.hamming(&probe.sketch, sketches, to);
        }
    }

    /// Keeps only the rows for which `stays` is true, moved together in order.
    pub fn retain(&mut self, stays: &[bool]) {
        let (stride, words) = (self.stride, self.words());
        keep_rows(&mut self.floats, stride, stays);
        keep_rows(&mut self.codes, stride, stays);
        keep_rows(&mut self.nibbles, stride / 2, stays);
        keep_rows(&mut self.scales, 1, stays);
        keep_rows(&mut self.factors, 1, stays);
        keep_rows(&mut self.squares, 1, stays);
        if let Some(sketches) = &mut self.sketches {
            keep_rows(sketches, words, stays);
        }
        self.len = stays.iter().filter(|stays| **stays).count();
    }

    /// The rows as bytes for a file: what is kept of each, and the scales (none for floats).
    pub fn bytes(&self) -> (Vec<u8>, Vec<u8>) {
        let rows = match self.keep {
            Keep::F32 => numbers::write(&self.floats),
            Keep::Int8 => self.codes.iter().map(|code| *code as u8).collect(),
            Keep::Int4 => self.nibbles.clone(),
        };
        (rows, numbers::write(&self.scales))
    }

    /// How many bytes [`Rows::bytes`] gives for `len` rows.
    pub fn bytes_of(spec: &Spec, len: u64) -> (u64, u64) {
        let stride = spec.dim.next_multiple_of(STEP) as u64;
        match spec.store {
            Keep::F32 => (len * stride * 4, 0),
            Keep::Int8 => (len * stride, len * 4),
            Keep::Int4 => (len * stride / 2, len * 4),
        }
    }

    /// Rows out of the bytes of a file, whose lengths have been compared with [`Rows::bytes_of`]; None when a number is
    /// none that [`Rows::encode`] gives.
    pub fn read(spec: &Spec, rows: &[u8], scales: &[u8]) -> Option<Rows> {
        let mut read = Rows::new(spec);
        read.scales = numbers::read(scales);
        match spec.store {
            Keep::F32 => read.floats = numbers::read(rows),
            Keep::Int8 => read.codes = rows.iter().map(|byte| *byte as i8).collect(),
            Keep::Int4 => read.nibbles = rows.to_vec(),
        }
        read.len = match spec.store {
            Keep::F32 => read.floats.len() / read.stride,
            Keep::Int8 | Keep::Int4 => read.scales.len(),
        };
        let mut codes = vec![0; read.stride];
        for row in 0..read.len {
            let sound = if spec.store == Keep::F32 {
                let (own, padding) =
                    read.floats[row * read.stride..][..read.stride].split_at(spec.dim);
                codes::magnitude(own).is_ok() && padding.iter().all(|x| *x == 0.0)
            } else {
                read.unpack(row, &mut codes);
                let (own, padding) = codes.split_at(spec.dim);
                let most = match spec.store {
                    Keep::Int8 => codes::CODE_MAX,
                    _ => codes::NIBBLE_MAX,
                };
                codes::is_scale(read.scales[row], most)
                    && own.iter().any(|code| *code != 0)
                    && own.iter().all(|code| f32::from(*code).abs() <= most)
                    && padding.iter().all(|code| *code == 0)
            };
            if !sound {
                return None;
            }
        }
        read.derive(0);
        Some(read)
    }
}

/// Appends the signs of one row, 64 a word; what is left of the last word is zero.
fn sketch(mut above_zero: impl ExactSizeIterator<Item = bool>, to: &mut Vec<u64>) {
    let words = above_zero.len().div_ceil(64);
    to.extend((0..words).map(|_| {
        let word = above_zero.by_ref().take(64).enumerate();
        word.fold(0, |word, (bit, set)| word | u64::from(set) << bit)
    }));
}

fn keep_rows<T: Copy>(values: &mut Vec<T>, width: usize, stays: &[bool]) {
    if values.is_empty() {
        return;
    }
    let mut end = 0;
    for (row, _) in stays.iter().enumerate().filter(|(_, stays)| **stays) {
        values.copy_within(row * width..(row + 1) * width, end);
        end += width;
    }
    values.truncate(end);
}
