//! Contents to the files of a published collection.
//!
//! Owns the order of sections and which document gets which number; must not know how a part is read. Invariant: the same
//! contents and options give the same bytes.

use super::bytes::{Mark, mark, put};
use super::check::check;
use super::cluster::{Layout, Points, arrange};
use super::corrections;
use super::impacts::Impacts;
use super::leaves::Builder;
use super::meta::{self, Parameters, SegmentMeta};
use super::names;
use super::packer::Packer;
use super::pointer::{Pointer, SegmentFile, segment_name};
use super::postings::{PAGE_POSTINGS, put_frequencies, put_page, put_spots};
use super::root::{
    Block, ColumnPlace, Header, LeafPlace, Root, Shape, Small, SuperPlace, separator,
};
use super::spots;
use super::squeezed::{Squeezer, squeeze};
use super::texts::{Shared, Writer as TextWriter};
use super::{CODE_BYTES, Contents, Document, ShortCode, Shorten};
use crate::bands::Bands;
use crate::codes;
use crate::error::Result;
use crate::facets::{self, Columns};
use crate::format::{DEFAULT_BLOCK, Header as FileHeader, Kind, hex, pack_in_blocks};
use crate::numbers;
use crate::stored::{Meta, write_meta};
use serde_json::{Map, Value};

/// The name of the pointer file.
pub const POINTER: &str = "collection.findling";
/// What [`Parameters::gamma`] is where nothing better is known (docs/FORMAT.md).
const GAMMA: f32 = 0.15;
/// One digest of a section that is read a little of at a time covers so many bytes.
const SMALL_BLOCK: u32 = 16 << 10;
/// And of one that is read whole, or in parts that have marks of their own: these digests are read first of all.
const LARGE_BLOCK: u32 = 1 << 20;

/// How contents are written.
#[derive(Default)]
pub struct Options<'a> {
    /// How documents are clustered; by their number when not given.
    pub layout: Option<Layout>,
    /// Gives the short codes of rows; without it there are none.
    pub shorten: Option<&'a Shorten<'a>>,
    /// The digest, in hexadecimal, of the piece table that the short codes come from.
    pub pieces: Option<String>,
    /// The languages that a query is stemmed in, as ISO 639-1, that of most documents first.
    pub languages: Vec<String>,
    /// Which scores are good ones.
    pub bands: Option<Bands>,
    /// An object of the maker's own.
    pub user: Map<String, Value>,
}

/// The files of a collection, each with its name: the pointer, which is to be written last, and the segment.
///
/// # Errors
/// `bad_input` when the contents are not in order or do not fit each other, `bad_request` when the user's object is too
/// large, and what `shorten` says.
pub fn write(contents: &Contents, options: &Options<'_>) -> Result<Vec<(String, Vec<u8>)>> {
    check(contents)?;
    let impacts = Impacts::learn(contents);
    let segment = Writer::new(contents, options)?.segment(&impacts)?;
    let header = FileHeader::parse(&segment)?;
    let digest = hex(&header.digest);
    let name = segment_name(&digest);
    let pointer = Pointer {
        segments: vec![SegmentFile {
            file: name.clone(),
            length: segment.len() as u64,
            head: Some(header.section(meta::ROOT)?.range().end),
            digest,
            live: None,
            documents: None,
            living: None,
            main: None,
        }],
        gone: vec![Vec::new()],
        parameters: Some(Parameters::of(&impacts, GAMMA)),
        languages: options.languages.clone(),
        pieces: options.pieces.clone(),
        bands: options.bands.clone(),
        user: options.user.clone(),
    };
    let pointer = pointer.write()?;
    Ok(vec![(name, segment), (POINTER.to_owned(), pointer)])
}

/// The parts of a segment as they come about.
struct Writer<'a> {
    contents: &'a Contents,
    shorten: Option<&'a Shorten<'a>>,
    dim: usize,
    /// The first row of each document, and the end.
    rows: Vec<usize>,
    /// The clusters of documents.
    supers: Vec<Vec<Vec<u32>>>,
    /// The documents in the order of their numbers.
    order: Vec<u32>,
    points: Points,
}

