//! Which documents of a collection that is read in pieces may be found: by their values, and by where words stand.
//!
//! Owns which columns and places are read for that; must not know scores. Invariant: only columns of fields that are asked
//! for are read, and places only of documents that have every word of a condition.

use super::ask::{Condition, Query};
use super::bytes::Cursor;
use super::called::Names;
use super::leaf::Entry;
use super::meta;
use super::packer::Unpacker;
use super::postings::{FIELDS, PAGE_POSTINGS, read_frequencies, read_spots};
use super::remote::{Postings, Remote, ready};
use super::said::union;
use super::spots;
use super::squeezed::unsqueeze;
use super::write::free_bytes;
use crate::error::Result;
use crate::facets::{Columns, Filter, Set};
use crate::file::{Answer, Part};
use crate::words::{Field, Part as Wanted, holds};
use std::collections::{BTreeMap, BTreeSet};

/// What stands for each part of a condition.
pub(super) type Standing = Vec<Vec<Entry>>;
/// Of each field of a document the places of some terms: positions, and numbers of terms.
type Lines = [Vec<(u32, u32)>; FIELDS];

impl Query {
    /// The fields whose values it asks for, each once.
    fn fields(&self) -> BTreeSet<&str> {
        let mut fields = BTreeSet::new();
        if let Some(filter) = &self.filter {
            filter.fields(&mut fields);
        }
        fields.extend(self.facets.iter().map(|facet| facet.field.as_str()));
        fields.extend(self.sort.iter().map(|key| key.field.as_str()));
        fields
    }
}

impl Remote {
    /// Reads the columns that a query asks for and that there are.
    pub(super) fn fetch_columns(&mut self, query: &Query) -> Result<Answer<()>> {
        let fields = query.fields();
        if fields.is_empty() {
            return Ok(Answer::Ready(()));
        }
        let (documents, published) = (self.documents(), self.published());
        let columns = self
            .columns
            .get_or_insert_with(|| Columns::blank(documents));
        let known: BTreeSet<String> = columns.fields().map(str::to_owned).collect();
        let places =
            self.opened()?.root.columns.iter().filter(|place| {
                fields.contains(place.name.as_str()) && !known.contains(&place.name)
            });
        let places: Vec<_> = places.cloned().collect();
        let wanted: Vec<_> = places
            .iter()
            .map(|place| (place.range.clone(), place.digest))
            .collect();
        let bytes = ready!(self.marked(meta::COLUMNS, &wanted)?);
        let mut unpacker = Unpacker::new(Vec::new());
        for (place, bytes) in places.iter().zip(bytes) {
            let raw = unsqueeze(&bytes, free_bytes(published), &mut unpacker)?;
            let columns = self
                .columns
                .get_or_insert_with(|| Columns::blank(documents));
            columns.load_start(&place.name, &raw, published)?;
        }
        let live = self.opened.as_ref().map(|opened| opened.live.columns());
        if let (Some(live), Some(columns)) = (live, &mut self.columns) {
            for name in fields.iter().filter(|name| !known.contains(**name)) {
                columns.append_field(name, published, live);
            }
        }
        Ok(Answer::Ready(()))
    }

    /// The documents that a filter lets pass and that are in `meets`; `names` knows the ids that it names.
    pub(super) fn allowed(
        &self,
        filter: Option<&Filter>,
        meets: Option<&Set>,
        names: &Names,
    ) -> Set {
        let number = |id: &str| names.id(id).map(|document| document as usize);
        let mut allowed = match (filter, &self.columns) {
            (Some(filter), Some(columns)) => filter.documents(columns, &number),
            // A filter without fields says the same of all documents.
            (Some(filter), None) => filter.documents(&Columns::blank(self.documents()), &number),
            (None, _) => Set::all(self.documents()),
        };
        if let Some(opened) = &self.opened {
            allowed.intersect(&opened.alive);
        }
        if let Some(meets) = meets {
            allowed.intersect(meets);
        }
        allowed
    }

