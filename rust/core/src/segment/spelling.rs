//! How many bits each small number of a leaf takes: prefix codes that are learned from all leaves of a segment.
//!
//! Owns the codes and their layout in the root; must not know what the numbers mean. Invariant: the same counts give the same codes, no
//! code is the beginning of another, and bits that are no code are refused.

use super::bits::{BitReader, BitWriter};
use super::bytes::bad;
use crate::error::Result;

/// The longest code, in bits.
const LONGEST: u32 = 12;
/// The longest run of numbers without a code that is written at once.
const RUN: usize = 16;

/// What has a code of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alphabet {
    /// Bytes of terms.
    TermByte,
    /// Bytes of forms.
    FormByte,
    /// What a term shares with the one before.
    Shared,
    /// What it has more.
    Rest,
    /// What a term is: its documents, and whether its form is itself.
    Head,
    /// The forms of a term.
    Forms,
    /// What a form has not of its term.
    Cut,
    /// What it has more.
    FormRest,
    /// The documents of a form.
    FormDocuments,
    /// The length of postings that stand in the leaf.
    Inline,
    /// The length of spots.
    Spots,
}

impl Alphabet {
    /// All of them, in the order of their numbers.
    pub const ALL: [Alphabet; 11] = [
        Alphabet::TermByte,
        Alphabet::FormByte,
        Alphabet::Shared,
        Alphabet::Rest,
        Alphabet::Head,
        Alphabet::Forms,
        Alphabet::Cut,
        Alphabet::FormRest,
        Alphabet::FormDocuments,
        Alphabet::Inline,
        Alphabet::Spots,
    ];

    /// How many numbers it has.
    pub fn size(self) -> usize {
        match self {
            Alphabet::TermByte | Alphabet::FormByte => 256,
            Alphabet::Head => 56,
            Alphabet::FormDocuments => 96,
            Alphabet::Inline => 65,
            Alphabet::Spots => 64,
            _ => 16,
        }
    }
}

/// How often each number comes.
#[derive(Clone, Debug)]
pub(super) struct Counts(Vec<Vec<u64>>);

impl Default for Counts {
    fn default() -> Counts {
        let sizes = Alphabet::ALL.into_iter().map(Alphabet::size);
        Counts(sizes.map(|size| vec![0; size]).collect())
    }
}

impl Counts {
    /// Counts a number so many times.
    pub fn add(&mut self, alphabet: Alphabet, number: u8, times: u64) {
        self.0[alphabet as usize][usize::from(number)] += times;
    }

    /// The codes that take the fewest bits.
    pub fn spelling(&self) -> Spelling {
        Spelling(
            self.0
                .iter()
                .map(|counts| Code::of(lengths(counts)))
                .collect(),
        )
    }
}

/// The codes of all alphabets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Spelling(Vec<Code>);

/// The code of an alphabet.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Code {
    /// The bits of each number; 0 of one that never comes.
    lengths: Vec<u8>,
    /// The code of each number, its first bit lowest.
    codes: Vec<u16>,
    /// By the next bits, as many as the longest code has: the number, and the bits of its code.
    table: Vec<(u8, u8)>,
}

impl Code {
    /// The canonical code of these lengths, which leave room for each other.
    fn of(lengths: Vec<u8>) -> Code {
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let size = match longest {
            0 => 0,
            longest => 1 << longest,
        };
        let mut code = Code {
            codes: vec![0; lengths.len()],
            table: vec![(0, 0); size],
            lengths,
        };
        let mut next = 0_u16;
        for length in 1..=longest {
            next <<= 1;
            for number in 0..code.lengths.len() {
                if code.lengths[number] == length {
                    let own = next.reverse_bits() >> (16 - length);
                    code.codes[number] = own;
                    let places = code.table.iter_mut().skip(usize::from(own));
                    for place in places.step_by(1 << length) {
                        *place = (number as u8, length);
                    }
                    next += 1;
                }
            }
        }
        code
    }
}

/// How long the codes of numbers are that come so often (Huffman, "A method for the construction of minimum-redundancy codes",
/// 1952), at most [`LONGEST`]: where they would be longer, all counts are made more alike.
fn lengths(counts: &[u64]) -> Vec<u8> {
    let mut counts = counts.to_vec();
    loop {
        let mut lengths = vec![0_u8; counts.len()];
        // Each is a tree: its count, and the numbers in it; equal ones stand in the order in which they came about.
        let numbers = 0..counts.len();
        let mut trees: Vec<(u64, Vec<usize>)> = numbers
            .filter(|number| counts[*number] > 0)
            .map(|number| (counts[number], vec![number]))
            .collect();
        if let [(_, only)] = &trees[..] {
            lengths[only[0]] = 1;
            return lengths;
        }
        trees.sort_by_key(|tree| tree.0);
        while trees.len() > 1 {
            let mut both: Vec<(u64, Vec<usize>)> = trees.drain(..2).collect();
            let (right, mut left) = (
                both.pop().unwrap_or_default(),
                both.pop().unwrap_or_default(),
            );
            left.1.extend(right.1);
            left.0 += right.0;
            left.1.iter().for_each(|number| lengths[*number] += 1);
            let place = trees.partition_point(|tree| tree.0 <= left.0);
            trees.insert(place, left);
        }
        if lengths.iter().all(|length| u32::from(*length) <= LONGEST) {
            return lengths;
        }
        for count in counts.iter_mut().filter(|count| **count > 0) {
            *count = *count / 2 + 1;
        }
    }
}

