//! The pointer file of a collection: its segments, which of their documents are gone, and what readers have to know at once.
//!
//! Owns both versions of it (docs/FORMAT.md) and the tombstones; must not know what lies in a segment. Invariant: what is read
//! back equals what was written, and names, counts and numbers that cannot be are refused.

use super::bytes::{Cursor, bad, put};
use super::meta::{self, Parameters};
use crate::bands::Bands;
use crate::error::Result;
use crate::file::{Answer, File};
use crate::format::{Container, Header, Kind, hex, pack};
use crate::stored::{self, Meta as _, read_meta, write_meta};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One published segment, and nothing gone.
const PLAIN: u32 = 1;

/// A file that a pointer names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentFile {
    /// Its name, beside the pointer.
    pub file: String,
    /// Its bytes.
    pub length: u64,
    /// Of a published one its first bytes, up to the end of its root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<u64>,
    /// The digest of its header in hexadecimal, which covers all of it.
    pub digest: String,
    /// Whether it is a live one: an index of type `flat`. Not said in version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<bool>,
    /// How many documents it has, those that are gone included. Not said in version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documents: Option<u32>,
    /// How many of them are not gone. Not said in version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub living: Option<u32>,
    /// Of a published one the language of its documents that name none. In version 1 the first of the collection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub main: Option<String>,
}

impl SegmentFile {
    /// Whether it is an index of type `flat`, which is read whole.
    pub fn is_live(&self) -> bool {
        self.live == Some(true)
    }

    /// A live one of these bytes, with so many documents of which so many are gone.
    ///
    /// # Errors
    /// `bad_format` where the bytes are no container.
    pub fn live(bytes: &[u8], documents: u32, gone: usize) -> Result<SegmentFile> {
        let digest = name_digest(bytes)?;
        let mut file = SegmentFile {
            file: segment_name(&digest),
            length: bytes.len() as u64,
            head: None,
            digest,
            live: Some(true),
            documents: None,
            living: None,
            main: None,
        };
        file.count(documents, gone);
        Ok(file)
    }

    /// Says how many documents it has, and how many of them are gone.
    pub fn count(&mut self, documents: u32, gone: usize) {
        self.documents = Some(documents);
        self.living = Some(documents.saturating_sub(gone as u32));
    }

    fn is_one(&self, version: u32) -> bool {
        let all = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let name = self.file.as_str();
        let is_named = (1..=128).contains(&name.len())
            && !name.starts_with('.')
            && name.bytes().all(all)
            && self.length < 1 << 53;
        let is_whole = match (version, self.live, self.head, self.documents, &self.main) {
            (PLAIN, None, Some(head), None, None) => head <= self.length && self.living.is_none(),
            (PLAIN, ..) => false,
            (_, Some(false), Some(head), Some(documents), Some(_)) => {
                head <= self.length && documents > 0
            }
            (_, Some(true), None, Some(documents), None) => documents > 0,
            _ => false,
        };
        is_named && is_whole
    }
}

/// The meta of a pointer file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PointerMeta {
    r#type: String,
    version: u32,
    segments: Vec<SegmentFile>,
    languages: Vec<String>,
    pieces: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bands: Option<Bands>,
    user: Map<String, Value>,
}

impl stored::Meta for PointerMeta {
    const TYPE: &str = "collection";
    const VERSION: u32 = 2;
    const OLDEST: u32 = PLAIN;

    fn named(&self) -> (&str, u32) {
        (&self.r#type, self.version)
    }
}

/// What a pointer file says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pointer {
    /// The files of the collection: a published one, if there is one, and then live ones.
    pub segments: Vec<SegmentFile>,
    /// Of each the numbers of the documents that are gone, ascending; never all of them.
    pub gone: Vec<Vec<u32>>,
    /// What impacts stand for; none without a published segment.
    pub parameters: Option<Parameters>,
    /// The languages that a query is stemmed in, as ISO 639-1, that of most documents first.
    pub languages: Vec<String>,
    /// The digest of the piece table that the short codes come from, in hexadecimal.
    pub pieces: Option<String>,
    /// Which scores are good ones.
    pub bands: Option<Bands>,
    /// An object of the maker's own.
    pub user: Map<String, Value>,
}

/// What a file says that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Another kind of index.
    Other,
    /// The pointer of a collection that can be read in pieces.
    Pieces,
    /// The pointer of a collection that is read whole.
    Whole,
}

/// What a file says that it is, or what is lacking to see it.
///
/// # Errors
/// Those of [`File::header`], and of a pointer's meta.
pub fn role(file: &mut File) -> Result<Answer<Role>> {
    Ok(match file.header(Kind::Index)? {
        Answer::Need(needs) => Answer::Need(needs),
        Answer::Ready(header) if header.meta["type"] == PointerMeta::TYPE => {
            let meta: PointerMeta = read_meta(&header.meta)?;
            let first = meta.segments.first();
            Answer::Ready(match first.is_some_and(|first| !first.is_live()) {
                true => Role::Pieces,
                false => Role::Whole,
            })
        }
        Answer::Ready(_) => Answer::Ready(Role::Other),
    })
}

impl Pointer {
    /// What the bytes of a whole pointer file say.
    ///
    /// # Errors
    /// `bad_format`, `wrong_version` or `wrong_digest`.
    pub fn parse(bytes: &[u8]) -> Result<Pointer> {
        let container = Container::parse(bytes)?;
        let tombstones = match Pointer::has_tombstones(container.header())? {
            true => container.section(meta::TOMBSTONES)?,
            false => &[],
        };
        let parameters = container.section(meta::PARAMETERS)?;
        Pointer::read(container.header(), parameters, tombstones)
    }

