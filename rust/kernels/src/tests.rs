//! Every instruction set against the scalar one, bit for bit, on random and edge inputs.
//!
//! Owns the inputs; must not know how a set computes. Invariant: no tolerance, and every set of the machine takes part.

use super::register::LANES;
use super::*;

/// A small deterministic generator (Steele, Lea and Flood's SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn values(&mut self, n: usize, range: f32) -> Vec<f32> {
        (0..n)
            .map(|_| ((self.next() >> 40) as f32 / (1 << 23) as f32 - 1.0) * range)
            .collect()
    }

    fn bytes(&mut self, n: usize) -> Vec<u8> {
        (0..n).map(|_| (self.next() >> 33) as u8).collect()
    }
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Runs `work` on every instruction set and compares the bits with those of the scalar one.
fn same_bits_everywhere(work: impl Fn(&Kernels) -> Vec<f32>) -> Vec<f32> {
    let expected = work(&scalar::KERNELS);
    assert!(expected.iter().all(|value| value.is_finite()));
    for kernels in available() {
        assert_eq!(
            bits(&work(kernels)),
            bits(&expected),
            "{} differs from scalar",
            kernels.name()
        );
    }
    expected
}

#[test]
fn linear_layers_give_the_same_bits() {
    let mut random = Random(1);
    for (inputs, outputs) in [(128, 128), (384, 1152), (256, 384)] {
        let weights: Vec<u8> = random
            .bytes(inputs * outputs)
            .iter()
            .map(|byte| 1 + byte % 127)
            .collect();
        let (scale, bias) = (random.values(outputs, 1e-3), random.values(outputs, 2.0));
        let shift = random.values(inputs, 0.3);
        let sums = column_sums(&weights, inputs).unwrap();
        let layer = Linear {
            weights: &weights,
            scale: &scale,
            bias: &bias,
            shift: &shift,
            column_sums: &sums,
        };
        for rows in [1, 2, 3, 5, 8, 10, 13, 64, 67] {
            let mut from = random.values(rows * inputs, 3.0);
            from[..inputs].fill(0.25);
            let residual = random.values(rows * outputs, 1.0);
            for epilogue in [Epilogue::Bias, Epilogue::Gelu, Epilogue::Residual] {
                same_bits_everywhere(|kernels| {
                    let mut to = vec![0.0; rows * outputs];
                    kernels.linear(
                        &from,
                        &layer,
                        epilogue,
                        &residual,
                        &mut to,
                        &mut LinearScratch::default(),
                    );
                    to
                });
            }
        }
    }
}

#[test]
fn the_greatest_sums_of_long_rows_are_exact() {
    let inputs = 35 * DIM_STEP;
    // An impulse becomes a constant block: all codes but those of one block are at the same end of their range.
    let mut from = vec![0.0; 3 * inputs];
    for (row, values) in from.chunks_mut(inputs).enumerate() {
        let sign = [1.0, -1.0, 1.0][row];
        for block in 0..inputs / DIM_STEP {
            values[block * DIM_STEP] = if block == row { sign } else { -sign };
        }
    }
    for weight in [0, WEIGHT_MAX] {
        let weights = vec![weight; inputs * DIM_STEP];
        let layer = Linear {
            weights: &weights,
            scale: &[1.0; DIM_STEP],
            bias: &[0.0; DIM_STEP],
            shift: &vec![0.0; inputs],
            column_sums: &column_sums(&weights, inputs).unwrap(),
        };
        let mut scratch = LinearScratch::default();
        let results = same_bits_everywhere(|kernels| {
            let mut to = vec![0.0; 3 * DIM_STEP];
            kernels.linear(
                &from,
                &layer,
                Epilogue::Bias,
                &[],
                &mut to,
                &mut LinearScratch::default(),
            );
            to
        });
        scalar::KERNELS.quantize(&from, layer.shift, &mut scratch);
        for (row, results) in results.chunks(DIM_STEP).enumerate() {
            let (codes, scale, offset, sum) = scratch.quantized(row, inputs);
            assert_eq!(sum, codes.iter().map(|code| i32::from(*code)).sum::<i32>());
            assert!(codes.contains(&-128) && codes.contains(&127));
            let exact = (sum * (i32::from(weight) - 64)) as f32;
            let wanted = exact * scale + offset * layer.column_sums[0];
            assert!(
                results
                    .iter()
                    .all(|value| value.to_bits() == wanted.to_bits())
            );
        }
    }
}

