//! From the tokens of documents to the documents of each term.
//!
//! Owns postings, frequencies and lengths, and what documents that come and go change about them; knows nothing of queries. Invariant:
//! postings of a term stand by document number, each document once, and are what inverting all documents anew would give.

use super::lexicon::NONE;
use super::stems::Stems;
use super::{Field, Lexicon, Mark, Token, Words};
use crate::analysis::Language;
use crate::calls;
use std::ops::Range;

/// BM25's saturation of frequencies (Robertson and Zaragoza, "The probabilistic relevance framework", 2009).
pub(super) const K1: f64 = 1.2;
/// BM25's share of a length that counts.
const B: f64 = 0.75;
/// Words of removed documents are swept out when one in so many is the form of a document, at most, and so many are there.
const SWEEP_SHARE: usize = 4;
const SWEEP_FROM: usize = 1 << 12;
/// A query is stemmed in a language when at least one in so many documents has it.
const LANGUAGE_SHARE: usize = 20;

/// A document that has a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posting {
    /// Its number.
    pub document: u32,
    /// How often the term stands in its fields, each time as often as the field weighs.
    pub frequency: u32,
}

/// A number for a form or a term, and the document that had it last; side by side, since both are looked at together.
#[derive(Clone, Copy)]
struct Seen {
    count: u32,
    document: u32,
}

impl Seen {
    /// Of a number, and no document yet.
    fn often(count: u32) -> Seen {
        Seen {
            count,
            document: NONE,
        }
    }

    /// Whether a document, of which all tokens come one after the other, has it for the first time.
    fn meet(&mut self, document: u32) -> bool {
        let is_new = self.document != document;
        self.document = document;
        is_new
    }
}

/// A word as it is written in documents, folded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form<'a> {
    /// Its number in [`Words::lexicon`].
    pub number: u32,
    /// How it is written.
    pub text: &'a str,
    /// How many documents have it.
    pub df: u32,
    /// Its terms by number: several where documents of several languages have it, or with and without accents.
    pub terms: Vec<u32>,
}

/// Which documents have a term, and what scoring asks about documents.
#[derive(Clone, Debug, Default)]
pub struct Inverted {
    /// The language of documents that have none of their own.
    pub main: Language,
    /// The languages in which a query is stemmed.
    pub languages: Vec<Language>,
    /// Of each term where its postings begin, and where the last ones end.
    starts: Vec<u32>,
    postings: Vec<Posting>,
    /// Of each form how many documents have it.
    form_df: Vec<u32>,
    /// Of each document what BM25 adds to a frequency: k1 (1 - b + b length / average).
    pub(super) norms: Vec<f32>,
    /// The length of each document, fields weighed.
    pub(super) lengths: Vec<u32>,
    /// The length of all documents, fields weighed.
    pub total_length: u64,
}

impl Inverted {
    /// Of the main language and those of queries, where the postings of each term start and all end, these, and of each form how many
    /// documents have it, of each document its length.
    pub(super) fn new(
        (main, languages): (Language, Vec<Language>),
        starts: Vec<u32>,
        postings: Vec<Posting>,
        form_df: Vec<u32>,
        lengths: Vec<u32>,
    ) -> Inverted {
        let mut inverted = Inverted {
            main,
            languages,
            starts,
            postings,
            form_df,
            norms: vec![0.0; lengths.len()],
            total_length: lengths.iter().map(|length| u64::from(*length)).sum(),
            lengths,
        };
        let average = inverted.average_length();
        for (norm, length) in inverted.norms.iter_mut().zip(&inverted.lengths) {
            *norm = (K1 * (1.0 - B + B * (f64::from(*length) / average))) as f32;
        }
        inverted
    }

    /// Takes out the documents that `keep` does not keep; those that stay move down. What is known of forms stays.
    fn retain(&mut self, keep: &[bool]) {
        let mut next = 0;
        let numbers: Vec<u32> = keep
            .iter()
            .map(|stays| {
                next += u32::from(*stays);
                if *stays { next - 1 } else { NONE }
            })
            .collect();
        let (mut start, mut end) = (0, 0);
        let (starts, postings) = (&mut self.starts, &mut self.postings);
        calls::each(starts.len().saturating_sub(1), &mut |term| {
            let own = start..starts[term + 1] as usize;
            start = own.end;
            for at in own {
                let document = numbers[postings[at].document as usize];
                if document != NONE {
                    postings[end] = Posting {
                        document,
                        ..postings[at]
                    };
                    end += 1;
                }
            }
            starts[term + 1] = end as u32;
        });
        postings.truncate(end);
        let mut stays = keep.iter();
        self.lengths.retain(|_| stays.next() == Some(&true));
    }

