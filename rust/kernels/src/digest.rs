//! Digests: SHA-256 cut to 128 bits, of one piece of bytes or of four at once.
//!
//! Owns the hash; knows nothing of files. Invariant: four at once give what one by one gives. Hashing four independent
//! blocks in the lanes of one vector register is the multi-buffer method (Gueron and Krasnov, "Simultaneous hashing of
//! multiple messages", 2012); WebAssembly has vectors but no SHA instructions, so there it is the fastest way.

use sha2::{Digest as _, Sha256};

/// SHA-256 truncated to its first 128 bits.
pub type Digest = [u8; 16];

/// The digest of `bytes`: SHA-256 (FIPS 180-4), first 16 bytes.
pub fn digest(bytes: &[u8]) -> Digest {
    let full = Sha256::digest(bytes);
    let mut short = [0; 16];
    short.copy_from_slice(&full[..16]);
    short
}

/// The digests of consecutive blocks of `block` bytes each; the last may be shorter.
pub fn digests(bytes: &[u8], block: usize) -> impl Iterator<Item = Digest> {
    let four = if cfg!(target_feature = "simd128") {
        bytes.len() / (4 * block) * (4 * block)
    } else {
        0
    };
    let (parallel, rest) = bytes.split_at(four);
    let parallel = parallel.chunks_exact(4 * block).flat_map(move |group| {
        let (left, right) = group.split_at(2 * block);
        let ((a, b), (c, d)) = (left.split_at(block), right.split_at(block));
        lanes::digest_four([a, b, c, d])
    });
    parallel.chain(rest.chunks(block).map(digest))
}

mod lanes {
    use super::Digest;

    #[cfg(target_feature = "simd128")]
    mod word {
        use core::arch::wasm32::{
            i8x16_shuffle, u32x4, u32x4_add, u32x4_extract_lane, u32x4_shl, u32x4_shr, u32x4_splat,
            v128, v128_bitselect, v128_or, v128_xor,
        };

        /// One 32-bit word of four messages.
        #[derive(Clone, Copy)]
        pub struct Word(v128);

        impl Word {
            #[inline(always)]
            pub fn splat(word: u32) -> Word {
                Word(u32x4_splat(word))
            }

            /// From the big-endian words of four messages.
            #[inline(always)]
            pub fn read(words: [[u8; 4]; 4]) -> Word {
                let [a, b, c, d] = words.map(u32::from_le_bytes);
                let little = u32x4(a, b, c, d);
                Word(i8x16_shuffle::<
                    3,
                    2,
                    1,
                    0,
                    7,
                    6,
                    5,
                    4,
                    11,
                    10,
                    9,
                    8,
                    15,
                    14,
                    13,
                    12,
                >(little, little))
            }

            pub fn to_array(self) -> [u32; 4] {
                [
                    u32x4_extract_lane::<0>(self.0),
                    u32x4_extract_lane::<1>(self.0),
                    u32x4_extract_lane::<2>(self.0),
                    u32x4_extract_lane::<3>(self.0),
                ]
            }

            #[inline(always)]
            pub fn add(self, other: Word) -> Word {
                Word(u32x4_add(self.0, other.0))
            }

            #[inline(always)]
            pub fn xor(self, other: Word) -> Word {
                Word(v128_xor(self.0, other.0))
            }

            #[inline(always)]
            pub fn shift(self, bits: u32) -> Word {
                Word(u32x4_shr(self.0, bits))
            }

            #[inline(always)]
            pub fn rotate(self, bits: u32) -> Word {
                Word(v128_or(
                    u32x4_shr(self.0, bits),
                    u32x4_shl(self.0, 32 - bits),
                ))
            }

            /// Each bit of `yes` where this has a one, of `no` elsewhere.
            #[inline(always)]
            pub fn select(self, yes: Word, no: Word) -> Word {
                Word(v128_bitselect(yes.0, no.0, self.0))
            }
        }
    }

    #[cfg(not(target_feature = "simd128"))]
    mod word {
        /// One 32-bit word of four messages.
        #[derive(Clone, Copy)]
        pub struct Word([u32; 4]);

        impl Word {
            pub fn splat(word: u32) -> Word {
                Word([word; 4])
            }

            /// From the big-endian words of four messages.
            pub fn read(words: [[u8; 4]; 4]) -> Word {
                Word(words.map(u32::from_be_bytes))
            }

            pub fn to_array(self) -> [u32; 4] {
                self.0
            }

            fn zip(self, other: Word, work: impl Fn(u32, u32) -> u32) -> Word {
                Word(std::array::from_fn(|lane| {
                    work(self.0[lane], other.0[lane])
                }))
            }

            pub fn add(self, other: Word) -> Word {
                self.zip(other, u32::wrapping_add)
            }

            pub fn xor(self, other: Word) -> Word {
                self.zip(other, |a, b| a ^ b)
            }

