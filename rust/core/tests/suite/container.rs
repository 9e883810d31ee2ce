//! The container: what is written is read back, and nothing else is read.
//!
//! Owns the cases; knows nothing of what sections mean. Invariant: a refusal names its code.

use super::support::{Seeded, signed};
use findling_core::Code;
use findling_core::format::{ALIGN, Container, DEFAULT_BLOCK, Header, Kind, pack};
use proptest::prelude::*;
use serde_json::{Value, json};

fn small() -> Vec<u8> {
    let meta = json!({"name": "small", "n": 3});
    pack(
        Kind::Index,
        &meta,
        &[("one", b"first"), ("two", &[7; 70]), ("none", b"")],
    )
    .unwrap()
}

fn refusal(bytes: &[u8]) -> Code {
    Container::parse(bytes).map(|_| ()).unwrap_err().code
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(7), ..ProptestConfig::default() })]

    #[test]
    fn what_is_packed_is_read_back(
        text in ".*",
        seed in any::<u64>(),
        lengths in prop::collection::vec(prop_oneof![0..200_usize, 60_000..140_000_usize], 0..6),
    ) {
        let mut seeded = Seeded(seed);
        let contents: Vec<(String, Vec<u8>)> = lengths.iter().enumerate().map(|(number, length)| {
            (format!("section {number}"), (0..*length).map(|_| seeded.next() as u8).collect())
        }).collect();
        let sections: Vec<(&str, &[u8])> = contents.iter().map(|(name, content)| (name.as_str(), content.as_slice())).collect();
        let meta = json!({"text": text});
        let bytes = pack(Kind::Model, &meta, &sections).unwrap();
        prop_assert_eq!(&bytes, &pack(Kind::Model, &meta, &sections).unwrap());
        let container = Container::parse(&bytes).unwrap();
        prop_assert_eq!(container.header().kind, Kind::Model);
        prop_assert_eq!(&container.header().meta, &meta);
        for (name, content) in &sections {
            prop_assert_eq!(container.section(name).unwrap(), *content);
            prop_assert_eq!(container.range(name).unwrap().start as u64 % ALIGN, 0);
        }
        prop_assert_eq!(container.section("another").unwrap_err().code, Code::BadFormat);
    }
}

#[test]
fn every_truncation_and_extension_is_refused() {
    let bytes = small();
    for length in 0..bytes.len() {
        let code = refusal(&bytes[..length]);
        assert!(
            matches!(code, Code::BadFormat | Code::WrongDigest),
            "{length}: {code:?}"
        );
    }
    for more in [1, 63, 64, 65, 1000] {
        let mut longer = bytes.clone();
        longer.resize(bytes.len() + more, 0);
        assert_eq!(refusal(&longer), Code::BadFormat);
    }
}

#[test]
fn every_single_flipped_bit_is_refused() {
    let bytes = small();
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let code = refusal(&damaged);
        assert!(
            matches!(
                code,
                Code::BadFormat | Code::WrongDigest | Code::WrongVersion
            ),
            "bit {bit}: {code:?}"
        );
    }
}

#[test]
fn a_newer_version_is_told_from_damage() {
    let mut bytes = small();
    bytes[8..12].copy_from_slice(&2_u32.to_le_bytes());
    assert_eq!(refusal(&bytes), Code::WrongVersion);
    bytes[8..12].copy_from_slice(&0_u32.to_le_bytes());
    assert_eq!(refusal(&bytes), Code::BadFormat);
}

#[test]
fn a_header_that_lies_is_refused_though_its_digest_is_right() {
    let section = json!({"name": "a", "length": 0, "block": 65536, "digest": "e3b0c44298fc1c149afbf4c8996fb924"});
    let whole = json!({"kind": "index", "meta": {}, "sections": [section]});
    assert!(Container::parse(&signed(&whole.to_string(), b"")).is_ok());

    let with = |pointer: &str, value: Value| {
        let mut header = whole.clone();
        *header.pointer_mut(pointer).unwrap() = value;
        header.to_string()
    };
    let first = "/sections/0";
    let mut headers = vec![
        String::new(),
        "null".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        whole.to_string() + "x",
        "[".repeat(100_000),
        with("/kind", json!("zip")),
        with("/meta", json!([])),
        with("/meta", json!(null)),
        with("/sections", json!({})),
        with(first, json!({"name": "a"})),
        with(
            first,
            json!({"name": "a", "length": 0, "block": 65536, "digest": "e3b0c44298fc1c149afbf4c8996fb924", "offset": 0}),
        ),
        with("/sections/0/name", json!("")),
        with("/sections/0/name", json!("n".repeat(65))),
        with(
            "/sections/0/digest",
            json!("E3B0C44298FC1C149AFBF4C8996FB924"),
        ),
        with("/sections/0/digest", json!("e3b0")),
        with("/sections", json!([section, section])),
        with(
            "/sections",
            json!(
                (0..65)
                    .map(|n| {
                        let mut one = section.clone();
                        one["name"] = json!(n.to_string());
                        one
                    })
                    .collect::<Vec<_>>()
            ),
        ),
    ];
    for length in [
        json!(1),
        json!(-1),
        json!(0.5),
        json!(u64::MAX),
        json!(1_u64 << 60),
        json!((1_u64 << 53) + 1),
        json!(1_u64 << 53),
        json!(u64::from(u32::MAX)),
    ] {
        headers.push(with("/sections/0/length", length));
    }
    for block in [0_u64, 1, 512, 1023, 65_537, 32 << 20, 1 << 31, 1 << 32] {
        headers.push(with("/sections/0/block", json!(block)));
    }
    for header in headers {
        let code = refusal(&signed(&header, b""));
        assert_eq!(
            code,
            Code::BadFormat,
            "{}",
            &header[..header.len().min(300)]
        );
    }
}