    /// The documents of a term, by number.
    pub fn postings(&self, term: u32) -> &[Posting] {
        let term = term as usize;
        match (self.starts.get(term), self.starts.get(term + 1)) {
            (Some(start), Some(end)) => &self.postings[*start as usize..*end as usize],
            // A term that came with a query only.
            _ => &[],
        }
    }

    /// How many documents have a form; 0 for the number of a word with accents.
    pub fn form_df(&self, form: u32) -> u32 {
        self.form_df[form as usize]
    }

    /// The mean length of a document, fields weighed; 1 where all are empty.
    pub fn average_length(&self) -> f64 {
        if self.total_length == 0 {
            return 1.0;
        }
        self.total_length as f64 / self.norms.len() as f64
    }

    pub(super) fn size_bytes(&self) -> usize {
        let numbers = self.starts.capacity() + self.form_df.capacity();
        let by_document = self.norms.capacity() + self.lengths.capacity();
        (numbers + by_document) * size_of::<u32>() + self.postings.capacity() * size_of::<Posting>()
    }
}

impl Words {
    /// Brings the postings up to date with the documents. This takes a step for each token of documents that came since, and for each
    /// posting; searches call it, so that many documents can be added at the price of one. Nothing is done where
    /// [`Words::waits_for_tokens`].
    pub fn settle(&mut self) {
        if self.inverted.is_some() || self.waits_for_tokens() {
            return;
        }
        let languages = self.languages();
        let earlier = self.earlier.take();
        let earlier = earlier.filter(|earlier| earlier.main == languages.0);
        let mut inverted = self.invert(&languages, earlier);
        let live = inverted.form_df.iter().filter(|df| **df > 0).count();
        let is_large = self.lexicon.len() > SWEEP_FROM && self.lexicon.len() / SWEEP_SHARE > live;
        if is_large && !self.lacks_tokens() {
            self.sweep();
            inverted = self.invert(&languages, None);
        }
        self.inverted = Some(inverted);
    }

    /// Whether tokens have to come before words are found: what is known of documents without them was made with another main language.
    pub fn waits_for_tokens(&self) -> bool {
        let is_usable = |earlier: &Inverted| earlier.main == self.languages().0;
        self.lacks_tokens()
            && self.inverted.is_none()
            && !self.earlier.as_ref().is_some_and(is_usable)
    }

    /// Notes that documents come or go.
    pub(super) fn outdate(&mut self) {
        if let Some(inverted) = self.inverted.take() {
            self.earlier = Some(inverted);
        }
    }

    /// Takes the documents that go out of what is known of those before; where their tokens are not at hand nothing of it stays.
    pub(super) fn forget(&mut self, keep: &[bool]) {
        let Some(mut earlier) = self.earlier.take() else {
            return;
        };
        let known = earlier.lengths.len();
        let mut forms: Vec<u32> = Vec::new();
        for (number, document) in self.documents[..known].iter().enumerate() {
            if keep[number] {
                continue;
            }
            let tokens = match number < self.early.starts.len() {
                false => Some(&self.tokens[document.all()]),
                true => {
                    let mut lent = self.early.lent.iter();
                    lent.find(|lent| lent.0 == number)
                        .map(|lent| lent.1.as_slice())
                }
            };
            let Some(tokens) = tokens else {
                return;
            };
            let table = self.stems.table(document.language.unwrap_or(earlier.main));
            forms.clear();
            for mark in tokens.iter().map(|token| Mark(*token)) {
                if mark != Mark::GAP {
                    forms.push(self.heads[mark.word() as usize]);
                    self.stems.let_go(mark, table);
                }
            }
            forms.sort_unstable();
            forms.dedup();
            for form in &forms {
                if let Some(df) = earlier.form_df.get_mut(*form as usize) {
                    *df = df.saturating_sub(1);
                }
            }
        }
        earlier.retain(&keep[..known]);
        self.earlier = Some(earlier);
    }

