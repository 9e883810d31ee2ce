//! The linear layer alone, for `bench embed`: one matrix, rows that are quantised already, and nothing around them.
//!
//! Owns made-up weights and rows. Must not know who measures, nor how the layer computes. Invariant: the rows and weights
//! are a function of the shape, and `run` does what the encoder does between quantising and the next layer.

use findling_core::kernels::{
    Epilogue, Linear, LinearScratch, ROW_BLOCK, WEIGHT_MAX, column_sums, fastest,
};
use std::cell::RefCell;

#[derive(Default)]
struct Case {
    weights: Vec<u8>,
    scale: Vec<f32>,
    bias: Vec<f32>,
    shift: Vec<f32>,
    column_sums: Vec<f32>,
    /// One for each block of rows, as the encoder takes them.
    blocks: Vec<LinearScratch>,
    codes: Vec<i8>,
    /// `[rows][scale, offset, sum]`
    rows: Vec<f32>,
    residual: Vec<f32>,
    to: Vec<f32>,
}

thread_local! {
    static CASE: RefCell<Case> = RefCell::default();
}

/// Makes `rows` rows of `inputs` values and a layer with `outputs` outputs.
#[unsafe(no_mangle)]
pub extern "C" fn set_up(rows: usize, inputs: usize, outputs: usize) {
    let mut state = 1_u32;
    let mut next = || {
        // Numerical Recipes' linear congruence; the high bits are good enough for numbers to multiply.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 16
    };
    let weights: Vec<u8> = (0..inputs * outputs)
        .map(|_| (next() % (u32::from(WEIGHT_MAX) + 1)) as u8)
        .collect();
    let mut value = |range: f32| (next() as f32 / 32_768.0 - 1.0) * range;
    let scale = (0..outputs).map(|_| value(1e-3)).collect();
    let bias = (0..outputs).map(|_| value(1.0)).collect();
    let from: Vec<f32> = (0..rows * inputs).map(|_| value(2.0)).collect();
    let mut case = Case {
        column_sums: column_sums(&weights, inputs).unwrap_or_default(),
        weights,
        scale,
        bias,
        shift: vec![0.0; inputs],
        residual: (0..rows * outputs).map(|_| value(1.0)).collect(),
        to: vec![0.0; rows * outputs],
        ..Case::default()
    };
    for from in from.chunks(ROW_BLOCK * inputs) {
        let mut scratch = LinearScratch::default();
        fastest().quantize(from, &case.shift, &mut scratch);
        for row in 0..from.len() / inputs {
            let (codes, scale, offset, sum) = scratch.quantized(row, inputs);
            case.codes.extend(codes);
            case.rows.extend([scale, offset, sum as f32]);
        }
        case.blocks.push(scratch);
    }
    CASE.set(case);
}

/// Multiplies all rows `times` times. `epilogue`: 0 none, 1 GELU, 2 a residual; a module without all of them would be compiled in another way than the engine is.
#[unsafe(no_mangle)]
pub extern "C" fn run(times: usize, epilogue: u32) {
    let epilogue = match epilogue {
        0 => Epilogue::Bias,
        1 => Epilogue::Gelu,
        _ => Epilogue::Residual,
    };
    CASE.with_borrow_mut(|case| {
        let Case {
            weights,
            scale,
            bias,
            shift,
            column_sums,
            blocks,
            residual,
            to,
            ..
        } = case;
        let layer = Linear {
            weights,
            scale,
            bias,
            shift,
            column_sums,
        };
        for _ in 0..times {
            let block = ROW_BLOCK * scale.len();
            for ((scratch, to), residual) in blocks
                .iter()
                .zip(to.chunks_mut(block))
                .zip(residual.chunks(block))
            {
                fastest().multiply(&layer, epilogue, residual, to, scratch);
            }
        }
    });
}

/// Where in memory a part of the case lies: 0 weights, 1 scales, 2 biases, 3 column sums, 4 codes, 5 rows, 6 results.
#[unsafe(no_mangle)]
pub extern "C" fn address(part: u32) -> usize {
    CASE.with_borrow(|case| match part {
        0 => case.weights.as_ptr().addr(),
        1 => case.scale.as_ptr().addr(),
        2 => case.bias.as_ptr().addr(),
        3 => case.column_sums.as_ptr().addr(),
        4 => case.codes.as_ptr().addr(),
        5 => case.rows.as_ptr().addr(),
        _ => case.to.as_ptr().addr(),
    })
}
