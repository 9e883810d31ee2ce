//! A text cut into pieces that become tokens: words, wholes with their parts, pairs of letters, symbols.
//!
//! Owns where a piece begins and ends; must not know what a piece becomes, nor in which language it is. Source: Unicode Standard
//! Annex 29 (words), with the departures that `docs/ANALYSIS.md` lists.
//! Invariant: pieces begin where the one before began or after, on borders of characters, and every character is read a bounded
//! number of times.

use super::FORM_CAP;
use super::characters::{Class, class};

/// The most letters of a word; what goes on becomes a word of its own.
pub const WORD_CAP: usize = 64;
/// The longest whole in bytes; a longer one has only its parts.
pub const WHOLE_CAP: usize = FORM_CAP;
/// Signs of one emoji that are joined.
const EMOJI_CAP: usize = 16;

/// What a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A word, or the part of a whole: it is stemmed.
    Word,
    /// A word that has parts (`camelCase`): it is stemmed and shares its position with all of them.
    Humps,
    /// Words and signs that belong together: kept as it stands.
    Whole,
    /// A pair of letters, or a letter alone, of a script without spaces.
    Dense,
    /// An emoji or another symbol.
    Symbol,
    /// Signs that are shown as one.
    Emoji,
}

/// Bytes of the text and the word they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) kind: Kind,
    pub(super) position: u32,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Cuts a text; `take` is given its pieces in order and answers whether a position was used.
pub(super) fn cut(text: &str, take: impl FnMut(Piece) -> bool) {
    let mut cutter = Cutter {
        text,
        at: 0,
        position: 0,
        words: Vec::new(),
        take,
    };
    while let Some(c) = cutter.peek() {
        match class(c) {
            Class::Letter | Class::Decimal | Class::Number => cutter.compound(),
            Class::Dense => cutter.dense(),
            Class::Symbol => cutter.symbol(),
            _ => cutter.at += c.len_utf8(),
        }
    }
}

struct Cutter<'a, F> {
    text: &'a str,
    at: usize,
    position: u32,
    words: Vec<(usize, usize)>,
    take: F,
}

