//! The pieces of the table in the order of their bytes, cut into pages, and the cut of a word into its longest known ones.
//!
//! Owns the layout of a page and of the list of pages; must not know where pages come from or what stands beside a piece.
//! Invariant: a cut is the greedy longest-match-first one of WordPiece, and a forged page gives an error or some cut.
//!
//! The number of a piece is its place in the order. A page is 1 KiB of entries (how many bytes it shares with the piece
//! before, how many follow, those), then zeros; it begins with a whole piece. The list has for each page the number of its
//! first piece, u32, then that piece as its length, u8, and its bytes.

use super::stored::bad;
use crate::error::Result;
use serde_json::json;

/// Bytes of a page, which is one block of the container.
pub(super) const PAGE: usize = 1024;

/// What became of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// Its pieces were appended.
    Done,
    /// It has a part that no piece begins; nothing was appended.
    Unknown,
    /// This page is needed first; nothing was appended.
    Missing(usize),
}

/// Where pieces are: the first of each page.
#[derive(Clone, Debug)]
pub(super) struct List {
    firsts: Vec<First>,
    /// How many pieces there are.
    count: u32,
    /// What marks a piece that continues a word.
    prefix: Vec<u8>,
}

#[derive(Clone, Debug)]
struct First {
    number: u32,
    piece: Box<[u8]>,
}

/// The greatest piece that is not above a bound.
struct Before {
    number: u32,
    /// Its length, and how much of its beginning it shares with the bound.
    length: usize,
    shared: usize,
}

impl List {
    /// The list of `pages` pages with `count` pieces.
    pub(super) fn read(bytes: &[u8], pages: u64, count: u32, prefix: &str) -> Result<List> {
        let mut firsts: Vec<First> = Vec::new();
        let mut rest = bytes;
        while let Some((head, after)) = rest.split_first_chunk::<5>() {
            let number = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
            let Some((piece, after)) = after.split_at_checked(usize::from(head[4])) else {
                return Err(bad("the list of its pages breaks off"));
            };
            let follows = match firsts.last() {
                None => number == 0,
                Some(last) => last.number < number && *last.piece < *piece,
            };
            if !follows || number >= count || piece.is_empty() {
                return Err(bad("its pages are not in order").with(json!({"page": firsts.len()})));
            }
            firsts.push(First {
                number,
                piece: piece.into(),
            });
            rest = after;
        }
        if !rest.is_empty() || firsts.len() as u64 != pages {
            return Err(bad(
                "the list of its pages has another length than its pages",
            ));
        }
        Ok(List {
            firsts,
            count,
            prefix: prefix.as_bytes().to_vec(),
        })
    }

    /// Bytes in memory.
    pub(super) fn size_bytes(&self) -> usize {
        let pieces: usize = self.firsts.iter().map(|first| first.piece.len()).sum();
        self.firsts.capacity() * size_of::<First>() + pieces
    }

    /// Appends the numbers of the pieces of `word`. `page` gives a page's bytes, or none where they are not at hand.
    pub(super) fn cut<'a>(
        &self,
        word: &str,
        page: &dyn Fn(usize) -> Option<&'a [u8]>,
        out: &mut Vec<u32>,
    ) -> Result<Cut> {
        let before = out.len();
        let mut key = word.as_bytes().to_vec();
        // Of a continuing piece the mark does not count.
        let mut mark = 0;
        while key.len() > mark {
            match self.longest(&key, mark, page)? {
                Found::Piece(number, length) => {
                    out.push(number);
                    key.drain(..length);
                    key.splice(..0, self.prefix.iter().copied());
                    mark = self.prefix.len();
                }
                Found::Nothing => {
                    out.truncate(before);
                    return Ok(Cut::Unknown);
                }
                Found::Missing(page) => {
                    out.truncate(before);
                    return Ok(Cut::Missing(page));
                }
            }
        }
        Ok(Cut::Done)
    }

    /// The longest piece that `key` begins with and that is longer than `mark`.
    ///
    /// The greatest piece not above the key is the one, or shares with it a beginning that no such piece goes beyond.
    fn longest<'a>(
        &self,
        key: &[u8],
        mark: usize,
        page: &dyn Fn(usize) -> Option<&'a [u8]>,
    ) -> Result<Found> {
        let mut bound = key;
        while bound.len() > mark {
            let at = self.firsts.partition_point(|first| *first.piece <= *bound);
            let Some(at) = at.checked_sub(1) else {
                return Ok(Found::Nothing);
            };
            let Some(bytes) = page(at) else {
                return Ok(Found::Missing(at));
            };
            let found = self.before(at, bytes, bound)?;
            if found.shared == found.length {
                return Ok(match found.length > mark {
                    true => Found::Piece(found.number, found.length),
                    false => Found::Nothing,
                });
            }
            if found.shared == bound.len() {
                return Err(disordered(at));
            }
            bound = &bound[..found.shared];
        }
        Ok(Found::Nothing)
    }

    /// The greatest piece of page `at` that is not above `bound`; the page's first one is not.
    fn before(&self, at: usize, bytes: &[u8], bound: &[u8]) -> Result<Before> {
        let First { number, piece } = &self.firsts[at];
        let end = self
            .firsts
            .get(at + 1)
            .map_or(self.count, |first| first.number);
        let mut current: Vec<u8> = Vec::new();
        let mut found = None;
        let mut rest = bytes;
        for number in *number..end {
            let Some(([shared, more], after)) = rest.split_first_chunk::<2>() else {
                return Err(disordered(at));
            };
            let (shared, more) = (usize::from(*shared), usize::from(*more));
            if shared > current.len() || more == 0 || after.len() < more {
                return Err(disordered(at));
            }
            current.truncate(shared);
            current.extend_from_slice(&after[..more]);
            rest = &after[more..];
            if *current > *bound {
                break;
            }
            found = Some(Before {
                number,
                length: current.len(),
                shared: common(&current, bound),
            });
        }
        // Where the page does not begin as the list says, its first piece may be above the bound.
        found
            .filter(|_| bytes.get(2..2 + piece.len()) == Some(piece))
            .ok_or_else(|| disordered(at))
    }
}

/// What was found of a word's beginning.
enum Found {
    /// A piece's number and length, the mark included.
    Piece(u32, usize),
    Nothing,
    Missing(usize),
}

fn common(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(x, y)| x == y).count()
}

fn disordered(page: usize) -> crate::error::Error {
    bad("the pieces of a page are not in order").with(json!({"page": page}))
}
