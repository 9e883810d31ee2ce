//! The vocabulary: token to id, and the cut of a word into its longest known pieces.
//!
//! Owns the hash table over the tokens; knows nothing of Unicode beyond character borders.
//! Invariant: a cut is the greedy longest-match-first one of WordPiece, and costs at most the word's length times the
//! length of the longest token.

use crate::error::{Code, Error, Result};
use serde_json::json;

const EMPTY: u32 = u32::MAX;
const HASH_SEED: u64 = 0xcbf2_9ce4_8422_2325;
const HASH_PRIME: u64 = 0x0000_0100_0000_01b3;

/// An open-addressing table from token text to id.
#[derive(Clone, Debug)]
pub(super) struct Vocabulary {
    /// All tokens, one after the other.
    text: String,
    /// Where token `id` starts in `text`; one more entry ends the last.
    starts: Vec<u32>,
    /// Ids by hash, a power of two of slots, at most half of them used.
    slots: Vec<u32>,
    /// The hash after the continuing prefix, from which a continuing piece is hashed on.
    prefix_hash: u64,
    prefix: String,
    longest: usize,
}

impl Vocabulary {
    pub(super) fn new(joined: &str, prefix: &str) -> Result<Vocabulary> {
        if joined.len() >= EMPTY as usize {
            return Err(bad("it is longer than 4 GiB", ""));
        }
        let count = joined.split('\n').count();
        let mut vocabulary = Vocabulary {
            text: String::with_capacity(joined.len()),
            starts: Vec::with_capacity(count + 1),
            slots: vec![EMPTY; (count * 2).next_power_of_two()],
            prefix_hash: extend(HASH_SEED, prefix.as_bytes()),
            prefix: prefix.to_owned(),
            longest: 0,
        };
        vocabulary.starts.push(0);
        for (id, token) in joined.split('\n').enumerate() {
            if token.is_empty() {
                return Err(bad("a token is empty", token));
            }
            let slot = vocabulary.slot(extend(HASH_SEED, token.as_bytes()), "", token);
            if vocabulary.slots[slot] != EMPTY {
                return Err(bad("a token occurs twice", token));
            }
            vocabulary.text.push_str(token);
            vocabulary.starts.push(vocabulary.text.len() as u32);
            vocabulary.slots[slot] = id as u32;
            vocabulary.longest = vocabulary.longest.max(token.len());
        }
        Ok(vocabulary)
    }

    pub(super) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// The tokens in the order of their ids.
    pub(super) fn tokens(&self) -> impl Iterator<Item = &str> {
        let borders = self.starts.windows(2);
        borders.map(|pair| &self.text[pair[0] as usize..pair[1] as usize])
    }

    /// Bytes of tokens and table.
    pub(super) fn size_bytes(&self) -> usize {
        self.text.capacity() + (self.starts.capacity() + self.slots.capacity()) * size_of::<u32>()
    }

    pub(super) fn id(&self, token: &str) -> Option<u32> {
        self.find(extend(HASH_SEED, token.as_bytes()), "", token)
    }

    /// Appends the pieces of `word`; false, appending nothing, when it cannot be cut.
    pub(super) fn cut(&self, word: &str, out: &mut Vec<u32>) -> bool {
        let before = out.len();
        let mut rest = word;
        while !rest.is_empty() {
            let (seed, prefix) = if rest.len() == word.len() {
                (HASH_SEED, "")
            } else {
                (self.prefix_hash, self.prefix.as_str())
            };
            match self.longest_piece(seed, prefix, rest) {
                Some((id, length)) => {
                    out.push(id);
                    rest = &rest[length..];
                }
                None => {
                    out.truncate(before);
                    return false;
                }
            }
        }
        true
    }

    /// The longest token that `prefix` and a beginning of `rest` make, and how much of `rest` it takes.
    fn longest_piece(&self, seed: u64, prefix: &str, rest: &str) -> Option<(u32, usize)> {
        let whole = rest.len() <= self.longest;
        if whole && let Some(id) = self.find(extend(seed, rest.as_bytes()), prefix, rest) {
            return Some((id, rest.len()));
        }
        let mut found = None;
        let mut hash = seed;
        let mut start = 0;
        let borders = rest.char_indices().map(|(at, _)| at).skip(1);
        for border in borders.take_while(|border| *border <= self.longest) {
            hash = extend(hash, &rest.as_bytes()[start..border]);
            start = border;
            if let Some(id) = self.find(hash, prefix, &rest[..border]) {
                found = Some((id, border));
            }
        }
        // The last border of a word that is too long to be whole is its end.
        found
    }

    fn find(&self, hash: u64, prefix: &str, rest: &str) -> Option<u32> {
        let id = self.slots[self.slot(hash, prefix, rest)];
        (id != EMPTY).then_some(id)
    }

    /// The slot that holds the token `prefix` + `rest`, or the empty one where it belongs.
    fn slot(&self, hash: u64, prefix: &str, rest: &str) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = (hash ^ (hash >> 32)) as usize & mask;
        loop {
            let id = self.slots[slot];
            if id == EMPTY {
                return slot;
            }
            let start = self.starts[id as usize] as usize;
            let end = self.starts[id as usize + 1] as usize;
            let token = &self.text[start..end];
            if token.len() == prefix.len() + rest.len()
                && token.ends_with(rest)
                && token.starts_with(prefix)
            {
                return slot;
            }
            slot = (slot + 1) & mask;
        }
    }
}

/// FNV-1a (Fowler, Noll, Vo), which can be continued byte by byte.
fn extend(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(HASH_PRIME)
    })
}

fn bad(what: &str, token: &str) -> Error {
    Error::new(
        Code::BadFormat,
        format!("the vocabulary cannot be used: {what}; convert the model again"),
    )
    .with(json!({"token": token}))
}
