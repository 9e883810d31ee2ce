//! The distinct values of a field, numbered.
//!
//! Owns the numbers of values and what is known of a value alone; knows nothing of documents.
//! Invariant: a number never changes while the dictionary lives, and no value has two.

use super::{date, value};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::OnceLock;

/// Keys of values (see [`value`]) end to end, in the order of their numbers.
#[derive(Clone, Debug, Default)]
pub struct Dictionary {
    keys: Vec<u8>,
    ends: Vec<u32>,
    /// By key; built with the first value that is added, so that one that is only read needs no room for it.
    numbers: Option<BTreeMap<Box<[u8]>, u32>>,
    /// What each value means as a date; made when dates are first asked for.
    dates: OnceLock<Vec<Option<Range<i64>>>>,
    /// The place of each value in the order of sorting; made when it is first asked for.
    places: OnceLock<Vec<u32>>,
}

impl Dictionary {
    /// How many values it has.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Bytes of all keys.
    pub fn key_bytes(&self) -> usize {
        self.keys.len()
    }

    /// The key of a value by its number.
    pub fn key(&self, number: usize) -> &[u8] {
        let start = number
            .checked_sub(1)
            .map_or(0, |before| self.ends[before] as usize);
        &self.keys[start..self.ends[number] as usize]
    }

    /// All keys in the order of their numbers.
    pub fn keys(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|number| self.key(number))
    }

    /// The number of a key, which gets one if it has none. The caller sees to it that fewer than 2^32 bytes come together.
    pub fn number(&mut self, key: &[u8]) -> u32 {
        let mut numbers = self.numbers.take().unwrap_or_else(|| {
            self.keys()
                .zip(0..)
                .map(|(key, number)| (key.into(), number))
                .collect()
        });
        let number = match numbers.get(key) {
            Some(number) => *number,
            None => {
                let number = self.push(key);
                numbers.insert(key.into(), number);
                number
            }
        };
        self.numbers = Some(numbers);
        number
    }

    /// Appends a key that it does not have, and gives its number.
    pub fn push(&mut self, key: &[u8]) -> u32 {
        self.dates = OnceLock::new();
        self.places = OnceLock::new();
        self.keys.extend_from_slice(key);
        self.ends.push(self.keys.len() as u32);
        self.ends.len() as u32 - 1
    }

    /// What a value means as a date: seconds since 1970, none if it is no date.
    pub fn date(&self, number: usize) -> Option<&Range<i64>> {
        let dates = self.dates.get_or_init(|| {
            self.keys()
                .map(|key| value::text(key).and_then(date::seconds))
                .collect()
        });
        dates[number].as_ref()
    }

    /// The place of each value among all: numbers by size, then dates by time, then other texts bytewise.
    pub fn places(&self) -> &[u32] {
        self.places.get_or_init(|| {
            let mut sorted: Vec<u32> = (0..self.len() as u32).collect();
            sorted.sort_unstable_by(|a, b| self.compare(*a as usize, *b as usize));
            let mut places = vec![0; sorted.len()];
            for (place, number) in sorted.iter().enumerate() {
                places[*number as usize] = place as u32;
            }
            places
        })
    }

    fn compare(&self, a: usize, b: usize) -> Ordering {
        let rank = |number: usize| {
            let date = self.date(number).map(|date| date.start);
            let is_number = value::number(self.key(number)).is_some();
            (!is_number, date.is_none(), date)
        };
        rank(a)
            .cmp(&rank(b))
            .then_with(|| self.key(a).cmp(self.key(b)))
    }

    /// Bytes it holds in memory.
    pub fn size_bytes(&self) -> usize {
        let numbers = self.numbers.as_ref().map_or(0, |numbers| {
            numbers.len() * size_of::<(Box<[u8]>, u32)>() + self.keys.len()
        });
        let dates = self.dates.get().map_or(0, Vec::capacity) * size_of::<Option<Range<i64>>>();
        let places = self.places.get().map_or(0, Vec::capacity) * size_of::<u32>();
        self.keys.capacity() + self.ends.capacity() * size_of::<u32>() + numbers + dates + places
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facets::Value;

    #[test]
    fn values_keep_their_numbers_and_have_a_place_in_the_order() {
        let mut dictionary = Dictionary::default();
        let values = ["b", "2024-05", "a/b", "2023", "", "2024-01-01"]
            .map(|text| Value::Text(text.to_owned()));
        let values = values.into_iter().chain([3.5, -1.0].map(Value::Number));
        let keys: Vec<Vec<u8>> = values.map(|value| value.key().unwrap()).collect();
        for turn in 0..2 {
            for (number, key) in keys.iter().enumerate() {
                assert_eq!(dictionary.number(key), number as u32, "{turn}");
                assert_eq!(dictionary.key(number), key);
            }
        }
        assert_eq!(dictionary.len(), 8);
        assert_eq!(dictionary.places(), [7, 4, 6, 2, 5, 3, 1, 0]);
        // What was made for fewer values is made again.
        assert_eq!(dictionary.number(&Value::Number(0.0).key().unwrap()), 8);
        assert_eq!(dictionary.places(), [8, 5, 7, 3, 6, 4, 2, 0, 1]);
    }
}