impl Spelling {
    /// Appends the code of a number that was counted.
    pub fn put(&self, bits: &mut BitWriter, alphabet: Alphabet, number: u8) {
        let (code, number) = (&self.0[alphabet as usize], usize::from(number));
        bits.bits(
            u32::from(code.codes[number]),
            u32::from(code.lengths[number]),
        );
    }

    /// The next number.
    ///
    /// # Errors
    /// `bad_format` when the bits are no code, or end.
    pub fn take(&self, bits: &mut BitReader<'_>, alphabet: Alphabet) -> Result<u8> {
        let code = self.0.get(alphabet as usize);
        let table = code.map_or(&[][..], |code| &code.table);
        let next = bits.peek(table.len().max(1).ilog2()) as usize;
        match table.get(next) {
            Some((number, length)) if *length > 0 => {
                bits.bits(u32::from(*length))?;
                Ok(*number)
            }
            _ => Err(bad("a number of a leaf is none that has a code")),
        }
    }

    /// The codes as bytes: for each number of each alphabet the bits of its code, in four bits; after 0 another four, how many more
    /// have none.
    pub fn write(&self) -> Vec<u8> {
        let mut bits = BitWriter::default();
        for code in &self.0 {
            let mut rest = code.lengths.as_slice();
            while let Some((first, after)) = rest.split_first() {
                rest = after;
                bits.bits(u32::from(*first), 4);
                if *first == 0 {
                    let more = rest.iter().take(RUN - 1).take_while(|length| **length == 0);
                    let more = more.count();
                    bits.bits(more as u32, 4);
                    rest = &rest[more..];
                }
            }
        }
        bits.finish()
    }

    /// Reads what [`Spelling::write`] wrote.
    ///
    /// # Errors
    /// `bad_format` when the bytes hold anything else, or codes that leave no room for each other.
    pub fn read(bytes: &[u8]) -> Result<Spelling> {
        let mut bits = BitReader::new(bytes);
        let mut codes = Vec::new();
        for alphabet in Alphabet::ALL {
            let mut lengths = Vec::with_capacity(alphabet.size());
            while lengths.len() < alphabet.size() {
                let length = bits.bits(4)?;
                let more = match length {
                    0 => bits.bits(4)? as usize,
                    _ => 0,
                };
                lengths.resize(lengths.len() + 1 + more, length as u8);
            }
            let longest = u32::from(lengths.iter().copied().max().unwrap_or(0));
            let held = lengths.iter().filter(|length| **length > 0);
            let room: u32 = held.map(|length| 1 << (longest - u32::from(*length))).sum();
            if lengths.len() > alphabet.size() || longest > LONGEST || room > 1 << longest {
                return Err(bad("the codes of its leaves leave no room for each other"));
            }
            codes.push(Code::of(lengths));
        }
        bits.end()?;
        Ok(Spelling(codes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_counted_is_read_as_it_was_written(
            numbers in prop::collection::vec((0_usize..11, any::<u8>(), 0_u32..40), 1..200),
        ) {
            let mut counts = Counts::default();
            let given: Vec<(Alphabet, u8)> = numbers.iter().map(|(alphabet, number, _)| {
                let alphabet = Alphabet::ALL[*alphabet];
                (alphabet, (usize::from(*number) % alphabet.size()) as u8)
            }).collect();
            for ((alphabet, number), (.., times)) in given.iter().zip(&numbers) {
                counts.add(*alphabet, *number, 1 << times);
            }
            let spelling = counts.spelling();
            prop_assert_eq!(&Spelling::read(&spelling.write()).unwrap(), &spelling);
            let mut bits = BitWriter::default();
            for (alphabet, number) in &given {
                spelling.put(&mut bits, *alphabet, *number);
            }
            let bytes = bits.finish();
            let mut bits = BitReader::new(&bytes);
            for (alphabet, number) in &given {
                prop_assert_eq!(spelling.take(&mut bits, *alphabet).unwrap(), *number);
            }
            prop_assert!(bits.end().is_ok());
        }

        #[test]
        fn any_bytes_are_codes_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(spelling) = Spelling::read(&bytes) {
                let mut bits = BitReader::new(&bytes);
                while spelling.take(&mut bits, Alphabet::TermByte).is_ok() {}
            }
        }
    }

    #[test]
    fn frequent_numbers_take_fewer_bits_and_none_more_than_twelve() {
        let counts: Vec<u64> = (0..40).map(|at| 1 << at).collect();
        let lengths = lengths(&counts);
        assert_eq!(lengths[39], 1);
        assert!(
            lengths
                .windows(2)
                .all(|pair| pair[0] >= pair[1] && pair[0] <= 12)
        );
        assert_eq!(super::lengths(&[0, 7, 0]), [0, 1, 0]);
        assert_eq!(super::lengths(&[0, 0]), [0, 0]);
    }

    #[test]
    fn codes_without_room_are_refused() {
        // Three numbers of one bit each.
        assert!(Spelling::read(&[0x11, 0x01]).is_err());
        assert!(Spelling::read(&[]).is_err());
    }
}
