//! The linear layer: 8-bit activations times 7-bit weights, exact in integers, with the float epilogue fused in.
//!
//! Owns the tiling over rows and panels; knows nothing of what the layer is for.
//! Invariant: `y = (acc * scale + offset * column_sum) * weight_scale + bias`, each operation rounded on its own, in this
//! order; `acc` is the exact sum of `q * (w - 64)`.

use super::float::{RowScale, gelu};
use super::register::Register;

/// Weights of eight outputs lie together: `[outputs / 8][inputs / 4][8][4]`.
pub(super) const PANEL: usize = 8;
/// Inputs of one step of a panel.
pub(super) const STEP: usize = 4;
/// What is added to a weight so that it is an unsigned 7-bit number.
pub(super) const WEIGHT_ZERO: i32 = 64;

/// What happens to an output before it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Epilogue {
    /// Nothing.
    Bias,
    /// GELU.
    Gelu,
    /// A residual is added.
    Residual,
}

pub(super) const BIAS: u8 = 0;
pub(super) const GELU: u8 = 1;
pub(super) const RESIDUAL: u8 = 2;

/// Pointers to one layer's weights; see the model file in docs/FORMAT.md.
#[derive(Clone, Copy)]
pub(super) struct Weights {
    pub(super) panels: *const u8,
    pub(super) scale: *const f32,
    pub(super) bias: *const f32,
    pub(super) column_sums: *const f32,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
}

/// The integer side of an instruction set.
pub(super) trait Dot {
    /// The registers its float code uses.
    type R: Register;
    /// Rows of the largest tile, at most 8.
    const ROWS: usize;
    /// A tile of a number of rows that is no multiple of this wastes work.
    const ROWS_STEP: usize = 1;
    /// Columns of a tile, a multiple of [`PANEL`].
    const COLUMNS: usize;

    /// `starts[row] + sum over inputs of q * w` for `ROWS` rows and [`Dot::COLUMNS`] columns, converted to f32.
    /// Registers beyond `COLUMNS / WIDTH` are undefined.
    ///
    /// # Safety
    /// `q` holds `ROWS` rows of `inputs` bytes, `panels` the panels of the columns; weights are at most 127.
    unsafe fn tile<const ROWS: usize>(
        q: *const i8,
        inputs: usize,
        starts: &[i32; ROWS],
        panels: *const u8,
    ) -> [[Self::R; PANEL]; ROWS];

    /// As the function of this name.
    ///
    /// # Safety
    /// `to` holds [`Dot::COLUMNS`] outputs from `column` on; so does `residual`, where the epilogue adds it.
    #[inline(always)]
    unsafe fn finish_row<const EPILOGUE: u8>(
        acc: [Self::R; PANEL],
        row: RowScale,
        w: &Weights,
        column: usize,
        to: *mut f32,
        residual: *const f32,
    ) {
        // SAFETY: as the caller vouches.
        unsafe {
            finish_row::<Self::R, EPILOGUE>(acc, Self::COLUMNS, row, w, column, to, residual);
        }
    }
}

/// One tile with its epilogue.
///
/// # Safety
/// `q` and `rows` hold `ROWS` rows, `to` and, for [`RESIDUAL`], `residual` as many of `w.outputs` values; `column` and the
/// [`Dot::COLUMNS`] after it lie in the layer; the pointers of `w` hold what the model file says; the instruction set of `D` is available.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn finish<D: Dot, const ROWS: usize, const EPILOGUE: u8>(
    q: *const i8,
    rows: *const RowScale,
    w: &Weights,
    column: usize,
    to: *mut f32,
    residual: *const f32,
) {
    // SAFETY: rows end at `ROWS`, columns at `column + COLUMNS`, both vouched for by the caller.
    unsafe {
        let mut starts = [0; ROWS];
        let mut row = 0;
        while row < ROWS {
            starts[row] = -WEIGHT_ZERO * (*rows.add(row)).sum;
            row += 1;
        }
        let acc = D::tile::<ROWS>(q, w.inputs, &starts, w.panels.add(column * w.inputs));
        let mut row = 0;
        while row < ROWS {
            let at = row * w.outputs + column;
            let (to, residual) = (to.add(at), residual.wrapping_add(at));
            D::finish_row::<EPILOGUE>(acc[row], *rows.add(row), w, column, to, residual);
            row += 1;
        }
    }
}

