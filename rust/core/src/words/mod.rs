//! What documents say: the words of their fields in order, and from those which documents have a word.
//!
//! Owns tokens, forms and terms of an index; knows nothing of vectors, ids or requests. Invariant: what is found is a
//! function of the documents in their order, whatever was added or removed between, and in whatever portions.

mod condition;
mod given;
mod inverted;
mod lexicon;
mod lookup;
mod query;
mod score;
mod spelling;
mod stems;
mod stored;
mod titled;

pub use condition::{Condition, Part, holds};
pub use given::Given;
pub use inverted::{Form, Inverted, Posting};
pub use lexicon::Lexicon;
pub use lookup::Lookup;
pub use query::{Asked, Clause, Query, Request, Word, read};
pub use score::{Impact, Scores, Share, share};
pub use spelling::{Correction, doubtful, mend};
pub use stored::{ENTRY_BYTES, Sections};

use crate::analysis::{self, Language};
use serde::Deserialize;
use std::ops::Range;
use stems::Stems;

/// What a document has words in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Field {
    /// Its title.
    Title,
    /// Its text.
    Text,
    /// Its tags, each by itself.
    Tags,
    /// Where it comes from: a path or an address.
    Path,
}

/// How many fields there are.
pub const FIELDS: usize = 4;

impl Field {
    /// Every field, in the order in which they are kept.
    pub const ALL: [Field; FIELDS] = [Field::Title, Field::Text, Field::Tags, Field::Path];

    /// The spelling in requests and replies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Field::Title => "title",
            Field::Text => "text",
            Field::Tags => "tags",
            Field::Path => "path",
        }
    }

    /// How often a token of this field counts, for frequencies and for lengths.
    pub const fn weight(self) -> u32 {
        match self {
            Field::Title => 2,
            Field::Text | Field::Tags | Field::Path => 1,
        }
    }
}

/// The words of one document as they come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// Its title.
    pub title: String,
    /// Its text.
    pub text: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// Where it comes from.
    pub path: String,
    /// Its language; guessed when not given.
    pub language: Option<Language>,
}

/// One token of a field: the number of its word, with three marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark(u32);

impl Mark {
    /// The token is a whole, of which the parts are tokens too.
    const WHOLE: u32 = 1 << 31;
    /// The token stands where the one before it stands.
    const JOINED: u32 = 1 << 30;
    /// The token is not stemmed: its term is its form.
    const VERBATIM: u32 = 1 << 29;
    /// The bits of the number.
    const NUMBER: u32 = Mark::VERBATIM - 1;
    /// No word: a place that keeps what is before it apart from what is behind.
    const GAP: Mark = Mark(Mark::NUMBER);

    fn word(self) -> u32 {
        self.0 & Mark::NUMBER
    }

    fn has(self, mark: u32) -> bool {
        self.0 & mark != 0
    }

    /// The same marks of another word.
    fn renumbered(self, numbers: &[u32]) -> Mark {
        match self {
            Mark::GAP => self,
            _ => Mark(self.0 & !Mark::NUMBER | numbers[self.word() as usize]),
        }
    }
}

/// What stands between the form and the letters of a word that has accents; twice where only its term is known.
const ACCENTS: char = '\t';

/// A token of a document, as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// The field it stands in.
    pub field: Field,
    /// Its place in the field, from 0; of tags one after the other, with a place between.
    pub position: u32,
    /// The number of its form in [`Words::lexicon`].
    pub form: u32,
    /// The number of its term in [`Words::terms`]; see [`Words::settle`].
    pub term: u32,
    /// Whether it is a whole, which stands where the first of its parts does.
    pub whole: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Document {
    /// Given or guessed; none where it is that of most others.
    language: Option<Language>,
    /// Its first token.
    start: usize,
    /// Tokens of each field, gaps counted.
    counts: [u32; FIELDS],
}

impl Document {
    fn tokens(&self, field: Field) -> Range<usize> {
        let before: usize = self.counts[..field as usize]
            .iter()
            .map(|count| *count as usize)
            .sum();
        let start = self.start + before;
        start..start + self.counts[field as usize] as usize
    }

