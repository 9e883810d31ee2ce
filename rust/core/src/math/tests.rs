//! What holds for any rows, and the cases whose result is known.
//!
//! Owns the cases; must not know how anything is computed. Invariant: seeded rows, exact results wherever there are any.

use super::eigen;
use super::rows::dot;
use crate::{Code, compute};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

fn payload(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn numbers(bytes: &[u8]) -> Vec<f32> {
    let (numbers, rest) = bytes.as_chunks::<4>();
    assert!(rest.is_empty());
    numbers.iter().map(|x| f32::from_le_bytes(*x)).collect()
}

fn reply(request: &Value, payload: &[u8]) -> Vec<u8> {
    compute(request.to_string().as_bytes(), payload).unwrap()
}

fn of(request: &Value, values: &[f32]) -> Vec<f32> {
    numbers(&reply(request, &payload(values)))
}

fn refusal(request: &Value, values: &[f32]) -> (Code, Value) {
    let error = compute(request.to_string().as_bytes(), &payload(values)).unwrap_err();
    (error.code, error.detail)
}

/// Numbers of a fixed sequence, -1..1.
fn sequence(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    (0..count)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}

#[test]
fn rows_become_one_as_defined() {
    let rows = [1.0, -2.0, 3.0, 6.0];
    let pool = |how: &str| of(&json!({"op": "pool", "dim": 2, "how": how}), &rows);
    assert_eq!(pool("mean"), [2.0, 2.0]);
    assert_eq!(pool("sum"), [4.0, 4.0]);
    assert_eq!(pool("max"), [3.0, 6.0]);
    let weighted = json!({"op": "pool", "dim": 2, "how": "weighted", "weights": [3, 1]});
    assert_eq!(of(&weighted, &rows), [1.5, 0.0]);
    let centroid = json!({"op": "centroid", "dim": 2, "normalized": true});
    assert_eq!(of(&centroid, &[6.0, 8.0, 0.0, 0.0]), [0.6, 0.8]);
}

#[test]
fn statistics_are_those_of_the_population() {
    let ask = |over: &str| -> Value {
        let request = json!({"op": "statistics", "dim": 2, "over": over});
        serde_json::from_slice(&reply(&request, &payload(&[1.0, 5.0, 3.0, 5.0]))).unwrap()
    };
    assert_eq!(
        ask("components"),
        json!({"rows": 2, "dim": 2, "mean": [2.0, 5.0], "std": [1.0, 0.0], "min": [1.0, 5.0], "max": [3.0, 5.0]})
    );
    let all = ask("all");
    assert_eq!((&all["mean"], &all["min"]), (&json!(3.5), &json!(1.0)));
    assert_eq!(all["std"], json!(2.75_f64.sqrt()));
}

#[test]
fn codes_lie_as_documented() {
    let packed = |bits: u8| {
        let request = json!({"op": "quantize", "dim": 3, "bits": bits});
        reply(&request, &payload(&[7.0, -3.0, 0.0]))
    };
    let one = 1.0_f32.to_le_bytes();
    assert_eq!(packed(4), [&one[..], &[0xd7, 0x00]].concat());
    assert_eq!(packed(8)[4..], [127, (-54_i8) as u8, 0]);
    assert_eq!(packed(1)[4..], [0b001]);
    assert_eq!(numbers(&packed(1)[..4]), [10.0 / 3.0]);
}

#[test]
fn every_damaged_byte_of_a_packed_row_is_refused_or_read() {
    for bits in [8_u8, 4, 1] {
        let request = json!({"op": "quantize", "dim": 3, "bits": bits});
        let packed = reply(&request, &payload(&[0.5, -0.25, 1.0]));
        let back = json!({"op": "dequantize", "dim": 3, "bits": bits}).to_string();
        for at in 0..packed.len() {
            for value in 0..=255 {
                let mut damaged = packed.clone();
                damaged[at] = value;
                match compute(back.as_bytes(), &damaged) {
                    Ok(reply) => assert!(numbers(&reply).iter().all(|x| x.is_finite())),
                    Err(error) => assert_eq!(error.code, Code::BadInput),
                }
            }
        }
    }
}

#[test]
fn components_of_equal_spread_are_found_too() {
    // Variances of 1/3 along each axis: any directions will do, but they have to be a frame.
    let rows = [
        1.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, -1.0,
    ];
    let fitted = of(&json!({"op": "fit", "dim": 3, "components": 3}), &rows);
    assert_eq!(fitted[..3], [0.0; 3]);
    assert_eq!(fitted[12..], [1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0, 1.0]);
}

#[test]
fn rows_that_do_not_differ_enough_have_no_components() {
    let line = [1.0, 2.0, 2.0, 4.0, 3.0, 6.0];
    let fit = |components: usize| json!({"op": "fit", "dim": 2, "components": components});
    let (code, detail) = refusal(&fit(2), &line);
    assert_eq!((code, &detail["directions"]), (Code::BadInput, &json!(1)));
    assert_eq!(refusal(&fit(1), &[1.0, 1.0]).0, Code::BadInput);
    assert_eq!(refusal(&fit(3), &line).0, Code::BadRequest);
    let fitted = of(&fit(1), &line);
    assert_eq!(fitted[..2], [2.0, 4.0]);
    assert!((fitted[2] - 0.2_f32.sqrt()).abs() < 1e-7 && (fitted[3] - 0.8_f32.sqrt()).abs() < 1e-7);
}

#[test]
fn huge_and_tiny_rows_have_the_components_of_others() {
    let rows = sequence(40 * 6, 5);
    let request = json!({"op": "fit", "dim": 6, "components": 2});
    let plain = of(&request, &rows);
    for power in [-100, 40] {
        let factor = 2.0_f32.powi(power);
        let scaled: Vec<f32> = rows.iter().map(|x| x * factor).collect();
        let fitted = of(&request, &scaled);
        assert!(
            fitted[6..18]
                .iter()
                .zip(&plain[6..18])
                .all(|(x, y)| (x - y).abs() < 1e-6)
        );
    }
    let beyond: Vec<f32> = rows.iter().map(|x| x * 1e30).collect();
    assert_eq!(refusal(&request, &beyond).0, Code::BadInput);
}

#[test]
fn eigenvectors_of_a_large_matrix_are_a_frame_that_the_matrix_stretches() {
    for size in [1, 2, 3, 40, 130] {
        let half: Vec<f64> = sequence(size * size, 9)
            .iter()
            .map(|x| f64::from(*x))
            .collect();
        let matrix: Vec<f64> = (0..size * size)
            .map(|at| half[at] + half[at % size * size + at / size])
            .collect();
        let pairs = eigen::largest(matrix.clone(), size, size).unwrap();
        assert!(pairs.windows(2).all(|two| two[0].value >= two[1].value));
        for (at, pair) in pairs.iter().enumerate() {
            for (line, x) in matrix.chunks_exact(size).zip(&pair.vector) {
                assert!((dot(line, &pair.vector) - pair.value * x).abs() < 1e-11);
            }
            for (other, with) in pairs.iter().enumerate() {
                let expected = f64::from(u8::from(at == other));
                assert!((dot(&pair.vector, &with.vector) - expected).abs() < 1e-12);
            }
        }
    }
}

#[test]
fn a_matrix_without_anything_beside_its_diagonal_is_done_at_once() {
    let mut matrix = vec![0.0; 16];
    for (at, value) in [2.0, 0.0, 5.0, 2.0].into_iter().enumerate() {
        matrix[at * 5] = value;
    }
    let values: Vec<f64> = eigen::largest(matrix, 4, 3)
        .unwrap()
        .iter()
        .map(|pair| pair.value)
        .collect();
    assert_eq!(values, [5.0, 2.0, 2.0]);
    assert_eq!(eigen::largest(vec![0.0; 9], 3, 1).unwrap()[0].value, 0.0);
}

fn rows_of(dim: impl Strategy<Value = usize>) -> impl Strategy<Value = (usize, Vec<f32>)> {
    (dim, 1..8_usize).prop_flat_map(|(dim, rows)| (Just(dim), vec(-1e3..1e3_f32, dim * rows)))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(7), ..ProptestConfig::default() })]

    #[test]
    fn normalized_rows_have_length_1_and_stay((dim, rows) in rows_of(1..40_usize)) {
        prop_assume!(rows.chunks(dim).all(|row| row.iter().any(|x| *x != 0.0)));
        let unit = of(&json!({"op": "normalize", "dim": dim}), &rows);
        for row in unit.chunks(dim) {
            prop_assert!((dot(row, row) - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn what_was_quantised_stays_and_its_loss_is_what_comes_back((dim, rows) in rows_of(1..40_usize), bits in prop::sample::select(vec![8_u8, 4, 1])) {
        prop_assume!(rows.chunks(dim).all(|row| row.iter().any(|x| x.abs() > 1e-3)));
        let quantize = json!({"op": "quantize", "dim": dim, "bits": bits});
        let packed = reply(&quantize, &payload(&rows));
        let back = numbers(&reply(&json!({"op": "dequantize", "dim": dim, "bits": bits}), &packed));
        let again = reply(&quantize, &payload(&back));
        let row_bytes = 4 + (dim * usize::from(bits)).div_ceil(8);
        for (one, two) in packed.chunks(row_bytes).zip(again.chunks(row_bytes)) {
            prop_assert_eq!(&one[4..], &two[4..]);
        }
        let loss: Value = serde_json::from_slice(&reply(&json!({"op": "loss", "dim": dim, "bits": bits}), &payload(&rows))).unwrap();
        let most = rows.iter().zip(&back).fold(0.0_f64, |most, (x, y)| most.max((f64::from(*x) - f64::from(*y)).abs()));
        prop_assert!((loss["max_error"].as_f64().unwrap() - most).abs() <= 1e-12 * most);
        prop_assert!(loss["mean_error"].as_f64().unwrap() <= most * (1.0 + 1e-12));
    }

    #[test]
    fn distances_are_symmetric_and_those_of_the_pair((dim, rows) in rows_of(1..40_usize), metric in prop::sample::select(vec!["dot", "euclidean", "manhattan"])) {
        let table = of(&json!({"op": "distances", "dim": dim, "metric": metric}), &rows);
        let count = rows.len() / dim;
        for i in 0..count {
            for j in 0..count {
                prop_assert_eq!(table[i * count + j], table[j * count + i]);
                let pair = [&rows[i * dim..][..dim], &rows[j * dim..][..dim]].concat();
                let alone = of(&json!({"op": "distances", "dim": dim, "metric": metric, "queries": 1}), &pair);
                prop_assert_eq!(&alone, &table[i * count + j..][..1]);
            }
            if metric != "dot" {
                prop_assert_eq!(table[i * count + i], 0.0);
            }
        }
    }

    #[test]
    fn components_are_a_frame_in_the_order_of_what_they_hold(dim in 1..24_usize, extra in 1..40_usize, seed: u32) {
        let rows = sequence(dim * (extra + 1), seed);
        let wanted = dim.min(extra);
        let fitted = of(&json!({"op": "fit", "dim": dim, "components": wanted}), &rows);
        let (mean, rest) = fitted.split_at(dim);
        let (components, variances) = rest.split_at(dim * wanted);
        for (i, a) in components.chunks(dim).enumerate() {
            let largest = a.iter().fold(0.0_f32, |most, x| if x.abs() > most.abs() { *x } else { most });
            prop_assert!(largest > 0.0);
            for (j, b) in components.chunks(dim).enumerate() {
                let expected = f64::from(u8::from(i == j));
                prop_assert!((dot(a, b) - expected).abs() < 1e-6);
            }
        }
        prop_assert!(variances[..wanted].windows(2).all(|two| two[0] >= two[1]));
        let held: f32 = variances[..wanted].iter().sum();
        prop_assert!((held - variances[wanted]).abs() <= 1e-5 * held);
        let all = [mean, components, &rows].concat();
        let seen = of(&json!({"op": "transform", "dim": dim, "components": wanted}), &all);
        let statistics: Value = serde_json::from_slice(&reply(&json!({"op": "statistics", "dim": wanted}), &payload(&seen))).unwrap();
        for (at, variance) in variances[..wanted].iter().enumerate() {
            let std = statistics["std"][at].as_f64().unwrap();
            prop_assert!((std * std - f64::from(*variance)).abs() <= 1e-5 * f64::from(variances[0]));
        }
    }

    #[test]
    fn no_bytes_make_it_break_off(op in 0..10_usize, dim in 0..5_usize, number in 0..10_usize, bytes in vec(any::<u8>(), 0..80)) {
        let request = match op {
            0 => json!({"op": "normalize", "dim": dim}),
            1 => json!({"op": "centroid", "dim": dim, "normalized": number % 2 == 0}),
            2 => json!({"op": "statistics", "dim": dim, "over": "all"}),
            3 => json!({"op": "pool", "dim": dim, "how": "weighted", "weights": vec![1.0; number]}),
            4 => json!({"op": "fit", "dim": dim, "components": number}),
            5 => json!({"op": "transform", "dim": dim, "components": number}),
            6 => json!({"op": "quantize", "dim": dim, "bits": number}),
            7 => json!({"op": "dequantize", "dim": dim, "bits": number}),
            8 => json!({"op": "loss", "dim": dim, "bits": number}),
            _ => json!({"op": "distances", "dim": dim, "metric": "cosine", "queries": number}),
        };
        if let Err(error) = compute(request.to_string().as_bytes(), &bytes) {
            prop_assert!(matches!(error.code, Code::BadRequest | Code::BadInput | Code::WrongDim), "{}", error);
        }
        prop_assert_eq!(compute(&bytes, &bytes).unwrap_err().code, Code::BadRequest);
    }
}

#[test]
fn more_numbers_than_a_reply_may_hold_are_refused() {
    let packed = vec![0; 32_769 * (4 + 4096 / 8)];
    let request = json!({"op": "dequantize", "dim": 4096, "bits": 1}).to_string();
    let refused = compute(request.as_bytes(), &packed).unwrap_err();
    assert_eq!(refused.code, Code::BadRequest);
}

#[test]
fn keys_of_other_operations_and_missing_ones_are_refused() {
    for (request, key) in [
        (json!({"op": "normalize", "dim": 1, "bits": 8}), "bits"),
        (
            json!({"op": "ridge", "dim": 1, "items": 1, "bags": 1, "entries": 1, "lambda": 1, "rounds": 1}),
            "steps",
        ),
        (json!({"op": "distances", "dim": 1}), "metric"),
        (
            json!({"op": "fit", "dim": 1, "components": 1, "queries": 1}),
            "queries",
        ),
    ] {
        let refused = compute(request.to_string().as_bytes(), &[]).unwrap_err();
        assert_eq!(refused.code, Code::BadRequest);
        assert_eq!(refused.detail["key"], key);
    }
}
