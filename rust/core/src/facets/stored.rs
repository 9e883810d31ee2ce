//! Columns as bytes, so that one field can be read without the others.
//!
//! Owns that layout; knows nothing of the file or section it lies in.
//! Invariant: equal columns give the same bytes, what is read back equals what was written, and bytes that nobody wrote
//! are refused without more memory than a small multiple of theirs.

use super::dictionary::Dictionary;
use super::{Columns, FIELD_CAP, Field, NAME_CAP, value};
use crate::error::{Code, Error, Result};
use crate::varint;
use std::ops::Range;

/// Bytes of the length of the directory.
const LENGTH_BYTES: usize = 4;

impl Columns {
    /// The bytes of all fields.
    ///
    /// Numbers are LEB128 (7 bits a byte, low first, no longer than needed) unless said otherwise. First 4 bytes, little
    /// endian: the length of the directory. The directory: the number of fields; for each, by name ascending, the length
    /// of its name, the name, the length of its column. Then the columns. A column: the number of distinct values; the
    /// length of the key of each; the keys end to end, ascending; then for each document how many values it has and their
    /// numbers, ascending, each less the one before and 1. A key: 1 and a text, or 0 and the bits of a double, big endian,
    /// all of them flipped if it is negative and otherwise only the sign.
    pub fn dump(&self) -> Vec<u8> {
        let (mut names, mut columns) = (Vec::new(), Vec::new());
        write(&mut names, self.fields.len());
        for (name, field) in &self.fields {
            let start = columns.len();
            field.dump(self.documents, &mut columns);
            write(&mut names, name.len());
            names.extend_from_slice(name.as_bytes());
            write(&mut names, columns.len() - start);
        }
        let mut bytes = (names.len() as u32).to_le_bytes().to_vec();
        bytes.append(&mut names);
        bytes.append(&mut columns);
        bytes
    }

    /// Columns of `documents` documents from their bytes.
    ///
    /// # Errors
    /// `bad_format` when they are not what [`Columns::dump`] writes for so many documents.
    pub fn load(bytes: &[u8], documents: usize) -> Result<Columns> {
        let mut columns = Columns {
            documents,
            ..Columns::new()
        };
        let mut end = directory_bytes(bytes)?;
        for (name, range) in directory(bytes)? {
            let column = bytes
                .get(range.clone())
                .ok_or_else(|| bad("a column ends beyond them"))?;
            columns.load_field(&name, column)?;
            end = range.end;
        }
        if end != bytes.len() {
            return Err(bad("something follows the last column"));
        }
        Ok(columns)
    }

    /// Takes the column of one field from its bytes, as [`directory`] says where they are.
    ///
    /// # Errors
    /// `bad_format` when they are not such a column for so many documents.
    pub fn load_field(&mut self, name: &str, column: &[u8]) -> Result<()> {
        self.load_start(name, column, self.documents)
    }

    /// As [`Columns::load_field`], of the first `documents`; the others have no values in it.
    ///
    /// # Errors
    /// As for [`Columns::load_field`].
    pub fn load_start(&mut self, name: &str, column: &[u8], documents: usize) -> Result<()> {
        let field = Field::load(column, documents)?;
        self.fields.insert(name.into(), field);
        Ok(())
    }

    /// Gives the documents from `first` on the values that those of `others` have in a field.
    pub fn append_field(&mut self, name: &str, first: usize, others: &Columns) {
        let Some(theirs) = others
            .fields
            .get(name)
            .filter(|each| !each.values.is_empty())
        else {
            return;
        };
        let own = self
            .fields
            .get_or_insert_with(name.into(), Default::default);
        for document in 0..others.documents {
            let values = theirs.of(document).iter();
            let keys = values.map(|value| theirs.dictionary.key(*value as usize));
            own.push(first + document, keys);
        }
    }
}

impl Field {
    fn dump(&self, documents: usize, bytes: &mut Vec<u8>) {
        let mut sorted: Vec<u32> = (0..self.dictionary.len() as u32).collect();
        sorted.sort_unstable_by_key(|number| self.dictionary.key(*number as usize));
        let mut places = vec![0; sorted.len()];
        write(bytes, sorted.len());
        for (place, number) in sorted.iter().enumerate() {
            places[*number as usize] = place;
            write(bytes, self.dictionary.key(*number as usize).len());
        }
        for number in &sorted {
            bytes.extend_from_slice(self.dictionary.key(*number as usize));
        }
        for document in 0..documents {
            let mut values: Vec<usize> = self
                .of(document)
                .iter()
                .map(|value| places[*value as usize])
                .collect();
            values.sort_unstable();
            write(bytes, values.len());
            let mut next = 0;
            for value in values {
                write(bytes, value - next);
                next = value + 1;
            }
        }
    }

