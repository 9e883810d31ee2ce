//! Documents of a collection that is read in pieces by what they are called: their ids and titles, and the direction that one has.
//!
//! Owns which pages of names are read, and the codes of one document; must not know scores. Invariant: documents that are gone have no
//! name.

use super::ask::Query;
use super::meta;
use super::names::{Named, read_page};
use super::remote::{Remote, ready};
use super::root::Shape;
use super::said::Said;
use super::{CODE_BYTES, ShortCode};
use crate::error::{Code, Error, Result};
use crate::file::Answer;
use crate::finder::unknown;
use crate::pieces::short;

/// Names that were looked up, ascending, with what each stands for.
#[derive(Default)]
pub(super) struct Names(Vec<(String, Vec<Named>)>);

impl Names {
    fn of(&self, name: &str) -> &[Named] {
        let at = self.0.binary_search_by(|each| each.0.as_str().cmp(name));
        at.map_or(&[], |at| &self.0[at].1)
    }

    /// The document of an id.
    pub fn id(&self, id: &str) -> Option<u32> {
        let named = self.of(id).iter().find(|named| named.is_id);
        named.map(|named| named.document)
    }

    /// The documents whose title or id is what a query asks for, ascending.
    pub fn exact(&self, query: &Query) -> Vec<u32> {
        let titled = query.title.iter().flat_map(|title| self.of(title));
        let titled = titled.filter(|named| named.is_title);
        let mut exact: Vec<u32> = titled.map(|named| named.document).collect();
        exact.extend(query.id.as_ref().and_then(|id| self.id(id)));
        exact.sort_unstable();
        exact.dedup();
        exact
    }
}

/// What others are to be like.
pub(super) struct Like {
    pub document: u32,
    /// Its direction in the short space, if it has one.
    pub direction: Option<Vec<f32>>,
}

impl Remote {
    /// Looks up the ids that a query names.
    pub(super) fn ids(&mut self, query: &Query) -> Result<Answer<Names>> {
        let mut wanted: Vec<&str> = query.like.iter().map(String::as_str).collect();
        if let Some(filter) = &query.filter {
            filter.ids(&mut wanted);
        }
        self.names(wanted)
    }

    /// Looks up what a query may be the name of: a title only where a document may have all of its words, an id with a blank only where
    /// some has one.
    pub(super) fn called(&mut self, query: &Query, said: &Said) -> Result<Answer<Names>> {
        let opened = self.opened()?;
        let has_blanks = opened.root.names.has_blanks;
        // No id of a live document costs a range.
        let is_id = |id: &&String| {
            has_blanks || !id.contains(' ') || opened.live.named(id).next().is_some()
        };
        let title = query
            .title
            .as_ref()
            .filter(|title| said.may_have_all(query, title));
        let wanted = [title, query.id.as_ref().filter(is_id)]
            .into_iter()
            .flatten();
        self.names(wanted.map(String::as_str).collect())
    }

    fn names(&mut self, mut wanted: Vec<&str>) -> Result<Answer<Names>> {
        wanted.sort_unstable();
        wanted.dedup();
        if wanted.is_empty() {
            return Ok(Answer::Ready(Names::default()));
        }
        let places = &self.opened()?.root.names;
        let each: Vec<_> = wanted.iter().map(|name| places.of(name)).collect();
        let mut pages: Vec<usize> = each.iter().flatten().map(|place| place.0).collect();
        pages.sort_unstable();
        pages.dedup();
        let parts: Vec<_> = pages
            .iter()
            .map(|page| places.pages[*page].clone())
            .collect();
        let bytes = ready!(self.marked(meta::NAMES, &parts)?);
        let published = self.published();
        let mut read = Vec::with_capacity(bytes.len());
        for bytes in bytes {
            read.push(read_page(&bytes, published)?);
        }
        let opened = self.opened()?;
        let stands = |(name, place): (&str, Option<(usize, u32)>)| {
            let page = place.and_then(|(page, _)| pages.binary_search(&page).ok());
            let own = page.map_or(&[][..], |page| &read[page]);
            let own = own
                .iter()
                .filter(|each| place.is_some_and(|place| place.1 == each.0));
            let live = opened.live.named(name).map(|named| Named {
                document: named.document + published as u32,
                ..named
            });
            let all = own.map(|each| each.1).chain(live);
            let alive = all.filter(|named| opened.alive.contains(named.document as usize));
            (name.to_owned(), alive.collect())
        };
        let names = wanted.into_iter().zip(each).map(stands);
        Ok(Answer::Ready(Names(names.collect())))
    }

    /// The document that others are to be like.
    ///
    /// # Errors
    /// `not_found` where there is no such document, `unsupported` where its short codes cannot be made.
    pub(super) fn like(&mut self, query: &Query, names: &Names) -> Result<Answer<Option<Like>>> {
        let Some(id) = &query.like else {
            return Ok(Answer::Ready(None));
        };
        let document = names.id(id).ok_or_else(|| unknown(id))?;
        let (codes, shape) = match document.checked_sub(self.published() as u32) {
            Some(number) => {
                let own = self.opened()?.live.codes_of(number as usize);
                let (codes, shape) = own.ok_or_else(|| {
                    Error::new(
                        Code::Unsupported,
                        "a document that was added since the collection was published has no short codes without a piece table; load one, or open the collection whole",
                    )
                })?;
                (codes.to_vec(), shape)
            }
            None => ready!(self.codes_of(document)?),
        };
        Ok(Answer::Ready(Some(Like {
            document,
            direction: direction(&codes, shape),
        })))
    }

    /// The short codes of the rows of a published document.
    fn codes_of(&mut self, document: u32) -> Result<Answer<(Vec<u8>, Shape)>> {
        let number = self.opened()?.root.super_of(document);
        ready!(self.headers(&[number])?);
        let place = &self.opened()?.root.supers[number];
        let (mut next, mut row) = (place.documents.start, place.rows.start);
        let mut found = None;
        for small in self
            .header(number)
            .into_iter()
            .flat_map(|header| &header.small)
        {
            let (first, mut before) = (row, 0);
            for shape in &small.documents {
                if next == document {
                    found = Some((*shape, before));
                }
                before += shape.rows();
                next += 1;
            }
            row += before;
            if let Some((shape, before)) = found {
                let codes = ready!(self.codes(&[(first..row, small.digest)])?).concat();
                let start = before as usize * CODE_BYTES;
                let own = &codes[start..start + shape.rows() as usize * CODE_BYTES];
                return Ok(Answer::Ready((own.to_vec(), shape)));
            }
        }
        Err(Error::new(Code::Bug, "a document lies in no cluster"))
    }
}

/// The direction of a document, of length 1: that of the whole of it where it has a code, else the mean of its passages, or its first
/// passage where that mean has no direction.
fn direction(codes: &[u8], shape: Shape) -> Option<Vec<f32>> {
    let (codes, _) = codes.as_chunks::<CODE_BYTES>();
    let (passages, whole) = codes.split_at(shape.passages as usize);
    let tries = [whole, passages, &passages[..1]];
    tries.into_iter().find_map(sum)
}

/// The sum of short codes at length 1; none where it has no direction.
fn sum(codes: &[ShortCode]) -> Option<Vec<f32>> {
    let mut sums = [0.0_f64; short::DIM];
    for code in codes {
        let row = short::dequantize(code);
        sums.iter_mut()
            .zip(row)
            .for_each(|(sum, x)| *sum += f64::from(x));
    }
    let length = sums.iter().map(|x| x * x).sum::<f64>().sqrt();
    (length > 0.0).then(|| sums.iter().map(|x| (x / length) as f32).collect())
}
