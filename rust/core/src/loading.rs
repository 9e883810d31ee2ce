//! A collection on its way into memory: its pointer and all its segments whole, then an index like any other.
//!
//! Owns which bytes are still lacking, and in which segment each document lies; must not know how they are read. Invariant: nothing
//! is used before it has been compared with its digests, and bytes that turn out to be damaged are forgotten. Where all segments are
//! live and not all is to be read, records stay in their files until they are shown or all of them are needed, and tokens of the first too.

use crate::analysis::Language;
use crate::error::{Code, Error, Result};
use crate::file::{Answer, File, Need};
use crate::format::{Kind, hex};
use crate::index::{Index, add};
use crate::segment::{Contents, Pointer, Role, SegmentFile, Whole, name_digest, role};
use crate::sorted::SortedMap;
use crate::stored::bad;
use serde_json::json;

/// So many documents of the first segment may be gone for their tokens alone to be read: each lies in another block.
const FEW_GONE: usize = 64;

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
        if loading.read.is_none() {
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
        Ok(match loading.open(whole)? {
            Answer::Ready(index) => Answer::Ready(Some(index)),
            Answer::Need(needs) => {
                self.0.insert(name.to_owned(), loading);
                Answer::Need(needs)
            }
        })
    }

    /// The files of live segments, which lack bytes.
    pub fn files_mut(&mut self) -> impl Iterator<Item = &mut File> {
        self.0.values_mut().flat_map(Loading::files_mut)
    }

    /// Hands over bytes to those of the other files that lack them.
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

/// How much of a live segment is read before it is searched.
#[derive(Clone, Copy, Debug)]
enum Extent<'a> {
    /// All of it.
    All,
    /// Everything but the records, which stay in their file until they are shown.
    Searched,
    /// Neither records nor tokens, but for those of documents that are gone: others are joined to it.
    Found(&'a [u32]),
}

/// A segment of which some bytes may be at hand.
#[derive(Debug)]
enum Part {
    /// A published one, which is read whole.
    Published(Piece),
    /// A live one.
    Live(File),
    /// A live one of which the documents were read.
    Open(Box<Index>),
}

/// A pointer that was read, and its segments in its order.
#[derive(Debug)]
struct Read {
    pointer: Pointer,
    digest: String,
    parts: Vec<Part>,
}

/// A collection of which some bytes may be at hand.
#[derive(Debug)]
struct Loading {
    pointer: Piece,
    /// None before the pointer is at hand.
    read: Option<Read>,
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
            read: None,
        }
    }

    /// Whether it was made with these arguments.
    fn is(&self, pointer: &str, length: u64) -> bool {
        self.pointer.name == pointer && self.pointer.length == length
    }

    fn parts_mut(&mut self) -> impl Iterator<Item = &mut Part> {
        self.read.iter_mut().flat_map(|read| &mut read.parts)
    }

    fn files_mut(&mut self) -> impl Iterator<Item = &mut File> {
        self.parts_mut().flat_map(|part| {
            let (file, index) = match part {
                Part::Published(_) => (None, None),
                Part::Live(file) => (Some(file), None),
                Part::Open(index) => (None, Some(index.files_mut())),
            };
            file.into_iter().chain(index.into_iter().flatten())
        })
    }

    /// Takes a file that is read whole; parts of one, and files that are not lacking, are not kept.
    fn provide(&mut self, name: &str, offset: u64, bytes: &[u8]) {
        let published = self
            .read
            .iter_mut()
            .flat_map(|read| &mut read.parts)
            .filter_map(|part| match part {
                Part::Published(piece) => Some(piece),
                _ => None,
            });
        for piece in [&mut self.pointer].into_iter().chain(published) {
            let is_all = offset == 0 && bytes.len() as u64 >= piece.length;
            if piece.name == name && is_all && piece.bytes.is_none() {
                piece.bytes = Some(bytes[..piece.length as usize].to_vec());
            }
        }
    }

    /// Bytes that are at hand.
    fn size_bytes(&self) -> usize {
        let piece = |piece: &Piece| piece.bytes.as_ref().map_or(0, Vec::len);
        let parts = self.read.iter().flat_map(|read| &read.parts);
        let parts = parts.map(|part| match part {
            Part::Published(published) => piece(published),
            Part::Live(file) => file.size_bytes(),
            Part::Open(index) => {
                let size = index.size_bytes();
                size.vectors + size.text
            }
        });
        piece(&self.pointer) + parts.sum::<usize>()
    }

    /// The index, or what is lacking; with `whole` nothing of it stays in a file.
    ///
    /// # Errors
    /// `bad_format`, `wrong_version`, `wrong_digest`, or `unsupported` for documents without vectors.
    fn open(&mut self, whole: bool) -> Result<Answer<Index>> {
        if self.read.is_none() {
            let Some(bytes) = self.pointer.bytes.take() else {
                return Ok(Answer::Need(self.pointer.need().into_iter().collect()));
            };
            self.read = Some(Read::new(&bytes, &self.pointer.name)?);
        }
        let mut needs = Vec::new();
        if let Some(read) = &mut self.read {
            let pointer = &read.pointer;
            let is_all = whole || pointer.published().is_some();
            let named = pointer.segments.iter().zip(&pointer.gone);
            for (at, ((file, gone), part)) in named.zip(&mut read.parts).enumerate() {
                let extent = match at {
                    _ if is_all => Extent::All,
                    0 if gone.len() <= FEW_GONE => Extent::Found(gone),
                    _ => Extent::Searched,
                };
                needs.extend(part.advance(file, extent)?);
            }
        }
        if !needs.is_empty() {
            return Ok(Answer::Need(needs));
        }
        Ok(Answer::Ready(match self.read.take() {
            Some(read) => read.joined()?,
            None => Index::new(),
        }))
    }
}

