//! Words and their numbers, both ways.
//!
//! Owns one text that holds them end to end, and a table of places in it, which there is none of while the words are in bytewise
//! order; knows nothing of documents. Invariant: a word has one number, in the order of arrival, and no number depends on how
//! the table hashes.

use crate::calls;

/// No number.
pub(super) const NONE: u32 = u32::MAX;
const SLOTS_MIN: usize = 16;

/// Different words, numbered from 0.
#[derive(Clone, Debug, Default)]
pub struct Lexicon {
    text: String,
    ends: Vec<u32>,
    /// What each word hashes to: most words that a search passes are told apart without reading them. Empty without slots.
    hashes: Vec<u32>,
    /// Numbers at the places their words hash to, or as near behind as there was room; at most three of four are taken. Empty
    /// where no word has come in but in order.
    slots: Vec<u32>,
}

impl Lexicon {
    /// With room for as many words and as many bytes of them.
    pub fn with_room(words: usize, bytes: usize) -> Lexicon {
        Lexicon {
            text: String::with_capacity(bytes),
            ends: Vec::with_capacity(words),
            ..Lexicon::default()
        }
    }

    /// With slots for as many words, which may come in any order.
    pub(super) fn with_slots(words: usize) -> Lexicon {
        let mut lexicon = Lexicon::default();
        lexicon.spread(words);
        lexicon
    }

    /// How many words there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The word of that number.
    ///
    /// # Panics
    /// When no word has it.
    pub fn get(&self, number: u32) -> &str {
        let number = number as usize;
        let start = match number {
            0 => 0,
            _ => self.ends[number - 1] as usize,
        };
        &self.text[start..self.ends[number] as usize]
    }

    /// The number of a word.
    pub fn find(&self, word: &str) -> Option<u32> {
        if self.slots.is_empty() {
            let number = lower_bound(self.len() as u32, |number| self.get(number) < word);
            let is_it = (number as usize) < self.len() && self.get(number) == word;
            return is_it.then_some(number);
        }
        let number = self.slots[self.slot(word, hash(word))];
        (number != NONE).then_some(number)
    }

    /// Takes in a word that comes behind all others, bytewise; its number, or none when `most` are known, or 4 GiB of text.
    pub fn push(&mut self, word: &str, most: u32) -> Option<u32> {
        if self.slots.is_empty() {
            return self.take_in(word, most);
        }
        self.add(word, most)
    }

    /// The number of a word, which is taken in when it is new; none when `most` are known, or 4 GiB of text.
    pub fn add(&mut self, word: &str, most: u32) -> Option<u32> {
        if self.len() * 4 >= self.slots.len() * 3 {
            self.spread(self.len() + 1);
        }
        let hash = hash(word);
        let slot = self.slot(word, hash);
        if self.slots[slot] != NONE {
            return Some(self.slots[slot]);
        }
        let number = self.take_in(word, most)?;
        self.hashes.push(hash);
        self.slots[slot] = number;
        Some(number)
    }

    /// Takes in a word that is not there, behind the others, without a place in the table.
    fn take_in(&mut self, word: &str, most: u32) -> Option<u32> {
        let end = u32::try_from(self.text.len() + word.len()).ok()?;
        let number = u32::try_from(self.len()).ok()?;
        if number >= most {
            return None;
        }
        self.text.push_str(word);
        self.ends.push(end);
        Some(number)
    }

    /// The numbers in the order of their words, bytewise.
    pub fn sorted(&self) -> Vec<u32> {
        let mut numbers: Vec<u32> = (0..self.len() as u32).collect();
        numbers.sort_unstable_by(|a, b| self.get(*a).cmp(self.get(*b)));
        numbers
    }

    /// Bytes that are held.
    pub fn size_bytes(&self) -> usize {
        let numbers = self.ends.capacity() + self.hashes.capacity() + self.slots.capacity();
        self.text.capacity() + numbers * size_of::<u32>()
    }

