//! The fuzz targets, which live with the tests of the core, for whoever runs them from outside.
//!
//! Owns nothing but the list of modules; must not know what a target does. Invariant: what libFuzzer runs is what
//! `./build.sh test` replays.

#![allow(dead_code)]

#[path = "../../core/tests/suite/broken.rs"]
mod broken;
#[path = "../../core/tests/suite/campaign.rs"]
pub mod campaign;
#[path = "../../core/tests/suite/collection.rs"]
pub mod collection;
#[path = "../../core/tests/suite/disk.rs"]
mod disk;
#[path = "../../core/tests/suite/fuzz/mod.rs"]
pub mod fuzz;
#[path = "../../core/tests/suite/memory.rs"]
mod memory;
#[path = "../../core/tests/suite/pieces.rs"]
pub mod pieces;
#[path = "../../core/tests/suite/segments.rs"]
pub mod segments;
#[path = "../../core/tests/suite/support.rs"]
pub mod support;
