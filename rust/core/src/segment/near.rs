//! How near documents of a collection that is read in pieces are to a vector, as far as the nearest clusters tell.
//!
//! Owns which clusters are read; must not know how meaning and words are weighed. Invariant: clusters in which nothing may be found
//! are not looked at, and what was asked for is all that is used.

use super::CODE_BYTES;
use super::ask::Nearness;
use super::bytes::Mark;
use super::remote::{Remote, ready};
use super::root::Root;
use super::said::Said;
use crate::error::Result;
use crate::facets::Set;
use crate::file::Answer;
use crate::pieces::short::Query as ShortQuery;
use std::ops::Range;

/// Large clusters whose headers a query reads for their meaning.
const SUPERS: usize = 8;
/// Bytes of short codes that a query reads: of small clusters, and where there are large ones only.
const CODES_BYTES: usize = 20 << 10;
const LARGE_CODES_BYTES: usize = 44 << 10;
/// What closeness and words count when clusters are chosen.
const NEAR: f64 = 0.6;
const SAID: f64 = 0.4;

/// How near the documents are that something is known of, ascending.
pub(super) struct Near {
    pub documents: Vec<(u32, f64, Option<Nearness>)>,
    /// How many of them were read.
    pub read: usize,
}

impl Near {
    /// What is known of a document.
    pub fn of(&self, document: u32) -> Option<(f64, Option<Nearness>)> {
        let at = self
            .documents
            .binary_search_by_key(&document, |each| each.0);
        at.ok()
            .map(|at| (self.documents[at].1, self.documents[at].2))
    }
}

/// A small cluster that may be read.
struct SmallPlace {
    worth: f64,
    near: f64,
    large: usize,
    at: usize,
    documents: Range<u32>,
    rows: Range<u64>,
    mark: Mark,
    is_alone: bool,
}

