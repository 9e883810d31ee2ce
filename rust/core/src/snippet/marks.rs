//! Where the words of a query stand in a text.
//!
//! Owns the search for them, phrase by phrase and word by word; must not know windows.
//! Invariant: marks are sorted by their places, lie on borders of characters, and are fewer than a constant times the tokens.

use super::query::{Phrase, Query};
use crate::analysis::{self, Language};

/// A word or phrase of a query in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Highlight {
    /// In bytes of the text.
    pub(super) start: usize,
    pub(super) end: usize,
    /// Which word of the query.
    pub(super) word: usize,
}

/// A token that a phrase may be made of.
struct Slot {
    position: u32,
    term: usize,
    start: usize,
    end: usize,
}

impl Query {
    /// Every place in `text` where a word of the query stands.
    pub(super) fn marks(&self, text: &str) -> Vec<Highlight> {
        let mut marks = Vec::new();
        if self.is_empty() {
            return marks;
        }
        let mut slots = Vec::new();
        analysis::analyse(text, Language::None, |token| {
            if !self.may_find(token.form) {
                return;
            }
            let (start, end) = (token.start as usize, token.end as usize);
            // Of a text whose language is not known, each word is looked for as each of the query's languages has it.
            let terms = match token.stemmed {
                true => analysis::stems(token.word, self.languages()),
                false => vec![token.term.to_owned()],
            };
            let mut numbers: Vec<usize> = terms.iter().filter_map(|term| self.term(term)).collect();
            numbers.dedup();
            if let Some(word) = self.word(&numbers, token.form) {
                marks.push(Highlight { start, end, word });
            }
            if !self.phrases().is_empty() {
                slots.extend(numbers.into_iter().map(|term| Slot {
                    position: token.position,
                    term,
                    start,
                    end,
                }));
            }
        });
        for phrase in self.phrases() {
            (0..slots.len())
                .filter_map(|at| phrase.at(&slots[at..]))
                .for_each(|mark| marks.push(mark));
        }
        marks.sort_unstable();
        marks.dedup();
        marks
    }
}

impl Phrase {
    /// The phrase where it begins with the first of `slots`, which are in the order of their positions.
    fn at(&self, slots: &[Slot]) -> Option<Highlight> {
        let (first, rest) = self.steps.split_first()?;
        let base = slots.first().filter(|slot| first.has(slot.term))?;
        let mut mark = Highlight {
            start: base.start,
            end: base.end,
            word: self.word,
        };
        let mut at = 0;
        for step in rest {
            let wanted = base.position.checked_add(step.offset)?;
            while slots.get(at)?.position < wanted {
                at += 1;
            }
            let found = slots[at..]
                .iter()
                .take_while(|slot| slot.position == wanted)
                .filter(|slot| step.has(slot.term))
                .map(|slot| slot.end)
                .max()?;
            mark.end = mark.end.max(found);
        }
        Some(mark)
    }
}