impl<F: FnMut(Piece) -> bool> Cutter<'_, F> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn piece(&mut self, kind: Kind, position: u32, start: usize, end: usize) -> bool {
        (self.take)(Piece {
            kind,
            position,
            start,
            end,
        })
    }

    /// Words and what joins them.
    fn compound(&mut self) {
        let start = self.at - sigil(&self.text[..self.at], self.peek());
        let mut address = false;
        // Too long for a whole: its words are handed on as they come.
        let mut too_long = false;
        loop {
            let word = self.word();
            self.words.push(word);
            address |= self.text[word.0..word.1].eq_ignore_ascii_case("www");
            if too_long || word.1 - start > WHOLE_CAP {
                too_long = true;
                self.parts();
            }
            let rest = &self.text[self.at..];
            if elided(&self.text[word.0..word.1], rest) {
                break;
            }
            let length = joint(
                rest,
                address,
                self.text[..self.at].ends_with(|c: char| c.is_ascii_digit()),
            );
            if length == 0 {
                break;
            }
            address |= rest.starts_with("://");
            self.at += length;
        }
        let end = self.at + tail(&self.text[self.at..]);
        self.at = end;
        if !too_long && (self.words.len() > 1 || self.words[0] != (start, end)) {
            self.piece(Kind::Whole, self.position, start, end);
        }
        self.parts();
    }

    /// Hands on the words that were found.
    fn parts(&mut self) {
        for at in 0..self.words.len() {
            let (start, end) = self.words[at];
            let position = self.position;
            let used = if humps(&self.text[start..end]).nth(1).is_some() {
                let used = self.piece(Kind::Humps, position, start, end);
                let text = self.text;
                for (from, to) in humps(&text[start..end]) {
                    self.piece(Kind::Word, position, start + from, start + to);
                }
                used
            } else {
                self.piece(Kind::Word, position, start, end)
            };
            self.position = self.position.saturating_add(u32::from(used));
        }
        self.words.clear();
    }

    /// Goes over one word and gives its place.
    fn word(&mut self) -> (usize, usize) {
        let start = self.at;
        let mut letters = 0;
        let mut last = Class::Other;
        let mut chars = self.text[start..].char_indices().peekable();
        let mut end = self.text.len();
        while let Some((at, c)) = chars.next() {
            let class = class(c);
            let joins = match class {
                Class::Letter | Class::Decimal | Class::Number => letters < WORD_CAP,
                Class::Mark | Class::Ignored => true,
                _ if is_apostrophe(c) || c == '·' => {
                    last == Class::Letter
                        && letters < WORD_CAP
                        && chars
                            .peek()
                            .is_some_and(|(_, next)| self::class(*next) == Class::Letter)
                        && !elided(&self.text[start..start + at], &self.text[start + at..])
                }
                _ => false,
            };
            if !joins {
                end = start + at;
                break;
            }
            if class.is_alphanumeric() {
                letters += 1;
            }
            if !class.continues() {
                last = class;
            }
        }
        self.at = end;
        (start, end)
    }

    /// Pairs of neighbours; a letter alone is a piece.
    fn dense(&mut self) {
        let (mut start, mut end) = self.letter();
        let mut alone = true;
        while self.peek().is_some_and(|c| class(c) == Class::Dense) {
            let next = self.letter();
            self.one(Kind::Dense, start, next.1);
            (start, end) = next;
            alone = false;
        }
        if alone {
            self.one(Kind::Dense, start, end);
        }
    }

    /// Goes over one letter with what belongs to it and gives its place.
    fn letter(&mut self) -> (usize, usize) {
        let start = self.at;
        self.step();
        while self
            .peek()
            .is_some_and(|c| class(c).continues() || is_jamo_inside(c))
        {
            self.step();
        }
        (start, self.at)
    }

    fn one(&mut self, kind: Kind, start: usize, end: usize) {
        let used = self.piece(kind, self.position, start, end);
        self.position = self.position.saturating_add(u32::from(used));
    }

    /// A symbol, or the signs of one emoji (Unicode Technical Standard 51).
    fn symbol(&mut self) {
        let start = self.at;
        self.words.clear();
        loop {
            let from = self.at;
            let Some(sign) = self.step() else { break };
            while self.peek().is_some_and(is_selector) {
                self.step();
            }
            self.words.push((from, self.at));
            if is_regional(sign) && self.peek().is_some_and(is_regional) {
                self.step();
                self.words[0].1 = self.at;
                break;
            }
            while self
                .peek()
                .is_some_and(|c| is_modifier(c) || is_selector(c))
            {
                self.step();
            }
            let mut following = self.text[self.at..].chars();
            let joined = following.next() == Some('\u{200d}')
                && following.next().is_some_and(|c| class(c) == Class::Symbol);
            if !joined || self.words.len() == EMOJI_CAP {
                break;
            }
            self.step();
        }
        let end = self.at;
        if self.words.len() > 1 || self.words[0].1 != end {
            self.piece(Kind::Emoji, self.position, start, end);
        }
        for at in 0..self.words.len() {
            let (start, end) = self.words[at];
            self.one(Kind::Symbol, start, end);
        }
        self.words.clear();
    }

    fn step(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }
}

/// The length of a sign before a word that is part of a name: `.NET`, `#hash`, `@name`, `$HOME`.
fn sigil(before: &str, first: Option<char>) -> usize {
    let mut chars = before.chars().rev();
    let letter = first.is_some_and(|c| class(c) == Class::Letter);
    let fits = match chars.next() {
        Some('.' | '@') => letter,
        Some('#' | '$') => true,
        _ => false,
    };
    let free = chars.next().is_none_or(|c| {
        class(c) == Class::Space
            || matches!(
                c,
                '(' | '[' | '{' | '<' | '"' | '\'' | '`' | ',' | ';' | '“' | '„' | '«'
            )
    });
    usize::from(fits && free)
}

