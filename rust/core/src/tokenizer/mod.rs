//! Text to token ids, as BERT does it: normalise, split into words, cut words into pieces of the vocabulary.
//!
//! Owns the order of those steps, special tokens and truncation; knows nothing of vectors.
//! Invariant: the ids equal those of Hugging Face `tokenizers` for the same vocabulary and settings, in linear time.

mod normalize;
pub(crate) mod unicode;
mod vocabulary;

use crate::error::{Code, Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::json;
use vocabulary::Vocabulary;

/// How a model's text is normalised and cut; the `tokenizer` object of a model file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenizerConfig {
    /// Lower-case every character.
    pub lowercase: bool,
    /// Decompose (NFD) and drop nonspacing marks.
    pub strip_accents: bool,
    /// Treat every Chinese character as a word.
    pub handle_chinese_chars: bool,
    /// Drop control characters, and take every kind of white space for a space.
    pub clean_text: bool,
    /// The token of a word that cannot be cut into pieces.
    pub unknown: String,
    /// The token before every text.
    pub start: String,
    /// The token after every text.
    pub end: String,
    /// What marks a piece that continues a word in the vocabulary.
    pub continuing_prefix: String,
    /// A word of more characters than this is unknown.
    pub max_word_chars: usize,
    /// Tokens recognised in the text as it stands, before anything is normalised.
    pub special: Vec<String>,
}

/// The fewest tokens a text can have: start and end.
pub const MIN_TOKENS: usize = 2;

/// Turns text into token ids.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    vocabulary: Vocabulary,
    config: TokenizerConfig,
    unknown: u32,
    start: u32,
    end: u32,
    /// Longest first, so that the first match is the longest.
    special: Vec<(Box<str>, u32)>,
    /// Whether a special token begins with that byte.
    special_first: [bool; 256],
}

impl Tokenizer {
    /// Reads a vocabulary: tokens in id order joined by line feeds.
    ///
    /// # Errors
    /// `bad_format` when a token is empty or occurs twice, or a named token is not in the vocabulary.
    pub fn new(vocabulary: &str, config: &TokenizerConfig) -> Result<Tokenizer> {
        let vocabulary = Vocabulary::new(vocabulary, &config.continuing_prefix)?;
        let id_of = |token: &str| {
            vocabulary.id(token).ok_or_else(|| {
                Error::new(
                    Code::BadFormat,
                    "the vocabulary lacks a token that the tokenizer names; convert the model again",
                )
                .with(json!({"token": token}))
            })
        };
        let mut special = Vec::with_capacity(config.special.len());
        let mut special_first = [false; 256];
        for token in &config.special {
            let id = id_of(token)?;
            special_first[token.as_bytes()[0] as usize] = true;
            // Longest first; they are few, and a sort would be more code in every page than all the rest of this.
            let place =
                special.partition_point(|(other, _): &(Box<str>, u32)| other.len() >= token.len());
            special.insert(place, (token.as_str().into(), id));
        }
        Ok(Tokenizer {
            unknown: id_of(&config.unknown)?,
            start: id_of(&config.start)?,
            end: id_of(&config.end)?,
            special,
            special_first,
            config: config.clone(),
            vocabulary,
        })
    }

    /// The number of tokens in the vocabulary.
    pub fn vocab_size(&self) -> usize {
        self.vocabulary.len()
    }

