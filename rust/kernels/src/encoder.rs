//! The loops of the encoder: linear layers, norms, attention, embedding and pooling of rows.
//!
//! Owns their safe faces and what these check; knows nothing of models or text. A build without the feature `encoder` has
//! none of it. Invariant: every pointer that a loop is given has the extent that the loop reads or writes.

use super::float::RowScale;
use super::linear::{self, Epilogue, Weights};
use super::{DIM_STEP, HEAD_STEP, Kernels, WEIGHT_MAX, attention};

/// Rows that [`Kernels::linear`] quantises and multiplies at a time, so that they stay in the cache.
pub const ROW_BLOCK: usize = 64;

/// One linear layer as it lies in the model.
#[derive(Clone, Copy, Debug)]
pub struct Linear<'a> {
    /// `[outputs / 8][inputs / 4][8][4]`, each weight plus 64, at most [`WEIGHT_MAX`].
    pub weights: &'a [u8],
    /// One factor an output.
    pub scale: &'a [f32],
    /// One term an output.
    pub bias: &'a [f32],
    /// What is added to each input before it is rotated.
    pub shift: &'a [f32],
    /// The sum of each output's weights, see [`column_sums`].
    pub column_sums: &'a [f32],
}

/// Buffers of a linear layer, reused from call to call. They only grow, so that sizes seen before cost nothing.
#[derive(Debug, Default)]
pub struct LinearScratch {
    pub(super) codes: Vec<i8>,
    pub(super) rows: Vec<RowScale>,
    pub(super) row: Vec<f32>,
}

impl LinearScratch {
    /// Bytes of buffers held.
    pub fn size_bytes(&self) -> usize {
        self.codes.capacity()
            + self.rows.capacity() * size_of::<RowScale>()
            + self.row.capacity() * size_of::<f32>()
    }

    /// What [`Kernels::quantize`] made of row `row` of `inputs` values: its codes, and `scale`, `offset` and the sum of the
    /// codes, where a value is `scale * code + offset`.
    pub fn quantized(&self, row: usize, inputs: usize) -> (&[i8], f32, f32, i32) {
        let RowScale { scale, offset, sum } = self.rows[row];
        (&self.codes[row * inputs..][..inputs], scale, offset, sum)
    }

    /// Room for `rows` rows of `inputs` values; what the buffers hold is of no account.
    fn reserve(&mut self, rows: usize, inputs: usize) {
        if self.codes.len() < rows * inputs {
            self.codes.resize(rows * inputs, 0);
        }
        if self.rows.len() < rows {
            self.rows.resize(rows, RowScale::default());
        }
        if self.row.len() < inputs {
            self.row.resize(inputs, 0.0);
        }
    }
}

type LinearFn = unsafe fn(*const i8, *const RowScale, usize, &Weights, *mut f32, *const f32);

/// The loops of one instruction set.
pub(crate) struct Loops {
    pub(crate) quantize: unsafe fn(*const f32, *const f32, usize, *mut f32, *mut i8) -> RowScale,
    pub(crate) linear: [LinearFn; 3],
    pub(crate) layer_norm: unsafe fn(*const f32, *mut f32, *const f32, usize, usize, f32),
    pub(crate) attend: unsafe fn(*const f32, usize, usize, usize, *mut f32, *mut f32),
    pub(crate) embed_token: unsafe fn(*const i8, f32, *const f32, *mut f32, usize),
    pub(crate) pool: unsafe fn(*const f32, usize, usize, *mut f32),
}

/// The sum of each output's weights, without the 64 that is added to each, or `None` when a weight is above 127.
/// `weights` is `[outputs / 8][inputs / 4][8][4]`.
pub fn column_sums(weights: &[u8], inputs: usize) -> Option<Vec<f32>> {
    if weights.iter().fold(0, |seen, weight| seen | weight) > WEIGHT_MAX {
        return None;
    }
    let panel = inputs * linear::PANEL;
    let mut sums = Vec::with_capacity(weights.len() / inputs);
    for panel in weights.chunks_exact(panel) {
        let mut totals = [-linear::WEIGHT_ZERO * inputs as i32; linear::PANEL];
        for step in panel.chunks_exact(linear::PANEL * linear::STEP) {
            for (total, group) in totals.iter_mut().zip(step.chunks_exact(linear::STEP)) {
                *total += group.iter().map(|weight| i32::from(*weight)).sum::<i32>();
            }
        }
        sums.extend(totals.map(|total| total as f32));
    }
    Some(sums)
}