    /// The documents of `scope` that meet all conditions.
    pub(super) fn meets(
        &mut self,
        conditions: &[Condition],
        standing: &[Standing],
        scope: &Set,
    ) -> Result<Answer<Set>> {
        let wanted: Vec<&Entry> = standing.iter().flatten().flatten().collect();
        let lists = ready!(self.postings(&wanted)?);
        let mut rest = lists.as_slice();
        let mut candidates: Vec<Vec<u32>> = Vec::new();
        let mut by_condition: Vec<&[Postings]> = Vec::new();
        for parts in standing {
            let count = parts.iter().map(Vec::len).sum();
            let (mut own, after) = rest.split_at(count);
            by_condition.push(own);
            rest = after;
            let mut both: Option<Vec<u32>> = None;
            for part in parts {
                let (lists, after) = own.split_at(part.len());
                own = after;
                let having = union(lists).into_iter().map(|each| each.0);
                both = Some(match both {
                    None => having
                        .filter(|each| scope.contains(*each as usize))
                        .collect(),
                    Some(both) => having
                        .filter(|each| both.binary_search(each).is_ok())
                        .collect(),
                });
            }
            candidates.push(both.unwrap_or_default());
        }
        // Which pages of places are read: by condition, number of the term in it, and number of the page.
        let mut pages: Vec<(usize, usize, usize)> = Vec::new();
        for (number, condition) in conditions.iter().enumerate() {
            let terms = || standing[number].iter().flatten();
            if is_plain(condition, terms()) {
                continue;
            }
            for (term, list) in by_condition[number].iter().enumerate() {
                let at = |document: &u32| list.documents.binary_search(document).ok();
                let held = candidates[number].iter().filter_map(at);
                let own: BTreeSet<usize> = held.map(|at| at / PAGE_POSTINGS).collect();
                pages.extend(own.into_iter().map(|page| (number, term, page)));
            }
        }
        let places: Vec<_> = pages
            .iter()
            .filter_map(|(number, term, page)| {
                let entry = standing[*number].iter().flatten().nth(*term)?;
                entry.spots.get(*page)
            })
            .collect();
        let wanted: Vec<Part<'_>> = places
            .iter()
            .map(|place| Part {
                section: meta::SPOTS,
                range: place.range.clone(),
                digest: place.digest.as_ref().map(|digest| digest.as_slice()),
            })
            .collect();
        let bytes = ready!(self.file()?.parts(&wanted)?);
        let mut unpacker = Unpacker::new(Vec::new());
        let mut lines: Vec<BTreeMap<u32, Lines>> = vec![BTreeMap::new(); conditions.len()];
        for (((number, term, page), place), bytes) in pages.iter().zip(&places).zip(bytes) {
            let Some(entry) = standing[*number].iter().flatten().nth(*term) else {
                continue;
            };
            let list = &by_condition[*number][*term];
            let end = list.documents.len().min((page + 1) * PAGE_POSTINGS);
            let documents = &list.documents[page * PAGE_POSTINGS..end];
            let raw = spots::unpack(&bytes, place.is_stored, &mut unpacker)?;
            let ordered = conditions[*number].ordered;
            each_spot(
                &raw,
                documents.len(),
                entry.forms.len(),
                |at, field, position, form| {
                    let document = documents[at];
                    // Wholes stand in no line.
                    let is_out = ordered && entry.forms.get(form).is_none_or(|form| form.is_whole);
                    if !is_out && candidates[*number].binary_search(&document).is_ok() {
                        let own = lines[*number].entry(document).or_default();
                        own[field].push((position, *term as u32));
                    }
                },
            )?;
        }
        let mut meets = scope.clone();
        for (number, condition) in conditions.iter().enumerate() {
            let mut passed = Set::none(scope.documents());
            let is_plain = is_plain(condition, standing[number].iter().flatten());
            let parts = wanted_parts(condition, &standing[number]);
            for document in &candidates[number] {
                let own = lines[number].get_mut(document);
                if is_plain || own.is_some_and(|own| has(own, condition, &parts)) {
                    passed.insert(*document as usize);
                }
            }
            match condition.wanted {
                true => meets.intersect(&passed),
                false => meets.subtract(&passed),
            }
        }
        let published = self.published();
        let live = &self.opened()?.live;
        live.meet(conditions, scope, published, &mut meets);
        Ok(Answer::Ready(meets))
    }
}

/// Whether it is enough for a document to have the one word, wherever it stands.
fn is_plain<'a>(condition: &Condition, mut entries: impl Iterator<Item = &'a Entry>) -> bool {
    let is_word = |entry: &Entry| entry.forms.iter().all(|form| !form.is_whole);
    condition.parts.len() == 1
        && condition.field.is_none()
        && (!condition.ordered || entries.all(is_word))
}

/// The parts of a condition by the numbers of their terms.
fn wanted_parts(condition: &Condition, standing: &Standing) -> Vec<Wanted> {
    let mut next = 0;
    let parts = condition.parts.iter().zip(standing);
    parts
        .map(|((_, position), entries)| {
            let first = next;
            next += entries.len() as u32;
            Wanted {
                terms: (first..next).collect(),
                position: *position,
            }
        })
        .collect()
}

/// Whether the places of a document meet a condition.
fn has(lines: &mut Lines, condition: &Condition, parts: &[Wanted]) -> bool {
    let fields = Field::ALL.into_iter().zip(lines);
    let mut fields = fields.filter(|(field, _)| condition.field.is_none_or(|own| own == *field));
    fields.any(|(_, line)| {
        line.sort_unstable();
        holds(line, parts, condition.ordered)
    })
}

/// Hands on every place of a page of `count` postings: the number of the posting, field, position, and number of the form.
///
/// # Errors
/// `bad_format` when the bytes hold anything else.
fn each_spot(
    raw: &[u8],
    count: usize,
    forms: usize,
    mut take: impl FnMut(usize, usize, u32, usize),
) -> Result<()> {
    let mut cursor = Cursor::new(raw);
    let mut counts = Vec::new();
    for _ in 0..count {
        counts.push(read_frequencies(&mut cursor)?);
    }
    let mut spots = Vec::new();
    for (at, counts) in counts.iter().enumerate() {
        spots.clear();
        read_spots(&mut cursor, counts, forms, &mut spots)?;
        let mut own = spots.iter();
        for (field, count) in counts.iter().enumerate() {
            for spot in own.by_ref().take(*count as usize) {
                take(at, field, spot.position, spot.form as usize);
            }
        }
    }
    cursor.end()
}