    /// The tokens of the vocabulary that can begin a word.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        let inside = self.config.continuing_prefix.as_str();
        let tokens = self.vocabulary.tokens();
        tokens.filter(move |token| inside.is_empty() || !token.starts_with(inside))
    }

    /// Bytes of its vocabulary in memory.
    pub fn size_bytes(&self) -> usize {
        self.vocabulary.size_bytes()
    }

    /// The settings it was made with.
    pub fn config(&self) -> &TokenizerConfig {
        &self.config
    }

    /// Whether `word` is one whole piece of the vocabulary: a word that a model has learned as such.
    pub fn knows(&self, word: &str) -> bool {
        let mut ids = Vec::with_capacity(4);
        self.encode(word, Some(4), &mut ids);
        matches!(ids[..], [_, id, _] if id != self.unknown)
    }

    /// Appends the ids of `text`, start and end tokens included, to `out`.
    ///
    /// With `max_tokens` no more than that many ids are appended (but never fewer than [`MIN_TOKENS`]): the first ones
    /// are kept, and the rest of the text is not read.
    pub fn encode(&self, text: &str, max_tokens: Option<usize>, out: &mut Vec<u32>) {
        self.encode_with(text, max_tokens, out, &mut String::new());
    }

    /// As [`Tokenizer::encode`], with room for the current word that is kept from text to text.
    pub fn encode_with(
        &self,
        text: &str,
        max_tokens: Option<usize>,
        out: &mut Vec<u32>,
        word: &mut String,
    ) {
        word.clear();
        let limit = max_tokens.map_or(usize::MAX, |max| {
            out.len().saturating_add(max.max(MIN_TOKENS) - 1)
        });
        out.push(self.start);
        let mut words = Words {
            tokenizer: self,
            word,
            limit,
            out,
        };
        let mut rest = text;
        while let Some((at, token, id)) = self.find_special(rest) {
            words.piece(&rest[..at]);
            if words.is_full() {
                break;
            }
            words.out.push(id);
            rest = &rest[at + token.len()..];
        }
        if !words.is_full() {
            words.piece(rest);
        }
        out.truncate(limit);
        out.push(self.end);
    }

    /// The first special token in `text`, the longest of those that start there.
    fn find_special(&self, text: &str) -> Option<(usize, &str, u32)> {
        let bytes = text.as_bytes();
        for (at, byte) in bytes.iter().enumerate() {
            if !self.special_first[*byte as usize] {
                continue;
            }
            for (token, id) in &self.special {
                if bytes[at..].starts_with(token.as_bytes()) {
                    return Some((at, token, *id));
                }
            }
        }
        None
    }
}

/// The state of one text on its way to ids.
struct Words<'a> {
    tokenizer: &'a Tokenizer,
    word: &'a mut String,
    /// How long `out` may become before the end token.
    limit: usize,
    out: &'a mut Vec<u32>,
}

impl Words<'_> {
    fn is_full(&self) -> bool {
        self.out.len() >= self.limit
    }

    /// Reads a stretch of text that holds no special token.
    fn piece(&mut self, text: &str) {
        let Words {
            tokenizer,
            word,
            limit,
            out,
        } = self;
        split(text, &tokenizer.config, word, &mut |word| {
            if word.is_none_or(|word| !tokenizer.vocabulary.cut(word, out)) {
                out.push(tokenizer.unknown);
            }
            out.len() < *limit
        });
    }
}

/// Gives the words of a text that holds no special token, normalised, to `take`, as long as that wants more; none for a
/// word of more characters than a known one may have. `word` is the room for one.
pub(crate) fn split(
    text: &str,
    config: &TokenizerConfig,
    word: &mut String,
    take: &mut dyn FnMut(Option<&str>) -> bool,
) {
    let mut splitter = Splitter {
        most: config.max_word_chars,
        word,
        chars: 0,
        take,
    };
    let mut wanted = true;
    normalize::normalize(text, config, &mut |c| {
        wanted = splitter.character(c);
        wanted
    });
    if wanted {
        splitter.finish_word();
    }
}

/// The state of one text on its way to words.
struct Splitter<'a> {
    most: usize,
    /// The characters of the current word, up to `most`.
    word: &'a mut String,
    /// How many characters the current word has.
    chars: usize,
    take: &'a mut dyn FnMut(Option<&str>) -> bool,
}

impl Splitter<'_> {
    /// Takes one normalised character: white space ends a word, punctuation is a word of its own. Whether to go on.
    fn character(&mut self, c: char) -> bool {
        match normalize::class(c) {
            normalize::Class::Letter => {
                self.chars += 1;
                if self.chars <= self.most {
                    self.word.push(c);
                }
                true
            }
            normalize::Class::Space => self.finish_word(),
            normalize::Class::Punctuation => {
                self.finish_word() && {
                    self.chars = 1;
                    self.word.push(c);
                    self.finish_word()
                }
            }
        }
    }

    fn finish_word(&mut self) -> bool {
        if self.chars == 0 {
            return true;
        }
        let known = (self.chars <= self.most).then_some(self.word.as_str());
        let wanted = (self.take)(known);
        self.word.clear();
        self.chars = 0;
        wanted
    }
}
