//! Writing a container.
//!
//! Owns the order in which its parts are laid out; knows nothing of what the sections mean. Invariant: the same arguments give
//! the same bytes, and what is written is read again.

use super::{
    DEFAULT_BLOCK, HEADER_CAP, Header, HeaderJson, Kind, MAGIC, SectionJson, VALUES_CAP, VERSION,
    digest, hex, is_block, values,
};
use crate::digest::digests;
use crate::error::{Code, Error, Result};
use serde_json::{Value, json};

/// Writes a container; the same arguments give the same bytes.
///
/// # Errors
/// `bad_request` when `meta` is not an object, the header would be longer than 1 MiB or hold more than 8192 values, there
/// are more than 64 sections, or a section name is empty, longer than 64 bytes or used twice.
pub fn pack(kind: Kind, meta: &Value, sections: &[(&str, &[u8])]) -> Result<Vec<u8>> {
    let sections: Vec<_> = sections
        .iter()
        .map(|(name, content)| (*name, *content, DEFAULT_BLOCK))
        .collect();
    pack_in_blocks(kind, meta, &sections)
}

/// Like [`pack`], with the bytes that one digest covers given for each section.
///
/// # Errors
/// As for [`pack`], and when a block is not a power of two from 1 KiB to 16 MiB.
pub fn pack_in_blocks(
    kind: Kind,
    meta: &Value,
    sections: &[(&str, &[u8], u32)],
) -> Result<Vec<u8>> {
    if let Some((name, _, block)) = sections.iter().find(|(_, _, block)| !is_block(*block)) {
        return Err(Error::new(
            Code::BadRequest,
            "a block is a power of two from 1 KiB to 16 MiB; choose another size",
        )
        .with(json!({"section": name, "block": block})));
    }
    let mut table = Vec::new();
    let described: Vec<SectionJson> = sections
        .iter()
        .map(|(name, content, block)| {
            let start = table.len();
            for digest in digests(content, *block as usize) {
                table.extend_from_slice(&digest);
            }
            SectionJson {
                name: (*name).to_owned(),
                length: content.len() as u64,
                block: *block,
                digest: hex(&digest(&table[start..])),
            }
        })
        .collect();
    let header = serde_json::to_vec(&HeaderJson {
        kind,
        meta: meta.clone(),
        sections: described,
    })
    .map_err(|cause| {
        Error::new(Code::Bug, "the header could not be written")
            .with(json!({"cause": cause.to_string()}))
    })?;
    if header.len() > HEADER_CAP {
        return Err(Error::new(
            Code::BadRequest,
            "the header would be longer than 1 MiB; keep large values in sections",
        )
        .with(json!({"found": header.len(), "limit": HEADER_CAP})));
    }
    if values(&header) > VALUES_CAP {
        return Err(Error::new(
            Code::BadRequest,
            "the header would hold more than 8192 values; keep lists in sections",
        )
        .with(json!({"found": values(&header), "limit": VALUES_CAP})));
    }

    let mut bytes = Vec::new();
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&(header.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&digest(&header));
    bytes.extend_from_slice(&header);
    // What was written is read by the reader's own rules, so that the two cannot drift apart.
    let parsed = Header::parse(&bytes).map_err(|error| Error {
        code: Code::BadRequest,
        ..error
    })?;
    bytes.reserve_exact((parsed.file_bytes as usize).saturating_sub(bytes.len()));
    pad(&mut bytes, parsed.table_range().start);
    bytes.extend_from_slice(&table);
    for (section, (_, content, _)) in parsed.sections.iter().zip(sections) {
        pad(&mut bytes, section.offset);
        bytes.extend_from_slice(content);
    }
    pad(&mut bytes, parsed.file_bytes);
    Ok(bytes)
}

fn pad(bytes: &mut Vec<u8>, length: u64) {
    bytes.resize(length as usize, 0);
}
