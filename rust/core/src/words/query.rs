//! From what is asked for to terms, with what each is worth.
//!
//! Owns which words of a query count, and once; knows nothing of vectors or of how a request is spelled. Invariant: the
//! words stand in the order of their first occurrence, so that sums over them have one order.

use super::condition::Part;
use super::inverted::K1;
use super::lexicon::NONE;
use super::{Condition, Field, Inverted, Lexicon, Scores, Words};
use crate::analysis::{self, Language};
use crate::kernels::ln;
use crate::sorted::SortedMap;
use std::ops::Range;

/// A text that a document has to have, or must not have, perhaps in one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// One word or several.
    pub text: String,
    /// Where; none for anywhere.
    pub field: Option<Field>,
}

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Words, any of which will do; the more, the better.
    pub text: String,
    /// Words that have to stand one behind the other.
    pub phrases: Vec<Clause>,
    /// Words that have to stand somewhere in a field.
    pub within: Vec<Clause>,
    /// Phrases that must not occur.
    pub not: Vec<Clause>,
    /// Whether the last word of the text is still being typed, so that it stands for all that begin like it.
    pub typing: bool,
    /// Whether typing errors of the text are corrected before it is searched for.
    pub correct: bool,
}

impl Request {
    /// What documents have to have, or must not: each clause, whether its words stand in order, and whether it is wanted.
    pub fn clauses(&self) -> impl Iterator<Item = (&Clause, bool, bool)> {
        let phrases = self.phrases.iter().map(|clause| (clause, true, true));
        let within = self.within.iter().map(|clause| (clause, false, true));
        let not = self.not.iter().map(|clause| (clause, true, false));
        phrases.chain(within).chain(not)
    }

    /// Whether it names no words at all; one that does and finds none of them is not blank.
    pub fn is_blank(&self) -> bool {
        let demanded = self.phrases.iter().chain(&self.within);
        let mut texts = demanded.map(|clause| &clause.text).chain([&self.text]);
        texts.all(|text| text.trim().is_empty())
    }
}

/// A word of a query.
#[derive(Clone, Debug, PartialEq)]
pub struct Word {
    /// As it was asked for, folded.
    pub form: String,
    /// The terms that stand for it and that some document has had, ascending by number; they count as one.
    pub terms: Vec<u32>,
    /// How many documents have any of them.
    pub df: u32,
    /// ln(1 + (N - df + 0.5) / (df + 0.5)).
    pub idf: f64,
}

impl Word {
    /// The most that it can add to a document's score.
    pub fn bound(&self) -> f64 {
        self.idf * (K1 + 1.0)
    }
}

/// A query in the terms of an index.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// The words that count, each once.
    pub words: Vec<Word>,
    /// What a document has to meet.
    pub conditions: Vec<Condition>,
    /// The most that all words together can give a document: what its score is divided by.
    pub bound: f64,
}

