//! Contents that can be written: in order, and of one piece.
//!
//! Owns what is refused before anything is written; must not know how it would be. Invariant: what passes is read back as
//! it was given.

use super::leaf::TERM_CAP;
use super::{Contents, FIELDS, Form, Term};
use crate::codes::{self, DIM_CAP};
use crate::error::{Code, Error, Result};
use crate::facets::Columns;
use crate::pieces::short;
use serde_json::{Value, json};

fn refuse(what: &str, detail: Value) -> Result<()> {
    let message = format!("the contents cannot be written: {what}; correct them");
    Err(Error::new(Code::BadInput, message).with(detail))
}

/// Refuses contents that could not be read back.
///
/// # Errors
/// `bad_input`, naming the document or the term.
pub(super) fn check(contents: &Contents) -> Result<()> {
    check_documents(contents)?;
    for (at, term) in contents.terms.iter().enumerate() {
        if at > 0 && contents.terms[at - 1].term >= term.term {
            return refuse("terms are not in order", json!({"term": term.term}));
        }
        check_term(term, contents)?;
    }
    Ok(())
}

fn check_documents(contents: &Contents) -> Result<()> {
    let documents = &contents.documents;
    let given = contents.columns.as_slice();
    if !given.is_empty() && Columns::load(given, documents.len()).is_err() {
        return refuse(
            "the columns are not those of so many documents",
            json!({"documents": documents.len()}),
        );
    }
    let dim = contents.space.as_ref().map_or(0, |space| space.dim);
    if contents
        .space
        .as_ref()
        .is_some_and(|space| space.id.is_empty() || !(1..=DIM_CAP).contains(&dim))
    {
        return refuse("the space has no name or no dimension", json!({"dim": dim}));
    }
    if let Some(pair) = documents.windows(2).find(|pair| pair[0].id >= pair[1].id) {
        return refuse(
            "documents are not in the order of their ids",
            json!({"id": pair[1].id}),
        );
    }
    let mut rows = 0;
    for document in documents {
        let is_whole = document.id.is_empty() || document.passages > u32::MAX >> 2;
        if is_whole || (document.passages == 0) != (dim == 0) || (dim == 0 && document.has_whole) {
            return refuse(
                "a document has no id, or passages that do not fit the space",
                json!({"id": document.id}),
            );
        }
        if document
            .language
            .as_ref()
            .is_some_and(|code| !(1..=8).contains(&code.len()))
        {
            return refuse("a language is not a short code", json!({"id": document.id}));
        }
        rows += document.rows();
    }
    let is_sound = |scale: &f32| codes::is_scale(*scale, codes::CODE_MAX);
    if contents.scales.len() != rows
        || contents.codes.len() != rows * dim
        || !contents.scales.iter().all(is_sound)
    {
        return refuse(
            "codes and scales are not those of the documents' rows",
            json!({"rows": rows}),
        );
    }
    Ok(())
}

fn check_term(term: &Term, contents: &Contents) -> Result<()> {
    let documents = &contents.documents;
    let name = json!({"term": term.term});
    let texts = || term.forms.iter().map(|form| &form.form).chain([&term.term]);
    if texts().any(|text| text.is_empty() || text.len() > TERM_CAP) || term.forms.is_empty() {
        return refuse(
            "a term or form is empty or longer than 1 KiB, or a term has no forms",
            name,
        );
    }
    let form_order =
        |pair: &[Form]| (&pair[0].form, pair[0].is_whole) < (&pair[1].form, pair[1].is_whole);
    let is_code = |code: &super::ShortCode| contents.has_form_codes && short::is_code(code);
    let counted = |form: &Form| {
        form.documents as usize <= documents.len() && form.code.as_ref().is_none_or(is_code)
    };
    if !term.forms.windows(2).all(form_order) || !term.forms.iter().all(counted) {
        return refuse("the forms of a term are not in order", name);
    }
    let ascend = term.documents.windows(2).all(|pair| pair[0] < pair[1]);
    let last = term
        .documents
        .last()
        .is_some_and(|last| (*last as usize) < documents.len());
    let held = |counts: &[u32; FIELDS]| counts.iter().map(|count| u64::from(*count)).sum::<u64>();
    let spots: u64 = term.frequencies.iter().map(held).sum();
    let each = term.frequencies.iter().all(|counts| held(counts) > 0);
    if !ascend
        || !last
        || !each
        || term.frequencies.len() != term.documents.len()
        || spots != term.spots.len() as u64
    {
        return refuse("the postings of a term are not in order", name);
    }
    let mut rest = term.spots.as_slice();
    for count in term.frequencies.iter().flatten() {
        let (field, after) = rest.split_at(*count as usize);
        rest = after;
        let ascend = field
            .windows(2)
            .all(|pair| pair[0].position <= pair[1].position);
        if !ascend
            || field
                .iter()
                .any(|spot| spot.form as usize >= term.forms.len())
        {
            return refuse("the places of a term are not in order", name);
        }
    }
    Ok(())
}
