//! What is marked: the words of a query, each with the terms it is found by.
//!
//! Owns which words of a query count and how much; must not know the texts that are shown.
//! Invariant: a text's token is looked up in a number of steps that the query alone bounds.

use crate::analysis::{self, Language};
use crate::plan::Text;
use crate::sorted::SortedMap;
use crate::words::{Asked, read};
use serde::Deserialize;

/// Weights are counted in these parts of one, so that their sums are exact.
const UNIT: f64 = 1024.0;
const WEIGHT_CAP: f64 = 1e6;
/// A word of less than this part of the heaviest word's weight is in so many texts that marking it tells nothing.
const LIGHT: u64 = 8;
/// Parts of all phrases together; what comes after is not marked, so that phrase and text together bound the steps.
const STEP_CAP: usize = 256;
/// Letters that have to be typed before the words that begin with them are marked.
const TYPED_LETTERS: usize = 2;
/// Languages whose stemmers take away or change how a word begins; those of all others work at its end.
const CHANGE_STARTS: [Language; 3] = [Language::Arabic, Language::Tamil, Language::Turkish];

/// The words of a plan.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Words {
    /// Words that rank.
    pub text: Option<Text>,
    /// Words that have to follow one another; marked only where they do.
    pub phrases: Vec<Clause>,
    /// Words that have to be in a field; marked wherever they are.
    #[serde(rename = "in")]
    pub within: Vec<Clause>,
    /// Words that a document must not have; never marked.
    pub not: Vec<Clause>,
    /// Whether the last word of `text` is a beginning.
    pub typing: bool,
    /// Whether misspelt words were corrected; how, is told apart.
    pub correct: bool,
}

/// Words under a condition.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clause {
    /// The words.
    pub text: Text,
    /// The field they have to be in; they are marked in every text.
    #[serde(default)]
    pub field: Option<String>,
}

/// The words of a query, ready to be found in texts.
#[derive(Debug)]
pub struct Query {
    languages: Vec<Language>,
    /// A number for each term.
    terms: SortedMap<String, usize>,
    /// For each term the word that it stands for; none where it is one of a phrase only.
    words: Vec<Option<usize>>,
    /// For each word, in parts of [`UNIT`].
    weights: Vec<u64>,
    /// What has been typed of a word, and which word that is.
    typed: Vec<(String, usize)>,
    phrases: Vec<Phrase>,
    /// What the terms and what has been typed begin with.
    starts: Vec<char>,
    /// Whether a word may begin otherwise than its term: the stemmers of these languages change its beginning.
    is_any_start: bool,
}

/// Words that have to follow one another.
#[derive(Debug)]
pub(super) struct Phrase {
    pub(super) word: usize,
    pub(super) steps: Vec<Step>,
}

/// The terms that may stand at one position of a phrase.
#[derive(Debug)]
pub(super) struct Step {
    /// From the first position.
    pub(super) offset: u32,
    terms: Vec<usize>,
}

impl Step {
    pub(super) fn has(&self, term: usize) -> bool {
        self.terms.contains(&term)
    }
}

impl Query {
    /// `corrections`: what was searched for in place of a word, by the word's form. `weights`: of forms, such as their inverse
    /// document frequency; a word without one weighs as much as the heaviest of all. A free word that weighs less than an eighth of the
    /// heaviest free word is not marked, nor one that its language uses everywhere, where there are others.
    pub fn new(
        words: &Words,
        languages: &[Language],
        corrections: &SortedMap<String, String>,
        weights: &SortedMap<String, f64>,
    ) -> Query {
        let mut languages = languages.to_vec();
        languages.sort_unstable();
        languages.dedup();
        if languages.is_empty() {
            languages.push(Language::None);
        }
        let mut query = Query {
            languages,
            terms: SortedMap::new(),
            words: Vec::new(),
            weights: Vec::new(),
            typed: Vec::new(),
            phrases: Vec::new(),
            starts: Vec::new(),
            is_any_start: false,
        };
        query.is_any_start = query
            .languages
            .iter()
            .any(|language| CHANGE_STARTS.contains(language));
        let text = |text: &Text| corrected(&text.0, corrections);
        let free = words.text.as_ref().map(text).unwrap_or_default();
        let free = read(&free, &query.languages);
        let unknown = weights.values().copied().reduce(f64::max).unwrap_or(1.0);
        let weight = |form: &str| scaled(weights.get(form).copied().unwrap_or(unknown));
        let heaviest = free.iter().map(|asked| weight(&asked.form)).max();
        let says_little = |asked: &Asked| analysis::says_little(&asked.form, &query.languages);
        let little: Vec<bool> = free.iter().map(says_little).collect();
        let has_others = little.contains(&false);
        for (asked, says_little) in free.iter().zip(little) {
            let weight = weight(&asked.form);
            let word = query.word_of(&asked.terms, weight);
            let is_light =
                has_others && says_little || Some(weight.saturating_mul(LIGHT)) < heaviest;
            if !is_light {
                query.find_by(&asked.terms, word);
            }
            let ends = words.typing && free.iter().all(|other| other.range.end <= asked.range.end);
            if ends && asked.form.chars().count() >= TYPED_LETTERS {
                query.typed.push((asked.form.clone(), word));
            }
        }
        for clause in &words.within {
            for asked in read(&text(&clause.text), &query.languages) {
                let word = query.word_of(&asked.terms, weight(&asked.form));
                query.find_by(&asked.terms, word);
            }
        }
        for clause in &words.phrases {
            let asked = read(&text(&clause.text), &query.languages);
            query.follow(&asked, weight);
        }
        let typed = query.typed.iter().map(|(typed, _)| typed);
        let starts = query
            .terms
            .keys()
            .chain(typed)
            .filter_map(|each| each.chars().next());
        query.starts = starts.collect();
        query
    }

