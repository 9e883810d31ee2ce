//! Broken files in great number, for `./build.sh bench hostile`: one JSON line for each kind of file.
//!
//! Owns the clock and the sums; must not know what is broken or asked. Invariant: a line is printed for every kind and way,
//! whatever happens, and the exit status is 1 when anything happened that must not.
//!
//!     hostile COUNT    so many broken files in all, at least one for each kind and way

#[allow(dead_code)]
#[path = "../tests/suite/broken.rs"]
mod broken;
#[allow(dead_code)]
#[path = "../tests/suite/campaign.rs"]
mod campaign;
#[path = "../tests/suite/collection.rs"]
#[allow(dead_code)]
mod collection;
#[path = "../tests/suite/disk.rs"]
#[allow(dead_code)]
mod disk;
#[allow(dead_code)]
#[path = "../tests/suite/memory.rs"]
mod memory;
#[allow(dead_code)]
#[path = "../tests/suite/pieces.rs"]
mod pieces;
#[allow(dead_code)]
#[path = "../tests/suite/segments.rs"]
mod segments;
#[allow(dead_code)]
#[path = "../tests/suite/support.rs"]
mod support;

use campaign::{Outcome, Way};
use serde_json::json;
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Instant;

/// What a broken file may hold beside twice its length.
const FREE_BYTES: usize = 4 << 20;

fn main() -> ExitCode {
    let count: Option<u64> = std::env::args().nth(1).and_then(|word| word.parse().ok());
    let Some(count) = count else {
        eprintln!("usage: hostile COUNT");
        return ExitCode::from(2);
    };
    let samples = campaign::samples();
    let ways = [Way::Damaged, Way::Forged];
    let kinds = (samples.len() * ways.len()) as u64;
    let mut broken = false;
    for (number, (sample, way)) in samples
        .iter()
        .flat_map(|sample| ways.map(|way| (sample, way)))
        .enumerate()
    {
        let files = (count / kinds + u64::from((number as u64) < count % kinds)).max(1);
        let mut refused: BTreeMap<&str, u64> = BTreeMap::new();
        let (mut same, mut other, mut wrong) = (0_u64, 0_u64, Vec::new());
        let (mut slowest_ms, mut most_over) = (0.0_f64, 0);
        for round in 0..files {
            let began = Instant::now();
            let run = sample.run(way, round);
            slowest_ms = slowest_ms.max(began.elapsed().as_secs_f64() * 1e3);
            let over = run.held.saturating_sub(2 * run.bytes);
            most_over = most_over.max(over);
            match run.outcome {
                Outcome::Refused(code) => *refused.entry(code.as_str()).or_default() += 1,
                Outcome::Same => same += 1,
                Outcome::Other => other += 1,
                Outcome::Broken(what) => wrong.push(format!("round {round}: {what}")),
            }
            if over > FREE_BYTES {
                wrong.push(format!(
                    "round {round}: {} bytes held for {}",
                    run.held, run.bytes
                ));
            }
        }
        broken |= !wrong.is_empty();
        let way = if way == Way::Damaged {
            "damaged"
        } else {
            "forged"
        };
        wrong.truncate(10);
        println!(
            "{}",
            json!({
                "case": format!("{}, {way}", sample.name),
                "files": files,
                "refused": refused,
                "same": same,
                "other": other,
                "wrong": wrong,
                "slowest_ms": slowest_ms,
                "most_over_bytes": most_over,
                "free_bytes": FREE_BYTES,
            })
        );
    }
    if broken {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