impl<'a> Writer<'a> {
    fn new(contents: &'a Contents, options: &Options<'a>) -> Result<Writer<'a>> {
        let mut rows = vec![0];
        for document in &contents.documents {
            rows.push(rows[rows.len() - 1] + document.rows());
        }
        let dim = contents.space.as_ref().map_or(0, |space| space.dim);
        let points = points(contents, dim, &rows)?;
        let layout = options
            .layout
            .unwrap_or_else(|| Layout::by_size(contents.scales.len()));
        let supers = arrange(&points, layout);
        Ok(Writer {
            contents,
            shorten: options.shorten.filter(|_| dim > 0),
            dim,
            rows,
            order: supers.iter().flatten().flatten().copied().collect(),
            supers,
            points,
        })
    }

    fn segment(&self, impacts: &Impacts) -> Result<Vec<u8>> {
        let documents = self.contents.documents.iter();
        let documents: Vec<_> = documents.map(texts_of).collect();
        let shared = Shared::choose(&documents);
        let mut root = Root::default();
        let (mut leaves, mut postings, mut places) = (Vec::new(), Vec::new(), Vec::new());
        self.terms(impacts, &mut root, &mut leaves, &mut postings, &mut places)?;
        let (mut headers, mut short, mut texts) = (Vec::new(), Vec::new(), Vec::new());
        self.clusters(&shared, &mut root, &mut headers, &mut short, &mut texts)?;
        let (typos, directory) = corrections::write(self.contents)?;
        root.typos = directory as u64;
        root.typos_digest = mark(&typos[..directory]);
        let columns = self.columns(&mut root)?;
        let (names, name_places) = names::write(self.contents, &self.numbers());
        root.names = name_places;
        let meta = SegmentMeta {
            r#type: SegmentMeta::TYPE.to_owned(),
            version: SegmentMeta::VERSION,
            space: self.contents.space.as_ref().map(|space| space.id.clone()),
            dim: self.contents.space.as_ref().map(|space| space.dim),
            documents: self.order.len() as u32,
            rows: self.contents.scales.len() as u64,
            terms: self.contents.terms.len() as u32,
            short: self.shorten.is_some(),
            forms: self.contents.has_form_codes,
        };
        let (codes, scales) = self.codes();
        pack_in_blocks(
            Kind::Index,
            &write_meta(&meta)?,
            &[
                (meta::ROOT, &root.write(meta.short), DEFAULT_BLOCK),
                (meta::DICTIONARY, &shared.write()?, LARGE_BLOCK),
                (meta::LEAVES, &leaves, LARGE_BLOCK),
                (meta::POSTINGS, &postings, LARGE_BLOCK),
                (meta::HEADERS, &headers, LARGE_BLOCK),
                (meta::SHORT, &short, LARGE_BLOCK),
                (meta::TEXTS, &texts, LARGE_BLOCK),
                (meta::ORDER, &self.ranks(), SMALL_BLOCK),
                (meta::NAMES, &names, LARGE_BLOCK),
                (meta::SPOTS, &places, SMALL_BLOCK),
                (meta::TYPOS, &typos, LARGE_BLOCK),
                (meta::COLUMNS, &columns, LARGE_BLOCK),
                (meta::LENGTHS, &self.lengths()?, LARGE_BLOCK),
                (meta::CODES, bytemuck::cast_slice(&codes), LARGE_BLOCK),
                (meta::SCALES, &numbers::write(&scales), LARGE_BLOCK),
            ],
        )
    }

    /// The number of each document, by place among the ids.
    fn numbers(&self) -> Vec<u32> {
        let mut numbers = vec![0_u32; self.order.len()];
        for (number, rank) in self.order.iter().enumerate() {
            numbers[*rank as usize] = number as u32;
        }
        numbers
    }

    /// The place of each document among the ids, by number, in as many bytes as the largest takes.
    fn ranks(&self) -> Vec<u8> {
        let width = rank_width(self.order.len());
        let each = self.order.iter();
        each.flat_map(|rank| rank.to_le_bytes().into_iter().take(width))
            .collect()
    }

    /// The values of documents in the order of their numbers.
    fn columns(&self, root: &mut Root) -> Result<Vec<u8>> {
        let given = self.contents.columns.as_slice();
        let columns = match given {
            [] => Columns::new(),
            given => Columns::load(given, self.order.len())?,
        };
        let order: Vec<usize> = self.order.iter().map(|rank| *rank as usize).collect();
        let columns = columns.picked(&order).dump();
        let (packer, mut section) = (Packer::new(&[])?, Vec::new());
        for (name, range) in facets::directory(&columns)? {
            let packed = squeeze(&columns[range], free_bytes(self.order.len()), &packer)?;
            let start = section.len() as u64;
            section.extend_from_slice(&packed);
            root.columns.push(ColumnPlace {
                name,
                range: start..section.len() as u64,
                digest: mark(&packed),
            });
        }
        Ok(section)
    }

    fn lengths(&self) -> Result<Vec<u8>> {
        let mut lengths = Squeezer::new()?;
        for rank in &self.order {
            let document = &self.contents.documents[*rank as usize];
            let language = document.language.as_deref().unwrap_or("");
            lengths.add(|bytes| {
                put(bytes, language.len() as u64);
                bytes.extend_from_slice(language.as_bytes());
                for length in document.lengths {
                    put(bytes, u64::from(length));
                }
            })?;
        }
        lengths.finish()
    }

    fn codes(&self) -> (Vec<i8>, Vec<f32>) {
        let (mut codes, mut scales) = (Vec::new(), Vec::new());
        for rank in &self.order {
            let rows = self.rows[*rank as usize]..self.rows[*rank as usize + 1];
            codes.extend_from_slice(
                &self.contents.codes[rows.start * self.dim..rows.end * self.dim],
            );
            scales.extend_from_slice(&self.contents.scales[rows]);
        }
        (codes, scales)
    }

    /// The dictionary with its postings and their places.
    fn terms(
        &self,
        impacts: &Impacts,
        root: &mut Root,
        leaves: &mut Vec<u8>,
        postings: &mut Vec<u8>,
        section: &mut Vec<u8>,
    ) -> Result<()> {
        let documents = &self.contents.documents;
        let numbers = self.numbers();
        let end = self.order.len() as u32;
        let (mut builder, packer) = (Builder::new(end), Packer::new(&[])?);
        for term in &self.contents.terms {
            let mut first_spot = 0;
            let mut list: Vec<(u32, usize, usize)> = Vec::with_capacity(term.documents.len());
            for (at, (document, counts)) in term.documents.iter().zip(&term.frequencies).enumerate()
            {
                list.push((numbers[*document as usize], at, first_spot));
                first_spot += counts.iter().map(|count| *count as usize).sum::<usize>();
            }
            list.sort_unstable();
            let (mut pages, mut places) = (Vec::new(), Vec::new());
            for part in list.chunks(PAGE_POSTINGS) {
                let (mut found, mut levels) = (Vec::new(), Vec::new());
                let (mut raw, mut own_spots) = (Vec::new(), Vec::new());
                for (number, at, first_spot) in part {
                    let counts = &term.frequencies[*at];
                    let lengths = &documents[term.documents[*at] as usize].lengths;
                    found.push(*number);
                    levels.push(impacts.level(counts, lengths));
                    put_frequencies(&mut raw, counts);
                    let held: usize = counts.iter().map(|count| *count as usize).sum();
                    let own = &term.spots[*first_spot..first_spot + held];
                    put_spots(&mut own_spots, counts, term.forms.len(), own);
                }
                let (packed, is_stored) = spots::pack(raw, &own_spots, &packer)?;
                section.extend_from_slice(&packed);
                places.push((packed, is_stored));
                let mut page = Vec::new();
                put_page(&mut page, &found, &levels, end);
                pages.push(page);
            }
            builder.add(term, &pages, &places, postings)?;
        }
        let mut last = String::new();
        let terms = self.contents.terms.iter().map(|term| term.term.as_str());
        let (spelling, all) = builder.finish(terms);
        root.spelling = spelling;
        for leaf in all {
            let start = leaves.len() as u64;
            leaves.extend_from_slice(&leaf.bytes);
            root.leaves.push(LeafPlace {
                separator: if start == 0 {
                    Vec::new()
                } else {
                    separator(&last, &leaf.first).to_vec()
                },
                range: start..leaves.len() as u64,
                digest: mark(&leaf.bytes),
            });
            last = leaf.last;
        }
        Ok(())
    }

    fn clusters(
        &self,
        shared: &Shared,
        root: &mut Root,
        headers: &mut Vec<u8>,
        short: &mut Vec<u8>,
        texts: &mut Vec<u8>,
    ) -> Result<()> {
        let writer = TextWriter::new(shared)?;
        let (mut number, mut row) = (0_u32, 0_u64);
        for members in &self.supers {
            let all: Vec<u32> = members.iter().flatten().copied().collect();
            let centroid = self.centroid(&all)?;
            let mut header = Header {
                small: Vec::new(),
                blocks: self.blocks(&writer, &all, texts)?,
            };
            let (first, first_row) = (number, row);
            for part in members {
                let start = short.len();
                let mut shapes = Vec::with_capacity(part.len());
                for document in part {
                    let given = &self.contents.documents[*document as usize];
                    let shape = Shape {
                        passages: given.passages,
                        has_whole: given.has_whole,
                    };
                    row += shape.rows();
                    shapes.push(shape);
                    self.short(*document, short)?;
                }
                number += part.len() as u32;
                header.small.push(Small {
                    documents: shapes,
                    digest: if self.shorten.is_some() {
                        mark(&short[start..])
                    } else {
                        Mark::default()
                    },
                    centroid: if members.len() > 1 {
                        self.centroid(part)?
                    } else {
                        centroid
                    },
                });
            }
            let bytes = header.write(self.shorten.is_some());
            let at = headers.len() as u64;
            headers.extend_from_slice(&bytes);
            root.supers.push(SuperPlace {
                documents: first..number,
                rows: first_row..row,
                header: at..headers.len() as u64,
                digest: mark(&bytes),
                centroid,
            });
        }
        Ok(())
    }

    fn blocks(
        &self,
        writer: &TextWriter<'_>,
        members: &[u32],
        texts: &mut Vec<u8>,
    ) -> Result<Vec<Block>> {
        let members = members
            .iter()
            .map(|each| &self.contents.documents[*each as usize]);
        let members: Vec<_> = members.map(texts_of).collect();
        let mut blocks = Vec::new();
        writer.blocks(&members, &mut |documents, block, is_stored| {
            let start = texts.len() as u64;
            texts.extend_from_slice(&block);
            blocks.push(Block {
                documents,
                range: start..texts.len() as u64,
                is_stored,
                digest: mark(&block),
            });
        })?;
        Ok(blocks)
    }

    /// Appends the short codes of the rows of a document.
    fn short(&self, document: u32, short: &mut Vec<u8>) -> Result<()> {
        let Some(shorten) = self.shorten else {
            return Ok(());
        };
        for row in self.rows[document as usize]..self.rows[document as usize + 1] {
            short.extend_from_slice(&shorten(&unit(self.contents, self.dim, row))?);
        }
        Ok(())
    }

    /// The short code of the middle of documents; zeros when there is none.
    fn centroid(&self, documents: &[u32]) -> Result<ShortCode> {
        let Some(shorten) = self.shorten else {
            return Ok([0; CODE_BYTES]);
        };
        match self.points.middle(documents) {
            Some(middle) => shorten(&middle),
            None => Ok([0; CODE_BYTES]),
        }
    }
}