/// The epilogue of one row of a tile of `columns` columns, whose outputs start at `to`.
///
/// # Safety
/// As [`Dot::finish_row`].
#[inline(always)]
pub(super) unsafe fn finish_row<R: Register, const EPILOGUE: u8>(
    acc: [R; PANEL],
    columns: usize,
    row: RowScale,
    w: &Weights,
    column: usize,
    to: *mut f32,
    residual: *const f32,
) {
    // SAFETY: parts end at `columns`, vouched for by the caller.
    unsafe {
        let (scale, offset) = (R::splat(row.scale), R::splat(row.offset));
        let mut part = 0;
        while part < columns / R::WIDTH {
            let at = part * R::WIDTH;
            let n = column + at;
            let mut y = acc[part]
                .mul(scale)
                .add(offset.mul(R::load(w.column_sums.add(n))));
            y = y.mul(R::load(w.scale.add(n))).add(R::load(w.bias.add(n)));
            if EPILOGUE == GELU {
                y = gelu(y);
            }
            if EPILOGUE == RESIDUAL {
                y = y.add(R::load(residual.add(at)));
            }
            y.store(to.add(at));
            part += 1;
        }
    }
}

/// `rows` quantised rows times the whole layer.
///
/// # Safety
/// `q` holds `rows` rows of `w.inputs` bytes, `scales` as many values, `to` and, for [`RESIDUAL`], `residual` `rows` rows of
/// `w.outputs` values; `w.outputs` is a multiple of [`Dot::COLUMNS`]; otherwise as [`finish`].
#[inline(always)]
pub(super) unsafe fn multiply<D: Dot, const EPILOGUE: u8>(
    q: *const i8,
    scales: *const RowScale,
    rows: usize,
    w: &Weights,
    to: *mut f32,
    residual: *const f32,
) {
    // SAFETY: tiles cover `rows` and `w.outputs` exactly: heights add up to `rows`, and columns divide the outputs.
    unsafe {
        let mut column = 0;
        while column < w.outputs {
            let mut row = 0;
            while row < rows {
                // Tiles of nearly equal height: ten rows are 4 + 3 + 3, because a tile of two runs at half speed.
                let left = rows - row;
                let height = left.div_ceil(left.div_ceil(D::ROWS));
                let height = height.next_multiple_of(D::ROWS_STEP).min(left);
                let (q, scales) = (q.add(row * w.inputs), scales.add(row));
                let (to, residual) = (
                    to.add(row * w.outputs),
                    residual.wrapping_add(row * w.outputs),
                );
                match height {
                    1 => finish::<D, 1, EPILOGUE>(q, scales, w, column, to, residual),
                    2 => finish::<D, 2, EPILOGUE>(q, scales, w, column, to, residual),
                    3 if D::ROWS >= 3 => {
                        finish::<D, 3, EPILOGUE>(q, scales, w, column, to, residual)
                    }
                    4 if D::ROWS >= 4 => {
                        finish::<D, 4, EPILOGUE>(q, scales, w, column, to, residual)
                    }
                    5 if D::ROWS >= 5 => {
                        finish::<D, 5, EPILOGUE>(q, scales, w, column, to, residual)
                    }
                    6 if D::ROWS >= 6 => {
                        finish::<D, 6, EPILOGUE>(q, scales, w, column, to, residual)
                    }
                    7 if D::ROWS >= 7 => {
                        finish::<D, 7, EPILOGUE>(q, scales, w, column, to, residual)
                    }
                    8 if D::ROWS >= 8 => {
                        finish::<D, 8, EPILOGUE>(q, scales, w, column, to, residual)
                    }
                    _ => unreachable!("tile heights are 1..=ROWS"),
                }
                row += height;
            }
            column += D::COLUMNS;
        }
    }
}
