//! What is shown of documents of a collection that is read in pieces: their order by id, their ids and records.
//!
//! Owns which blocks and places are read for that; must not know scores. Invariant: published documents and those of live segments are
//! given in the order in which they were asked for.

use super::meta;
use super::remote::{Remote, ready};
use super::texts::{Reader, Shared, Stored};
use super::write::rank_width;
use crate::error::{Code, Error, Result};
use crate::file::{Answer, Part};
use std::ops::Range;

/// Of more documents the places among the ids are read all at once.
const RANKS_APART: usize = 64;

impl Remote {
    /// The places of documents among all ids; those of live segments come behind those of the published one.
    pub(super) fn ranks(&mut self, documents: &[u32]) -> Result<Answer<Vec<u32>>> {
        let published = self.published() as u32;
        let is_published = |document: &&u32| **document < published;
        let own: Vec<u32> = documents.iter().filter(is_published).copied().collect();
        let mut ranks = ready!(self.published_ranks(&own)?).into_iter();
        let rank = |document: &u32| match *document < published {
            true => ranks.next().unwrap_or(0),
            false => *document,
        };
        Ok(Answer::Ready(documents.iter().map(rank).collect()))
    }

    fn published_ranks(&mut self, documents: &[u32]) -> Result<Answer<Vec<u32>>> {
        let width = rank_width(self.published()) as u64;
        let part = |range: Range<u64>| Part {
            section: meta::ORDER,
            range: range.start * width..range.end * width,
            digest: None,
        };
        let number = |bytes: &[u8]| {
            let bytes = bytes.iter().rev();
            bytes.fold(0, |rank, byte| rank << 8 | u32::from(*byte))
        };
        if documents.len() > RANKS_APART {
            let all = part(0..self.published() as u64);
            let bytes = ready!(self.file()?.parts(&[all])?).concat();
            let rank = |document: &u32| {
                let start = *document as usize * width as usize;
                bytes.get(start..start + width as usize).map_or(0, number)
            };
            return Ok(Answer::Ready(documents.iter().map(rank).collect()));
        }
        let wanted: Vec<Part<'_>> = documents
            .iter()
            .map(|document| part(u64::from(*document)..u64::from(*document) + 1))
            .collect();
        let ranks = ready!(self.file()?.parts(&wanted)?);
        Ok(Answer::Ready(
            ranks.iter().map(|bytes| number(bytes)).collect(),
        ))
    }

    /// The records of documents with their ids, in the order given; the headers of their clusters have been read.
    pub(super) fn records(&mut self, documents: &[u32]) -> Result<Answer<Vec<Stored>>> {
        let published = self.published() as u32;
        let is_published = |document: &&u32| **document < published;
        let own: Vec<u32> = documents.iter().filter(is_published).copied().collect();
        let mut records = ready!(self.published_records(&own)?).into_iter();
        let live = &self.opened()?.live;
        let record = |document: &u32| match document.checked_sub(published) {
            None => records.next(),
            Some(number) => live.record(number as usize),
        };
        Ok(Answer::Ready(documents.iter().filter_map(record).collect()))
    }

    fn published_records(&mut self, documents: &[u32]) -> Result<Answer<Vec<Stored>>> {
        if documents.is_empty() {
            return Ok(Answer::Ready(Vec::new()));
        }
        let mut places = Vec::with_capacity(documents.len());
        for document in documents {
            let number = self.opened()?.root.super_of(*document);
            let mut first = self.opened()?.root.supers[number].documents.start;
            let header = self
                .header(number)
                .ok_or_else(|| Error::new(Code::Bug, "a header is missing"))?;
            for block in &header.blocks {
                let end = first + block.documents as u32;
                if *document < end {
                    places.push((block.clone(), (*document - first) as usize));
                    break;
                }
                first = end;
            }
        }
        let mut wanted: Vec<Part<'_>> = places
            .iter()
            .map(|(block, _)| Part {
                section: meta::TEXTS,
                range: block.range.clone(),
                digest: Some(&block.digest),
            })
            .collect();
        if self.shared.is_none() {
            let length = self.file()?.length_of(meta::DICTIONARY)?;
            wanted.push(Part {
                section: meta::DICTIONARY,
                range: 0..length,
                digest: None,
            });
        }
        let mut bytes = ready!(self.file()?.parts(&wanted)?);
        if self.shared.is_none() {
            self.shared = Some(Shared::read(&bytes.pop().unwrap_or_default())?);
        }
        let mut reader = Reader::new(self.shared.clone().unwrap_or_default());
        let mut records = Vec::with_capacity(documents.len());
        for ((block, at), bytes) in places.iter().zip(bytes) {
            let documents = reader.documents(&bytes, block.is_stored, block.documents)?;
            records.extend(documents.into_iter().nth(*at));
        }
        Ok(Answer::Ready(records))
    }
}
