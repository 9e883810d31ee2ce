//! The table of loops for each instruction set, and the choice among them.
//!
//! Owns which sets there are, in what order, and what a machine needs for each; knows nothing of what the loops compute.
//! Invariant: a set is given out only where each of its features has been found.

use super::Kernels;
#[cfg(not(target_arch = "wasm32"))]
use std::sync::OnceLock;

/// Compiles the loops of the encoder for one instruction set, see `kernels`.
#[cfg(feature = "encoder")]
macro_rules! encoder_loops {
    ($dot:ty, $parts:literal $(, $feature:literal)?) => {
        use crate::encoder::Loops;
        use crate::float::{self, RowScale};
        use crate::linear::{self, Dot, Weights};
        use crate::attention;
        type R = <$dot as Dot>::R;

        $(#[target_feature(enable = $feature)])?
        unsafe fn quantize(from: *const f32, shift: *const f32, dim: usize, row: *mut f32, to: *mut i8) -> RowScale {
            // SAFETY: as the caller vouches, see `Kernels`; the set is available.
            unsafe { float::rotate_and_quantize::<R>(from, shift, dim, row, to) }
        }
        $(#[target_feature(enable = $feature)])?
        unsafe fn bias(q: *const i8, s: *const RowScale, rows: usize, w: &Weights, to: *mut f32, residual: *const f32) {
            // SAFETY: as the caller vouches, see `Kernels`; the set is available.
            unsafe { linear::multiply::<$dot, { linear::BIAS }>(q, s, rows, w, to, residual) }
        }
        $(#[target_feature(enable = $feature)])?
        unsafe fn gelu(q: *const i8, s: *const RowScale, rows: usize, w: &Weights, to: *mut f32, residual: *const f32) {
            // SAFETY: as the caller vouches, see `Kernels`; the set is available.
            unsafe { linear::multiply::<$dot, { linear::GELU }>(q, s, rows, w, to, residual) }
        }
        $(#[target_feature(enable = $feature)])?
        unsafe fn residual(q: *const i8, s: *const RowScale, rows: usize, w: &Weights, to: *mut f32, residual: *const f32) {
            // SAFETY: as the caller vouches, see `Kernels`; the set is available.
            unsafe { linear::multiply::<$dot, { linear::RESIDUAL }>(q, s, rows, w, to, residual) }
        }
        $(#[target_feature(enable = $feature)])?
        unsafe fn layer_norm(from: *const f32, to: *mut f32, norm: *const f32, rows: usize, dim: usize, eps: f32) {
            // SAFETY: as the caller vouches, see `Kernels`; the set is available.
            unsafe { float::layer_norm::<R>(from, to, norm, rows, dim, eps) }
        }
        $(#[target_feature(enable = $feature)])?
        unsafe fn attend(qkv: *const f32, n: usize, heads: usize, head_dim: usize, scratch: *mut f32, to: *mut f32) {
            // SAFETY: as the caller vouches, see `Kernels`; the set is available.
            unsafe { attention::attend::<R, $parts>(qkv, n, heads, head_dim, scratch, to) }
        }
        $(#[target_feature(enable = $feature)])?
        unsafe fn embed_token(word: *const i8, scale: f32, position: *const f32, to: *mut f32, dim: usize) {
            // SAFETY: as the caller vouches, see `Kernels`; the set is available.
            unsafe { float::embed_token::<R>(word, scale, position, to, dim) }
        }
        $(#[target_feature(enable = $feature)])?
        unsafe fn pool(from: *const f32, rows: usize, dim: usize, to: *mut f32) {
            // SAFETY: as the caller vouches, see `Kernels`; the set is available.
            unsafe { float::pool_and_normalize::<R>(from, rows, dim, to) }
        }

        pub(super) const LOOPS: Loops = Loops {
            quantize,
            linear: [bias, gelu, residual],
            layer_norm,
            attend,
            embed_token,
            pool,
        };
    };
}

/// Compiles every loop for one instruction set: the bodies are inlined into functions that carry its features.
macro_rules! kernels {
    ($module:ident, $name:literal, $dot:ty, $parts:literal, $scan:path, $available:expr $(, $feature:literal)?) => {
        pub(super) mod $module {
            use crate::{Kernels, rows, scan};
            type R = <$dot as crate::linear::Dot>::R;

            #[cfg(feature = "encoder")]
            mod encoder {
                encoder_loops!($dot, $parts $(, $feature)?);
            }

            $(#[target_feature(enable = $feature)])?
            unsafe fn dots(query: *const i16, codes: *const i8, dim: usize, to: *mut i32, rows: usize) {
                // SAFETY: `at` and the three after it are below `rows`, for which the caller vouches.
                unsafe {
                    let row = |at: usize| codes.add(at * dim);
                    let fours = rows / 4 * 4;
                    for at in (0..fours).step_by(4) {
                        let four = $scan(query, [row(at), row(at + 1), row(at + 2), row(at + 3)], dim);
                        to.add(at).cast::<[i32; 4]>().write_unaligned(four);
                    }
                    for at in fours..rows {
                        *to.add(at) = $scan(query, [row(at)], dim)[0];
                    }
                }
            }
            $(#[target_feature(enable = $feature)])?
            unsafe fn dots_at(query: *const i16, codes: *const i8, dim: usize, rows: *const u32, count: usize, to: *mut i32) {
                // SAFETY: `at` and the three after it are below `count`, and the caller vouches for the rows they name.
                unsafe {
                    let row = |at: usize| codes.add(*rows.add(at) as usize * dim);
                    let fours = count / 4 * 4;
                    for at in 0..count.min(4) {
                        scan::prefetch(row(at), dim);
                    }
                    for at in (0..fours).step_by(4) {
                        for next in at + 4..count.min(at + 8) {
                            scan::prefetch(row(next), dim);
                        }
                        let four = $scan(query, [row(at), row(at + 1), row(at + 2), row(at + 3)], dim);
                        to.add(at).cast::<[i32; 4]>().write_unaligned(four);
                    }
                    for at in fours..count {
                        *to.add(at) = $scan(query, [row(at)], dim)[0];
                    }
                }
            }
            $(#[target_feature(enable = $feature)])?
            unsafe fn products(query: *const f32, from: *const f32, dim: usize, rows: *const u32, count: usize, to: *mut f32) {
                for at in 0..count {
                    // SAFETY: `at < count`, and the caller vouches for the row it names.
                    unsafe { *to.add(at) = rows::measure::<R, { rows::DOT }>(query, from.add(*rows.add(at) as usize * dim), dim) }
                }
            }
            $(#[target_feature(enable = $feature)])?
            unsafe fn squares(query: *const f32, from: *const f32, dim: usize, rows: *const u32, count: usize, to: *mut f32) {
                for at in 0..count {
                    // SAFETY: `at < count`, and the caller vouches for the row it names.
                    unsafe { *to.add(at) = rows::measure::<R, { rows::SQUARED }>(query, from.add(*rows.add(at) as usize * dim), dim) }
                }
            }
            $(#[target_feature(enable = $feature)])?
            unsafe fn absolutes(query: *const f32, from: *const f32, dim: usize, rows: *const u32, count: usize, to: *mut f32) {
                for at in 0..count {
                    // SAFETY: `at < count`, and the caller vouches for the row it names.
                    unsafe { *to.add(at) = rows::measure::<R, { rows::ABSOLUTE }>(query, from.add(*rows.add(at) as usize * dim), dim) }
                }
            }
            $(#[target_feature(enable = $feature)])?
            unsafe fn hamming(query: *const u64, sketches: *const u64, words: usize, to: *mut u32, rows: usize) {
                // Six words are 384 bits, the usual model; a constant length lets the loop be unrolled.
                for row in 0..rows {
                    // SAFETY: `row < rows`, for which the caller vouches.
                    let sketch = unsafe { sketches.add(row * words) };
                    // SAFETY: `row < rows`, for which the caller vouches.
                    unsafe { *to.add(row) = if words == 6 { rows::hamming(query, sketch, 6) } else { rows::hamming(query, sketch, words) } }
                }
            }

            pub(crate) static KERNELS: Kernels = Kernels {
                name: $name,
                available: $available,
                #[cfg(feature = "encoder")]
                encoder: encoder::LOOPS,
                dots,
                dots_at,
                measures_at: [products, squares, absolutes],
                hamming,
            };
        }
    };
}

// A module with SIMD runs whole or not at all, so it holds no other set.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
kernels!(
    scalar,
    "scalar",
    crate::doubles::ScalarDot,
    2,
    crate::scan::dot,
    || true
);
#[cfg(target_arch = "x86_64")]
kernels!(
    avx2,
    "avx2",
    crate::x86::YDot<crate::x86::Madd>,
    2,
    crate::x86::dot,
    || std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("popcnt"),
    "avx2,popcnt"
);
#[cfg(target_arch = "x86_64")]
kernels!(
    avx_vnni,
    "avx-vnni",
    crate::x86::YDot<crate::x86::Vex>,
    2,
    crate::x86::dot,
    || std::is_x86_feature_detected!("popcnt")
        && std::is_x86_feature_detected!("avx2")
        && std::is_x86_feature_detected!("avxvnni"),
    "avx2,popcnt,avxvnni"
);
#[cfg(all(test, target_arch = "x86_64"))]
kernels!(
    avx_vnni_as_avx512,
    "avx-vnni as avx512",
    crate::x86::YDot<crate::x86::Evex>,
    2,
    crate::x86::dot,
    || std::is_x86_feature_detected!("avx2")
        && std::is_x86_feature_detected!("avx512f")
        && std::is_x86_feature_detected!("avx512vnni")
        && std::is_x86_feature_detected!("avx512vl"),
    "avx2,avx512f,avx512vl,avx512vnni"
);
#[cfg(target_arch = "x86_64")]
kernels!(
    avx512,
    "avx512-vnni",
    crate::x86::VnniDot,
    1,
    crate::x86::dot,
    || std::is_x86_feature_detected!("popcnt")
        && std::is_x86_feature_detected!("avx2")
        && std::is_x86_feature_detected!("avx512f")
        && std::is_x86_feature_detected!("avx512vnni")
        && std::is_x86_feature_detected!("avx512bw")
        && std::is_x86_feature_detected!("avx512vl")
        && std::is_x86_feature_detected!("avx512dq"),
    "avx2,popcnt,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni"
);
#[cfg(target_arch = "aarch64")]
kernels!(
    neon_dotprod,
    "neon-dotprod",
    crate::neon::NeonDot<true>,
    4,
    crate::neon::dot,
    || std::arch::is_aarch64_feature_detected!("dotprod"),
    "neon,dotprod"
);
#[cfg(target_arch = "aarch64")]
kernels!(
    neon_plain,
    "neon",
    crate::neon::NeonDot<false>,
    4,
    crate::neon::dot,
    || true,
    "neon"
);
#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
kernels!(
    wasm,
    "simd128-relaxed",
    crate::simd128::WasmDot,
    2,
    crate::simd128::dot,
    || true
);
#[cfg(all(
    target_arch = "wasm32",
    target_feature = "simd128",
    not(target_feature = "relaxed-simd")
))]
kernels!(
    wasm,
    "simd128",
    crate::simd128::WasmDot,
    2,
    crate::simd128::dot,
    || true
);

/// Every instruction set compiled in, fastest first.
static COMPILED: &[&Kernels] = &[
    #[cfg(target_arch = "x86_64")]
    &avx512::KERNELS,
    #[cfg(target_arch = "x86_64")]
    &avx_vnni::KERNELS,
    #[cfg(all(test, target_arch = "x86_64"))]
    &avx_vnni_as_avx512::KERNELS,
    #[cfg(target_arch = "x86_64")]
    &avx2::KERNELS,
    #[cfg(target_arch = "aarch64")]
    &neon_dotprod::KERNELS,
    #[cfg(target_arch = "aarch64")]
    &neon_plain::KERNELS,
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    &wasm::KERNELS,
    #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
    &scalar::KERNELS,
];

/// The instruction sets this machine can run, fastest first; the last is `scalar`, but in WebAssembly with SIMD.
pub fn available() -> impl Iterator<Item = &'static Kernels> {
    COMPILED
        .iter()
        .copied()
        .filter(|kernels| (kernels.available)())
}

/// The fastest instruction set of this machine, looked for at the first call only.
pub fn fastest() -> &'static Kernels {
    #[cfg(target_arch = "wasm32")]
    return COMPILED[0];
    #[cfg(not(target_arch = "wasm32"))]
    detected()
}

#[cfg(not(target_arch = "wasm32"))]
fn detected() -> &'static Kernels {
    static FOUND: OnceLock<&Kernels> = OnceLock::new();
    FOUND.get_or_init(|| available().next().unwrap_or(&scalar::KERNELS))
}
