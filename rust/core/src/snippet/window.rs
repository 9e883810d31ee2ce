//! Which stretch of a text is shown.
//!
//! Owns where a window begins and ends; must not know what the marked words are. All counts are whole numbers, so that every target
//! chooses the same window.
//! Invariant: a window has at most twice the columns it was asked for, and its borders are borders of characters.

use super::columns;
use super::marks::Highlight;
use super::sentence::{sentences, trimmed};
use crate::analysis;
use std::ops::Range;

/// What a word counts when it is found, in parts of its weight; and for being found again, up to [`AGAIN_MOST`] times.
const FOUND: u64 = 8;
const AGAIN: u64 = 1;
const AGAIN_MOST: u64 = 2;
/// What standing in the best passage counts, in the same parts of the mean weight: half a word.
const IN_BEST: u64 = 4;

/// A window and whether sentences were cut at its ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Framed {
    pub(super) range: Range<usize>,
    pub(super) cut_before: bool,
    pub(super) cut_after: bool,
}

/// From the first to the last mark of the window that counts most; none without marks.
pub(super) fn densest(
    text: &str,
    marks: &[Highlight],
    weights: &[u64],
    best: &Range<usize>,
    most: usize,
) -> Option<Range<usize>> {
    let places = places(text, marks);
    let bonus = weights.iter().sum::<u64>() / weights.len().max(1) as u64 * IN_BEST;
    let mut counts = vec![0u64; weights.len()];
    let mut worth = 0;
    let mut first = 0;
    let mut chosen: Option<(u64, Range<usize>)> = None;
    for (last, mark) in marks.iter().enumerate() {
        counts[mark.word] += 1;
        worth += weights[mark.word] * step(counts[mark.word]);
        while first < last && places[last].1.saturating_sub(places[first].0) > most {
            let left = marks[first].word;
            worth -= weights[left] * step(counts[left]);
            counts[left] -= 1;
            first += 1;
        }
        let range = marks[first].start..mark.end.max(marks[first].end);
        let inside = best.start <= range.start && range.end <= best.end;
        let total = worth + if inside { bonus } else { 0 };
        if chosen.as_ref().is_none_or(|(before, _)| total > *before) {
            chosen = Some((total, range));
        }
    }
    let (_, range) = chosen?;
    // A phrase may have any number of blanks and signs between its words.
    let end = range.start + forward(&text[range.clone()], most);
    Some(range.start..end)
}

/// What the `count`th time that a word is found adds.
fn step(count: u64) -> u64 {
    match count {
        1 => FOUND,
        count if count - 1 <= AGAIN_MOST => AGAIN,
        _ => 0,
    }
}

/// The columns at which each mark begins and ends.
fn places(text: &str, marks: &[Highlight]) -> Vec<(usize, usize)> {
    let mut places = vec![(0, 0); marks.len()];
    let mut ends: Vec<(usize, usize)> = marks
        .iter()
        .enumerate()
        .map(|(k, mark)| (mark.end, k))
        .collect();
    ends.sort_unstable();
    let mut starts = marks.iter().enumerate().peekable();
    let mut ends = ends.into_iter().peekable();
    let mut column = 0;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        while let Some((k, _)) = starts.next_if(|(_, mark)| mark.start <= at) {
            places[k].0 = column;
        }
        while let Some((_, k)) = ends.next_if(|(end, _)| *end <= at) {
            places[k].1 = column;
        }
        column += columns(c);
    }
    places
}