#[test]
fn a_linear_layer_multiplies_what_it_quantised() {
    let mut random = Random(2);
    let (inputs, outputs) = (256, 128);
    let weights: Vec<u8> = random
        .bytes(inputs * outputs)
        .iter()
        .map(|byte| 1 + byte % 127)
        .collect();
    let (scale, bias) = (vec![1e-3; outputs], random.values(outputs, 1.0));
    let shift = random.values(inputs, 0.5);
    let sums = column_sums(&weights, inputs).unwrap();
    let layer = Linear {
        weights: &weights,
        scale: &scale,
        bias: &bias,
        shift: &shift,
        column_sums: &sums,
    };
    let from = random.values(inputs, 1.0);
    let mut to = vec![0.0; outputs];
    scalar::KERNELS.linear(
        &from,
        &layer,
        Epilogue::Bias,
        &[],
        &mut to,
        &mut LinearScratch::default(),
    );
    // The same in f64 without quantising the activations: the Hadamard matrix entry is the parity of i & j.
    let rotated: Vec<f64> = (0..inputs)
        .map(|i| {
            let block = i / 128 * 128;
            (block..block + 128)
                .map(|j| {
                    let sign = if ((i - block) & (j - block)).count_ones() % 2 == 0 {
                        1.0
                    } else {
                        -1.0
                    };
                    sign * (f64::from(from[j]) + f64::from(shift[j]))
                })
                .sum()
        })
        .collect();
    for n in 0..outputs {
        let exact: f64 = (0..inputs)
            .map(|k| {
                let at = (n / 8) * inputs * 8 + (k / 4) * 32 + (n % 8) * 4 + k % 4;
                rotated[k] * (f64::from(weights[at]) - 64.0)
            })
            .sum::<f64>()
            * 1e-3
            + f64::from(bias[n]);
        assert!(
            (f64::from(to[n]) - exact).abs() < 0.25,
            "output {n}: {} against {exact}",
            to[n]
        );
    }
}

#[test]
fn buffers_of_a_layer_grow_once_and_carry_nothing_over() {
    let mut random = Random(7);
    let mut layer = |inputs: usize, rows: usize| {
        let weights: Vec<u8> = random.bytes(inputs * 128).iter().map(|b| b % 128).collect();
        (weights, random.values(rows * inputs, 2.0))
    };
    let layers = [layer(256, 70), layer(384, 9), layer(128, 3)];
    let run = |(weights, from): &(Vec<u8>, Vec<f32>), scratch: &mut LinearScratch| {
        let inputs = weights.len() / 128;
        let layer = Linear {
            weights,
            scale: &[1e-3; 128],
            bias: &[0.5; 128],
            shift: &vec![0.25; inputs],
            column_sums: &column_sums(weights, inputs).unwrap(),
        };
        let mut to = vec![0.0; from.len() / inputs * 128];
        fastest().linear(from, &layer, Epilogue::Bias, &[], &mut to, scratch);
        bits(&to)
    };
    let mut scratch = LinearScratch::default();
    let first = layers.each_ref().map(|layer| run(layer, &mut scratch));
    let sizes = (scratch.codes.len(), scratch.rows.len(), scratch.row.len());
    assert_eq!(sizes, (64 * 256, 64, 384));
    let again = layers.each_ref().map(|layer| run(layer, &mut scratch));
    let fresh = layers
        .each_ref()
        .map(|layer| run(layer, &mut LinearScratch::default()));
    assert!(first == fresh && again == fresh);
    let seen = (scratch.codes.len(), scratch.rows.len(), scratch.row.len());
    assert_eq!(seen, sizes);
}

#[test]
fn the_fastest_instruction_set_is_the_first_available_each_time() {
    for _ in 0..2 {
        assert_eq!(fastest().name(), available().next().unwrap().name());
    }
}

#[test]
fn layer_norm_gives_the_same_bits_and_unit_variance() {
    let mut random = Random(3);
    let dim = 384;
    let rows = random.values(5 * dim, 4.0);
    let norm = [vec![1.0; dim], vec![0.0; dim]].concat();
    let result = same_bits_everywhere(|kernels| {
        let mut x = rows.clone();
        kernels.layer_norm(&mut x, &norm, 1e-12);
        x
    });
    for row in result.chunks_exact(dim) {
        let mean: f64 = row.iter().map(|x| f64::from(*x)).sum::<f64>() / dim as f64;
        let variance: f64 = row
            .iter()
            .map(|x| (f64::from(*x) - mean).powi(2))
            .sum::<f64>()
            / dim as f64;
        assert!(mean.abs() < 1e-5 && (variance - 1.0).abs() < 1e-4);
    }
}

