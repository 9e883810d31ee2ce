//! A container that is in memory as a whole.
//!
//! Owns what is compared before a byte of it is handed out; knows nothing of what the sections mean. Invariant: after it was
//! read, every range of the header lies within the bytes.

use super::{Header, Section, bad};
use crate::error::Result;
use serde_json::json;
use std::ops::Range;

/// A whole file, every byte of which has been verified, by whom called where it was adopted.
#[derive(Clone, Debug)]
pub struct Container<'a> {
    bytes: &'a [u8],
    header: Header,
}

impl<'a> Container<'a> {
    /// Verifies every block, the padding and the exact length of a file.
    ///
    /// # Errors
    /// `bad_format`, `wrong_version` or `wrong_digest`.
    pub fn parse(bytes: &'a [u8]) -> Result<Container<'a>> {
        Container::read(bytes, Section::verify)
    }

    /// As `parse`, without the blocks: for bytes of which the caller has compared a digest of the whole file with one that he
    /// trusts. Whoever gives others has what is wrong in a block taken for what was written.
    ///
    /// # Errors
    /// As `parse`.
    pub fn adopt(bytes: &'a [u8]) -> Result<Container<'a>> {
        Container::read(bytes, |section, table, _| section.verify_table(table))
    }

    /// Checks everything but the blocks, which are left to `verify`: a section, its digest table, its content.
    fn read(
        bytes: &'a [u8],
        verify: impl Fn(&Section, &[u8], &[u8]) -> Result<()>,
    ) -> Result<Container<'a>> {
        let header = Header::parse(bytes)?;
        if header.file_bytes != bytes.len() as u64 {
            return Err(bad("the file is truncated or extended")
                .with(json!({"found": bytes.len(), "wanted": header.file_bytes})));
        }
        let container = Container { bytes, header };
        let mut end = container.header.header_bytes;
        let table = container.header.table_range();
        container.check_padding(end..table.start)?;
        end = table.end;
        for section in &container.header.sections {
            container.check_padding(end..section.offset)?;
            end = section.range().end;
            verify(
                section,
                container.slice(section.table_range()),
                container.slice(section.range()),
            )?;
        }
        container.check_padding(end..container.header.file_bytes)?;
        Ok(container)
    }

    /// The verified header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The verified header, keeping it after the bytes are gone.
    pub fn into_header(self) -> Header {
        self.header
    }

    /// The content of a section.
    ///
    /// # Errors
    /// `bad_format` when the file has no such section.
    pub fn section(&self, name: &str) -> Result<&'a [u8]> {
        Ok(self.slice(self.header.section(name)?.range()))
    }

    /// Where the content of a section lies in the bytes that were parsed, for an owner of those bytes.
    ///
    /// # Errors
    /// `bad_format` when the file has no such section.
    pub fn range(&self, name: &str) -> Result<Range<usize>> {
        let range = self.header.section(name)?.range();
        Ok(range.start as usize..range.end as usize)
    }

    /// `range` ends within the file: `parse` compared the file's length before anything else.
    fn slice(&self, range: Range<u64>) -> &'a [u8] {
        &self.bytes[range.start as usize..range.end as usize]
    }

    fn check_padding(&self, range: Range<u64>) -> Result<()> {
        if self.slice(range).iter().any(|byte| *byte != 0) {
            return Err(bad("the padding between sections is not zero"));
        }
        Ok(())
    }
}