/// The length of signs after a name that are part of it: `C++`, `F#`.
fn tail(after: &str) -> usize {
    let length = if after.starts_with("++") {
        2
    } else {
        usize::from(after.starts_with(['+', '#']))
    };
    let free = after[length..].chars().next().is_none_or(|c| {
        class(c) == Class::Space || (class(c) == Class::Other && !matches!(c, '+' | '#'))
    });
    if free { length } else { 0 }
}

/// The length of the signs that join a word to the next, none if they do not.
fn joint(after: &str, address: bool, number: bool) -> usize {
    let signs = after
        .bytes()
        .take(5)
        .take_while(|b| b.is_ascii_punctuation())
        .count();
    let Some(next) = after[signs..]
        .chars()
        .next()
        .filter(|c| class(*c).is_alphanumeric())
    else {
        return 0;
    };
    let joins = match &after[..signs] {
        "." | "-" | "_" | "/" | "\\" | ":" | "@" | "&" | "+" | "=" | "#" => true,
        "++" | "::" | "->" | "://" | ":\\" | "__" | "___" | "____" => true,
        "," => number && next.is_ascii_digit(),
        other => {
            address
                && (1..4).contains(&signs)
                && other.bytes().all(|b| b"./:?#@!$&*+,;=-_~%".contains(&b))
        }
    };
    if joins { signs } else { 0 }
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '\u{2019}' | '\u{ff07}')
}

/// Whether an article or a pronoun lost its vowel before an apostrophe: `l'eau`, `dell'arte`. The word after it stands alone.
fn elided(word: &str, after: &str) -> bool {
    const WORDS: [&str; 20] = [
        "l", "d", "j", "m", "t", "s", "n", "c", "qu", "jusqu", "lorsqu", "puisqu", "quoiqu", "un",
        "all", "dall", "dell", "nell", "sull", "quell",
    ];
    after.starts_with(is_apostrophe) && WORDS.iter().any(|each| word.eq_ignore_ascii_case(each))
}

/// The parts of a word whose case changes inside: `camelCase`, `HTTPServer`; one part otherwise.
fn humps(word: &str) -> impl Iterator<Item = (usize, usize)> + '_ {
    let mut start = 0;
    let mut borders = word
        .char_indices()
        .skip(1)
        .filter(|(at, _)| is_hump(&word[..*at], &word[*at..]))
        .map(|(at, _)| at)
        .chain([word.len()]);
    std::iter::from_fn(move || {
        let end = borders.next()?;
        let part = (start, end);
        start = end;
        Some(part)
    })
}

fn is_hump(before: &str, after: &str) -> bool {
    let mut following = after.chars();
    let (Some(last), Some(first)) = (before.chars().next_back(), following.next()) else {
        return false;
    };
    let lower = |c: Option<char>| c.is_some_and(char::is_lowercase);
    if !first.is_uppercase() {
        return false;
    }
    let next = following.next();
    if last.is_lowercase() || (last.is_ascii_digit() && lower(next)) {
        return true;
    }
    // The last capital of several begins the next part, unless only an ending follows: `XMLFile`, but `CPUs`.
    last.is_uppercase() && lower(next) && lower(following.next())
}

/// A vowel or a trailing consonant of a syllable of Hangul that is written in its parts.
fn is_jamo_inside(c: char) -> bool {
    matches!(c, '\u{1160}'..='\u{11ff}')
}

fn is_regional(c: char) -> bool {
    matches!(c, '\u{1f1e6}'..='\u{1f1ff}')
}

/// Whether a symbol is drawn in colour.
fn is_selector(c: char) -> bool {
    matches!(c, '\u{fe0e}' | '\u{fe0f}')
}

/// In which skin an emoji is drawn, as which region's flag, on a key.
fn is_modifier(c: char) -> bool {
    matches!(c, '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0020}'..='\u{e007f}' | '\u{20e3}')
}
