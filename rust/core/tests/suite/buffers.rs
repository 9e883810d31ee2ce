//! Searches of a vector index ask for no memory that grows with it, once they have their buffers.
//!
//! Owns that bound for every way a search goes; knows nothing of what is found. Invariant: the bound is far below one
//! byte a row.

use super::memory::largest_allocation;
use super::support::Seeded;
use findling_core::VectorIndex;
use serde_json::json;

const DIM: usize = 32;
const ROWS: u32 = 20_000;
/// The reply: ten hits as values, and then as text.
const REPLY: usize = 1024;

fn bytes(floats: &[f32]) -> Vec<u8> {
    floats.iter().flat_map(|x| x.to_le_bytes()).collect()
}

#[test]
fn the_second_search_allocates_for_its_reply_only() {
    let mut seeded = Seeded(31);
    let ids: Vec<u8> = (0..ROWS).flat_map(u32::to_le_bytes).collect();
    let vectors = bytes(&seeded.vector(ROWS as usize * DIM));
    let queries: Vec<Vec<u8>> = (0..4).map(|_| bytes(&seeded.vector(DIM))).collect();
    let half = vec![0x55; ROWS as usize / 8];
    for (spec, filter) in [
        (json!({"dim": DIM, "index": "flat"}), &[][..]),
        (json!({"dim": DIM, "index": "flat"}), &half),
        (json!({"dim": DIM, "index": "flat", "store": "int4"}), &[]),
        (
            json!({"dim": DIM, "index": "flat", "metric": "manhattan"}),
            &[],
        ),
        (json!({"dim": DIM, "index": "flat", "sketch": true}), &half),
        (json!({"dim": DIM, "index": "graph", "m": 4}), &half),
    ] {
        let mut index = VectorIndex::create(spec.to_string().as_bytes()).unwrap();
        index.add(&ids, &vectors).unwrap();
        index.link(usize::MAX).unwrap();
        let request = br#"{"limit":10,"ef_search":100}"#;
        index.search(request, &queries[0], filter).unwrap();
        index.remove(&0_u32.to_le_bytes()).unwrap();
        index.search(request, &queries[1], filter).unwrap();
        for query in &queries {
            let (reply, largest) = largest_allocation(|| index.search(request, query, filter));
            assert!(reply.unwrap().len() > 100);
            assert!(largest <= REPLY, "{largest} bytes at once with {spec}");
        }
    }
}
