//! Layer norm, GELU, softmax, Hadamard rotation, pooling: all float code of the encoder, once, over any register.
//!
//! Owns the order of every float operation; knows nothing of instruction sets.
//! Invariant: reductions use sixteen virtual lanes and one tree, nothing is fused, so every register gives the same bits.

use super::register::{LANES, Register, fold_add16, load16};

/// Width of one Hadamard block.
pub(super) const BLOCK: usize = 128;
/// Ranges below this quantise as if they were this wide, which keeps the scale finite.
const LEAST_RANGE: f32 = 1e-12;

/// What [`rotate_and_quantize`] reports of a row: `x = scale * q + offset`, and the sum of all `q`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct RowScale {
    pub(super) scale: f32,
    pub(super) offset: f32,
    pub(super) sum: i32,
}

/// `x * P(normal distribution <= x)`, the GELU of Hendrycks and Gimpel (arXiv 1606.08415).
///
/// The distribution is 0.5 plus an odd polynomial on [-4.5, 4.5], constant beyond; the absolute error of the product is
/// below 1e-4 there, less than a step of the 8-bit activations it feeds.
///
/// # Safety
/// The instruction set of `R` is available.
#[inline(always)]
pub(super) unsafe fn gelu<R: Register>(x: R) -> R {
    const C: [f32; 9] = [
        0.398_712_7,
        -0.065_984_81,
        0.009_585_302,
        -0.001_037_621_3,
        8.143_004_4e-5,
        -4.452_185_7e-6,
        1.591_241_7e-7,
        -3.315_36e-9,
        3.037_244_3e-11,
    ];
    // SAFETY: on registers only, whose instruction set the caller has.
    unsafe {
        let bounded = x.min(R::splat(4.5)).max(R::splat(-4.5));
        let square = bounded.mul(bounded);
        let mut sum = R::splat(C[8]);
        let mut i = 8;
        while i > 0 {
            i -= 1;
            sum = sum.mul(square).add(R::splat(C[i]));
        }
        x.mul(bounded.mul(sum).add(R::splat(0.5)))
    }
}

/// `e^x` for x <= 0: a power of two times a degree-5 polynomial; relative error below 1e-5; below -87 as at -87.
///
/// # Safety
/// The instruction set of `R` is available.
#[inline(always)]
unsafe fn exp<R: Register>(x: R) -> R {
    const C: [f32; 6] = [
        1.0,
        std::f32::consts::LN_2,
        0.240_226_5,
        0.055_504_11,
        0.009_618_129,
        0.001_333_355_8,
    ];
    // SAFETY: on registers only, whose instruction set the caller has.
    unsafe {
        let y = x
            .max(R::splat(-87.0))
            .mul(R::splat(std::f32::consts::LOG2_E));
        let n = y.round();
        let f = y.sub(n);
        let mut sum = R::splat(C[5]);
        let mut i = 5;
        while i > 0 {
            i -= 1;
            sum = sum.mul(f).add(R::splat(C[i]));
        }
        sum.scale_by_power(n)
    }
}

/// Layer norm of `rows` rows of `dim` values: `(x - mean) / sqrt(variance + eps) * gamma + beta`. `to` may be `from`.
///
/// # Safety
/// `from` and `to` are valid for `rows * dim` values, `norm` for `2 * dim`; `dim` is a multiple of sixteen; the instruction set of `R` is available.
#[inline(always)]
pub(super) unsafe fn layer_norm<R: Register>(
    from: *const f32,
    to: *mut f32,
    norm: *const f32,
    rows: usize,
    dim: usize,
    eps: f32,
) {
    // SAFETY: `at + part * WIDTH` ends at `dim`, a multiple of sixteen, and rows at `rows`.
    unsafe {
        let parts = LANES / R::WIDTH;
        let (gamma, beta) = (norm, norm.add(dim));
        for row in 0..rows {
            let (from, to) = (from.add(row * dim), to.add(row * dim));
            let mut sums = [R::splat(0.0); LANES];
            let mut at = 0;
            while at < dim {
                let mut part = 0;
                while part < parts {
                    sums[part] = sums[part].add(R::load(from.add(at + part * R::WIDTH)));
                    part += 1;
                }
                at += LANES;
            }
            let mean = fold_add16(sums) / dim as f32;
            let centre = R::splat(mean);
            let mut squares = [R::splat(0.0); LANES];
            let mut at = 0;
            while at < dim {
                let mut part = 0;
                while part < parts {
                    let x = R::load(from.add(at + part * R::WIDTH)).sub(centre);
                    squares[part] = squares[part].add(x.mul(x));
                    part += 1;
                }
                at += LANES;
            }
            let inverse = R::splat(1.0 / (fold_add16(squares) / dim as f32 + eps).sqrt());
            let mut at = 0;
            while at < dim {
                let x = R::load(from.add(at)).sub(centre).mul(inverse);
                x.mul(R::load(gamma.add(at)))
                    .add(R::load(beta.add(at)))
                    .store(to.add(at));
                at += R::WIDTH;
            }
        }
    }
}