    /// Where a word of that hash stands, or would.
    fn slot(&self, word: &str, hash: u32) -> usize {
        let last = self.slots.len() - 1;
        let mut slot = hash as usize & last;
        loop {
            let number = self.slots[slot];
            if number == NONE || self.hashes[number as usize] == hash && self.get(number) == word {
                return slot;
            }
            slot = (slot + 1) & last;
        }
    }

    /// Spreads the words over slots for as many.
    fn spread(&mut self, words: usize) {
        let slots = (words * 4 / 3 + 1).next_power_of_two().max(SLOTS_MIN);
        self.slots.clear();
        self.slots.resize(slots, NONE);
        let last = slots - 1;
        let known = self.hashes.len();
        calls::each(self.len() - known, &mut |at| {
            self.hashes.push(hash(self.get((known + at) as u32)));
        });
        let Lexicon { hashes, slots, .. } = self;
        calls::each(hashes.len(), &mut |number| {
            let mut slot = hashes[number] as usize & last;
            while slots[slot] != NONE {
                slot = (slot + 1) & last;
            }
            slots[slot] = number as u32;
        });
    }
}

/// The first of as many numbers that is not `before`.
fn lower_bound(count: u32, before: impl Fn(u32) -> bool) -> u32 {
    let (mut start, mut end) = (0, count);
    while start < end {
        let middle = start + (end - start) / 2;
        match before(middle) {
            true => start = middle + 1,
            false => end = middle,
        }
    }
    start
}

/// FNV-1a (Fowler, Noll, Vo), with its high bits folded into those that choose a slot.
fn hash(word: &str) -> u32 {
    let hash = word.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    (hash ^ (hash >> 32)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_the_numbers_of_their_arrival() {
        let mut lexicon = Lexicon::default();
        assert_eq!(lexicon.find("a"), None);
        let words: Vec<String> = (0..2000).map(|n| format!("w{}", n * 7 % 2003)).collect();
        for (number, word) in words.iter().enumerate() {
            assert_eq!(lexicon.add(word, NONE), Some(number as u32));
        }
        for (number, word) in words.iter().enumerate() {
            assert_eq!(lexicon.add(word, NONE), Some(number as u32));
            assert_eq!(lexicon.find(word), Some(number as u32));
            assert_eq!(lexicon.get(number as u32), word);
        }
        assert_eq!((lexicon.len(), lexicon.find("w")), (2000, None));
        let mut sorted = words.clone();
        sorted.sort();
        let found: Vec<&str> = lexicon
            .sorted()
            .into_iter()
            .map(|n| lexicon.get(n))
            .collect();
        assert_eq!(found, sorted);
    }

    #[test]
    fn words_that_come_in_order_are_found_before_and_after_others_come() {
        let mut words: Vec<String> = (0..500).map(|n| format!("w{}", n * 7)).collect();
        words.sort();
        let mut lexicon = Lexicon::with_room(words.len(), 10);
        for (number, word) in (0..).zip(&words) {
            assert_eq!(lexicon.find(word), None);
            assert_eq!(lexicon.push(word, NONE), Some(number));
        }
        for more in ["w5", "", "zz"] {
            for (number, word) in (0..).zip(&words) {
                assert_eq!(lexicon.find(word), Some(number));
            }
            assert_eq!(lexicon.find(more), None);
            assert_eq!(lexicon.add(more, NONE), Some(lexicon.len() as u32 - 1));
            words.push(more.to_owned());
        }
        assert_eq!(lexicon.push("zzz", NONE), Some(503));
        assert_eq!(
            (lexicon.find("zzz"), lexicon.push("~", 504)),
            (Some(503), None)
        );
    }

    #[test]
    fn no_more_words_are_taken_in_than_there_may_be() {
        let mut lexicon = Lexicon::default();
        assert_eq!(lexicon.add("a", 1), Some(0));
        assert_eq!((lexicon.add("b", 1), lexicon.add("a", 1)), (None, Some(0)));
        assert_eq!(lexicon.find("b"), None);
    }
}
