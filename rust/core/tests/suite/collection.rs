//! A stored collection with every kind of segment, opened from files of which one is broken.
//!
//! Owns the collection and what is done with it; must not know how a file was broken. Invariant: answers are well formed, and what
//! a store would not have is an error of the kind that reading it gives.

use super::disk::{
    Disk, PLAIN, POINTER, add, commit, digest, new_engine, open, remove, status, taken_apart, write,
};
use super::support::{Parts, served};
#[cfg(test)]
use findling_core::Code;
use findling_core::format::{Header, hex};
use findling_core::{Engine, Result};
use serde_json::{Value, json};
use std::sync::OnceLock;

/// The files of a published segment and two live ones; documents of the first two are gone.
pub fn disk() -> &'static Disk {
    static DISK: OnceLock<Disk> = OnceLock::new();
    DISK.get_or_init(|| {
        let (mut engine, mut disk) = (new_engine(), Disk::new());
        let all: Vec<(usize, u64)> = (0..16).map(|id| (id, PLAIN)).collect();
        add(&mut engine, &all);
        let written = taken_apart(&engine.publish(br#"{"index":"i"}"#).unwrap());
        write(&mut disk, written);
        for turn in 1..3 {
            let on = digest(&disk[POINTER]);
            engine = open(&disk, true).unwrap().0;
            add(
                &mut engine,
                &[
                    (3 * turn, PLAIN + 1),
                    (20 + turn, PLAIN),
                    (30 + turn, PLAIN),
                ],
            );
            remove(&mut engine, &[7 + turn, 20]);
            let written = commit(&mut engine, Some(&on), &[]).unwrap();
            write(&mut disk, written);
        }
        let on = digest(&disk[POINTER]);
        engine = open(&disk, true).unwrap().0;
        remove(&mut engine, &[31]);
        let written = commit(&mut engine, Some(&on), &[]).unwrap();
        write(&mut disk, written);
        disk
    })
}

/// The files of two live segments, of which the first has lost a document, and no published one.
pub fn live_disk() -> Disk {
    let (mut engine, mut disk) = (new_engine(), Disk::new());
    add(&mut engine, &[(1, 1), (2, 1), (3, 1)]);
    let written = commit(&mut engine, None, &[]).unwrap();
    let on = digest(&written.0);
    write(&mut disk, written);
    add(&mut engine, &[(2, 2), (4, 1)]);
    let written = commit(&mut engine, Some(&on), &[]).unwrap();
    write(&mut disk, written);
    disk
}

/// The bytes of its pointer.
pub fn pointer() -> Vec<u8> {
    disk()[POINTER].clone()
}

/// The bytes of its first live segment.
pub fn live() -> Vec<u8> {
    let header: Value =
        serde_json::from_slice(&findling_core::inspect(&pointer()).unwrap()).unwrap();
    let name = header["meta"]["segments"][1]["file"].as_str().unwrap();
    disk()[&format!("c/{name}")].clone()
}

fn answers((name, segment): (&str, &[u8]), pointer: &[u8], whole: bool) -> Result<Vec<u8>> {
    let read = |asked: &str| match asked {
        POINTER => pointer,
        asked if asked == name => segment,
        asked => disk().get(asked).map_or(&[][..], Vec::as_slice),
    };
    let mut engine = Engine::new("native");
    let open = json!({"index": "i", "file": POINTER, "length": pointer.len(), "whole": whole});
    let opened = served(&mut engine, read, |engine| {
        engine.open(open.to_string().as_bytes())
    })?;
    let documents = opened["documents"].as_u64().unwrap();
    let mut said = Vec::new();
    for plan in [
        json!({"index": "i", "words": {"text": "rocket boats"}, "limit": 50, "facets": [{"field": "kind"}]}),
        json!({"index": "i", "words": {"text": ""}, "filter": {"field": "kind", "any": ["fever"]}, "sort": [{"field": "year"}]}),
        json!({"index": "i", "words": {"text": "rokcet", "correct": true, "phrases": [{"text": "one"}]}}),
    ] {
        let found = served(&mut engine, read, |engine| {
            engine.search(plan.to_string().as_bytes())
        })?;
        let hits = found["hits"].as_array().unwrap();
        assert!(hits.len() as u64 <= documents);
        assert!(found["total"].as_u64().unwrap() <= documents);
        let mut ids: Vec<&str> = hits.iter().map(|hit| hit["id"].as_str().unwrap()).collect();
        ids.sort_unstable();
        // In pieces nobody sees whether an id is alive twice.
        let is_once = ids.windows(2).all(|pair| pair[0] < pair[1]);
        assert!(is_once || !whole, "an id is found once");
        said.extend(found.to_string().into_bytes());
    }
    // Another kind of file is not worked on here.
    if !whole || status(&engine)["stored"].is_null() {
        return Ok(said);
    }
    // What was read is worked on, written, and read again.
    remove(&mut engine, &[1]);
    let request = json!({"index": "i", "on": status(&engine)["stored"]}).to_string();
    said.extend(engine.commit(request.as_bytes())?);
    said.extend(engine.records(br#"{"index":"i"}"#)?);
    Ok(said)
}

/// Opens the collection with this pointer, whole; gives what it answers.
///
/// # Errors
/// What opening says.
pub fn ask_collection(pointer: &[u8]) -> Result<Vec<u8>> {
    answers(("", &[]), pointer, true)
}

/// As [`ask_collection`], not whole.
///
/// # Errors
/// What opening and searching say.
pub fn ask_collection_in_pieces(pointer: &[u8]) -> Result<Vec<u8>> {
    answers(("", &[]), pointer, false)
}

/// Opens the collection with this live segment, which its pointer then names.
///
/// # Errors
/// What opening says.
pub fn ask_live(segment: &[u8]) -> Result<Vec<u8>> {
    let mut parts = Parts::of(&pointer());
    let file = &mut parts.meta["segments"][1];
    file["digest"] = json!(hex(&Header::parse(segment)?.digest));
    file["length"] = json!(segment.len());
    let name = format!("c/{}", file["file"].as_str().unwrap());
    let pointer = parts.pack();
    let whole = answers((&name, segment), &pointer, true);
    let pieces = answers((&name, segment), &pointer, false);
    // Only the whole sees that an id is alive twice.
    assert!(whole.is_err() || pieces.is_ok());
    Ok([whole?, pieces?].concat())
}

/// The files of these versions stay what they are, to be read for ever; those of the last are what is written today.
#[test]
fn golden_live_collections_are_read_and_the_last_is_written_byte_for_byte() {
    let golden = |version: u32| -> Disk {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = folder.join(format!("../../tests/golden/live-{version}"));
        let files = std::fs::read_dir(folder)
            .unwrap()
            .map(std::io::Result::unwrap);
        files
            .map(|file| {
                let name = format!("c/{}", file.file_name().into_string().unwrap());
                (name, std::fs::read(file.path()).unwrap())
            })
            .collect()
    };
    for version in [2, 3] {
        let (mut engine, opened) = open(&golden(version), true).unwrap();
        assert_eq!(opened["documents"], json!(4));
        let records = engine.records(br#"{"index":"i","ids":["d02"]}"#).unwrap();
        let records: Value = serde_json::from_slice(&records).unwrap();
        assert_eq!(records["records"][0]["record"]["version"], json!(2));
    }
    assert!(golden(3) == live_disk(), "other bytes");
}

#[test]
fn forged_tombstones_are_refused_by_code() {
    let good = Parts::of(&pointer());
    let at = good
        .names
        .iter()
        .position(|name| name == "tombstones")
        .unwrap();
    let sound = good.contents[at].clone();
    let code = |bytes: &[u8]| {
        let mut parts = good.clone();
        parts.contents[at] = bytes.to_vec();
        let pointer = parts.pack();
        [ask_collection(&pointer), ask_collection_in_pieces(&pointer)]
            .map(|answer| answer.err().map(|error| error.code))
    };
    assert_eq!(code(&sound), [None, None]);
    // One more or one less than the counts say; nothing; more than there are; a number beyond the last; a hole in a varint.
    let mut more = sound.clone();
    more[0] += 1;
    let mut less = sound.clone();
    less[0] -= 1;
    let mut beyond = sound.clone();
    beyond[1] = 0x7f;
    let long = [&sound[..1], &[0x80, 0x00], &sound[2..]].concat();
    let behind = [sound.as_slice(), &[0]].concat();
    for bytes in [
        &more[..],
        &less,
        &beyond,
        &long,
        &behind,
        &[],
        &sound[..3],
        &[0xff; 40],
    ] {
        assert_eq!(code(bytes), [Some(Code::BadFormat); 2], "{bytes:?}");
    }
}

#[test]
fn forged_lists_of_segments_are_refused_by_code() {
    let good = Parts::of(&pointer());
    let code = |change: &dyn Fn(&mut Value)| {
        let mut parts = good.clone();
        change(&mut parts.meta["segments"]);
        ask_collection(&parts.pack()).err().map(|error| error.code)
    };
    assert_eq!(code(&|_| {}), None);
    let changes: [&dyn Fn(&mut Value); 14] = [
        &|list| list[1]["file"] = list[2]["file"].clone(),
        &|list| list[1]["file"] = json!("../x"),
        &|list| list[1]["live"] = json!(false),
        &|list| list[0]["live"] = json!(true),
        &|list| list[1]["head"] = json!(1),
        &|list| list[0]["head"] = Value::Null,
        &|list| list[0]["head"] = json!(64),
        &|list| list[1]["main"] = json!("en"),
        &|list| list[1]["documents"] = json!(0),
        &|list| list[1]["documents"] = json!(u32::MAX),
        &|list| list[0]["living"] = json!(0),
        &|list| list[0]["length"] = json!(1_u64 << 60),
        &|list| list.as_array_mut().unwrap().swap(0, 1),
        &|list| *list = json!([]),
    ];
    for (at, change) in changes.iter().enumerate() {
        assert_eq!(code(change), Some(Code::BadFormat), "{at}");
    }
    // A document that is alive in two segments.
    let other = Parts::of(&live());
    let mut segment = other.clone();
    let at = segment.names.iter().position(|name| name == "ids").unwrap();
    let ids = std::str::from_utf8(&segment.contents[at])
        .unwrap()
        .replace("d21", "d00");
    segment.contents[at] = ids.into_bytes();
    assert_eq!(ask_live(&segment.pack()).unwrap_err().code, Code::BadFormat);
    // Vectors of another model.
    let mut segment = other.clone();
    segment.meta["space"] = json!("other");
    assert_eq!(ask_live(&segment.pack()).unwrap_err().code, Code::BadFormat);
    let mut bytes = live();
    let at = bytes.len() - 5;
    bytes[at] ^= 1;
    assert_eq!(ask_live(&bytes).unwrap_err().code, Code::WrongDigest);
}