    /// The word that one of the terms stands for already, or a new one.
    fn word_of(&mut self, terms: &[String], weight: u64) -> usize {
        let known = terms
            .iter()
            .find_map(|term| self.words[*self.terms.get(term)?]);
        known.unwrap_or_else(|| {
            self.weights.push(weight);
            self.weights.len() - 1
        })
    }

    fn find_by(&mut self, terms: &[String], word: usize) {
        for term in terms {
            let number = self.number(term);
            self.words[number].get_or_insert(word);
        }
    }

    fn number(&mut self, term: &str) -> usize {
        if let Some(number) = self.terms.get(term) {
            return *number;
        }
        self.terms.insert(term.to_owned(), self.words.len());
        self.words.push(None);
        self.words.len() - 1
    }

    fn follow(&mut self, asked: &[Asked], weight: impl Fn(&str) -> u64) {
        let Some(first) = asked.first().map(|asked| asked.position) else {
            return;
        };
        let room = STEP_CAP
            - self
                .phrases
                .iter()
                .map(|phrase| phrase.steps.len())
                .sum::<usize>();
        let mut steps: Vec<Step> = Vec::new();
        let mut total = 0;
        for each in asked {
            let offset = each.position - first;
            // Names that change case inside have one position with their parts: any of these may stand there.
            if steps.last().is_none_or(|step| step.offset != offset) {
                if steps.len() == room {
                    break;
                }
                steps.push(Step {
                    offset,
                    terms: Vec::new(),
                });
            }
            for term in &each.terms {
                let term = self.number(term);
                if let Some(step) = steps.last_mut().filter(|step| !step.has(term)) {
                    step.terms.push(term);
                }
            }
            if !each.whole {
                total += weight(&each.form);
            }
        }
        if !steps.is_empty() {
            self.weights.push(total);
            let word = self.weights.len() - 1;
            self.phrases.push(Phrase { word, steps });
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.weights.is_empty()
    }

    pub(super) fn languages(&self) -> &[Language] {
        &self.languages
    }

    pub(super) fn weights(&self) -> &[u64] {
        &self.weights
    }

    pub(super) fn phrases(&self) -> &[Phrase] {
        &self.phrases
    }

    pub(super) fn term(&self, term: &str) -> Option<usize> {
        self.terms.get(term).copied()
    }

    /// Whether a word of this form can stand for anything, so that the others need no stem.
    pub(super) fn may_find(&self, form: &str) -> bool {
        let first = form.chars().next();
        self.is_any_start || first.is_some_and(|first| self.starts.contains(&first))
    }

    /// The word that a token of a text stands for, by the numbers of its terms.
    pub(super) fn word(&self, terms: &[usize], form: &str) -> Option<usize> {
        let begun = || {
            let mut typed = self.typed.iter();
            typed.find(|(typed, _)| form.starts_with(typed.as_str()))
        };
        terms
            .iter()
            .find_map(|term| self.words[*term])
            .or_else(|| begun().map(|(_, word)| *word))
    }
}

/// A text of the query as it was searched for.
fn corrected(text: &str, corrections: &SortedMap<String, String>) -> String {
    let mut searched = String::with_capacity(text.len());
    let mut at = 0;
    if !corrections.is_empty() {
        analysis::analyse(text, Language::None, |token| {
            let (start, end) = (token.start as usize, token.end as usize);
            if let Some(to) = corrections.get(token.form).filter(|_| start >= at) {
                searched.push_str(&text[at..start]);
                searched.push_str(to);
                at = end;
            }
        });
    }
    searched.push_str(&text[at..]);
    searched
}

fn scaled(weight: f64) -> u64 {
    (weight.clamp(0.0, WEIGHT_CAP) * UNIT).round() as u64
}