    fn all(&self) -> Range<usize> {
        self.start..self.tokens(Field::Path).end
    }

    /// The same document with its first token elsewhere.
    fn at(&self, start: usize) -> Document {
        Document {
            start,
            ..self.clone()
        }
    }
}

/// The words of documents, which are numbered from 0 in the order of their adding.
#[derive(Clone, Debug, Default)]
pub struct Words {
    /// Words in lower case: as forms, and those with accents as form and word, or as form and term.
    lexicon: Lexicon,
    /// Of each word the number of its form.
    heads: Vec<u32>,
    documents: Vec<Document>,
    /// The tokens of all documents, field after field; of early ones those of titles only.
    tokens: Vec<u32>,
    early: Early,
    stems: Stems,
    /// None where documents came or went since it was made.
    inverted: Option<Inverted>,
    /// The one before, of the first of the documents: what came since is yet to be added.
    earlier: Option<Inverted>,
}

/// The first documents, whose tokens but those of titles are still to come, see [`Words::complete`].
#[derive(Clone, Debug, Default)]
struct Early {
    /// Where the tokens of each stand in what is to come.
    starts: Vec<usize>,
    /// How many tokens are to come.
    end: usize,
    /// Those of some that are to be removed, by number.
    lent: Vec<(usize, Vec<u32>)>,
}

impl Words {
    /// As many documents without a word.
    pub fn blank(documents: usize) -> Words {
        let document = Document {
            language: None,
            start: 0,
            counts: [0; FIELDS],
        };
        Words {
            documents: vec![document; documents],
            ..Words::default()
        }
    }

    /// Adds a document behind the others, without a source one without a word; gives the number of tokens of its text, wholes
    /// not counted.
    pub fn add(&mut self, source: Option<&Source>) -> usize {
        self.outdate();
        let start = self.tokens.len();
        let mut counts = [0; FIELDS];
        let Some(source) = source else {
            self.documents.push(Document {
                language: None,
                start,
                counts,
            });
            return 0;
        };
        for field in Field::ALL {
            let before = self.tokens.len();
            match field {
                Field::Title => self.take(&source.title),
                Field::Text => self.take(&source.text),
                Field::Path => self.take(&source.path),
                Field::Tags => {
                    for tag in &source.tags {
                        if self.tokens.len() > before {
                            self.tokens.push(Mark::GAP.0);
                        }
                        self.take(tag);
                    }
                }
            }
            counts[field as usize] = (self.tokens.len() - before) as u32;
        }
        let language = source
            .language
            .or_else(|| analysis::guess(&format!("{}\n{}", source.title, source.text)));
        self.documents.push(Document {
            language,
            start,
            counts,
        });
        self.lengths(self.documents.len() - 1)[Field::Text as usize] as usize
    }

    /// Appends the tokens of a text.
    fn take(&mut self, text: &str) {
        let mut next = 0;
        analysis::analyse(text, Language::None, |token| {
            let Some(number) = self.number(token.form, token.word) else {
                return;
            };
            let mut mark = number;
            if token.whole {
                mark |= Mark::WHOLE;
            }
            if !token.stemmed {
                mark |= Mark::VERBATIM;
            }
            if token.position < next {
                mark |= Mark::JOINED;
            }
            while next < token.position {
                self.tokens.push(Mark::GAP.0);
                next += 1;
            }
            next = token.position + 1;
            self.tokens.push(mark);
        });
    }

    /// The number of a word with its form; none for what the file cannot keep.
    fn number(&mut self, form: &str, word: &str) -> Option<u32> {
        if is_odd(form) || is_odd(word) {
            return None;
        }
        let head = self.enter(form, None)?;
        if word == form {
            return Some(head);
        }
        self.enter(&format!("{form}{ACCENTS}{word}"), Some(head))
    }

    /// The number of an entry of the lexicon; without a head it is its own.
    fn enter(&mut self, entry: &str, head: Option<u32>) -> Option<u32> {
        let number = self.lexicon.add(entry, Mark::NUMBER)?;
        if number as usize == self.heads.len() {
            self.heads.push(head.unwrap_or(number));
        }
        Some(number)
    }

