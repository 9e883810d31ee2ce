//! Bytes broken at random: single files, their parts with right digests, and files signed anew.
//!
//! Owns the ways of breaking; knows nothing of what a file means to whom reads it. Invariant: the same seed breaks the
//! same bytes in the same way.

use super::support::{Parts, Seeded};
use findling_core::format::{ALIGN, Kind, PREFIX_BYTES, digest};
use serde_json::{Value, json};

const EDGES: [u32; 12] = [
    0,
    1,
    2,
    0x7f,
    0x80,
    0xff,
    0xffff,
    0x1_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_fffe,
    0xffff_ffff,
];

/// Changes `bytes` in one place, cuts them, or makes them longer.
pub fn mutate(bytes: &mut Vec<u8>, seeded: &mut Seeded) {
    if bytes.is_empty() {
        bytes.push(seeded.next() as u8);
        return;
    }
    let at = seeded.below(bytes.len());
    match seeded.below(10) {
        0 => bytes[at] ^= 1 << seeded.below(8),
        1 => bytes[at] = seeded.next() as u8,
        2 => bytes.truncate(at),
        3 => {
            let more = bytes.len() + 1 + seeded.below(130);
            bytes.resize(more, seeded.next() as u8);
        }
        4 | 5 => {
            let at = at / 4 * 4;
            let edge = EDGES[seeded.below(EDGES.len())].to_le_bytes();
            let end = bytes.len().min(at + 4);
            bytes[at..end].copy_from_slice(&edge[..end - at]);
        }
        6 => {
            let other = seeded.below(bytes.len());
            bytes[at.min(other)..at.max(other)].fill(0);
        }
        7 => bytes[at] = bytes[seeded.below(bytes.len())],
        8 => {
            let step = [1, 2, 4][seeded.below(3)];
            let from = seeded.below(bytes.len()) / step * step;
            let length = step.min(bytes.len() - at.max(from));
            bytes.copy_within(from..from + length, at);
        }
        _ => bytes[at] = bytes[at].wrapping_add(1 + 254 * seeded.below(2) as u8),
    }
}

/// A value that a checked header would not hold, or not there.
fn edge_value(seeded: &mut Seeded) -> Value {
    let values = [
        json!(null),
        json!(true),
        json!(0),
        json!(1),
        json!(2),
        json!(-1),
        json!(1e300),
        json!(u32::MAX),
        json!(u64::MAX),
        json!(1_u64 << 40),
        json!(""),
        json!("cosine"),
        json!([]),
        json!({}),
    ];
    values[seeded.below(values.len())].clone()
}

/// Puts an edge value in the place of one value of `meta`, at any depth.
fn forge_meta(meta: &mut Value, seeded: &mut Seeded) {
    let inside = match meta {
        Value::Object(map) if !map.is_empty() => {
            let at = seeded.below(map.len());
            map.values_mut().nth(at)
        }
        Value::Array(list) if !list.is_empty() => {
            let at = seeded.below(list.len());
            list.get_mut(at)
        }
        _ => None,
    };
    match inside {
        Some(value) if (value.is_object() || value.is_array()) && seeded.below(8) > 0 => {
            forge_meta(value, seeded)
        }
        Some(value) => *value = edge_value(seeded),
        None => *meta = edge_value(seeded),
    }
}

/// A file like `good` with right digests and something wrong in it: in a section, in the meta, or in the header's text.
pub fn forge(good: &Parts, seeded: &mut Seeded) -> Vec<u8> {
    let mut parts = good.clone();
    for _ in 0..1 + seeded.below(2) {
        let section = seeded.below(parts.contents.len());
        match seeded.below(8) {
            0 => {
                let other = seeded.below(parts.contents.len());
                parts.contents.swap(section, other);
            }
            1 => forge_meta(&mut parts.meta, seeded),
            // A change of length never passes; more of the others do when they are tried alone.
            2..=4 => {
                let before = parts.contents[section].len();
                mutate(&mut parts.contents[section], seeded);
                parts.contents[section].resize(before, 0);
            }
            _ => mutate(&mut parts.contents[section], seeded),
        }
    }
    if !parts.meta.is_object() {
        parts.meta = json!({});
    }
    let mut file = parts.pack();
    if seeded.below(8) == 0 {
        let length = header_length(&file).unwrap();
        let mut header = file[PREFIX_BYTES..PREFIX_BYTES + length].to_vec();
        mutate(&mut header, seeded);
        header.resize(length, b' ');
        file[PREFIX_BYTES..PREFIX_BYTES + length].copy_from_slice(&header);
        file[16..PREFIX_BYTES].copy_from_slice(&digest(&header));
    }
    file
}

fn header_length(file: &[u8]) -> Option<usize> {
    let length = file.get(12..16)?;
    Some(u32::from_le_bytes([length[0], length[1], length[2], length[3]]) as usize)
}

/// The parts of a file whose digests may be wrong and whose end may be missing; None when its header tells too little.
pub fn parts_of_damaged(file: &[u8]) -> Option<Parts> {
    let length = header_length(file)?;
    let header: Value =
        serde_json::from_slice(file.get(PREFIX_BYTES..PREFIX_BYTES.checked_add(length)?)?).ok()?;
    let align = |at: u64| at.next_multiple_of(ALIGN);
    let mut offset = align((PREFIX_BYTES + length) as u64);
    let mut sections = Vec::new();
    for section in header["sections"].as_array()? {
        let (length, block) = (section["length"].as_u64()?, section["block"].as_u64()?);
        if length > 1 << 30 || block == 0 {
            return None;
        }
        offset += length.div_ceil(block) * 16;
        sections.push((section["name"].as_str()?, length));
    }
    let mut contents = Vec::new();
    for (_, length) in &sections {
        offset = align(offset);
        let end = (offset + length).min(file.len() as u64);
        contents.push(file[offset.min(end) as usize..end as usize].to_vec());
        offset += length;
    }
    Some(Parts {
        kind: match header["kind"].as_str()? {
            "model" => Kind::Model,
            _ => Kind::Index,
        },
        meta: header["meta"].clone(),
        names: sections
            .iter()
            .map(|(name, _)| (*name).to_owned())
            .collect(),
        contents,
    })
}