impl Kernels {
    /// `to[rows][outputs]` = epilogue of the layer applied to `from[rows][inputs]`.
    ///
    /// # Panics
    /// When a slice does not have the length its shape asks for, or a dimension is not a multiple of [`DIM_STEP`].
    pub fn linear(
        &self,
        from: &[f32],
        layer: &Linear<'_>,
        epilogue: Epilogue,
        residual: &[f32],
        to: &mut [f32],
        scratch: &mut LinearScratch,
    ) {
        let (inputs, outputs) = (layer.shift.len(), layer.scale.len());
        assert!(inputs > 0 && from.len().is_multiple_of(inputs));
        assert_eq!(to.len(), from.len() / inputs * outputs);
        assert!(epilogue != Epilogue::Residual || residual.len() == to.len());
        let blocks = from.chunks(ROW_BLOCK * inputs);
        for (block, (from, to)) in blocks.zip(to.chunks_mut(ROW_BLOCK * outputs)).enumerate() {
            let residual = match epilogue {
                Epilogue::Residual => &residual[block * ROW_BLOCK * outputs..][..to.len()],
                _ => &[],
            };
            self.quantize(from, layer.shift, scratch);
            self.multiply(layer, epilogue, residual, to, scratch);
        }
    }

    /// The first half of [`Kernels::linear`]: adds `shift` to the rows `from[rows][shift.len()]`, rotates and quantises
    /// them into `scratch`. At most [`ROW_BLOCK`] rows stay in the cache.
    ///
    /// # Panics
    /// As [`Kernels::linear`].
    pub fn quantize(&self, from: &[f32], shift: &[f32], scratch: &mut LinearScratch) {
        let inputs = shift.len();
        assert!(inputs > 0 && inputs.is_multiple_of(DIM_STEP) && from.len().is_multiple_of(inputs));
        let rows = from.len() / inputs;
        scratch.reserve(rows, inputs);
        for row in 0..rows {
            // SAFETY: whole rows of whole blocks, and room for each, see the assert and `reserve`; the instruction set was
            // detected.
            scratch.rows[row] = unsafe {
                (self.encoder.quantize)(
                    from.as_ptr().add(row * inputs),
                    shift.as_ptr(),
                    inputs,
                    scratch.row.as_mut_ptr(),
                    scratch.codes.as_mut_ptr().add(row * inputs),
                )
            };
        }
    }

    /// The second half of [`Kernels::linear`]: `to[rows][outputs]` from the rows that [`Kernels::quantize`] left in
    /// `scratch`.
    ///
    /// # Panics
    /// As [`Kernels::linear`], and when `scratch` was not filled with as many rows.
    pub fn multiply(
        &self,
        layer: &Linear<'_>,
        epilogue: Epilogue,
        residual: &[f32],
        to: &mut [f32],
        scratch: &LinearScratch,
    ) {
        let (inputs, outputs) = (layer.shift.len(), layer.scale.len());
        assert!(inputs > 0 && inputs.is_multiple_of(DIM_STEP));
        assert!(outputs > 0 && outputs.is_multiple_of(DIM_STEP));
        assert_eq!(layer.weights.len(), inputs * outputs);
        assert!(layer.bias.len() == outputs && layer.column_sums.len() == outputs);
        assert!(to.len().is_multiple_of(outputs));
        let rows = to.len() / outputs;
        assert!(scratch.rows.len() >= rows && scratch.codes.len() >= rows * inputs);
        assert!(epilogue != Epilogue::Residual || residual.len() == to.len());
        let weights = Weights {
            panels: layer.weights.as_ptr(),
            scale: layer.scale.as_ptr(),
            bias: layer.bias.as_ptr(),
            column_sums: layer.column_sums.as_ptr(),
            inputs,
            outputs,
        };
        let multiply = self.encoder.linear[match epilogue {
            Epilogue::Bias => usize::from(linear::BIAS),
            Epilogue::Gelu => usize::from(linear::GELU),
            Epilogue::Residual => usize::from(linear::RESIDUAL),
        }];
        // SAFETY: the asserts above give every pointer the extent the loops read and write; weights were checked
        // against WEIGHT_MAX when their sums were made; the instruction set was detected.
        unsafe {
            multiply(
                scratch.codes.as_ptr(),
                scratch.rows.as_ptr(),
                rows,
                &weights,
                to.as_mut_ptr(),
                residual.as_ptr(),
            );
        }
    }

