//! An index from contents of the published format: a collection that is at hand whole.
//!
//! Owns the change from rows, terms and places to documents as they are added; must not know how contents are read.
//! Invariant: what was published is found with the scores it had, and contents that do not fit together are refused.

use super::commits::Homes;
use super::rows::Rows;
use super::stored::read_record;
use super::{Document, Index, Space};
use crate::analysis::Language;
use crate::error::{Code, Error, Result};
use crate::facets::{Columns, Row};
use crate::segment::Contents;
use crate::stored::bad;
use crate::words::{FIELDS, Given};
use serde_json::{Map, Value};

impl Index {
    /// An index of these contents; `main` is the language of documents that name none, `user` what its maker says.
    ///
    /// # Errors
    /// `bad_format` for contents that do not fit together, `unsupported` for documents without vectors.
    pub fn of_contents(
        contents: &Contents,
        main: Language,
        user: Map<String, Value>,
    ) -> Result<Index> {
        let mut index = Index {
            meta: user,
            ..Index::new()
        };
        let Some(space) = &contents.space else {
            if contents.documents.is_empty() {
                return Ok(index);
            }
            return Err(Error::new(
                Code::Unsupported,
                "the collection has documents without vectors; build it with a model",
            ));
        };
        index.space = Some(Space {
            id: space.id.clone(),
            dim: space.dim,
        });
        index.take_documents(contents, space.dim)?;
        index.columns = if contents.columns.is_empty() {
            let mut columns = Columns::new();
            for _ in &contents.documents {
                columns.push(&Row::default());
            }
            columns
        } else {
            Columns::load(&contents.columns, contents.documents.len())?
        };
        index.take_terms(contents, main)?;
        Ok(index)
    }

    fn take_documents(&mut self, contents: &Contents, dim: usize) -> Result<()> {
        let (mut rows, mut wholes) = (Rows::default(), Rows::default());
        let mut records = Vec::new();
        let mut at = 0;
        for (number, document) in contents.documents.iter().enumerate() {
            let passages = document.passages as usize;
            let end = at + document.rows();
            let codes = contents.codes.get(at * dim..end * dim);
            let (Some(codes), Some(scales)) = (codes, contents.scales.get(at..end)) else {
                return Err(bad("it has fewer rows than its documents"));
            };
            let (own, whole) = codes.split_at(passages * dim);
            rows.codes.extend_from_slice(own);
            rows.scales.extend_from_slice(&scales[..passages]);
            wholes.codes.extend_from_slice(whole);
            wholes.scales.extend_from_slice(&scales[passages..]);
            read_record(&document.record)?;
            let start = records.len() as u64;
            records.extend_from_slice(&document.record);
            let id: Box<str> = document.id.as_str().into();
            if passages == 0 || id.is_empty() || self.numbers.insert(id.clone(), number).is_some() {
                return Err(bad("a document has no passages, or not an id of its own"));
            }
            self.documents.push(Document {
                id,
                first_row: self.passages,
                passages,
                whole: document.has_whole.then_some(self.wholes),
                record: start..records.len() as u64,
                homes: Homes::default(),
            });
            self.passages += passages;
            self.wholes += usize::from(document.has_whole);
            at = end;
        }
        (self.rows, self.whole_rows) = (Some(rows), Some(wholes));
        self.records = Some(records);
        Ok(())
    }

    fn take_terms(&mut self, contents: &Contents, main: Language) -> Result<()> {
        let languages = contents.documents.iter().map(|document| {
            let code = document.language.as_deref();
            code.and_then(Language::from_code)
        });
        let languages: Vec<Option<Language>> = languages.collect();
        let wrong = || bad("a term stands where no document is, or in none of its forms");
        let mut given = Given::new(languages.clone(), main);
        // Of each form and language what it became.
        let mut known: Vec<(u32, Option<Language>, u32)> = Vec::new();
        for term in &contents.terms {
            known.clear();
            let mut spots = term.spots.iter();
            for (document, counts) in term.documents.iter().zip(&term.frequencies) {
                let document = *document as usize;
                let language = *languages.get(document).ok_or_else(wrong)?;
                for (field, count) in (0..FIELDS).zip(counts) {
                    for _ in 0..*count {
                        let spot = spots.next().ok_or_else(wrong)?;
                        let same = known
                            .iter()
                            .find(|each| (each.0, each.1) == (spot.form, language));
                        let form = match same {
                            Some(same) => same.2,
                            None => {
                                let form = term.forms.get(spot.form as usize).ok_or_else(wrong)?;
                                let (text, whole) = (&form.form, form.is_whole);
                                let form = given
                                    .form(text, &term.term, whole, document)
                                    .ok_or_else(wrong)?;
                                known.push((spot.form, language, form));
                                form
                            }
                        };
                        given.place(document, field, spot.position, form);
                    }
                }
            }
        }
        self.words = Some(given.finish());
        Ok(())
    }
}