fn texts_of(document: &Document) -> (&str, &[u8]) {
    (&document.id, &document.record)
}

/// Bytes that a column of that many documents may have however few it takes: a document has some even where all are alike.
pub(super) fn free_bytes(documents: usize) -> usize {
    8 * documents
}

/// Bytes of a rank among that many documents.
pub(super) fn rank_width(documents: usize) -> usize {
    let largest = documents.saturating_sub(1) as u32;
    (4 - largest.leading_zeros() as usize / 8).max(1)
}

fn dequantized(contents: &Contents, dim: usize, row: usize) -> Vec<f64> {
    let scale = f64::from(contents.scales[row]);
    let codes = &contents.codes[row * dim..][..dim];
    codes.iter().map(|code| f64::from(*code) * scale).collect()
}

/// The vector of a row, at length 1.
pub(super) fn unit(contents: &Contents, dim: usize, row: usize) -> Vec<f32> {
    let vector = dequantized(contents, dim, row);
    let length = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
    vector.iter().map(|x| (x / length) as f32).collect()
}

/// A row for the whole of each document: the one it has, or the normalised mean of its passages.
fn points(contents: &Contents, dim: usize, rows: &[usize]) -> Result<Points> {
    let (mut all, mut counts) = (Vec::new(), Vec::new());
    for (document, own) in contents.documents.iter().zip(rows.windows(2)) {
        counts.push(document.rows() as u32);
        if dim == 0 {
            continue;
        }
        if document.has_whole || document.passages == 1 {
            all.extend_from_slice(&contents.codes[(own[1] - 1) * dim..own[1] * dim]);
            continue;
        }
        let mut mean = vec![0.0_f64; dim];
        for row in own[0]..own[1] {
            let vector = dequantized(contents, dim, row);
            let length = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
            for (mean, x) in mean.iter_mut().zip(&vector) {
                *mean += x / length;
            }
        }
        let mean: Vec<f32> = mean.iter().map(|x| *x as f32).collect();
        if codes::quantize(&mean, &mut all).is_err() {
            // Passages that cancel each other out have no middle; the first one stands for them.
            all.extend_from_slice(&contents.codes[own[0] * dim..(own[0] + 1) * dim]);
        }
    }
    Ok(Points {
        dim,
        codes: all,
        rows: counts,
    })
}