    /// Appends documents of others, which have all their tokens, by their numbers; none where there are too many words.
    pub fn append(&mut self, others: &Words, documents: &[usize]) -> Option<()> {
        // Of each word of theirs the number it has here.
        let mut numbers = vec![lexicon::NONE; others.lexicon.len()];
        for document in documents {
            let theirs = &others.documents[*document];
            let start = self.tokens.len();
            for token in &others.tokens[theirs.all()] {
                let mark = Mark(*token);
                let word = mark.word() as usize;
                if mark != Mark::GAP && numbers[word] == lexicon::NONE {
                    let head = others.heads[word];
                    let head = match head as usize == word {
                        true => None,
                        false => Some(self.enter(others.lexicon.get(head), None)?),
                    };
                    numbers[word] = self.enter(others.lexicon.get(mark.word()), head)?;
                }
                self.tokens.push(mark.renumbered(&numbers).0);
            }
            self.documents.push(theirs.at(start));
        }
        self.outdate();
        Some(())
    }

    /// Removes the documents that `keep` does not keep; those that stay move down, in order.
    pub fn retain(&mut self, keep: &[bool]) {
        self.outdate();
        self.forget(keep);
        let (mut number, mut end) = (0, 0);
        let (tokens, early) = (&mut self.tokens, self.early.starts.len());
        self.documents.retain_mut(|document| {
            let stays = keep[number];
            if stays {
                let own = match number < early {
                    true => document.tokens(Field::Title),
                    false => document.all(),
                };
                let length = own.len();
                tokens.copy_within(own, end);
                document.start = end;
                end += length;
            }
            number += 1;
            stays
        });
        tokens.truncate(end);
        let mut stays = keep.iter();
        self.early.starts.retain(|_| stays.next() == Some(&true));
        self.early.lent.clear();
    }

    /// The number of documents.
    pub fn documents(&self) -> usize {
        self.documents.len()
    }

    /// Whether tokens of documents, but those of titles, are still to come: until then nothing can be written, and neither phrases nor parts
    /// of a score are known.
    pub fn lacks_tokens(&self) -> bool {
        !self.early.starts.is_empty()
    }

    /// Whether no document has a word.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The words by number. One with accents stands as its form, a tab, and the word, or two tabs and its term; its form is there too.
    pub fn lexicon(&self) -> &Lexicon {
        &self.lexicon
    }

    /// The language of a document that was given or guessed; none where it is that of most others.
    pub fn language(&self, document: usize) -> Option<Language> {
        self.documents[document].language
    }

    /// Gives documents without a language this one.
    pub fn assume(&mut self, language: Language) {
        for document in &mut self.documents {
            document.language.get_or_insert(language);
        }
        (self.inverted, self.earlier) = (None, None);
    }

    /// How many tokens each field of a document has, wholes not counted.
    pub fn lengths(&self, document: usize) -> [u32; FIELDS] {
        Field::ALL.map(|field| {
            let own = &self.tokens[self.documents[document].tokens(field)];
            own.iter()
                .filter(|mark| !Mark(**mark).has(Mark::WHOLE) && Mark(**mark) != Mark::GAP)
                .count() as u32
        })
    }

    /// Bytes that are held.
    pub fn size_bytes(&self) -> usize {
        self.lexicon.size_bytes()
            + self.heads.capacity() * size_of::<u32>()
            + self.documents.capacity() * size_of::<Document>()
            + self.tokens.capacity() * size_of::<u32>()
            + self.early.starts.capacity() * size_of::<usize>()
            + self.stems.size_bytes()
            + [&self.inverted, &self.earlier]
                .map(|each| each.as_ref().map_or(0, Inverted::size_bytes))
                .iter()
                .sum::<usize>()
    }
}

/// Whether a file cannot keep a text as part of an entry: it has one a line.
fn is_odd(text: &str) -> bool {
    text.is_empty() || text.contains(['\n', ACCENTS])
}
