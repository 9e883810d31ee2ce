//! Writes the golden published collection, `tests/golden/published-1`, anew: to be run when the format changes before a release.
//!
//! Owns nothing but the place; the contents are those that the suite compares it with. Invariant: the same files every time.
//!
//!     cargo run --example golden

#[path = "../tests/suite/segments.rs"]
#[allow(dead_code)]
mod segments;
#[path = "../tests/suite/support.rs"]
#[allow(dead_code)]
mod support;

use findling_core::segment::Layout;
use std::path::Path;

fn main() -> std::io::Result<()> {
    let [segment, pointer] = segments::files(&segments::sample_contents(60, 7, true), Layout::Two);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/published-1");
    std::fs::write(folder.join("segment.findling"), segment)?;
    std::fs::write(folder.join("collection.findling"), pointer)
}
