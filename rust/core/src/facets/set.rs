//! A set of documents, one bit each.
//!
//! Owns the bits; knows nothing of what documents are or why they belong together.
//! Invariant: bits beyond the number of documents are zero, so that counting needs no care.

const BITS: usize = u64::BITS as usize;

/// Documents by their numbers, out of a fixed number of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Set {
    bits: Vec<u64>,
    documents: usize,
}

impl Set {
    /// None of `documents` documents.
    pub fn none(documents: usize) -> Set {
        let mut set = Set::default();
        set.reset(documents, false);
        set
    }

    /// All of `documents` documents.
    pub fn all(documents: usize) -> Set {
        let mut set = Set::default();
        set.reset(documents, true);
        set
    }

    /// Turns it into none or all of `documents` documents, in the room it has.
    pub fn reset(&mut self, documents: usize, full: bool) {
        self.bits.clear();
        let bits = if full { u64::MAX } else { 0 };
        self.bits.resize(documents.div_ceil(BITS), bits);
        self.documents = documents;
        self.trim();
    }

    /// Becomes the same set as another, in the room it has.
    pub fn copy_from(&mut self, other: &Set) {
        self.bits.clone_from(&other.bits);
        self.documents = other.documents;
    }

    /// Bytes it holds in memory.
    pub fn size_bytes(&self) -> usize {
        self.bits.capacity() * size_of::<u64>()
    }

    /// Out of how many documents it is.
    pub fn documents(&self) -> usize {
        self.documents
    }

    /// Puts a document in; one that does not exist is ignored.
    pub fn insert(&mut self, document: usize) {
        if document < self.documents {
            self.bits[document / BITS] |= 1 << (document % BITS);
        }
    }

    /// Takes a document out.
    pub fn remove(&mut self, document: usize) {
        if document < self.documents {
            self.bits[document / BITS] &= !(1 << (document % BITS));
        }
    }

    /// Whether a document is in it.
    pub fn contains(&self, document: usize) -> bool {
        document < self.documents && self.bits[document / BITS] >> (document % BITS) & 1 == 1
    }

    /// How many documents are in it.
    pub fn len(&self) -> usize {
        self.bits
            .iter()
            .map(|bits| bits.count_ones() as usize)
            .sum()
    }

    /// Whether no document is in it.
    pub fn is_empty(&self) -> bool {
        self.bits.iter().all(|bits| *bits == 0)
    }

    /// Puts in every document of which `is_in` says so, by what there is of each; what there is beyond the documents is ignored.
    pub fn fill<T>(&mut self, each: &[T], is_in: impl Fn(&T) -> bool) {
        for (bits, each) in self.bits.iter_mut().zip(each.chunks(BITS)) {
            for (at, one) in each.iter().enumerate() {
                *bits |= u64::from(is_in(one)) << at;
            }
        }
        self.trim();
    }

    /// Its bits, 64 documents each, the first in the lowest; who sets any keeps to documents that exist.
    pub(super) fn bits_mut(&mut self) -> &mut [u64] {
        &mut self.bits
    }

    /// Keeps what is in `other` too. Both are out of the same number of documents, here and below.
    pub fn intersect(&mut self, other: &Set) {
        self.combine(other, |own, other| own & other);
    }

    /// Takes in what is in `other`.
    pub fn unite(&mut self, other: &Set) {
        self.combine(other, |own, other| own | other);
    }

    /// Takes out what is in `other`.
    pub fn subtract(&mut self, other: &Set) {
        self.combine(other, |own, other| own & !other);
    }

    /// Turns it into all other documents.
    pub fn invert(&mut self) {
        self.bits.iter_mut().for_each(|bits| *bits = !*bits);
        self.trim();
    }

    /// The numbers of its documents, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.bits.iter().enumerate().flat_map(|(at, bits)| {
            let mut rest = *bits;
            std::iter::from_fn(move || {
                if rest == 0 {
                    return None;
                }
                let bit = rest.trailing_zeros() as usize;
                rest &= rest - 1;
                Some(at * BITS + bit)
            })
        })
    }

    fn combine(&mut self, other: &Set, by: impl Fn(u64, u64) -> u64) {
        debug_assert_eq!(self.documents, other.documents);
        for (own, other) in self.bits.iter_mut().zip(&other.bits) {
            *own = by(*own, *other);
        }
    }

    fn trim(&mut self) {
        let used = self.documents % BITS;
        if let Some(last) = self.bits.last_mut().filter(|_| used > 0) {
            *last &= (1 << used) - 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn every(documents: usize, step: usize) -> Set {
        let mut set = Set::none(documents);
        (0..documents).step_by(step).for_each(|at| set.insert(at));
        set
    }

    #[test]
    fn sets_combine_like_sets_of_numbers() {
        for documents in [0, 1, 63, 64, 65, 200] {
            let (twos, threes) = (every(documents, 2), every(documents, 3));
            let numbers = |set: &Set| set.iter().collect::<BTreeSet<_>>();
            let (a, b) = (numbers(&twos), numbers(&threes));
            let mut set = twos.clone();
            set.intersect(&threes);
            assert_eq!(numbers(&set), &a & &b);
            assert_eq!(set.len(), (&a & &b).len());
            set.clone_from(&twos);
            set.unite(&threes);
            assert_eq!(numbers(&set), &a | &b);
            set.clone_from(&twos);
            set.subtract(&threes);
            assert_eq!(numbers(&set), &a - &b);
            set.invert();
            assert_eq!(set.len(), documents - (&a - &b).len());
            assert!((0..documents + 70).all(|at| set.contains(at) == numbers(&set).contains(&at)));
            assert_eq!(Set::all(documents).len(), documents);
            assert_eq!(
                Set::none(documents).is_empty(),
                set.iter().all(|_| false) || documents > 0
            );
        }
    }

    #[test]
    fn a_document_that_does_not_exist_is_in_no_set() {
        let mut set = Set::none(3);
        set.insert(3);
        assert!(set.is_empty());
        set.insert(2);
        set.remove(2);
        set.remove(70);
        assert!(set.is_empty());
    }
}