            pub fn shift(self, bits: u32) -> Word {
                Word(self.0.map(|word| word >> bits))
            }

            pub fn rotate(self, bits: u32) -> Word {
                Word(self.0.map(|word| word.rotate_right(bits)))
            }

            /// Each bit of `yes` where this has a one, of `no` elsewhere.
            pub fn select(self, yes: Word, no: Word) -> Word {
                self.zip(yes, |mask, bits| mask & bits)
                    .xor(self.zip(no, |mask, bits| !mask & bits))
            }
        }
    }

    use word::Word;

    const CHUNK: usize = 64;

    const INITIAL: [u32; 8] = [
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab,
        0x5be0cd19,
    ];

    #[rustfmt::skip]
    const ROUNDS: [u32; 64] = [
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
    ];

    /// The digests of four messages of the same length.
    pub fn digest_four(messages: [&[u8]; 4]) -> [Digest; 4] {
        let mut state = INITIAL.map(Word::splat);
        let mut parts = messages.map(|message| message.chunks_exact(CHUNK));
        for _ in 0..messages[0].len() / CHUNK {
            compress(
                &mut state,
                parts.each_mut().map(|part| part.next().unwrap_or_default()),
            );
        }
        let tails = parts.map(|part| padded(part.remainder(), messages[0].len()));
        let length = tails[0].1;
        for start in (0..length).step_by(CHUNK) {
            compress(
                &mut state,
                tails.each_ref().map(|tail| &tail.0[start..start + CHUNK]),
            );
        }
        let words = state.map(Word::to_array);
        std::array::from_fn(|lane| {
            let mut digest = [0; 16];
            for (bytes, word) in digest.chunks_exact_mut(4).zip(&words) {
                bytes.copy_from_slice(&word[lane].to_be_bytes());
            }
            digest
        })
    }

    /// The last bytes of a message with their padding, one or two chunks.
    fn padded(rest: &[u8], length: usize) -> ([u8; 2 * CHUNK], usize) {
        let mut tail = [0; 2 * CHUNK];
        tail[..rest.len()].copy_from_slice(rest);
        tail[rest.len()] = 0x80;
        let end = (rest.len() + 9).next_multiple_of(CHUNK);
        tail[end - 8..end].copy_from_slice(&(length as u64 * 8).to_be_bytes());
        (tail, end)
    }

    fn compress(state: &mut [Word; 8], chunks: [&[u8]; 4]) {
        let mut words = [Word::splat(0); 16];
        let mut parts = chunks.map(|chunk| chunk.chunks_exact(4));
        for word in &mut words {
            *word = Word::read(parts.each_mut().map(|part| match part.next() {
                Some(&[a, b, c, d]) => [a, b, c, d],
                _ => [0; 4],
            }));
        }
        let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
        for (round, constant) in ROUNDS.iter().enumerate() {
            let at = round % 16;
            if round >= 16 {
                let (early, late) = (words[(at + 1) % 16], words[(at + 14) % 16]);
                let small = early.rotate(7).xor(early.rotate(18)).xor(early.shift(3));
                let large = late.rotate(17).xor(late.rotate(19)).xor(late.shift(10));
                words[at] = words[at].add(small).add(words[(at + 9) % 16]).add(large);
            }
            let mixed = e.rotate(6).xor(e.rotate(11)).xor(e.rotate(25));
            let first = h
                .add(mixed)
                .add(e.select(f, g))
                .add(words[at].add(Word::splat(*constant)));
            let majority = a.xor(b).select(c, a);
            let second = a
                .rotate(2)
                .xor(a.rotate(13))
                .xor(a.rotate(22))
                .add(majority);
            (h, g, f, e, d, c, b, a) = (g, f, e, d.add(first), c, b, a, first.add(second));
        }
        for (word, more) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
            *word = word.add(more);
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn four_at_once_give_what_one_by_one_gives() {
            let bytes: Vec<u8> = (0..4000_u32).map(|n| ((n * n) >> 5) as u8).collect();
            for length in [0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 1000] {
                let messages = [0, 7, 990, 3000].map(|start| &bytes[start..start + length]);
                assert_eq!(
                    digest_four(messages),
                    messages.map(super::super::digest),
                    "{length}"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_block_has_its_digest() {
        let bytes: Vec<u8> = (0..1100_u32).map(|n| ((n * 7) >> 2) as u8).collect();
        let blocks: Vec<Digest> = digests(&bytes, 128).collect();
        let expected: Vec<Digest> = bytes.chunks(128).map(digest).collect();
        assert_eq!(blocks, expected);
        assert_eq!(digests(&[], 128).count(), 0);
    }

    #[test]
    fn the_digest_is_the_beginning_of_sha_256() {
        let expected = [0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea];
        assert_eq!(digest(b"abc")[..8], expected);
    }
}