impl Words {
    /// The languages of a query, and the inverse document frequency of each word of its texts by the word's form.
    pub fn weigh<'a>(
        &self,
        texts: impl Iterator<Item = &'a str>,
    ) -> (Vec<Language>, SortedMap<String, f64>) {
        let Some(inverted) = &self.inverted else {
            return Default::default();
        };
        let request = Request {
            text: texts.collect::<Vec<_>>().join("\n"),
            ..Request::default()
        };
        let words = self.prepare(&request, &mut Scores::default()).words;
        let weights = words.into_iter().map(|word| (word.form, word.idf));
        (inverted.languages.clone(), weights.collect())
    }

    /// Looks up what is asked for; [`Words::settle`] comes first, or nothing is found.
    pub fn prepare(&self, request: &Request, scores: &mut Scores) -> Query {
        let Some(inverted) = &self.inverted else {
            return Query::default();
        };
        let mut query = Query::default();
        let mut known = Lexicon::default();
        let demanded = request.phrases.iter().chain(&request.within);
        let texts = demanded.map(|clause| &clause.text);
        for text in [&request.text].into_iter().chain(texts) {
            for asked in read(text, &inverted.languages) {
                let is_typed = request.typing
                    && std::ptr::eq(text, &request.text)
                    && !asked.whole
                    && asked.range.end == text.len();
                // Two words that the same terms stand for are one; a beginning is another word.
                let mut name = asked.terms.join("\n");
                if is_typed {
                    name.push('\n');
                }
                if known.add(&name, NONE) != Some(query.words.len() as u32) {
                    continue;
                }
                let mut terms = self.numbers(&asked.terms);
                if is_typed {
                    self.add_beginnings(inverted, &asked.form, &mut terms);
                }
                let df = self.count(inverted, &terms, scores);
                let (all, having) = (self.documents() as f64, f64::from(df));
                query.words.push(Word {
                    form: asked.form,
                    terms,
                    df,
                    idf: ln(1.0 + (all - having + 0.5) / (having + 0.5)),
                });
            }
        }
        query.bound = query.words.iter().map(Word::bound).sum();
        for (clause, ordered, wanted) in request.clauses() {
            let mut parts: Vec<Part> = Vec::new();
            for asked in read(&clause.text, &inverted.languages) {
                if !asked.whole {
                    parts.push(Part {
                        terms: self.numbers(&asked.terms),
                        position: asked.position,
                    });
                }
            }
            if !parts.is_empty() {
                query.conditions.push(Condition {
                    parts,
                    field: clause.field,
                    ordered,
                    wanted,
                });
            }
        }
        query
    }

    /// Adds the terms of all forms that begin with `prefix`.
    fn add_beginnings(&self, inverted: &Inverted, prefix: &str, terms: &mut Vec<u32>) {
        let held = self.known_forms(inverted);
        terms.extend(
            held.filter(|(form, ..)| form.starts_with(prefix))
                .map(|(.., term)| term),
        );
        terms.sort_unstable();
        terms.dedup();
    }

    pub(super) fn numbers(&self, terms: &[String]) -> Vec<u32> {
        let found = terms.iter().filter_map(|term| self.terms().find(term));
        let mut terms: Vec<u32> = found.collect();
        terms.sort_unstable();
        terms
    }

    /// How many documents have any of the terms.
    fn count(&self, inverted: &Inverted, terms: &[u32], scores: &mut Scores) -> u32 {
        match terms {
            [] => 0,
            [term] => inverted.postings(*term).len() as u32,
            terms => {
                let mut df = 0;
                scores.gather(self.documents(), inverted, terms, u32::max, |_, _| df += 1);
                df
            }
        }
    }
}

/// A token of a query.
pub struct Asked {
    /// As it was typed, folded.
    pub form: String,
    /// From 0 on; parts of a name that changes case inside share one.
    pub position: u32,
    /// Whether it is the whole of parts that are tokens too.
    pub whole: bool,
    /// Where it stands in the text, in bytes.
    pub range: Range<usize>,
    /// What it is in each language, each term once, bytewise.
    pub terms: Vec<String>,
}

/// The tokens of a text, which differ between languages in their terms only.
pub fn read(text: &str, languages: &[Language]) -> Vec<Asked> {
    let mut all: Vec<Asked> = Vec::new();
    for (turn, language) in languages.iter().enumerate() {
        let mut at = 0;
        analysis::analyse(text, *language, |token| {
            if turn == 0 {
                all.push(Asked {
                    form: token.form.to_owned(),
                    position: token.position,
                    whole: token.whole,
                    range: token.start as usize..token.end as usize,
                    terms: vec![token.term.to_owned()],
                });
            } else if let Some(asked) = all.get_mut(at) {
                let terms = &mut asked.terms;
                if let Err(place) = terms.binary_search_by(|term| term.as_str().cmp(token.term)) {
                    terms.insert(place, token.term.to_owned());
                }
            }
            at += 1;
        });
    }
    all
}
