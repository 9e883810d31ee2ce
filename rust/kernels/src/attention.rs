//! Scaled dot-product attention of one text, all heads (Vaswani et al., arXiv 1706.03762), in f32.
//!
//! Owns the layout of keys and values during a product; must not know of layers. The scale 1/sqrt(head width) is already in
//! the query weights.
//! Invariant: a product sums over its inner index in order, one multiplication and one addition at a time, so the width
//! of the register does not show in the result.

use super::float::softmax;
use super::register::{LANES, Register};

/// Scratch values attention needs for texts of up to `tokens` tokens.
pub(super) const fn scratch_len(tokens: usize, head_dim: usize) -> usize {
    let padded = tokens.next_multiple_of(LANES);
    padded * head_dim * 2 + padded * ROWS
}

/// Rows of queries handled together.
const ROWS: usize = 4;

/// `to[row][..] = sum over k of a[row][k] * b[k][..]` for `ROWS` rows and `PARTS` registers of columns, times `factors`.
///
/// # Safety
/// `a` is valid for `ROWS` rows of `inner` values, `b` for `inner` rows of `PARTS` registers, `to` for `ROWS` rows of `PARTS`
/// registers, each row its stride after the one before; the instruction set of `R` is available.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn product<R: Register, const ROWS: usize, const PARTS: usize>(
    a: *const f32,
    a_stride: usize,
    b: *const f32,
    b_stride: usize,
    inner: usize,
    factors: Option<&[f32; 4]>,
    to: *mut f32,
    to_stride: usize,
) {
    // SAFETY: rows end at `ROWS`, registers at `PARTS`, and the sum at `inner`.
    unsafe {
        let mut sums = [[R::splat(0.0); PARTS]; ROWS];
        for k in 0..inner {
            let mut columns = [R::splat(0.0); PARTS];
            let mut part = 0;
            while part < PARTS {
                columns[part] = R::load(b.add(k * b_stride + part * R::WIDTH));
                part += 1;
            }
            let mut row = 0;
            while row < ROWS {
                let x = R::splat(*a.add(row * a_stride + k));
                let mut part = 0;
                while part < PARTS {
                    sums[row][part] = sums[row][part].add(x.mul(columns[part]));
                    part += 1;
                }
                row += 1;
            }
        }
        let mut row = 0;
        while row < ROWS {
            let mut part = 0;
            while part < PARTS {
                let mut sum = sums[row][part];
                if let Some(factors) = factors {
                    sum = sum.mul(R::splat(factors[row]));
                }
                sum.store(to.add(row * to_stride + part * R::WIDTH));
                part += 1;
            }
            row += 1;
        }
    }
}

/// Scores, softmax and the weighted sum of values for `ROWS` queries of one head.
///
/// # Safety
/// `queries` and `to` are valid for `ROWS` rows of `head_dim` values, `keys` and `values` for `n` rows, rounded up to sixteen, of
/// `head_dim`, `scores` for `ROWS` rows of as many; `head_dim` is a multiple of sixteen; the instruction set of `R` is available.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn rows<R: Register, const ROWS: usize, const PARTS: usize>(
    queries: *const f32,
    stride: usize,
    keys: *const f32,
    values: *const f32,
    scores: *mut f32,
    n: usize,
    head_dim: usize,
    to: *mut f32,
    to_stride: usize,
) {
    // SAFETY: panels of sixteen tokens end at `padded` and columns at `head_dim`, both multiples of `columns`.
    unsafe {
        let padded = n.next_multiple_of(LANES);
        let columns = PARTS * R::WIDTH;
        let mut at = 0;
        while at < padded {
            // Keys lie in panels of sixteen tokens, head_dim x 16.
            let panel = keys.add(at / LANES * LANES * head_dim + at % LANES);
            product::<R, ROWS, PARTS>(
                queries,
                stride,
                panel,
                LANES,
                head_dim,
                None,
                scores.add(at),
                padded,
            );
            at += columns;
        }
        let mut factors = [0.0; 4];
        let mut row = 0;
        while row < ROWS {
            factors[row] = softmax::<R>(scores.add(row * padded), n);
            row += 1;
        }
        let mut at = 0;
        while at < head_dim {
            product::<R, ROWS, PARTS>(
                scores,
                padded,
                values.add(at),
                head_dim,
                n,
                Some(&factors),
                to.add(at),
                to_stride,
            );
            at += columns;
        }
    }
}

/// Attention over `n` tokens: `qkv` has rows of `3 * heads * head_dim`, `to` rows of `heads * head_dim`.
/// `PARTS` registers are at most sixteen columns. `scratch` has [`scratch_len`] values.
///
/// # Safety
/// `qkv` and `to` are valid for `n` rows, `scratch` for [`scratch_len`]; `head_dim` is a multiple of sixteen; the instruction set of `R` is available.
#[inline(always)]
pub(super) unsafe fn attend<R: Register, const PARTS: usize>(
    qkv: *const f32,
    n: usize,
    heads: usize,
    head_dim: usize,
    scratch: *mut f32,
    to: *mut f32,
) {
    // SAFETY: keys, values and scores lie one after the other in the scratch, tokens end at `n` or `padded`, and heads
    // at `heads`.
    unsafe {
        let dim = heads * head_dim;
        let stride = 3 * dim;
        let padded = n.next_multiple_of(LANES);
        let keys = scratch;
        let values = scratch.add(padded * head_dim);
        let scores = values.add(padded * head_dim);
        for head in 0..heads {
            let q = qkv.add(head * head_dim);
            let (k, v) = (q.add(dim), q.add(2 * dim));
            for token in 0..padded {
                let panel = keys.add(token / LANES * LANES * head_dim + token % LANES);
                for d in 0..head_dim {
                    *panel.add(d * LANES) = if token < n {
                        *k.add(token * stride + d)
                    } else {
                        0.0
                    };
                }
            }
            for token in 0..n {
                let mut d = 0;
                while d < head_dim {
                    R::load(v.add(token * stride + d)).store(values.add(token * head_dim + d));
                    d += R::WIDTH;
                }
            }
            let to = to.add(head * head_dim);
            let mut token = 0;
            while token + ROWS <= n {
                let (q, to) = (q.add(token * stride), to.add(token * dim));
                rows::<R, ROWS, PARTS>(q, stride, keys, values, scores, n, head_dim, to, dim);
                token += ROWS;
            }
            while token < n {
                let (q, to) = (q.add(token * stride), to.add(token * dim));
                rows::<R, 1, PARTS>(q, stride, keys, values, scores, n, head_dim, to, dim);
                token += 1;
            }
        }
    }
}