    /// Whether a pointer file of that header has a section of tombstones.
    ///
    /// # Errors
    /// `bad_format`, or `wrong_version`.
    pub(super) fn has_tombstones(header: &Header) -> Result<bool> {
        let meta: PointerMeta = read_meta(&header.meta)?;
        Ok(meta.version != PLAIN)
    }

    /// What a header and the sections behind it say.
    pub(super) fn read(header: &Header, parameters: &[u8], tombstones: &[u8]) -> Result<Pointer> {
        if header.kind != Kind::Index {
            return Err(bad("it is a model"));
        }
        let meta: PointerMeta = read_meta(&header.meta)?;
        let segments = &meta.segments;
        if meta.version == PLAIN && segments.len() != 1 {
            return Err(bad("its pointer names other than one segment"));
        }
        let mut names: Vec<&str> = segments.iter().map(|each| each.file.as_str()).collect();
        names.sort_unstable();
        let is_twice = names.windows(2).any(|pair| pair[0] == pair[1]);
        let behind = segments.iter().skip(1);
        if is_twice
            || !segments.iter().all(|each| each.is_one(meta.version))
            || !behind.clone().all(SegmentFile::is_live)
        {
            return Err(bad("its pointer names segments that cannot be"));
        }
        meta.bands.as_ref().map_or(Ok(()), Bands::check)?;
        let is_published = segments.first().is_some_and(|first| !first.is_live());
        let parameters = match is_published {
            true => Some(Parameters::read(parameters)?),
            false if parameters.is_empty() => None,
            false => return Err(bad("it has parameters, and nothing is published")),
        };
        let gone = match meta.version {
            PLAIN => vec![Vec::new()],
            _ => read_tombstones(tombstones, segments)?,
        };
        Ok(Pointer {
            segments: meta.segments,
            gone,
            parameters,
            languages: meta.languages,
            pieces: meta.pieces,
            bands: meta.bands,
            user: meta.user,
        })
    }

    /// The file, in the least version that says all of it.
    ///
    /// # Errors
    /// `bad_request` when its header would be longer than 1 MiB.
    pub fn write(&self) -> Result<Vec<u8>> {
        let mut segments = self.segments.clone();
        let is_plain = matches!(segments.as_slice(), [only] if !only.is_live()
            && (only.main.is_none() || only.main.as_ref() == self.languages.first()))
            && self.gone.iter().all(Vec::is_empty);
        if is_plain {
            for only in &mut segments {
                (only.live, only.main) = (None, None);
                (only.documents, only.living) = (None, None);
            }
        }
        let meta = PointerMeta {
            r#type: PointerMeta::TYPE.to_owned(),
            version: if is_plain {
                PLAIN
            } else {
                PointerMeta::VERSION
            },
            segments,
            languages: self.languages.clone(),
            pieces: self.pieces.clone(),
            bands: self.bands.clone(),
            user: self.user.clone(),
        };
        let parameters = self.parameters.as_ref().map(Parameters::write);
        let parameters = parameters.unwrap_or_default();
        let tombstones = write_tombstones(&self.gone);
        let sections = [
            (meta::PARAMETERS, parameters.as_slice()),
            (meta::TOMBSTONES, tombstones.as_slice()),
        ];
        let count = if is_plain { 1 } else { 2 };
        pack(Kind::Index, &write_meta(&meta)?, &sections[..count])
    }

    /// The published segment, if there is one.
    pub fn published(&self) -> Option<&SegmentFile> {
        self.segments.first().filter(|first| !first.is_live())
    }

    /// The live segments, each with the numbers of its documents that are gone.
    pub fn live(&self) -> impl Iterator<Item = (&SegmentFile, &[u32])> {
        let all = self
            .segments
            .iter()
            .zip(self.gone.iter().map(Vec::as_slice));
        all.filter(|(file, _)| file.is_live())
    }
}

/// The digest in hexadecimal by which a pointer file, or a segment, is named.
///
/// # Errors
/// Those of [`Header::parse`].
pub fn name_digest(file: &[u8]) -> Result<String> {
    Ok(hex(&Header::parse(file)?.digest))
}

/// The name of the segment whose header has that digest.
pub fn segment_name(digest: &str) -> String {
    format!("segment-{digest}.findling")
}

fn write_tombstones(gone: &[Vec<u32>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for numbers in gone {
        put(&mut bytes, numbers.len() as u64);
        let mut next = 0;
        for number in numbers {
            put(&mut bytes, u64::from(*number) - next);
            next = u64::from(*number) + 1;
        }
    }
    bytes
}

fn read_tombstones(bytes: &[u8], segments: &[SegmentFile]) -> Result<Vec<Vec<u32>>> {
    let mut cursor = Cursor::new(bytes);
    let mut all = Vec::with_capacity(segments.len());
    for segment in segments {
        let (documents, living) = (segment.documents.unwrap_or(0), segment.living.unwrap_or(0));
        let count = cursor.count(1)?;
        if living == 0 || u64::from(documents) != u64::from(living) + count as u64 {
            return Err(bad("its pointer counts documents wrongly"));
        }
        let (mut gone, mut next) = (Vec::with_capacity(count), 0_u64);
        for _ in 0..count {
            let number = next.saturating_add(u64::from(cursor.word()?));
            if number >= u64::from(documents) {
                return Err(bad("a document is gone that never was there"));
            }
            gone.push(number as u32);
            next = number + 1;
        }
        all.push(gone);
    }
    cursor.end()?;
    Ok(all)
}