/// The window around a stretch that has to be in it: from the start of its sentence where that is near enough, to the end of the
/// last sentence that fits, else from word to word.
pub(super) fn around(text: &str, core: Range<usize>, most: usize) -> Framed {
    // Nothing further away can get in, so nothing further away is read.
    let near = (core.end + forward(&text[core.end..], most + 1)).min(text.len());
    let far = core.start - backward(&text[..core.start], most + 1);
    let sentences: Vec<Range<usize>> = sentences(&text[far..near])
        .into_iter()
        .map(|each| each.start + far..each.end + far)
        // What the stretch that is read begins or ends with may be the middle of a sentence.
        .map(|each| {
            let start = if each.start == first_sign(text, far) && far > 0 {
                usize::MAX
            } else {
                each.start
            };
            let end = if each.end == last_sign(text, far, near) && near < text.len() {
                usize::MAX
            } else {
                each.end
            };
            start..end
        })
        .collect();
    let width = |range: Range<usize>| text[range].chars().map(columns).sum::<usize>();
    let mut left = most.saturating_sub(width(core.clone()));
    let begins = |from: usize, room: usize| {
        let least = from - backward(&text[..from], room);
        sentences
            .iter()
            .map(|each| each.start)
            .filter(|start| (least..=from).contains(start))
            .min()
    };
    // The sentence of the core, and none before it.
    let own = sentences
        .iter()
        .map(|each| each.start)
        .filter(|start| *start <= core.start)
        .max();
    let own = own.filter(|start| width(*start..core.start) <= left);
    let mut start = own.unwrap_or_else(|| word_start(text, core.start, left / 3));
    left -= width(start..core.start).min(left);
    let reach = core.end + forward(&text[core.end..], left);
    let full = sentences
        .iter()
        .map(|each| each.end)
        .filter(|end| (core.end..=reach).contains(end))
        .max();
    let full = full.filter(|end| width(start..*end) * 2 >= most);
    let end = if blank(&text[reach..]) {
        reach
    } else {
        full.unwrap_or_else(|| word_end(text, core.end, left, core.is_empty()))
    };
    left -= width(core.end..end).min(left);
    // What the end of the text left over.
    if blank(&text[end..]) && left > 0 {
        start = begins(start, left).unwrap_or_else(|| {
            if own.is_some() {
                start
            } else {
                word_start(text, start, left)
            }
        });
    }
    let range = trimmed(text, start..end);
    let is = |border: usize| move |each: usize| each == border;
    Framed {
        cut_before: !blank(&text[..range.start])
            && !sentences.iter().map(|each| each.start).any(is(range.start)),
        cut_after: !blank(&text[range.end..])
            && !sentences.iter().map(|each| each.end).any(is(range.end)),
        range,
    }
}

/// The window that begins where `best` does, or with the first sentence in it that begins there.
pub(super) fn from(text: &str, best: &Range<usize>, most: usize) -> Framed {
    let behind = blank(&text[best.start..]);
    let start = first_sign(text, if behind { 0 } else { best.start });
    // All that fits, and some of what is before, to know whether a sentence begins here.
    let core = around(text, start..start, most);
    if !core.cut_before {
        return core;
    }
    let inside = text[start..best.end.max(start)]
        .len()
        .min(forward(&text[start..], most));
    let next = sentences(&text[start..start + inside])
        .get(1)
        .map(|each| start + each.start);
    match next.filter(|next| {
        text[*next..best.end.max(*next)]
            .chars()
            .map(columns)
            .sum::<usize>()
            * 2
            >= most
    }) {
        Some(next) => around(text, next..next, most),
        None => core,
    }
}

fn blank(text: &str) -> bool {
    text.trim_start().is_empty()
}

fn first_sign(text: &str, from: usize) -> usize {
    text.len() - text[from..].trim_start().len()
}

fn last_sign(text: &str, from: usize, to: usize) -> usize {
    from + text[from..to].trim_end().len()
}

/// How many bytes of the front of a text have at most so many columns.
fn forward(text: &str, most: usize) -> usize {
    let mut room = most;
    let beyond = text.char_indices().find(|(_, c)| {
        let width = columns(*c);
        let over = width > room;
        room = room.saturating_sub(width);
        over
    });
    beyond.map_or(text.len(), |(at, _)| at)
}

/// How many bytes of the end of a text have at most so many columns.
fn backward(text: &str, most: usize) -> usize {
    let mut room = most;
    let beyond = text.char_indices().rev().find(|(_, c)| {
        let width = columns(*c);
        let over = width > room;
        room = room.saturating_sub(width);
        over
    });
    text.len() - beyond.map_or(0, |(at, c)| at + c.len_utf8())
}

/// The first place where a word begins, at most so many columns before `from`.
fn word_start(text: &str, from: usize, most: usize) -> usize {
    let least = from - backward(&text[..from], most);
    borders(text, least..from).next().unwrap_or(from)
}

/// The last place where a word ends, at most so many columns behind `from`; none there is in a run without blanks, which is cut
/// where the columns end.
fn word_end(text: &str, from: usize, most: usize, is_empty: bool) -> usize {
    let reach = from + forward(&text[from..], most);
    let border = borders(text, from..reach).last();
    border
        .filter(|end| *end > from || !is_empty)
        .unwrap_or(reach)
}

/// Places within a stretch, ends included, at which a text may be cut: beside blanks and between letters of scripts without them,
/// but not before what belongs to the sign before it.
fn borders(text: &str, range: Range<usize>) -> impl Iterator<Item = usize> + '_ {
    let behind = text[range.end..].chars().next().map_or(0, char::len_utf8);
    text[range.start..range.end + behind]
        .char_indices()
        .map(move |(at, c)| (range.start + at, c))
        .filter(|(at, next)| {
            let Some(before) = text[..*at].chars().next_back() else {
                return true;
            };
            let dense = analysis::is_dense(before) || analysis::is_dense(*next);
            let joined = analysis::continues(*next) || before == '\u{200d}';
            before.is_whitespace() || next.is_whitespace() || (dense && !joined)
        })
        .map(|(at, _)| at)
}
