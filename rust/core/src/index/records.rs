//! The records of an index: in memory, or still in the files that it was opened from.
//!
//! Owns which file holds the record of a document, and bringing all of them into memory; must not know what a record says. Invariant:
//! files stand in the order of their records, and no record is given out before its blocks were compared with their digests.

use super::stored::read_record;
use super::{Index, lost, span};
use crate::error::Result;
use crate::file::{Answer, File};
use serde_json::value::RawValue;
use std::ops::Range;

/// How much of records or tokens is fetched at once where all of them are: what a search in between may have to wait for.
pub(super) const STEP_BYTES: u64 = 1 << 20;

/// A file in which parts of an index lie.
#[derive(Clone, Debug)]
pub(super) struct Lying {
    pub(super) file: File,
    /// Where its records stand among those of all files.
    pub(super) records: Range<u64>,
}

impl Index {
    /// The files it was opened from, while parts of it still lie there.
    pub fn files_mut(&mut self) -> impl Iterator<Item = &mut File> {
        self.files.iter_mut().map(|lying| &mut lying.file)
    }

    /// Where the records of the next file stand.
    pub(super) fn records_end(&self) -> u64 {
        self.files.last().map_or(0, |lying| lying.records.end)
    }

    /// The records of documents by their numbers.
    ///
    /// # Errors
    /// `bad_format` when a record is not JSON, `wrong_digest` for a damaged file.
    pub fn records(&mut self, documents: &[usize]) -> Result<Answer<Vec<Box<RawValue>>>> {
        let ranges = documents.iter();
        let ranges: Vec<Range<u64>> = ranges
            .map(|document| self.documents[*document].record.clone())
            .collect();
        if let Some(records) = &self.records {
            let texts = ranges.iter().map(|range| &records[span(range)]);
            return Ok(Answer::Ready(
                texts.map(read_record).collect::<Result<_>>()?,
            ));
        }
        let mut texts = vec![Vec::new(); documents.len()];
        let mut needs = Vec::new();
        for Lying { file, records } in &mut self.files {
            let own = (0..).zip(&ranges);
            let own = own.filter(|(_, range)| records.contains(&range.start));
            let (places, own): (Vec<usize>, Vec<Range<u64>>) = own
                .map(|(place, range)| (place, from(records.start, range)))
                .unzip();
            if own.is_empty() {
                continue;
            }
            match file.pieces("records", &own)? {
                Answer::Need(more) => needs.extend(more),
                Answer::Ready(read) => {
                    for (place, text) in places.into_iter().zip(read) {
                        texts[place] = text;
                    }
                }
            }
        }
        if !needs.is_empty() {
            return Ok(Answer::Need(needs));
        }
        let texts = texts.iter().map(|text| read_record(text));
        Ok(Answer::Ready(texts.collect::<Result<_>>()?))
    }

    /// Brings all records into memory; with `in_steps` a megabyte is lacking at once. They are looked at or not.
    pub(super) fn fetch_records(&mut self, check: bool, in_steps: bool) -> Result<Answer<()>> {
        if self.records.is_some() {
            return Ok(Answer::Ready(()));
        }
        let (mut parts, mut needs) = (Vec::new(), Vec::new());
        // What is read is gone from its file, so that all of it has to be at hand first.
        for Lying { file, .. } in &mut self.files {
            if !in_steps {
                needs.extend(file.lacks("records")?);
            } else if let Answer::Need(needs) = file.hold("records", STEP_BYTES)? {
                return Ok(Answer::Need(needs));
            }
        }
        if !needs.is_empty() {
            return Ok(Answer::Need(needs));
        }
        for lying in &mut self.files {
            match lying.file.sections(["records"])? {
                Answer::Need(needs) => return Ok(Answer::Need(needs)),
                Answer::Ready([part]) => parts.push((lying.records.clone(), part)),
            }
        }
        let mut lengths = self.documents.iter().map(|each| each.record.clone());
        let held = lengths.try_fold(0, |end, each| (each.start == end).then_some(each.end));
        let mut parts = parts.into_iter();
        let mut part = parts.next().ok_or_else(lost)?;
        let is_all = held == Some(part.0.end) && parts.len() == 0;
        let mut records = Vec::new();
        if !is_all {
            for document in &mut self.documents {
                while document.record.start >= part.0.end && parts.len() > 0 {
                    part = parts.next().ok_or_else(lost)?;
                }
                let start = records.len() as u64;
                records.extend_from_slice(&part.1[span(&from(part.0.start, &document.record))]);
                document.record = start..records.len() as u64;
            }
        }
        let records = if is_all { part.1 } else { records };
        for document in self.documents.iter().filter(|_| check) {
            read_record(&records[span(&document.record)])?;
        }
        self.records = Some(records);
        Ok(Answer::Ready(()))
    }
}

/// A range as one that begins at `start` counts.
fn from(start: u64, range: &Range<u64>) -> Range<u64> {
    range.start - start..range.end - start
}
