//! What a document has to have, or must not: phrases, and words in a field.
//!
//! Owns how a condition is tested, by the tokens of a document in their order; knows nothing of scores. Invariant: which
//! documents are tested depends on the rarest part only, which parts are met does not.

use super::{Field, Query, Scores, Words};
use crate::facets::Set;

/// A word of a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The terms that will do.
    pub terms: Vec<u32>,
    /// Its place among the parts; some share one.
    pub position: u32,
}

/// A phrase, or words of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// By position.
    pub parts: Vec<Part>,
    /// Where; none for any field, though never across two.
    pub field: Option<Field>,
    /// Whether the parts have to stand as they do here, one behind the other.
    pub ordered: bool,
    /// Whether documents have to meet it, or must not.
    pub wanted: bool,
}

impl Words {
    /// Takes from `allowed` the documents that do not meet the conditions of a query.
    pub fn narrow(&self, query: &Query, allowed: &mut Set, scores: &mut Scores) {
        let Scores { passed, line, .. } = scores;
        let Some(inverted) = &self.inverted else {
            return;
        };
        for condition in &query.conditions {
            passed.clear();
            passed.resize(allowed.documents(), false);
            let cost = |part: &&Part| -> usize {
                let postings = part.terms.iter().map(|term| inverted.postings(*term));
                postings.map(<[_]>::len).sum()
            };
            let rarest = condition.parts.iter().min_by_key(cost);
            for term in rarest.into_iter().flat_map(|part| &part.terms) {
                for posting in inverted.postings(*term) {
                    let document = posting.document as usize;
                    if allowed.contains(document) && !passed[document] {
                        passed[document] = self.meets(document, condition, line);
                    }
                }
            }
            for (document, passed) in passed.iter().enumerate() {
                if *passed != condition.wanted {
                    allowed.remove(document);
                }
            }
        }
    }

    /// Whether a document has what a condition says; `line` is room.
    fn meets(&self, document: usize, condition: &Condition, line: &mut Vec<(u32, u32)>) -> bool {
        let fields = Field::ALL.into_iter();
        fields
            .filter(|field| condition.field.is_none_or(|wanted| wanted == *field))
            .any(|field| {
                // Wholes stand in no line.
                let parts = self.tokens(document, field);
                let parts = parts.filter(|token| !condition.ordered || !token.whole);
                line.clear();
                line.extend(parts.map(|token| (token.position, token.term)));
                holds(line, &condition.parts, condition.ordered)
            })
    }
}

/// Whether places of terms, by position, have all parts, one behind the other or anywhere.
pub fn holds(line: &[(u32, u32)], parts: &[Part], ordered: bool) -> bool {
    match ordered {
        true => has_phrase(line, parts),
        false => has_all(line, parts),
    }
}

fn has_all(line: &[(u32, u32)], parts: &[Part]) -> bool {
    let has = |part: &Part| line.iter().any(|(_, term)| part.terms.contains(term));
    parts.iter().all(has)
}

/// Whether all parts stand somewhere as far from the first as they do among themselves.
fn has_phrase(line: &[(u32, u32)], parts: &[Part]) -> bool {
    let [first, others @ ..] = parts else {
        return true;
    };
    line.iter().enumerate().any(|(at, (start, term))| {
        if !first.terms.contains(term) {
            return false;
        }
        // Of terms that share a place any may be the first.
        let from = line[..at].partition_point(|(position, _)| position < start);
        others.iter().all(|part| {
            let wanted = start + (part.position - first.position);
            let near = line[from..].iter();
            near.take_while(|(position, _)| *position <= wanted)
                .any(|(position, term)| *position == wanted && part.terms.contains(term))
        })
    })
}
