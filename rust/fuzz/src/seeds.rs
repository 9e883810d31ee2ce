//! Writes the seeds of both corpora, from which fuzzing and its replay begin, and the golden collections.
//!
//! Owns which seeds there are; must not know what a target makes of them. Invariant: the same seeds in every run, each a few
//! kilobytes at most.
//!
//!     cargo run --manifest-path rust/fuzz/Cargo.toml --no-default-features --bin seeds

use findling_core::format::pack;
use findling_core::segment::Layout;
use findling_fuzz::campaign::samples;
use findling_fuzz::collection::live_disk;
use findling_fuzz::segments::{files, sample_contents};
use findling_fuzz::support::{Parts, Seeded};
use std::path::Path;

const LIFE_BYTES: [usize; 4] = [96, 192, 384, 768];
const LIVES: usize = 16;

fn main() -> std::io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let write = |target: &str, name: &str, bytes: &[u8]| {
        let folder = corpus.join(target);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(name.replace(' ', "-")), bytes)
    };
    for sample in samples() {
        match sample.name {
            // The same file in another way.
            "index in pieces" | "published in pieces" | "pointer in pieces" | "container" => {}
            // Without its weights, which the target fills in.
            "model" => {
                let parts = Parts::of(sample.bytes());
                let sections: Vec<(&str, &[u8])> = parts
                    .names
                    .iter()
                    .zip(&parts.contents)
                    .map(|(name, content)| match name.as_str() {
                        "vocabulary" | "words.scale" => (name.as_str(), content.as_slice()),
                        _ => (name.as_str(), &[][..]),
                    })
                    .collect();
                let file = pack(parts.kind, &parts.meta, &sections).expect("sound parts");
                write("open", "model", &file)?;
            }
            name => write("open", name, sample.bytes())?,
        }
    }
    let golden = corpus.join("../../../tests/golden/published-1");
    let [segment, pointer] = files(&sample_contents(60, 7, true), Layout::Two);
    std::fs::create_dir_all(&golden)?;
    std::fs::write(golden.join("segment.findling"), segment)?;
    std::fs::write(golden.join("collection.findling"), pointer)?;
    let golden = corpus.join("../../../tests/golden/live-3");
    std::fs::create_dir_all(&golden)?;
    for (name, bytes) in live_disk() {
        std::fs::write(golden.join(name.trim_start_matches("c/")), bytes)?;
    }
    write("open", "not-a-file", b"FINDLING")?;
    let mut seeded = Seeded(1);
    for life in 0..LIVES {
        let length = LIFE_BYTES[life % LIFE_BYTES.len()];
        let mut bytes: Vec<u8> = (0..length).map(|_| seeded.next() as u8).collect();
        bytes[0] = (life / LIFE_BYTES.len()) as u8;
        write("search", &format!("life-{life:02}"), &bytes)?;
    }
    Ok(())
}
