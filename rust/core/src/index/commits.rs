//! In which stored segment each document of an index lies, and what a commit would change about that.
//!
//! Owns the base (what is stored), the draft (what was computed last and may be stored by now) and the tombstones that follow from
//! both; must not know bytes. Invariant: only a commit that names the draft's digest makes it the base, so that a failed write
//! loses nothing; what is computed changes neither.

use super::{Counted, Index};
use crate::error::{Code, Error, Result};
use crate::segment::{Parameters, Pointer, SegmentFile};
use serde::Serialize;
use serde_json::json;

/// The place of a document in a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Home {
    /// The segment by the number that it has while the index is open; 0 for none.
    segment: u32,
    /// The document's number there.
    number: u32,
}

/// Where a document lies, and where it lies once the draft is stored, if it moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Homes {
    now: Home,
    draft: Home,
}

/// A segment that a pointer names.
#[derive(Clone, Debug, PartialEq)]
struct Segment {
    /// Not used again while the index is open.
    serial: u32,
    file: SegmentFile,
    documents: u32,
    /// How many of them are gone, says the pointer.
    gone: usize,
}

/// A pointer and what it names.
#[derive(Clone, Debug, Default, PartialEq)]
struct State {
    /// Of the pointer, in hexadecimal.
    digest: String,
    segments: Vec<Segment>,
    /// What readers of the published segment have to know of it.
    parameters: Option<Parameters>,
    pieces: Option<String>,
}

/// What is stored of an index, and what may be.
#[derive(Clone, Debug, Default)]
pub(super) struct Commits {
    base: Option<State>,
    draft: Option<State>,
    /// How many segments there have been.
    serial: u32,
}

/// What is stored of an index, as `status` tells it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stored {
    /// The digest of the pointer; null when nothing is.
    pub stored: Option<String>,
    /// Its segments, in its order.
    pub segments: Vec<StoredSegment>,
    /// How many documents lie in none.
    pub pending: usize,
    /// Whether documents are gone of which the pointer does not say so.
    pub gone: bool,
}

/// A segment, as `status` tells it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StoredSegment {
    /// Its name, beside the pointer.
    pub file: String,
    /// Its bytes.
    pub length: u64,
    /// How many documents it holds.
    pub documents: u32,
    /// How many of them are still there.
    pub living: usize,
    /// Whether it is live: of type `flat`.
    pub live: bool,
}

/// What is to be written for a commit.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The documents of the new segment, by number, ascending.
    pub fresh: Vec<usize>,
    /// The new pointer but for that segment.
    pub pointer: Pointer,
    /// Whether the draft becomes the base.
    confirms: bool,
}

impl Index {
    /// Says that what is in the index is what a pointer file names: `digest` is the pointer's, `numbers` tell of each document its
    /// segment, by its place in the pointer, and its number there.
    pub fn set_stored(&mut self, digest: String, pointer: &Pointer, numbers: &[(usize, u32)]) {
        let first = self.commits.serial + 1;
        let segments = pointer.segments.iter().zip(&pointer.gone);
        let segments: Vec<Segment> = (first..)
            .zip(segments)
            .map(|(serial, (file, gone))| Segment {
                serial,
                file: file.clone(),
                documents: file.documents.unwrap_or(0),
                gone: gone.len(),
            })
            .collect();
        self.commits = Commits {
            serial: self.commits.serial + segments.len() as u32,
            draft: None,
            base: Some(State {
                digest,
                segments,
                parameters: pointer.parameters.clone(),
                pieces: pointer.pieces.clone(),
            }),
        };
        self.counted.take();
        for (document, (segment, number)) in self.documents.iter_mut().zip(numbers) {
            document.homes.now = Home {
                segment: first + *segment as u32,
                number: *number,
            };
        }
    }

    /// What readers of its published segment have to know.
    ///
    /// # Errors
    /// `unsupported` where nothing of it is published.
    pub fn parameters(&self) -> Result<&Parameters> {
        let base = self.commits.base.as_ref();
        base.and_then(|base| base.parameters.as_ref()).ok_or_else(|| {
            Error::new(
                Code::Unsupported,
                "the collection has no impacts, as nothing of it is published; leave \"precision\" out, or publish it",
            )
        })
    }

    /// What is stored, and what is if the last commit was written, if there was one.
    pub fn stored(&self) -> (&Stored, Option<&Stored>) {
        let counted = self.counted();
        (&counted.stored, counted.next.as_ref())
    }

    /// What is counted over all documents; it is counted once between two changes.
    pub(super) fn counted(&self) -> &Counted {
        self.counted.get_or_init(|| {
            let draft = self.commits.draft.as_ref();
            Counted {
                stored: self.described(self.commits.base.as_ref(), false),
                next: draft.map(|draft| self.described(Some(draft), true)),
                id_bytes: self.documents.iter().map(|each| each.id.len()).sum(),
            }
        })
    }

    fn described(&self, state: Option<&State>, is_draft: bool) -> Stored {
        let segments = state.map_or(&[][..], |state| &state.segments);
        let mut living = vec![0; segments.len()];
        let mut pending = 0;
        for document in &self.documents {
            match place(segments, document.homes.home(is_draft, &self.commits)) {
                Some((at, _)) => living[at] += 1,
                None => pending += 1,
            }
        }
        let all = segments.iter().zip(&living);
        let mut kept = all.clone();
        Stored {
            stored: state.map(|state| state.digest.clone()),
            gone: kept.any(|(each, living)| *living + each.gone < each.documents as usize),
            pending,
            segments: all
                .map(|(each, living)| StoredSegment {
                    file: each.file.file.clone(),
                    length: each.file.length,
                    documents: each.documents,
                    living: *living,
                    live: each.file.is_live(),
                })
                .collect(),
        }
    }