#[test]
fn attention_gives_the_same_bits_and_agrees_with_f64() {
    let mut random = Random(4);
    let (heads, head_dim) = (3, 32);
    for n in [1, 2, 3, 4, 7, 15, 16, 17, 33, 130] {
        let qkv = random.values(n * 3 * heads * head_dim, 1.5);
        let result = same_bits_everywhere(|kernels| {
            let mut to = vec![0.0; n * heads * head_dim];
            kernels.attend(&qkv, heads, head_dim, &mut Vec::new(), &mut to);
            to
        });
        let at = |token: usize, part: usize, head: usize, d: usize| {
            f64::from(
                qkv[token * 3 * heads * head_dim + part * heads * head_dim + head * head_dim + d],
            )
        };
        for (token, head) in [(0, 0), (n - 1, heads - 1)] {
            let scores: Vec<f64> = (0..n)
                .map(|j| {
                    (0..head_dim)
                        .map(|d| at(token, 0, head, d) * at(j, 1, head, d))
                        .sum()
                })
                .collect();
            let greatest = scores.iter().copied().fold(f64::MIN, f64::max);
            let weights: Vec<f64> = scores
                .iter()
                .map(|score| (score - greatest).exp())
                .collect();
            let total: f64 = weights.iter().sum();
            for d in 0..head_dim {
                let exact: f64 = (0..n).map(|j| weights[j] / total * at(j, 2, head, d)).sum();
                let found = f64::from(result[(token * heads + head) * head_dim + d]);
                assert!((found - exact).abs() < 1e-4, "{found} against {exact}");
            }
        }
    }
}

#[test]
fn numbers_that_overflow_leave_bytes_and_neighbours_alone() {
    let (heads, head_dim, n) = (1, 16, 3);
    // Squares of these overflow to infinity, whose differences are NaN: what finite but huge weights lead to.
    let qkv = vec![3e38; n * 3 * heads * head_dim];
    for kernels in available().chain([&scalar::KERNELS]) {
        let mut to = vec![0.0; n * heads * head_dim + 1];
        let (context, guard) = to.split_at_mut(n * heads * head_dim);
        kernels.attend(&qkv, heads, head_dim, &mut Vec::new(), context);
        assert!(
            context.iter().all(|value| !value.is_finite()),
            "{} hides an overflow",
            kernels.name()
        );
        assert_eq!(guard[0], 0.0);
    }
    let mut codes = [1_i8; LANES];
    let values = [register::Scalar(f32::NAN); LANES];
    // SAFETY: sixteen values, sixteen bytes.
    unsafe { register::Register::store_i8(&values, codes.as_mut_ptr()) };
    assert_eq!(codes, [0; LANES]);
}

#[test]
fn embedding_and_pooling_give_the_same_bits() {
    let mut random = Random(5);
    let dim = 256;
    let word: Vec<i8> = random.bytes(dim).iter().map(|byte| *byte as i8).collect();
    let position = random.values(dim, 0.1);
    same_bits_everywhere(|kernels| {
        let mut to = vec![0.0; dim];
        kernels.embed_token(&word, 0.0123, &position, &mut to);
        to
    });
    for rows in [1, 2, 9] {
        let from = random.values(rows * dim, 2.0);
        let pooled = same_bits_everywhere(|kernels| {
            let mut to = vec![0.0; dim];
            kernels.pool_and_normalize(&from, &mut to);
            to
        });
        let length: f64 = pooled.iter().map(|x| f64::from(*x).powi(2)).sum();
        assert!((length - 1.0).abs() < 1e-6);
    }
}

#[test]
fn dot_products_of_codes_are_exact() {
    let mut random = Random(6);
    for dim in [1, 7, 16, 31, 384, 4096] {
        let rows = 3;
        let mut query: Vec<i16> = (0..dim)
            .map(|_| (random.next() % 4095) as i16 - 2047)
            .collect();
        let mut codes: Vec<i8> = random
            .bytes(rows * dim)
            .iter()
            .map(|byte| (*byte as i8).max(-127))
            .collect();
        query[0] = -2047;
        codes[..dim].fill(-127);
        for kernels in available() {
            let mut dots = vec![0; rows];
            kernels.dots(&query, &codes, &mut dots);
            for (row, dot) in dots.iter().enumerate() {
                let exact: i64 = (0..dim)
                    .map(|i| i64::from(query[i]) * i64::from(codes[row * dim + i]))
                    .sum();
                assert_eq!(i64::from(*dot), exact, "{}", kernels.name());
            }
        }
    }
}

