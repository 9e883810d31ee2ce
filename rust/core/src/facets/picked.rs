//! The documents that were picked by values of a field lately, for the next search with the same condition.
//!
//! Owns what is kept and for how long; knows nothing of what a condition means. Invariant: what is kept equals what would be made anew:
//! it is forgotten with the first value that is added, and never taken for another number of documents.

use super::{Pick, Set};
use std::sync::{Arc, Mutex, PoisonError};

/// Conditions of one field that are kept.
const KEPT: usize = 8;
/// Picks of a condition that is kept, so that what is kept stays small.
const PICKS: usize = 16;

/// Sets by what was picked, those used last at the end. A copy has none.
#[derive(Debug, Default)]
pub struct Picked(Mutex<Vec<Entry>>);

#[derive(Debug)]
struct Entry {
    tree: bool,
    picks: Box<[Pick]>,
    set: Arc<Set>,
}

impl Clone for Picked {
    fn clone(&self) -> Picked {
        Picked::default()
    }
}

impl Picked {
    /// The documents out of `documents` that these picks pick, with `make` if they are not known.
    pub fn get(
        &self,
        documents: usize,
        tree: bool,
        picks: &[Pick],
        make: impl FnOnce() -> Set,
    ) -> Arc<Set> {
        if picks.len() > PICKS {
            return Arc::new(make());
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.iter().position(|entry| {
            entry.tree == tree && *entry.picks == *picks && entry.set.documents() == documents
        });
        let entry = match known {
            Some(at) => kept.remove(at),
            None => Entry {
                tree,
                picks: picks.into(),
                set: Arc::new(make()),
            },
        };
        let set = Arc::clone(&entry.set);
        if kept.len() == KEPT {
            kept.remove(0);
        }
        kept.push(entry);
        set
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        let kept = self.0.get_mut();
        kept.unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Bytes it holds in memory.
    pub fn size_bytes(&self) -> usize {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sizes = kept
            .iter()
            .map(|entry| size_of::<Entry>() + size_of_val(&*entry.picks) + entry.set.size_bytes());
        sizes.sum()
    }
}
