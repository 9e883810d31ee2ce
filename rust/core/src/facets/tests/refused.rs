//! What columns, filters, facets and orders refuse: bytes and requests that nobody should have written.
//!
//! Owns the broken and the excessive; knows nothing private of the columns but their bytes.
//! Invariant: fixed seeds; whatever comes in, an answer or a coded error comes out.

use super::super::*;
use super::{Random, collection, document};

#[test]
fn columns_come_back_from_their_bytes_and_one_alone_from_its_own() {
    let mut random = Random(6);
    for turn in 0..40 {
        let (documents, columns) = collection(&mut random, turn);
        let bytes = columns.dump();
        let read = Columns::load(&bytes, turn).unwrap();
        assert_eq!(read.dump(), bytes);
        assert!((0..turn).all(|at| read.row(at) == Row::new(&documents[at]).unwrap()));
        let head = &bytes[..directory_bytes(&bytes[..4]).unwrap()];
        for (name, range) in directory(head).unwrap() {
            let mut alone = Columns::load(&[1, 0, 0, 0, 0], turn).unwrap();
            alone.load_field(&name, &bytes[range]).unwrap();
            assert_eq!(alone.fields().collect::<Vec<_>>(), [&name]);
            assert!((0..turn).all(|at| alone.values(&name, at) == read.values(&name, at)));
        }
        // What was read can be added to.
        let mut more = read.clone();
        more.push(&Row::new(&document(&mut random)).unwrap());
        more.retain(&[vec![true; turn], vec![false]].concat());
        assert_eq!(more.dump(), bytes);
    }
}

#[test]
fn broken_bytes_are_refused_or_are_what_somebody_could_have_written() {
    let mut random = Random(7);
    let (_, columns) = collection(&mut random, 9);
    let bytes = columns.dump();
    for length in 0..bytes.len() {
        assert_eq!(
            Columns::load(&bytes[..length], 9).unwrap_err().code,
            Code::BadFormat
        );
    }
    assert!(Columns::load(&[&bytes[..], &[0]].concat(), 9).is_err());
    assert!(Columns::load(&bytes, 8).is_err() && Columns::load(&bytes, 10).is_err());
    let mut read = 0;
    for _ in 0..20_000 {
        let mut broken = bytes.clone();
        for _ in 0..1 + random.below(3) {
            let at = random.below(broken.len());
            broken[at] = *random.pick(&[0, 1, 2, 0x7f, 0x80, 0xff, bytes[at] ^ 1 << (at % 8)]);
        }
        if let Ok(columns) = Columns::load(&broken, 9) {
            read += 1;
            assert_eq!(columns.dump(), broken);
            assert!(
                columns
                    .fields()
                    .all(|field| columns.values(field, 8).len() <= VALUES_CAP)
            );
        }
    }
    assert!(read > 0);
    // A value that is there twice, one that no document has, and the right ones.
    let column = |keys: &[u8; 4], values: &[u8]| {
        let column = [&[2, 2, 2], &keys[..], values].concat();
        let head = [4, 0, 0, 0, 1, 1, b'a', column.len() as u8];
        Columns::load(&[&head[..], &column].concat(), 1)
    };
    assert!(column(b"\x01x\x01x", &[2, 0, 0]).is_err());
    assert!(column(b"\x01y\x01x", &[2, 0, 0]).is_err());
    assert!(column(b"\x01x\x01y", &[1, 0]).is_err());
    assert!(column(b"\x01x\x01y", &[2, 0, 0]).is_ok());
    // Counts far beyond what is there.
    for claim in [
        &[1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f][..],
        &[0xff, 0xff, 0xff, 0xff, 0],
        &[4, 0, 0, 0, 1, 1, b'a', 5, 0xff, 0xff, 0xff, 0xff, 0x0f],
    ] {
        assert!(Columns::load(claim, usize::MAX).is_err() && Columns::load(claim, 1).is_err());
    }
}

