//! Words and their numbers, both ways.
//!
//! Owns one text that holds them end to end, and a table of places in it; knows nothing of documents. Invariant: a word has
//! one number, in the order of arrival, and no number depends on how the table hashes.

/// No number.
pub(super) const NONE: u32 = u32::MAX;
const SLOTS_MIN: usize = 16;

/// Different words, numbered from 0.
#[derive(Clone, Debug, Default)]
pub struct Lexicon {
    text: String,
    ends: Vec<u32>,
    /// Numbers at the places their words hash to, or as near behind as there was room; at most three of four are taken.
    slots: Vec<u32>,
}

impl Lexicon {
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
            return None;
        }
        let number = self.slots[self.slot(word)];
        (number != NONE).then_some(number)
    }

    /// The number of a word, which is taken in when it is new; none when `most` are known, or 4 GiB of text.
    pub fn add(&mut self, word: &str, most: u32) -> Option<u32> {
        if self.len() * 4 >= self.slots.len() * 3 {
            self.grow();
        }
        let slot = self.slot(word);
        if self.slots[slot] != NONE {
            return Some(self.slots[slot]);
        }
        let end = u32::try_from(self.text.len() + word.len()).ok()?;
        let number = u32::try_from(self.len()).ok()?;
        if number >= most {
            return None;
        }
        self.text.push_str(word);
        self.ends.push(end);
        self.slots[slot] = number;
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
        self.text.capacity() + (self.ends.capacity() + self.slots.capacity()) * size_of::<u32>()
    }

    /// Where a word stands, or would.
    fn slot(&self, word: &str) -> usize {
        let last = self.slots.len() - 1;
        let mut slot = hash(word) as usize & last;
        while self.slots[slot] != NONE && self.get(self.slots[slot]) != word {
            slot = (slot + 1) & last;
        }
        slot
    }

    fn grow(&mut self) {
        let slots = (self.slots.len() * 2).max(SLOTS_MIN);
        self.slots.clear();
        self.slots.resize(slots, NONE);
        let last = slots - 1;
        for number in 0..self.len() as u32 {
            let mut slot = hash(self.get(number)) as usize & last;
            while self.slots[slot] != NONE {
                slot = (slot + 1) & last;
            }
            self.slots[slot] = number;
        }
    }
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
    fn no_more_words_are_taken_in_than_there_may_be() {
        let mut lexicon = Lexicon::default();
        assert_eq!(lexicon.add("a", 1), Some(0));
        assert_eq!((lexicon.add("b", 1), lexicon.add("a", 1)), (None, Some(0)));
        assert_eq!(lexicon.find("b"), None);
    }
}