impl Remote {
    /// How near the documents of `scope` are in the clusters that are worth most, and about how near the others that words
    /// name; `limit` documents of those are about to be shown, and those of `exact`.
    pub(super) fn near(
        &mut self,
        said: &Said,
        vector: &ShortQuery,
        scope: &Set,
        exact: &[u32],
        limit: usize,
    ) -> Result<Answer<Near>> {
        let opened = self.opened()?;
        let gamma = f64::from(opened.parameters.gamma);
        let near = middles(&opened.root, vector);
        let said_in = |documents: Range<u32>| -> f64 {
            let start = said.shares.partition_point(|each| each.0 < documents.start);
            let within = said.shares[start..]
                .iter()
                .take_while(|each| each.0 < documents.end);
            within.fold(0.0, |most, each| each.1.max(most))
        };
        let is_open = |documents: &Range<u32>| {
            documents
                .clone()
                .any(|document| scope.contains(document as usize))
        };
        let supers = opened.root.supers.clone();
        let worth = |near: f64, documents: Range<u32>| NEAR * near + SAID * said_in(documents);
        let mut order: Vec<(f64, usize)> = supers
            .iter()
            .zip(&near)
            .enumerate()
            .filter(|(_, (place, _))| is_open(&place.documents))
            .map(|(number, (place, near))| (worth(*near, place.documents.clone()), number))
            .collect();
        order.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        order.truncate(SUPERS);
        let mut chosen: Vec<usize> = order.iter().map(|each| each.1).collect();
        // The records of the documents that the words find are asked for together with those of near ones.
        let mut named: Vec<(f64, usize)> = said
            .shares
            .iter()
            .map(|(document, share)| (*share, *document as usize))
            .collect();
        named.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        named.truncate(limit);
        named.extend(exact.iter().map(|document| (0.0, *document as usize)));
        let published = self.published();
        named.retain(|each| each.1 < published);
        let more = self.supers_of(named.iter().map(|each| each.1 as u32))?;
        chosen.extend(
            more.into_iter()
                .filter(|number| !order.iter().any(|each| each.1 == *number)),
        );
        ready!(self.headers(&chosen)?);
        let mut small: Vec<SmallPlace> = Vec::new();
        for number in &chosen {
            let Some(header) = self.header(*number) else {
                continue;
            };
            let (mut document, mut row) =
                (supers[*number].documents.start, supers[*number].rows.start);
            let (count, mut centroids) = (header.small.len(), Vec::new());
            for each in &header.small {
                centroids.extend_from_slice(&each.centroid);
            }
            let mut near = Vec::new();
            vector.closeness(&centroids, &mut near);
            for (at, each) in header.small.iter().enumerate() {
                let (first, first_row) = (document, row);
                document += each.documents.len() as u32;
                row += each.documents.iter().map(|shape| shape.rows()).sum::<u64>();
                if !is_open(&(first..document)) {
                    continue;
                }
                let near = f64::from(near[at]);
                small.push(SmallPlace {
                    worth: worth(near, first..document),
                    near,
                    large: *number,
                    at,
                    documents: first..document,
                    rows: first_row..row,
                    mark: each.digest,
                    is_alone: count == 1,
                });
            }
        }
        let first = |place: &SmallPlace| place.documents.start;
        small.sort_unstable_by(|a, b| b.worth.total_cmp(&a.worth).then(first(a).cmp(&first(b))));
        let budget = match small.iter().all(|each| each.is_alone) {
            true => LARGE_CODES_BYTES,
            false => CODES_BYTES,
        };
        let (mut held, mut taken) = (0, 0);
        for each in &small {
            held += (each.rows.end - each.rows.start) as usize * CODE_BYTES;
            if taken > 0 && held > budget {
                break;
            }
            taken += 1;
        }
        let stretches: Vec<_> = small[..taken]
            .iter()
            .map(|each| (each.rows.clone(), each.mark))
            .collect();
        let codes = ready!(self.codes(&stretches)?);
        let mut known = Near {
            documents: self.read_codes(&small[..taken], &codes, vector, scope),
            read: 0,
        };
        let opened = self.opened()?;
        let live = opened.live.near(vector, scope, published);
        known.documents.extend(live.into_iter().flatten());
        known.read = known.documents.len();
        known.documents.sort_unstable_by_key(|each| each.0);
        let root = &opened.root;
        let mut guessed = Vec::new();
        for (document, share) in &said.shares {
            if known.of(*document).is_some() {
                continue;
            }
            let own = small.iter().find(|each| each.documents.contains(document));
            let near = match own {
                Some(own) => own.near,
                None if (*document as usize) < published => near[root.super_of(*document)],
                // In a live segment, of which there are no short codes yet.
                None => 0.0,
            };
            guessed.push((*document, (near + gamma * share).min(1.0), None));
        }
        known.documents.append(&mut guessed);
        known.documents.sort_unstable_by_key(|each| each.0);
        Ok(Answer::Ready(known))
    }

    /// The documents of clusters whose codes were read.
    fn read_codes(
        &self,
        small: &[SmallPlace],
        codes: &[Vec<u8>],
        vector: &ShortQuery,
        scope: &Set,
    ) -> Vec<(u32, f64, Option<Nearness>)> {
        let mut found = Vec::new();
        for (place, codes) in small.iter().zip(codes) {
            let Some(header) = self.header(place.large) else {
                continue;
            };
            let mut near = Vec::new();
            vector.closeness(codes, &mut near);
            let (mut document, mut rest) = (place.documents.start, near.as_slice());
            for shape in &header.small[place.at].documents {
                let (own, after) = rest.split_at(shape.rows() as usize);
                rest = after;
                let near = Nearness::of(own, shape.passages as usize);
                if scope.contains(document as usize) {
                    found.push((document, near.closeness(), Some(near)));
                }
                document += 1;
            }
        }
        found
    }
}

/// How near the middle of each large cluster is.
fn middles(root: &Root, vector: &ShortQuery) -> Vec<f64> {
    let mut centroids = Vec::with_capacity(root.supers.len() * CODE_BYTES);
    for place in &root.supers {
        centroids.extend_from_slice(&place.centroid);
    }
    let mut near = Vec::new();
    vector.closeness(&centroids, &mut near);
    near.into_iter().map(f64::from).collect()
}