#[test]
fn a_malformed_filter_facet_or_sort_is_refused() {
    let filter = |text: &str| {
        serde_json::from_str::<FilterJson>(text)
            .ok()
            .map(read_filter)
            .is_some_and(|read| read.is_ok())
    };
    let facet = |text: &str| {
        serde_json::from_str::<FacetJson>(text)
            .ok()
            .map(|facet| read_facets(vec![facet]))
            .is_some_and(|read| read.is_ok())
    };
    let sort = |text: &str| {
        serde_json::from_str::<SortJson>(text)
            .ok()
            .map(|key| read_sort(vec![key]))
            .is_some_and(|read| read.is_ok())
    };
    for good in [
        r#"{"and":[]}"#,
        r#"{"or":[]}"#,
        r#"{"field":"a","any":[]}"#,
        r#"{"field":"a","any":["x",2,{"min":1}]}"#,
        r#"{"not":{"ids":[]}}"#,
    ] {
        assert!(filter(good), "{good}");
    }
    for bad in [
        "{}",
        r#"{"ids":[],"not_ids":[]}"#,
        r#"{"ids":[1]}"#,
        r#"{"and":[],"or":[]}"#,
        r#"{"field":"a"}"#,
        r#"{"field":"","any":[]}"#,
        r#"{"field":"a","tree":true}"#,
        r#"{"any":["a"]}"#,
        r#"{"field":"a","any":[true]}"#,
        r#"{"field":"a","any":[null]}"#,
        r#"{"field":"a","some":["b"]}"#,
        r#"{"field":"a","any":["b"],"ids":[]}"#,
        r#"{"field":"a","range":{}}"#,
        r#"{"field":"a","range":{"min":1,"above":2}}"#,
        r#"{"field":"a","range":{"max":1,"below":2}}"#,
        r#"{"field":"a","range":{"min":1,"max":"2024"}}"#,
        r#"{"field":"a","range":{"min":"soon"}}"#,
        r#"{"field":"a","range":{"from":1}}"#,
        r#"{"field":"a","all":[]}"#,
        r#"{"field":"a","any":[1e999]}"#,
    ] {
        assert!(!filter(bad), "{bad}");
    }
    let nested = |depth: usize| {
        format!(
            "{}{}{}",
            r#"{"not":"#.repeat(depth),
            r#"{"ids":[]}"#,
            "}".repeat(depth)
        )
    };
    assert!(filter(&nested(15)) && !filter(&nested(16)) && !filter(&nested(100_000)));
    let many = |count: usize| format!(r#"{{"or":[{}]}}"#, vec![r#"{"ids":[]}"#; count].join(","));
    assert!(filter(&many(255)) && !filter(&many(256)));
    let all = |count: usize| format!(r#"{{"field":"a","all":[{}]}}"#, vec!["1"; count].join(","));
    assert!(filter(&all(64)) && !filter(&all(65)));
    let any = |count: usize| format!(r#"{{"field":"a","any":[{}]}}"#, vec!["1"; count].join(","));
    assert!(filter(&any(10_000)) && !filter(&any(10_001)));
    assert!(facet(
        r#"{"field":"a","tree":true,"under":"b","limit":1,"sort":"count"}"#
    ));
    for bad in [
        "{}",
        r#"{"field":""}"#,
        r#"{"field":"a","limit":0}"#,
        r#"{"field":"a","limit":10001}"#,
        r#"{"field":"a","under":"b"}"#,
        r#"{"field":"a","ranges":[]}"#,
        r#"{"field":"a","tree":true,"ranges":[{"min":1}]}"#,
        r#"{"field":"a","sort":"size"}"#,
        r#"{"field":"a","colour":1}"#,
    ] {
        assert!(!facet(bad), "{bad}");
    }
    assert!(sort(r#"{"field":"a","order":"asc"}"#));
    for bad in [
        "{}",
        r#"{"field":""}"#,
        r#"{"field":"a","order":"up"}"#,
        r#"{"field":"a","by":1}"#,
    ] {
        assert!(!sort(bad), "{bad}");
    }
    let keys = |count: usize| {
        (0..count)
            .map(|_| serde_json::from_str(r#"{"field":"a"}"#).unwrap())
            .collect()
    };
    assert!(read_sort(keys(8)).is_ok() && read_sort(keys(9)).is_err());
    let facets = |count: usize| {
        (0..count)
            .map(|_| serde_json::from_str(r#"{"field":"a"}"#).unwrap())
            .collect()
    };
    assert!(read_facets(facets(64)).is_ok() && read_facets(facets(65)).is_err());
}

#[test]
fn a_document_with_too_much_is_refused() {
    let values = |count: usize| Values::from([("a".to_owned(), vec![Value::Number(1.0); count])]);
    assert!(Row::new(&values(VALUES_CAP)).is_ok());
    assert_eq!(
        Row::new(&values(VALUES_CAP + 1)).unwrap_err().code,
        Code::BadInput
    );
    for name in [String::new(), "x".repeat(NAME_CAP + 1)] {
        assert_eq!(
            Row::new(&Values::from([(name, Vec::new())]))
                .unwrap_err()
                .code,
            Code::BadInput
        );
    }
    let fields = |from: usize, to: usize| {
        Row::new(
            &(from..to)
                .map(|at| (at.to_string(), vec![Value::Number(1.0)]))
                .collect(),
        )
    };
    let mut columns = Columns::new();
    columns.push(&fields(0, FIELD_CAP).unwrap());
    assert!(columns.check_room(&[fields(1, 3).unwrap()]).is_ok());
    assert_eq!(
        columns
            .check_room(&[fields(FIELD_CAP, FIELD_CAP + 1).unwrap()])
            .unwrap_err()
            .code,
        Code::BadInput
    );
    assert!(fields(0, FIELD_CAP + 1).is_err());
}