/// `x + shift`, rotated by an unnormalised Walsh-Hadamard transform in blocks of 128 (natural order), then quantised to
/// asymmetric i8 over the range of the row. `scratch` holds one row of f32.
///
/// # Safety
/// `from`, `shift`, `scratch` and `to` are valid for `dim` values, a multiple of [`BLOCK`]; the instruction set of `R` is available.
#[inline(always)]
pub(super) unsafe fn rotate_and_quantize<R: Register>(
    from: *const f32,
    shift: *const f32,
    dim: usize,
    scratch: *mut f32,
    to: *mut i8,
) -> RowScale {
    // SAFETY: blocks, columns and groups end at `dim`, a multiple of the block, whose parts are whole registers.
    unsafe {
        let parts = LANES / R::WIDTH;
        let (mut least, mut greatest) = (R::splat(f32::MAX), R::splat(f32::MIN));
        let mut block = 0;
        while block < dim {
            // Strides 64, 32, 16: eight registers sixteen values apart.
            let mut column = 0;
            while column < LANES {
                let at = block + column;
                let mut v = [R::splat(0.0); 8];
                let mut k = 0;
                while k < 8 {
                    v[k] =
                        R::load(from.add(at + k * LANES)).add(R::load(shift.add(at + k * LANES)));
                    k += 1;
                }
                let mut half = 4;
                while half > 0 {
                    let mut k = 0;
                    while k < 8 {
                        if k & half == 0 {
                            (v[k], v[k + half]) = (v[k].add(v[k + half]), v[k].sub(v[k + half]));
                        }
                        k += 1;
                    }
                    half /= 2;
                }
                let mut k = 0;
                while k < 8 {
                    v[k].store(scratch.add(at + k * LANES));
                    k += 1;
                }
                column += R::WIDTH;
            }
            // Strides 8, 4, 2, 1: inside each group of sixteen.
            let mut group = 0;
            while group < BLOCK {
                let at = scratch.add(block + group);
                let mut v = load16::<R>(at);
                let mut stride = LANES / 2;
                while stride > 0 {
                    let apart = stride / R::WIDTH;
                    let mut part = 0;
                    while part < parts {
                        if apart == 0 {
                            v[part] = v[part].butterfly(stride);
                        } else if part & apart == 0 {
                            (v[part], v[part + apart]) =
                                (v[part].add(v[part + apart]), v[part].sub(v[part + apart]));
                        }
                        part += 1;
                    }
                    stride /= 2;
                }
                let mut part = 0;
                while part < parts {
                    least = least.min(v[part]);
                    greatest = greatest.max(v[part]);
                    v[part].store(at.add(part * R::WIDTH));
                    part += 1;
                }
                group += LANES;
            }
            block += BLOCK;
        }
        let (least, greatest) = (least.fold_min(), greatest.fold_max());
        let range = (greatest - least).max(LEAST_RANGE);
        let scale = range / 255.0;
        let inverse = 255.0 / range;
        let (by, off) = (R::splat(inverse), R::splat(-least * inverse - 128.0));
        let mut at = 0;
        while at < dim {
            let mut v = load16::<R>(scratch.add(at));
            let mut part = 0;
            while part < parts {
                v[part] = v[part].mul(by).add(off);
                part += 1;
            }
            R::store_i8(&v, to.add(at));
            at += LANES;
        }
        let mut sum = 0;
        for i in 0..dim {
            sum += i32::from(*to.add(i));
        }
        RowScale {
            scale,
            offset: least + 128.0 * scale,
            sum,
        }
    }
}