    fn load(bytes: &[u8], documents: usize) -> Result<Field> {
        let mut rest = bytes;
        let distinct = read(&mut rest)?;
        // Each value has a length of at least one byte, so that what is allocated is never much more than what is there.
        let (mut lengths, mut total) = (Vec::with_capacity(distinct.min(rest.len())), 0_usize);
        for _ in 0..distinct {
            let length = read(&mut rest)?;
            total = total
                .checked_add(length)
                .filter(|total| *total <= bytes.len())
                .ok_or_else(short)?;
            lengths.push(length);
        }
        let mut keys = take(&mut rest, total)?;
        let mut dictionary = Dictionary::default();
        let mut last: &[u8] = &[];
        for length in lengths {
            let key = take(&mut keys, length)?;
            // The empty key is none, so that the first compares too.
            if key <= last || value::text(key).is_none() && value::number(key).is_none() {
                return Err(bad("its values are not values in their order"));
            }
            dictionary.push(key);
            last = key;
        }
        if documents > rest.len() {
            return Err(short());
        }
        let mut field = Field {
            dictionary,
            ends: Vec::with_capacity(documents),
            values: Vec::with_capacity(rest.len() - documents),
            ..Field::default()
        };
        let mut used = vec![false; distinct];
        for _ in 0..documents {
            let mut next = 0_usize;
            for _ in 0..read(&mut rest)? {
                let value = next
                    .checked_add(read(&mut rest)?)
                    .filter(|value| *value < distinct);
                let value =
                    value.ok_or_else(|| bad("a document has a value that does not exist"))?;
                used[value] = true;
                field.values.push(value as u32);
                next = value + 1;
            }
            field.ends.push(field.values.len() as u32);
        }
        if !rest.is_empty() || distinct == 0 || used.contains(&false) {
            return Err(bad(
                "a value is no document's, or something follows the last document",
            ));
        }
        Ok(field)
    }
}

/// The bytes at the start of columns by which [`directory`] can be read, given at least the first four.
///
/// # Errors
/// `bad_format` when there are fewer.
pub fn directory_bytes(bytes: &[u8]) -> Result<usize> {
    let length = bytes.first_chunk::<LENGTH_BYTES>().ok_or_else(short)?;
    Ok(LENGTH_BYTES + u32::from_le_bytes(*length) as usize)
}

/// The fields of columns by name, with where each column lies, from the first bytes ([`directory_bytes`] of them).
///
/// # Errors
/// `bad_format` when they are no directory.
pub fn directory(bytes: &[u8]) -> Result<Vec<(String, Range<usize>)>> {
    let mut start = directory_bytes(bytes)?;
    let mut rest = bytes.get(LENGTH_BYTES..start).ok_or_else(short)?;
    let count = read(&mut rest)?;
    if count > FIELD_CAP {
        return Err(bad("there are more than 1000 fields"));
    }
    let mut fields: Vec<(String, Range<usize>)> = Vec::new();
    for _ in 0..count {
        let length = read(&mut rest)?;
        let name =
            str::from_utf8(take(&mut rest, length)?).map_err(|_| bad("a name is not UTF-8"))?;
        let length = read(&mut rest)?;
        let end = start.checked_add(length).ok_or_else(short)?;
        if name.is_empty()
            || name.len() > NAME_CAP
            || fields.last().is_some_and(|(last, _)| name <= last.as_str())
        {
            return Err(bad("the names of its fields are not names in their order"));
        }
        fields.push((name.to_owned(), start..end));
        start = end;
    }
    if !rest.is_empty() {
        return Err(bad("the directory is longer than its fields"));
    }
    Ok(fields)
}

fn write(bytes: &mut Vec<u8>, number: usize) {
    // Columns::check_room sees to it that everything that is counted here is below 2^32.
    varint::write(bytes, number as u32);
}

fn read(bytes: &mut &[u8]) -> Result<usize> {
    let number = varint::read(bytes).map(|number| number as usize);
    number.ok_or_else(|| bad("a number ends too early, is too large or too long"))
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Result<&'a [u8]> {
    varint::take(bytes, length).ok_or_else(short)
}

fn short() -> Error {
    bad("they end too early")
}

fn bad(what: &str) -> Error {
    Error::new(
        Code::BadFormat,
        format!("the columns of values cannot be used: {what}; fetch or build the index again"),
    )
}