#[test]
fn gelu_stays_within_its_error() {
    for step in -80_000..=80_000 {
        let x = step as f32 * 1e-4;
        // SAFETY: the scalar register runs everywhere.
        let found = unsafe { float::gelu(register::Scalar(x)) }.0;
        let t = f64::from(x);
        // The distribution by Zelen and Severo, Abramowitz and Stegun 26.2.17, absolute error below 7.5e-8.
        let k = 1.0 / (1.0 + 0.231_641_9 * t.abs());
        let poly = k
            * (0.319_381_530
                + k * (-0.356_563_782
                    + k * (1.781_477_937 + k * (-1.821_255_978 + k * 1.330_274_429))));
        let tail = (-t * t / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt() * poly;
        let exact = t * if t > 0.0 { 1.0 - tail } else { tail };
        assert!(
            (f64::from(found) - exact).abs() < 1e-4,
            "gelu({x}) = {found}, not {exact}"
        );
    }
}

#[test]
fn weights_beyond_seven_bits_have_no_sums() {
    let mut weights = vec![64; 128 * 8];
    assert_eq!(column_sums(&weights, 128), Some(vec![0.0; 8]));
    weights[5] = 127;
    assert_eq!(column_sums(&weights, 128).unwrap()[1], 63.0);
    weights[900] = 128;
    assert_eq!(column_sums(&weights, 128), None);
}

#[test]
fn rows_by_number_give_the_same_bits() {
    let mut random = Random(11);
    for dim in [16, 48, 384, 4096] {
        let count = 9;
        let query = random.values(dim, 1.0);
        let from = random.values(count * dim, 1.0);
        let wide: Vec<i16> = (0..dim)
            .map(|_| (random.next() % 4095) as i16 - 2047)
            .collect();
        let codes: Vec<i8> = (0..count * dim).map(|_| random.next() as i8).collect();
        let rows = [8, 0, 3, 3, 7];
        for kernels in available() {
            let mut dots = [0; 5];
            kernels.dots_at(&wide, &codes, &rows, &mut dots);
            for (dot, row) in dots.iter().zip(rows) {
                let row = &codes[row as usize * dim..][..dim];
                let exact: i32 = wide
                    .iter()
                    .zip(row)
                    .map(|(a, b)| i32::from(*a) * i32::from(*b))
                    .sum();
                assert_eq!(*dot, exact);
            }
            for measure in [Measure::Dot, Measure::Squared, Measure::Absolute] {
                let (mut found, mut wanted) = ([0.0; 5], [0.0; 5]);
                kernels.measures_at(measure, &query, &from, &rows, &mut found);
                scalar::KERNELS.measures_at(measure, &query, &from, &rows, &mut wanted);
                assert_eq!(
                    found.map(f32::to_bits),
                    wanted.map(f32::to_bits),
                    "{measure:?} on {}",
                    kernels.name()
                );
                let row = &from[8 * dim..];
                let exact: f64 = query
                    .iter()
                    .zip(row)
                    .map(|(a, b)| {
                        let (a, b) = (f64::from(*a), f64::from(*b));
                        match measure {
                            Measure::Dot => a * b,
                            Measure::Squared => (a - b) * (a - b),
                            Measure::Absolute => (a - b).abs(),
                        }
                    })
                    .sum();
                assert!(
                    (f64::from(found[0]) - exact).abs() < 1e-5 * dim as f64,
                    "{measure:?}: {} {exact}",
                    found[0]
                );
            }
        }
    }
}

#[test]
fn differing_bits_are_counted() {
    let mut random = Random(12);
    for words in [1, 6, 64] {
        let query: Vec<u64> = (0..words).map(|_| random.next()).collect();
        let sketches: Vec<u64> = (0..words * 5).map(|_| random.next()).collect();
        for kernels in available() {
            let mut counts = [0; 5];
            kernels.hamming(&query, &sketches, &mut counts);
            for (count, sketch) in counts.iter().zip(sketches.chunks_exact(words)) {
                let bits = (0..words * 64)
                    .filter(|bit| (query[bit / 64] ^ sketch[bit / 64]) >> (bit % 64) & 1 == 1);
                assert_eq!(*count as usize, bits.count());
            }
        }
    }
}
