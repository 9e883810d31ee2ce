//! The natural logarithm, from additions, multiplications and one division.
//!
//! Owns the order of its operations; knows nothing of what is ranked with it. Invariant: nothing is fused and no library is
//! asked, whose last bits differ between targets, so every target gives the same bits.

/// The bits of a double below its exponent.
const FRACTION_BITS: u32 = 52;
/// A half in the place of the exponent: what is left of a number then lies from 0.5 on, below 1.
const HALF: u64 = 0x3fe0_0000_0000_0000;
/// ln 2 in two parts; the first ends in zeros, so that its products with exponents are exact (Cody and Waite, 1980).
const LN_2_HIGH: f64 = 0.693_147_180_369_123_8;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
/// `2 / (2n + 1)` for n from 1 on: the terms of `2 artanh`, of which those left out are below 2^-58 of the whole.
const TERMS: [f64; 11] = [
    2.0 / 3.0,
    2.0 / 5.0,
    2.0 / 7.0,
    2.0 / 9.0,
    2.0 / 11.0,
    2.0 / 13.0,
    2.0 / 15.0,
    2.0 / 17.0,
    2.0 / 19.0,
    2.0 / 21.0,
    2.0 / 23.0,
];

/// The natural logarithm of `x`; the relative error is below 1e-15.
///
/// Of 0 it is minus infinity, of what is below or not a number NaN, of infinity infinity. With x = 2^k m and m near 1 it
/// is k ln 2 + 2 artanh((m - 1) / (m + 1)).
pub fn ln(x: f64) -> f64 {
    if x.is_nan() || x < 0.0 {
        return f64::NAN;
    }
    if x == 0.0 {
        return f64::NEG_INFINITY;
    }
    if x == f64::INFINITY {
        return x;
    }
    // Numbers without a leading bit are brought among those with one.
    let (x, lowered) = if x < f64::MIN_POSITIVE {
        (x * 18_014_398_509_481_984.0, 54)
    } else {
        (x, 0)
    };
    let bits = x.to_bits();
    let mut power = (bits >> FRACTION_BITS) as i32 - 1022 - lowered;
    let mut middle = f64::from_bits(bits & ((1 << FRACTION_BITS) - 1) | HALF);
    if middle < std::f64::consts::FRAC_1_SQRT_2 {
        middle *= 2.0;
        power -= 1;
    }
    let s = (middle - 1.0) / (middle + 1.0);
    let square = s * s;
    let mut sum = 0.0;
    for term in TERMS.iter().rev() {
        sum = (sum + term) * square;
    }
    let power = f64::from(power);
    power * LN_2_HIGH + (2.0 * s + (s * sum + power * LN_2_LOW))
}

#[cfg(test)]
mod tests {
    use super::ln;

    /// The distance from the system's own, which is within a unit in the last place, relative to it.
    fn error(x: f64) -> f64 {
        let exact = x.ln();
        if exact == 0.0 {
            return ln(x).abs();
        }
        ((ln(x) - exact) / exact).abs()
    }

    #[test]
    fn it_is_within_its_bound_of_the_logarithm() {
        let mut x = 1e-3_f64;
        while x < 1e9 {
            assert!(error(x) < 1e-15, "{x}: {}", error(x));
            x *= 1.000_37;
        }
        for exponent in 0..2047 {
            let x = f64::from_bits(exponent << 52 | 0x6_0ce7_0000_1234);
            assert!(error(x) < 1e-15, "{x:e}: {}", error(x));
        }
        let least = f64::from_bits(1);
        assert!(error(least) < 1e-15, "{}", error(least));
        // Where the result is near nothing, its relative error counts too.
        for step in 1..2000 {
            let apart = f64::from(step) * 1e-7;
            for x in [1.0 + apart, 1.0 - apart] {
                assert!(error(x) < 1e-15, "{x}: {}", error(x));
            }
        }
    }

    #[test]
    fn it_ends_where_the_logarithm_does() {
        assert_eq!((ln(1.0), ln(0.0)), (0.0, f64::NEG_INFINITY));
        assert_eq!(ln(f64::INFINITY), f64::INFINITY);
        assert!(ln(-1.0).is_nan() && ln(f64::NAN).is_nan());
    }

    #[test]
    fn its_bits_are_fixed() {
        for (x, bits) in [
            (2.0, 0x3fe6_2e42_fefa_39ef_u64),
            (10.0, 0x4002_6bb1_bbb5_5516),
            (1.5, 0x3fd9_f323_ecbf_984c),
            (34_001.5, 0x4024_de4a_3585_9b2d),
            (1e-300, 0xc085963447f87fb5),
        ] {
            assert_eq!(ln(x).to_bits(), bits, "{x}: {:#x}", ln(x).to_bits());
        }
    }
}