    /// The postings; none before [`Words::settle`].
    pub fn inverted(&self) -> Option<&Inverted> {
        self.inverted.as_ref()
    }

    /// The terms; some may have no documents any more, or not yet.
    pub fn terms(&self) -> &Lexicon {
        self.stems.terms()
    }

    /// The surface forms that documents have, each as often as it has terms: the form, the number of its documents, the
    /// number of the form and that of the term; in no order.
    pub(super) fn known_forms<'a>(
        &'a self,
        inverted: &'a Inverted,
    ) -> impl Iterator<Item = (&'a str, u32, u32, u32)> {
        let tables = self.stems.tables().iter();
        let known = tables.flat_map(|table| table.stems.iter().zip(&self.heads));
        let held = known.filter(|(stem, _)| stem.tokens > 0);
        held.map(|(stem, form)| {
            let df = inverted.form_df(*form);
            (self.lexicon.get(*form), df, *form, stem.term)
        })
    }

    /// The surface forms that documents have, bytewise; [`Words::settle`] comes first, or there are none.
    pub fn forms(&self) -> Vec<Form<'_>> {
        let Some(inverted) = &self.inverted else {
            return Vec::new();
        };
        let known = self.known_forms(inverted);
        let mut pairs: Vec<(u32, u32)> = known.map(|(.., form, term)| (form, term)).collect();
        pairs.sort_unstable();
        pairs.dedup();
        let groups = pairs.chunk_by(|a, b| a.0 == b.0);
        let mut forms: Vec<Form<'_>> = groups
            .map(|group| Form {
                number: group[0].0,
                text: self.lexicon.get(group[0].0),
                df: inverted.form_df(group[0].0),
                terms: group.iter().map(|(_, term)| *term).collect(),
            })
            .collect();
        forms.sort_unstable_by(|a, b| a.text.cmp(b.text));
        forms
    }

    /// The tokens of one field of a document, by position, with their terms; [`Words::settle`] comes first, or there are none.
    pub fn tokens(&self, document: usize, field: Field) -> impl Iterator<Item = Token> {
        let main = self.inverted.as_ref().map(|inverted| inverted.main);
        let language = self.documents[document].language.or(main);
        let table = language.and_then(|language| self.stems.place(language));
        let mut next = 0;
        let tokens = table.into_iter().flat_map(move |table| {
            let tokens = &self.tokens[self.documents[document].tokens(field)];
            tokens.iter().map(move |token| (table, Mark(*token)))
        });
        tokens.filter_map(move |(table, mark)| {
            next += u32::from(!mark.has(Mark::JOINED));
            if mark == Mark::GAP {
                return None;
            }
            Some(Token {
                field,
                position: next - 1,
                form: self.heads[mark.word() as usize],
                term: self.stems.term(mark, table).unwrap_or(NONE),
                whole: mark.has(Mark::WHOLE),
            })
        })
    }

    /// The language of most documents, and those in which a query is stemmed.
    pub fn languages(&self) -> (Language, Vec<Language>) {
        let mut counts: Vec<(Language, usize)> = Vec::new();
        let (mut unknown, all) = (0, self.documents.len());
        for document in &self.documents {
            match document.language {
                None => unknown += 1,
                Some(own) => match counts.iter_mut().find(|each| each.0 == own) {
                    Some(count) => count.1 += 1,
                    None => counts.push((own, 1)),
                },
            }
        }
        counts.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.code().cmp(b.0.code())));
        let main = counts.first().map_or(Language::English, |first| first.0);
        match counts.first_mut() {
            Some(first) => first.1 += unknown,
            None => counts.push((main, unknown)),
        }
        let mut held: Vec<Language> = counts
            .iter()
            .filter(|each| each.1 * LANGUAGE_SHARE >= all)
            .map(|each| each.0)
            .collect();
        if held.is_empty() {
            held.push(main);
        }
        (main, held)
    }

    /// The postings of all documents; `earlier` are those of the first.
    fn invert(
        &mut self,
        (main, languages): &(Language, Vec<Language>),
        earlier: Option<Inverted>,
    ) -> Inverted {
        let mut earlier = earlier.unwrap_or_default();
        let first = earlier.lengths.len();
        earlier.form_df.resize(self.heads.len(), 0);
        // Of each word its form, and beside it how many documents have it where it is one.
        let heads = self.heads.iter().zip(&earlier.form_df);
        let mut forms: Vec<(u32, Seen)> =
            heads.map(|(head, df)| (*head, Seen::often(*df))).collect();
        // Of each term how many documents have it, and then where its next posting goes.
        let runs = earlier.starts.windows(2);
        let mut seen: Vec<Seen> = runs.map(|run| Seen::often(run[1] - run[0])).collect();
        let (documents, stems) = (&self.documents[first..], &mut self.stems);
        if first == 0 {
            stems.let_all_go();
        }
        let start = documents
            .first()
            .map_or(self.tokens.len(), |document| document.start);
        let mut terms = vec![NONE; self.tokens.len() - start];
        let among = |range: Range<usize>| range.start - start..range.end - start;
        calls::each(documents.len(), &mut |at| {
            let (document, number) = (&documents[at], (first + at) as u32);
            let table = stems.table(document.language.unwrap_or(*main));
            let tokens = self.tokens[document.all()].iter();
            for (token, own) in tokens.zip(&mut terms[among(document.all())]) {
                let mark = Mark(*token);
                if mark == Mark::GAP {
                    continue;
                }
                let head = forms[mark.word() as usize].0;
                let form = &mut forms[head as usize].1;
                form.count += u32::from(form.meet(number));
                *own = stems.take(&self.lexicon, mark, table);
                if *own as usize >= seen.len() {
                    seen.resize(stems.terms().len(), Seen::often(0));
                }
                let term = &mut seen[*own as usize];
                term.count += u32::from(term.meet(number));
            }
        });
        let all: usize = seen.iter().map(|term| term.count as usize).sum();
        let none = Posting {
            document: NONE,
            frequency: 0,
        };
        let (mut starts, mut postings) =
            (Vec::with_capacity(seen.len() + 1), Vec::with_capacity(all));
        starts.push(0);
        calls::each(seen.len(), &mut |term| {
            let end = postings.len() + seen[term].count as usize;
            postings.extend_from_slice(earlier.postings(term as u32));
            seen[term] = Seen::often(postings.len() as u32);
            postings.resize(end, none);
            starts.push(end as u32);
        });
        let mut lengths = earlier.lengths;
        lengths.reserve_exact(documents.len());
        calls::each(documents.len(), &mut |at| {
            let (document, number) = (&documents[at], (first + at) as u32);
            let mut length = 0;
            for field in Field::ALL {
                let own = document.tokens(field);
                let weight = field.weight();
                for (token, term) in self.tokens[own.clone()].iter().zip(&terms[among(own)]) {
                    let mark = Mark(*token);
                    if mark == Mark::GAP {
                        continue;
                    }
                    length += weight * u32::from(!mark.has(Mark::WHOLE));
                    let term = &mut seen[*term as usize];
                    if term.meet(number) {
                        postings[term.count as usize] = Posting {
                            document: number,
                            frequency: weight,
                        };
                        term.count += 1;
                    } else {
                        postings[term.count as usize - 1].frequency += weight;
                    }
                }
            }
            lengths.push(length);
        });
        let form_df = forms.iter().map(|(_, form)| form.count).collect();
        Inverted::new(
            (*main, languages.clone()),
            starts,
            postings,
            form_df,
            lengths,
        )
    }

    /// Which words of the lexicon some token has, with their forms.
    pub(super) fn used(&self) -> Vec<bool> {
        let mut used = vec![false; self.lexicon.len()];
        for mark in self.tokens.iter().map(|token| Mark(*token)) {
            if mark != Mark::GAP {
                used[mark.word() as usize] = true;
                used[self.heads[mark.word() as usize] as usize] = true;
            }
        }
        used
    }

    /// Lets go of words that no document has.
    fn sweep(&mut self) {
        let used = self.used();
        let lexicon = std::mem::take(&mut self.lexicon);
        let heads = std::mem::take(&mut self.heads);
        let mut numbers = vec![0; lexicon.len()];
        for word in (0..lexicon.len() as u32).filter(|word| used[*word as usize]) {
            // A form comes before its words with accents.
            let head = heads[word as usize];
            let head = (head != word).then(|| numbers[head as usize]);
            numbers[word as usize] = self.enter(lexicon.get(word), head).unwrap_or(0);
        }
        for token in &mut self.tokens {
            *token = Mark(*token).renumbered(&numbers).0;
        }
        self.stems = Stems::default();
    }
}