    /// What has to be written where the pointer of the digest `on` is stored now, or nothing; the segments named in `merge` are
    /// to be no more. Changes nothing.
    ///
    /// # Errors
    /// `bad_request` when `on` is neither what is stored nor what was computed last, or a segment is not there.
    pub fn plan_commit(&self, on: Option<&str>, merge: &[String]) -> Result<Plan> {
        let is = |state: &Option<State>| match (state, on) {
            (Some(state), Some(on)) => state.digest == on,
            _ => false,
        };
        let confirms = is(&self.commits.draft);
        let state = match (on, confirms) {
            (None, _) => None,
            (_, true) => self.commits.draft.as_ref(),
            _ if is(&self.commits.base) => self.commits.base.as_ref(),
            _ => return Err(self.unknown(on)),
        };
        let segments = state.map_or(&[][..], |state| &state.segments);
        let known = |name: &String| segments.iter().any(|each| each.file.file == *name);
        if let Some(name) = merge.iter().find(|name| !known(name)) {
            return Err(Error::new(
                Code::BadRequest,
                "a segment to merge is not one that the pointer names; `status` tells which there are",
            )
            .with(json!({"file": name})));
        }
        let (mut fresh, mut living) = (Vec::new(), vec![Vec::new(); segments.len()]);
        for (number, document) in self.documents.iter().enumerate() {
            match place(segments, document.homes.home(confirms, &self.commits)) {
                Some((at, place)) if !merge.contains(&segments[at].file.file) => {
                    living[at].push(place);
                }
                _ => fresh.push(number),
            }
        }
        let mut pointer = Pointer {
            languages: self.languages()?,
            bands: self.bands.clone(),
            ..Pointer::default()
        };
        for (segment, mut living) in segments.iter().zip(living) {
            if !living.is_empty() {
                living.sort_unstable();
                let (mut file, gone) = (segment.file.clone(), others(&living, segment.documents));
                file.count(segment.documents, gone.len());
                pointer.segments.push(file);
                pointer.gone.push(gone);
            }
        }
        if let Some(state) = state.filter(|_| pointer.published().is_some()) {
            pointer.parameters.clone_from(&state.parameters);
            pointer.pieces.clone_from(&state.pieces);
        }
        Ok(Plan {
            fresh,
            pointer,
            confirms,
        })
    }

    /// Remembers what a plan became: a pointer with the new segment, if there is one, as its last, and its digest.
    pub fn drafted(&mut self, plan: &Plan, pointer: &Pointer, digest: String) {
        self.counted.take();
        if plan.confirms
            && let Some(draft) = self.commits.draft.take()
        {
            for document in &mut self.documents {
                document.homes.now = document.homes.home_in(&draft);
            }
            self.commits.base = Some(draft);
        }
        let base = self.commits.base.iter().flat_map(|base| &base.segments);
        let old: Vec<Segment> = base.cloned().collect();
        let serial = self.commits.serial + 1;
        let all = pointer.segments.iter().zip(&pointer.gone);
        let segments = all.map(|(file, gone)| {
            let known = old.iter().find(|each| each.file.file == file.file);
            Segment {
                serial: known.map_or(serial, |known| known.serial),
                file: file.clone(),
                documents: file.documents.unwrap_or(0),
                gone: gone.len(),
            }
        });
        let mut segments: Vec<Segment> = segments.collect();
        // What is written anew may have the name, and so the bytes, of what was there.
        if let Some(last) = segments.last_mut().filter(|_| !plan.fresh.is_empty()) {
            last.serial = serial;
        }
        self.commits.serial = serial;
        for (number, document) in (0..).zip(&plan.fresh) {
            self.documents[*document].homes.draft = Home {
                segment: serial,
                number,
            };
        }
        self.commits.draft = Some(State {
            digest,
            segments,
            parameters: pointer.parameters.clone(),
            pieces: pointer.pieces.clone(),
        });
    }

    fn unknown(&self, on: Option<&str>) -> Error {
        let digest = |state: &Option<State>| state.as_ref().map(|state| state.digest.clone());
        Error::new(
            Code::BadRequest,
            "the pointer that is stored is neither the one this index was opened with nor what was computed last; open it anew, or commit on null",
        )
        .with(json!({
            "on": on, "stored": digest(&self.commits.base), "next": digest(&self.commits.draft),
        }))
    }
}

impl Homes {
    /// Where a document lies, or where once the draft is stored.
    fn home(&self, is_draft: bool, commits: &Commits) -> Home {
        match &commits.draft {
            Some(draft) if is_draft => self.home_in(draft),
            _ => self.now,
        }
    }

    fn home_in(&self, draft: &State) -> Home {
        let newest = draft.segments.last();
        match newest.is_some_and(|newest| newest.serial == self.draft.segment) {
            true => self.draft,
            false => self.now,
        }
    }
}

/// Which of the segments a home lies in, and where.
fn place(segments: &[Segment], home: Home) -> Option<(usize, u32)> {
    // Older ones stand before newer ones.
    let at = segments.binary_search_by_key(&home.segment, |each| each.serial);
    Some((at.ok()?, home.number))
}

/// The numbers below `end` that are not among `living`, which ascend.
fn others(living: &[u32], end: u32) -> Vec<u32> {
    let mut rest = living.iter().peekable();
    (0..end)
        .filter(|number| rest.next_if_eq(&number).is_none())
        .collect()
}
