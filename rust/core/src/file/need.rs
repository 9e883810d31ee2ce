//! What a call answers that may lack bytes: the answer, or the ranges of files to fetch before it is asked again.
//!
//! Owns both and how several become one; must not know what the bytes are for. Invariant: an answer is never made of less than all that
//! it needs.

use serde::Serialize;

/// A range of a file that has to be provided before a call can be answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Need {
    /// The name the file was opened with.
    pub file: String,
    /// First byte.
    pub offset: u64,
    /// Number of bytes.
    pub length: u64,
}

/// An answer, or what has to be fetched before there is one.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer<T> {
    /// The answer.
    Ready(T),
    /// The ranges without which there is none; the call is to be made again after they were provided.
    Need(Vec<Need>),
}

/// What several calls lack, each byte once: ranges of a file that overlap or touch are one.
pub fn together(mut needs: Vec<Need>) -> Vec<Need> {
    needs.sort_unstable_by(|a, b| (&a.file, a.offset).cmp(&(&b.file, b.offset)));
    let mut joined: Vec<Need> = Vec::with_capacity(needs.len());
    for need in needs {
        match joined.last_mut() {
            Some(last) if last.file == need.file && need.offset <= last.offset + last.length => {
                last.length = last.length.max(need.offset + need.length - last.offset);
            }
            _ => joined.push(need),
        }
    }
    joined
}

impl<T> Answer<T> {
    /// The answer turned into another, once it is there.
    pub fn map<U>(self, turn: impl FnOnce(T) -> U) -> Answer<U> {
        match self {
            Answer::Ready(answer) => Answer::Ready(turn(answer)),
            Answer::Need(needs) => Answer::Need(needs),
        }
    }

    /// What has to be fetched; nothing when the answer is there.
    pub fn needs(self) -> Vec<Need> {
        match self {
            Answer::Ready(_) => Vec::new(),
            Answer::Need(needs) => needs,
        }
    }
}