    /// Layer norm of every row of `x` in place; `norm` is gamma then beta.
    ///
    /// # Panics
    /// When `x` is not whole rows of half the length of `norm`, a multiple of [`DIM_STEP`].
    pub fn layer_norm(&self, x: &mut [f32], norm: &[f32], eps: f32) {
        let dim = norm.len() / 2;
        assert!(
            dim > 0
                && dim.is_multiple_of(DIM_STEP)
                && x.len().is_multiple_of(dim)
                && norm.len() == 2 * dim
        );
        let rows = x.len() / dim;
        // SAFETY: whole rows, see the assert; in place is allowed.
        unsafe {
            (self.encoder.layer_norm)(x.as_ptr(), x.as_mut_ptr(), norm.as_ptr(), rows, dim, eps)
        }
    }

    /// Attention of one text: `qkv` is `[n][3][heads][head_dim]`, `to` is `[n][heads][head_dim]`.
    ///
    /// # Panics
    /// When the lengths do not fit, or `head_dim` is not a multiple of [`HEAD_STEP`].
    pub fn attend(
        &self,
        qkv: &[f32],
        heads: usize,
        head_dim: usize,
        scratch: &mut Vec<f32>,
        to: &mut [f32],
    ) {
        let n = to.len() / (heads * head_dim);
        assert!(head_dim > 0 && head_dim.is_multiple_of(HEAD_STEP));
        assert!(to.len() == n * heads * head_dim && qkv.len() == 3 * to.len());
        scratch.resize(attention::scratch_len(n, head_dim).max(scratch.len()), 0.0);
        // SAFETY: see the asserts; the scratch has the length the loops ask for.
        unsafe {
            (self.encoder.attend)(
                qkv.as_ptr(),
                n,
                heads,
                head_dim,
                scratch.as_mut_ptr(),
                to.as_mut_ptr(),
            )
        }
    }

    /// `to` = the word's codes times `scale`, plus `position`.
    ///
    /// # Panics
    /// When the lengths differ or are not a multiple of [`DIM_STEP`].
    pub fn embed_token(&self, word: &[i8], scale: f32, position: &[f32], to: &mut [f32]) {
        let dim = to.len();
        assert!(word.len() == dim && position.len() == dim && dim.is_multiple_of(DIM_STEP));
        // SAFETY: see the assert.
        unsafe {
            (self.encoder.embed_token)(
                word.as_ptr(),
                scale,
                position.as_ptr(),
                to.as_mut_ptr(),
                dim,
            )
        }
    }

    /// `to` = the mean of the rows of `from`, scaled to length 1.
    ///
    /// # Panics
    /// When `from` is empty or not whole rows of `to`, whose length is a multiple of [`DIM_STEP`].
    pub fn pool_and_normalize(&self, from: &[f32], to: &mut [f32]) {
        let dim = to.len();
        assert!(
            dim > 0
                && dim.is_multiple_of(DIM_STEP)
                && !from.is_empty()
                && from.len().is_multiple_of(dim)
        );
        // SAFETY: see the assert.
        unsafe { (self.encoder.pool)(from.as_ptr(), from.len() / dim, dim, to.as_mut_ptr()) }
    }
}
