//! A published collection on its way into memory: both files whole, then an index like any other.
//!
//! Owns which bytes are still lacking; must not know how they are read. Invariant: nothing of a file is used before all of it
//! has been compared with its digests, and bytes that turn out to be damaged are forgotten.

use crate::analysis::Language;
use crate::error::Result;
use crate::file::{Answer, File, Need};
use crate::index::Index;
use crate::segment::{Whole, is_pointer, segment_of};
use crate::sorted::SortedMap;

/// Collections on their way, by the names they will have.
#[derive(Debug, Default)]
pub struct Loads(SortedMap<String, Loading>);

impl Loads {
    /// The index, or what is lacking; none when `file`, of that source and length, is no pointer to a collection.
    ///
    /// # Errors
    /// `bad_format`, `wrong_version`, `wrong_digest`, or `unsupported` for documents without vectors.
    pub fn open(
        &mut self,
        name: &str,
        source: &str,
        length: u64,
        file: &mut File,
    ) -> Result<Answer<Option<Index>>> {
        let begun = self.0.remove(name);
        let begun = begun.filter(|loading| loading.is(source, length));
        // It exists before anybody knows whether it is needed, so that a pointer that was given whole is not asked for again.
        let mut loading = begun.unwrap_or_else(|| Loading::new(source, length));
        if loading.segment.is_none() {
            match is_pointer(file)? {
                Answer::Ready(true) => {}
                Answer::Ready(false) => return Ok(Answer::Ready(None)),
                Answer::Need(needs) => {
                    self.0.insert(name.to_owned(), loading);
                    return Ok(Answer::Need(needs));
                }
            }
        }
        Ok(match loading.open()? {
            Answer::Ready(index) => Answer::Ready(Some(index)),
            Answer::Need(needs) => {
                self.0.insert(name.to_owned(), loading);
                Answer::Need(needs)
            }
        })
    }

    /// Hands over bytes to those that lack them.
    pub fn provide(&mut self, file: &str, offset: u64, bytes: &[u8]) {
        for loading in self.0.values_mut() {
            loading.provide(file, offset, bytes);
        }
    }

    /// Forgets the beginning of one; whether there was one.
    pub fn close(&mut self, name: &str) -> bool {
        self.0.remove(name).is_some()
    }

    /// Bytes that are held.
    pub fn size_bytes(&self) -> usize {
        self.0.values().map(Loading::size_bytes).sum()
    }
}

/// One of the two files.
#[derive(Debug)]
struct Piece {
    name: String,
    length: u64,
    bytes: Option<Vec<u8>>,
}

impl Piece {
    fn need(&self) -> Option<Need> {
        self.bytes.is_none().then(|| Need {
            file: self.name.clone(),
            offset: 0,
            length: self.length,
        })
    }
}

/// A collection of which some bytes may be at hand.
#[derive(Debug)]
struct Loading {
    pointer: Piece,
    segment: Option<Piece>,
}

impl Loading {
    /// A collection whose pointer file has that name and length.
    fn new(pointer: &str, length: u64) -> Loading {
        Loading {
            pointer: Piece {
                name: pointer.to_owned(),
                length,
                bytes: None,
            },
            segment: None,
        }
    }

    /// Whether it was made with these arguments.
    fn is(&self, pointer: &str, length: u64) -> bool {
        self.pointer.name == pointer && self.pointer.length == length
    }

    /// Takes a file; parts of one, and files that are not lacking, are not kept.
    fn provide(&mut self, name: &str, offset: u64, bytes: &[u8]) {
        for piece in [&mut self.pointer].into_iter().chain(&mut self.segment) {
            let is_all = offset == 0 && bytes.len() as u64 >= piece.length;
            if piece.name == name && is_all && piece.bytes.is_none() {
                piece.bytes = Some(bytes[..piece.length as usize].to_vec());
            }
        }
    }

    /// Bytes that are at hand.
    fn size_bytes(&self) -> usize {
        let pieces = [&self.pointer].into_iter().chain(&self.segment);
        pieces.flat_map(|piece| &piece.bytes).map(Vec::len).sum()
    }

    /// The index, or what is lacking.
    ///
    /// # Errors
    /// `bad_format`, `wrong_version`, `wrong_digest`, or `unsupported` for documents without vectors.
    fn open(&mut self) -> Result<Answer<Index>> {
        let Some(pointer) = &self.pointer.bytes else {
            return Ok(Answer::Need(self.pointer.need().into_iter().collect()));
        };
        if self.segment.is_none() {
            let (name, length) = segment_of(pointer)?;
            self.segment = Some(Piece {
                name: beside(&self.pointer.name, &name),
                length,
                bytes: None,
            });
        }
        let segment = self.segment.iter();
        let Some(bytes) = segment.clone().find_map(|piece| piece.bytes.as_ref()) else {
            return Ok(Answer::Need(segment.filter_map(Piece::need).collect()));
        };
        let whole = Whole::open(pointer, bytes)?;
        let main = whole.languages().first();
        let main = main.and_then(|code| Language::from_code(code));
        let main = main.unwrap_or(Language::English);
        let mut index = Index::of_contents(&whole.contents()?, main, whole.user().clone())?;
        index.set_bands(whole.bands().cloned());
        Ok(Answer::Ready(index))
    }
}

/// The name of a file that lies beside another: what stands up to the last `/` of a path or address, without what is asked of
/// it, and then `name`.
pub fn beside(other: &str, name: &str) -> String {
    let path = other.split(['?', '#']).next().unwrap_or_default();
    let folder = path.rfind('/').map_or("", |end| &path[..=end]);
    format!("{folder}{name}")
}

#[cfg(test)]
mod tests {
    use super::beside;

    #[test]
    fn a_file_lies_beside_another_in_a_folder_or_at_an_address() {
        for (other, expected) in [
            ("c.findling", "s"),
            ("a/b/c.findling", "a/b/s"),
            ("https://x.org/a/c.findling?v=1/2", "https://x.org/a/s"),
            ("/c#/d", "/s"),
        ] {
            assert_eq!(beside(other, "s"), expected);
        }
    }
}