impl Part {
    /// Goes on with what is at hand; gives what is lacking.
    fn advance(&mut self, named: &SegmentFile, extent: Extent<'_>) -> Result<Vec<Need>> {
        if let Part::Live(file) = self {
            match file.header(Kind::Index)? {
                Answer::Need(needs) => return Ok(needs),
                Answer::Ready(header) => check_named(named, &hex(&header.digest))?,
            }
            match Index::open(file)? {
                Answer::Need(mut needs) => {
                    let with_tokens = !matches!(extent, Extent::Found(_));
                    add(&mut needs, Index::lacks_searched(file, with_tokens)?);
                    return Ok(needs);
                }
                Answer::Ready(index) => {
                    check_counted(named, &index)?;
                    *self = Part::Open(Box::new(index));
                }
            }
        }
        match self {
            Part::Published(piece) => Ok(piece.need().into_iter().collect()),
            Part::Open(index) => match extent {
                Extent::All => Ok(index.fetch_part()?.needs()),
                Extent::Searched => index.fetch_searched(),
                Extent::Found(gone) => {
                    let needs = index.fetch_found()?;
                    match needs.is_empty() {
                        true => Ok(index.fetch_tokens(gone)?.needs()),
                        false => Ok(needs),
                    }
                }
            },
            Part::Live(_) => Ok(Vec::new()),
        }
    }
}

impl Read {
    /// What the bytes of a pointer file say, whose name is `source`.
    fn new(bytes: &[u8], source: &str) -> Result<Read> {
        let (pointer, digest) = (Pointer::parse(bytes)?, name_digest(bytes)?);
        let parts = pointer.segments.iter().map(|file| {
            let name = beside(source, &file.file);
            match file.is_live() {
                true => Part::Live(File::new(&name, file.length)),
                false => Part::Published(Piece {
                    name,
                    length: file.length,
                    bytes: None,
                }),
            }
        });
        Ok(Read {
            parts: parts.collect(),
            pointer,
            digest,
        })
    }

    /// The index of all segments, without the documents that are gone.
    fn joined(mut self) -> Result<Index> {
        let (mut index, mut numbers) = (Index::new(), Vec::new());
        for (at, part) in self.parts.into_iter().enumerate() {
            let (mut part, mut own) = match part {
                Part::Published(piece) => {
                    published(&mut self.pointer, &piece.bytes.unwrap_or_default())?
                }
                Part::Open(part) => {
                    let documents = part.documents() as u32;
                    (*part, (0..documents).collect())
                }
                Part::Live(_) => continue,
            };
            // By number in the segment, to be removed by number in the index.
            let is_gone = |number: &u32| self.pointer.gone[at].binary_search(number).is_ok();
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
        index.set_meta(std::mem::take(&mut self.pointer.user));
        index.set_bands(self.pointer.bands.take());
        index.set_stored(self.digest, &self.pointer, &numbers);
        Ok(index)
    }
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
        let mut part = live(file, &bytes)?;
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

/// A live segment whose bytes are at hand.
///
/// # Errors
/// `bad_format`, `wrong_version` or `wrong_digest`.
fn live(file: &SegmentFile, bytes: &[u8]) -> Result<Index> {
    check_named(file, &name_digest(bytes)?)?;
    let index = Index::load_sections(bytes, false)?;
    check_counted(file, &index)?;
    Ok(index)
}

/// Refuses a segment of another digest than the one that is named.
fn check_named(file: &SegmentFile, found: &str) -> Result<()> {
    if found == file.digest {
        return Ok(());
    }
    Err(Error::new(
        Code::WrongDigest,
        "a segment is not the one that the pointer names; fetch or build the collection again",
    )
    .with(json!({"file": file.file, "found": found, "wanted": file.digest})))
}

/// Refuses a segment of other than as many documents as it is said to have.
fn check_counted(file: &SegmentFile, index: &Index) -> Result<()> {
    if index.documents() == file.documents.unwrap_or(0) as usize {
        return Ok(());
    }
    Err(bad(
        "a segment has other than as many documents as its pointer says",
    ))
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
