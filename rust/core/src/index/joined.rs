//! Indexes put together, and an index of some documents of another: how segments become one, and one becomes a segment.
//!
//! Owns what a document takes along; must not know files. Invariant: what is found is a function of the documents, so that those of
//! many segments, joined, are found with the scores they have in one.

use super::records::Lying;
use super::{Document, Index, Space, lost, span};
use crate::error::{Code, Error, Result};
use crate::stored::bad;

impl Index {
    /// Appends all documents of another index; it is in memory but for its records, this one but for records and tokens.
    ///
    /// # Errors
    /// `bad_format` when they have vectors of different spaces, the same ids, or more words or values than an index can have.
    pub fn append(&mut self, other: &Index) -> Result<()> {
        let all: Vec<usize> = (0..other.documents()).collect();
        self.append_some(other, &all)
    }

    fn append_some(&mut self, other: &Index, documents: &[usize]) -> Result<()> {
        if documents.is_empty() {
            return Ok(());
        }
        let space = self.space.get_or_insert_with(|| other.own_space());
        if Some(&*space) != other.space.as_ref() {
            return Err(bad("its segments have vectors of different models"));
        }
        let (Some(rows), Some(whole_rows), Some(words)) =
            (&other.rows, &other.whole_rows, other.all_words())
        else {
            return Err(lost());
        };
        if self.records.is_some() != other.records.is_some() {
            return Err(lost());
        }
        // Where theirs stand among those that lie in files.
        let before = self.records_end();
        let values = documents.iter().map(|number| other.columns.row(*number));
        let values: Vec<_> = values.collect();
        self.columns
            .check_room(&values)
            .map_err(|error| Error::new(Code::BadFormat, error.message))?;
        let (mut passages, mut wholes) = (self.passages, self.wholes);
        let mut numbers = Vec::with_capacity(documents.len());
        let mut parts = self.parts().ok_or_else(lost)?;
        parts
            .words
            .append(words, documents)
            .ok_or_else(|| bad("its segments have more than 2^29 words"))?;
        for number in documents {
            let document = &other.documents[*number];
            let own = document.first_row..document.first_row + document.passages;
            parts.rows.extend_some(rows, own);
            if let Some(whole) = document.whole {
                parts.whole_rows.extend_some(whole_rows, whole..whole + 1);
            }
            let record = match (&mut parts.records, &other.records) {
                (Some(own), Some(theirs)) => {
                    let start = own.len() as u64;
                    own.extend_from_slice(&theirs[span(&document.record)]);
                    start..own.len() as u64
                }
                _ => before + document.record.start..before + document.record.end,
            };
            numbers.push(Document {
                id: document.id.clone(),
                first_row: passages,
                passages: document.passages,
                whole: document.whole.map(|_| wholes),
                record,
                homes: document.homes,
            });
            passages += document.passages;
            wholes += usize::from(document.whole.is_some());
        }
        if passages > u32::MAX as usize {
            return Err(bad("its segments have more than 2^32 passages"));
        }
        for (document, values) in numbers.into_iter().zip(&values) {
            let number = self.documents.len();
            if self.numbers.insert(document.id.clone(), number).is_some() {
                return Err(bad("an id occurs twice among its segments"));
            }
            self.columns.push(values);
            self.documents.push(document);
        }
        self.changed();
        self.files.extend(other.files.iter().map(|lying| Lying {
            file: lying.file.clone(),
            records: before + lying.records.start..before + lying.records.end,
        }));
        (self.passages, self.wholes) = (passages, wholes);
        Ok(())
    }

    /// An index of these documents, in this order, without what is said of all of them; it is in memory.
    ///
    /// # Errors
    /// `bug` when parts of it still lie in a file.
    pub fn picked(&self, documents: &[usize]) -> Result<Index> {
        let mut picked = Index::new();
        picked.append_some(self, documents)?;
        Ok(picked)
    }

    /// Removes documents by their numbers, ascending; it is in memory.
    ///
    /// # Errors
    /// As for [`Index::remove`].
    pub fn remove_numbers(&mut self, numbers: &[u32]) -> Result<()> {
        let ids = numbers
            .iter()
            .map(|number| self.documents[*number as usize].id.clone());
        let ids: Vec<Box<str>> = ids.collect();
        self.remove(ids.iter().map(|id| &**id))?;
        Ok(())
    }

    fn own_space(&self) -> Space {
        self.space.clone().unwrap_or(Space {
            id: String::new(),
            dim: 0,
        })
    }
}
