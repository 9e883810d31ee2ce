//! A collection on its way into memory: its pointer and all its segments whole, then an index like any other.
//!
//! Owns which bytes are still lacking, and in which segment each document lies; must not know how they are read. Invariant: nothing
//! of a file is used before all of it has been compared with its digests, and bytes that turn out to be damaged are forgotten.

use crate::analysis::Language;
use crate::error::{Code, Error, Result};
use crate::file::{Answer, File, Need};
use crate::index::Index;
use crate::segment::{Contents, Pointer, Role, SegmentFile, Whole, name_digest, role};
use crate::sorted::SortedMap;
use crate::stored::bad;
use serde_json::json;

/// Collections on their way, by the names they will have.
#[derive(Debug, Default)]
pub struct Loads(SortedMap<String, Loading>);

impl Loads {
    /// The index, or what is lacking; none when `file`, of that source and length, is no pointer to a collection, or to one that can be
    /// read in pieces unless it has to be `whole`.
    ///
    /// # Errors
    /// `bad_format`, `wrong_version`, `wrong_digest`, or `unsupported` for documents without vectors.
    pub fn open(
        &mut self,
        name: &str,
        source: &str,
        length: u64,
        file: &mut File,
        whole: bool,
    ) -> Result<Answer<Option<Index>>> {
        let begun = self.0.remove(name);
        let begun = begun.filter(|loading| loading.is(source, length));
        // It exists before anybody knows whether it is needed, so that a pointer that was given whole is not asked for again.
        let mut loading = begun.unwrap_or_else(|| Loading::new(source, length));
        if loading.segments.is_none() {
            match role(file)? {
                Answer::Ready(Role::Whole) => {}
                Answer::Ready(Role::Pieces) if whole => {}
                Answer::Ready(_) => return Ok(Answer::Ready(None)),
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

/// One of the files.
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
    /// In the order of the pointer; none before that has been read.
    segments: Option<Vec<Piece>>,
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
            segments: None,
        }
    }

    /// Whether it was made with these arguments.
    fn is(&self, pointer: &str, length: u64) -> bool {
        self.pointer.name == pointer && self.pointer.length == length
    }

    /// Takes a file; parts of one, and files that are not lacking, are not kept.
    fn provide(&mut self, name: &str, offset: u64, bytes: &[u8]) {
        let segments = self.segments.iter_mut().flatten();
        for piece in [&mut self.pointer].into_iter().chain(segments) {
            let is_all = offset == 0 && bytes.len() as u64 >= piece.length;
            if piece.name == name && is_all && piece.bytes.is_none() {
                piece.bytes = Some(bytes[..piece.length as usize].to_vec());
            }
        }
    }

    /// Bytes that are at hand.
    fn size_bytes(&self) -> usize {
        let segments = self.segments.iter().flatten();
        let pieces = [&self.pointer].into_iter().chain(segments);
        pieces.flat_map(|piece| &piece.bytes).map(Vec::len).sum()
    }

    /// The index, or what is lacking.
    ///
    /// # Errors
    /// `bad_format`, `wrong_version`, `wrong_digest`, or `unsupported` for documents without vectors.
    fn open(&mut self) -> Result<Answer<Index>> {
        let Some(bytes) = &self.pointer.bytes else {
            return Ok(Answer::Need(self.pointer.need().into_iter().collect()));
        };
        let (pointer, digest) = (Pointer::parse(bytes)?, name_digest(bytes)?);
        let segments = self.segments.get_or_insert_with(|| {
            let files = pointer.segments.iter();
            files
                .map(|file| Piece {
                    name: beside(&self.pointer.name, &file.file),
                    length: file.length,
                    bytes: None,
                })
                .collect()
        });
        let needs: Vec<Need> = segments.iter().filter_map(Piece::need).collect();
        if !needs.is_empty() {
            return Ok(Answer::Need(needs));
        }
        let bytes = segments.iter_mut().filter_map(|piece| piece.bytes.take());
        Ok(Answer::Ready(joined(pointer, digest, bytes)?))
    }
}

/// The index of all segments of a pointer, without the documents that are gone.
fn joined(
    mut pointer: Pointer,
    digest: String,
    segments: impl Iterator<Item = Vec<u8>>,
) -> Result<Index> {
    let (mut index, mut numbers) = (Index::new(), Vec::new());
    for (at, bytes) in segments.enumerate() {
        let file = pointer.segments[at].clone();
        let (mut part, mut own) = match file.is_live() {
            true => live(&file, &bytes)?,
            false => published(&mut pointer, &bytes)?,
        };
        drop(bytes);
        // By number in the segment, to be removed by number in the index.
        let is_gone = |number: &u32| pointer.gone[at].binary_search(number).is_ok();
        let gone = (0_u32..).zip(&own).filter(|(_, number)| is_gone(number));
        let gone: Vec<u32> = gone.map(|(document, _)| document).collect();
        part.remove_numbers(&gone)?;
        own.retain(|number| !is_gone(number));
        numbers.extend(own.into_iter().map(|number| (at, number)));
        match at {
            0 => index = part,
            _ => index.append(&part)?,
        }
    }
    index.set_meta(std::mem::take(&mut pointer.user));
    index.set_bands(pointer.bands.take());
    index.set_stored(digest, &pointer, &numbers);
    Ok(index)
}

/// What the live segments of a pointer hold, whose bytes come in its order, without the documents that are gone.
///
/// # Errors
/// `bad_format`, `wrong_version` or `wrong_digest`.
pub fn live_contents(
    pointer: &Pointer,
    segments: impl Iterator<Item = Vec<u8>>,
) -> Result<Contents> {
    let mut all = Index::new();
    for ((file, gone), bytes) in pointer.live().zip(segments) {
        let (mut part, _) = live(file, &bytes)?;
        part.remove_numbers(gone)?;
        all.append(&part)?;
    }
    // Without one of their own they have that of most documents, which are not here.
    let main = pointer.languages.first();
    if let Some(main) = main.and_then(|code| Language::from_code(code)) {
        all.assume_language(main)?;
    }
    all.contents()
}

/// A live segment, and the numbers of its documents.
///
/// # Errors
/// `bad_format`, `wrong_version` or `wrong_digest`.
fn live(file: &SegmentFile, bytes: &[u8]) -> Result<(Index, Vec<u32>)> {
    let found = name_digest(bytes)?;
    if found != file.digest {
        return Err(Error::new(
            Code::WrongDigest,
            "a segment is not the one that the pointer names; fetch or build the collection again",
        )
        .with(json!({"file": file.file, "found": found, "wanted": file.digest})));
    }
    let index = Index::load_sections(bytes, false)?;
    let documents = file.documents.unwrap_or(0);
    if index.documents() != documents as usize {
        return Err(bad(
            "a segment has other than as many documents as its pointer says",
        ));
    }
    Ok((index, (0..documents).collect()))
}

/// The published segment, and the numbers of its documents in the order of the index; what version 1 of the pointer does not say
/// is filled in.
fn published(pointer: &mut Pointer, bytes: &[u8]) -> Result<(Index, Vec<u32>)> {
    let whole = Whole::of(pointer.clone(), bytes)?;
    let main = pointer.segments[0].main.as_ref();
    let main = main.or(whole.languages().first()).cloned();
    let language = main.as_deref().and_then(Language::from_code);
    let contents = whole.contents()?;
    let language = language.unwrap_or(Language::English);
    let index = Index::of_contents(&contents, language, Default::default())?;
    let file = &mut pointer.segments[0];
    file.live = Some(false);
    file.count(index.documents() as u32, pointer.gone[0].len());
    file.main = Some(main.unwrap_or_default());
    Ok((index, whole.numbers()?))
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