#[test]
fn a_header_above_its_cap_is_refused_before_it_is_read() {
    let mut bytes = small();
    bytes[12..16].copy_from_slice(&((1_u32 << 20) + 1).to_le_bytes());
    assert_eq!(refusal(&bytes), Code::BadFormat);
    bytes[12..16].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(refusal(&bytes), Code::BadFormat);
    let header = |bytes: usize| {
        let around = r#"{"kind":"index","meta":{"":""},"sections":[]}"#;
        let text = "x".repeat(bytes - around.len());
        around.replace(r#":"""#, &format!(r#":"{text}""#))
    };
    assert!(Container::parse(&signed(&header(1 << 20), b"")).is_ok());
    assert_eq!(
        refusal(&signed(&header((1 << 20) + 1), b"")),
        Code::BadFormat
    );
}

#[test]
fn padding_that_is_not_zero_is_refused() {
    let bytes = small();
    let header = Header::parse(&bytes).unwrap();
    let table = header.table_range();
    let gaps = [
        header.header_bytes..table.start,
        table.end..header.sections[0].offset,
        header.sections[0].range().end..header.sections[1].offset,
    ];
    for gap in gaps {
        assert!(!gap.is_empty());
        let mut damaged = bytes.clone();
        damaged[gap.start as usize] = 1;
        assert_eq!(refusal(&damaged), Code::BadFormat);
    }
}

#[test]
fn pack_refuses_what_could_not_be_read() {
    let meta = json!({});
    type Sections = Vec<(&'static str, &'static [u8])>;
    let cases: [(Value, Sections); 6] = [
        (json!([]), vec![]),
        (json!({"many": vec![0; 8192]}), vec![]),
        (json!({"long": "x".repeat(1 << 20)}), vec![]),
        (meta.clone(), vec![("a", b""), ("a", b"")]),
        (meta.clone(), vec![("", b"")]),
        (meta, vec![("a", b""); 65]),
    ];
    for (meta, sections) in cases {
        assert_eq!(
            pack(Kind::Index, &meta, &sections).unwrap_err().code,
            Code::BadRequest
        );
    }
}

#[test]
fn a_header_holds_up_to_8192_values_and_strings_count_once() {
    // Beside the zeros, five brackets and three commas are counted.
    let most = 8192 - 8;
    let text = "[{,".repeat(9000) + "\\\"[";
    let list = |count: usize| json!({"a": vec![text.as_str(); 1], "b": vec![0; count]});
    let fits = pack(Kind::Index, &list(most), &[]);
    assert_eq!(
        Container::parse(&fits.unwrap()).unwrap().header().meta,
        list(most)
    );
    let error = pack(Kind::Index, &list(most + 1), &[])
        .map(|_| ())
        .unwrap_err();
    assert_eq!(
        (error.code, &error.detail["limit"]),
        (Code::BadRequest, &json!(8192))
    );
    let header = json!({"kind": "index", "meta": list(most + 1), "sections": []}).to_string();
    assert_eq!(refusal(&signed(&header, b"")), Code::BadFormat);
}

#[test]
fn a_block_is_verified_alone() {
    let content: Vec<u8> = (0..3 * DEFAULT_BLOCK / 2)
        .map(|n| (n % 251) as u8)
        .collect();
    let bytes = pack(
        Kind::Index,
        &json!({}),
        &[("other", b"x"), ("content", &content)],
    )
    .unwrap();
    let header = Header::parse(&bytes[..Header::bytes_needed(&bytes[..32]).unwrap()]).unwrap();
    let section = header.section("content").unwrap();
    let cut =
        |range: std::ops::Range<u64>| bytes[range.start as usize..range.end as usize].to_vec();
    let table = cut(section.table_range());
    section.verify_table(&table).unwrap();
    assert_eq!(section.blocks(), 2);
    for block in 0..2 {
        let good = cut(section.block_range(block));
        section.verify_block(&table, block, &good).unwrap();
        let mut flipped = good.clone();
        flipped[100] ^= 1;
        for wrong in [flipped, good[1..].to_vec(), Vec::new()] {
            let error = section.verify_block(&table, block, &wrong).unwrap_err();
            assert_eq!(error.code, Code::WrongDigest);
        }
        assert!(section.verify_block(&table, 1 - block, &good).is_err());
    }
    assert!(section.verify_block(&table, 2, b"").is_err());
    assert!(section.verify_block(&table, u64::MAX / 16, b"").is_err());
    assert!(section.verify_table(&table[1..]).is_err());
}