/// Softmax of `n` scores in place; `n` rounded up to sixteen is readable and writable. Gives `1 / sum`, not yet applied.
///
/// # Safety
/// `scores` is valid for `n` values rounded up to sixteen; the instruction set of `R` is available.
#[inline(always)]
pub(super) unsafe fn softmax<R: Register>(scores: *mut f32, n: usize) -> f32 {
    // SAFETY: everything ends at `padded`, which the caller vouches for.
    unsafe {
        let padded = n.next_multiple_of(LANES);
        for i in n..padded {
            *scores.add(i) = f32::MIN;
        }
        let mut greatest = R::splat(f32::MIN);
        let mut at = 0;
        while at < padded {
            greatest = greatest.max(R::load(scores.add(at)));
            at += R::WIDTH;
        }
        let greatest = R::splat(greatest.fold_max());
        let mut at = 0;
        while at < padded {
            exp(R::load(scores.add(at)).sub(greatest)).store(scores.add(at));
            at += R::WIDTH;
        }
        for i in n..padded {
            *scores.add(i) = 0.0;
        }
        let mut sums = [R::splat(0.0); LANES];
        let mut at = 0;
        while at < padded {
            let mut part = 0;
            while part < LANES / R::WIDTH {
                sums[part] = sums[part].add(R::load(scores.add(at + part * R::WIDTH)));
                part += 1;
            }
            at += LANES;
        }
        1.0 / fold_add16(sums)
    }
}

/// A word row (i8 times its scale) plus a position row.
///
/// # Safety
/// `word`, `position` and `to` are valid for `dim` values, a multiple of sixteen; the instruction set of `R` is available.
#[inline(always)]
pub(super) unsafe fn embed_token<R: Register>(
    word: *const i8,
    scale: f32,
    position: *const f32,
    to: *mut f32,
    dim: usize,
) {
    // SAFETY: registers end at `dim`, a multiple of sixteen.
    unsafe {
        let scale = R::splat(scale);
        let mut at = 0;
        while at < dim {
            R::load_i8(word.add(at))
                .mul(scale)
                .add(R::load(position.add(at)))
                .store(to.add(at));
            at += R::WIDTH;
        }
    }
}

/// The sum of `rows` rows, scaled to length 1; the length of a mean is the same, so the division is left out.
///
/// # Safety
/// `from` is valid for `rows * dim` values, `rows` at least 1, `to` for `dim`, a multiple of sixteen; the instruction set of `R` is available.
#[inline(always)]
pub(super) unsafe fn pool_and_normalize<R: Register>(
    from: *const f32,
    rows: usize,
    dim: usize,
    to: *mut f32,
) {
    // SAFETY: registers end at `dim`, a multiple of sixteen, and rows at `rows`.
    unsafe {
        let mut at = 0;
        while at < dim {
            let mut sum = R::load(from.add(at));
            for row in 1..rows {
                sum = sum.add(R::load(from.add(row * dim + at)));
            }
            sum.store(to.add(at));
            at += R::WIDTH;
        }
        let mut squares = [R::splat(0.0); LANES];
        let mut at = 0;
        while at < dim {
            let mut part = 0;
            while part < LANES / R::WIDTH {
                let x = R::load(to.add(at + part * R::WIDTH));
                squares[part] = squares[part].add(x.mul(x));
                part += 1;
            }
            at += LANES;
        }
        let inverse = R::splat(1.0 / fold_add16(squares).sqrt());
        let mut at = 0;
        while at < dim {
            R::load(to.add(at)).mul(inverse).store(to.add(at));
            at += R::WIDTH;
        }
    }
}
