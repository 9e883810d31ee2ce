//! Leaves of the dictionary as they are written: the terms of a segment in order, spelled as takes the fewest bits.
//!
//! Owns where one leaf ends and the next begins; must not know what postings hold. Invariant: the same terms give the same leaves, and
//! [`super::leaf::read`] reads them back.

use super::bits::BitWriter;
use super::bytes::{mark, put};
use super::leaf::{
    INLINE_BYTES, LONG, LONG_SPOTS, MANY, MANY_OF_FORM, MARKED_BYTES, TEXT_BYTES, common, is_itself,
};
use super::postings::read_page;
use super::spelling::{Alphabet, Counts, Spelling};
use super::{ShortCode, Term};
use crate::error::Result;
use crate::pieces::short;

/// A leaf is closed before it becomes longer than this, unless one term alone is.
pub(super) const LEAF_BYTES: usize = 2 << 10;
/// How much more what follows a term that has one before it counts for the codes: in each leaf one has none.
const FOLLOWS: u64 = 16;

/// A part of a term: a number of an alphabet, or bytes, or the one posting.
const RAW: u8 = Alphabet::ALL.len() as u8;
const POSTING: u8 = RAW + 1;

/// The terms of a segment on their way into leaves.
#[derive(Debug, Default)]
pub(super) struct Builder {
    /// Documents of the segment.
    documents: u32,
    counts: Counts,
    last: String,
    /// What is said of each term besides its name, end to end, as parts: a byte of the kind; a number, or a length and bytes, or
    /// five bytes, the document and the impact.
    drafts: Vec<u8>,
    /// For each term the end of its draft, and the bytes of its long lists and of its spots.
    ends: Vec<(usize, u64, u64)>,
}

/// A leaf, with its first and its last term.
pub(super) struct Leaf {
    pub first: String,
    pub last: String,
    pub bytes: Vec<u8>,
}

impl Builder {
    /// No terms yet, of a segment of so many documents.
    pub fn new(documents: u32) -> Builder {
        Builder {
            documents,
            ..Builder::default()
        }
    }

    /// Adds the next term with its postings and its spots, page by page, these each with whether it is stored as it is; `long`
    /// gets the postings that are not inline.
    ///
    /// # Errors
    /// `bad_format` where the one page of a term of one document is none.
    pub fn add(
        &mut self,
        term: &Term,
        list: &[Vec<u8>],
        spots: &[(Vec<u8>, bool)],
        long: &mut Vec<u8>,
    ) -> Result<()> {
        self.count_name(&term.term);
        let count = term.documents.len();
        let itself = is_itself(&term.forms, &term.term, count);
        let form = term.forms.first().filter(|_| itself);
        let kind = form.map_or(0, |form| {
            1 + 3 * usize::from(form.is_whole) + code_kind(&form.code)
        });
        self.number(Alphabet::Head, kind * MANY + count.min(MANY) - 1);
        self.further(count, MANY);
        match form {
            Some(form) => self.code(&form.code),
            None => self.forms(term),
        }
        let is_inline = list.len() == 1 && list[0].len() <= INLINE_BYTES;
        if count == 1 {
            let (mut document, mut impact) = (Vec::new(), Vec::new());
            read_page(
                &list.concat(),
                1,
                &mut 0,
                self.documents,
                &mut document,
                &mut impact,
            )?;
            self.drafts.push(POSTING);
            self.drafts
                .extend(document.iter().flat_map(|document| document.to_le_bytes()));
            self.drafts.extend(impact);
        } else if is_inline {
            self.number(Alphabet::Inline, list[0].len());
            self.raw(&list[0]);
        } else {
            self.number(Alphabet::Inline, 0);
            for page in list {
                self.varint(page.len());
                self.raw(&mark(page));
                long.extend_from_slice(page);
            }
        }
        for (page, is_stored) in spots {
            let length = page.len() << 1 | usize::from(*is_stored);
            self.number(Alphabet::Spots, length.min(LONG_SPOTS));
            self.further(length, LONG_SPOTS);
            if page.len() as u64 > MARKED_BYTES {
                self.raw(&mark(page));
            }
        }
        let sum = |lengths: &mut dyn Iterator<Item = usize>| lengths.sum::<usize>() as u64;
        let postings = match count > 1 && !is_inline {
            true => sum(&mut list.iter().map(Vec::len)),
            false => 0,
        };
        let spots = sum(&mut spots.iter().map(|(page, _)| page.len()));
        self.ends.push((self.drafts.len(), postings, spots));
        term.term.clone_into(&mut self.last);
        Ok(())
    }

    /// Counts the numbers that spell a term behind the one before, and alone.
    fn count_name(&mut self, term: &str) {
        let shared = common(self.last.as_bytes(), term.as_bytes());
        for (shared, times) in [(shared, FOLLOWS), (0, 1)] {
            let rest = &term.as_bytes()[shared..];
            let lengths = [(Alphabet::Shared, shared), (Alphabet::Rest, rest.len())];
            for (alphabet, length) in lengths {
                self.counts.add(alphabet, length.min(LONG) as u8, times);
            }
            for byte in rest {
                self.counts.add(Alphabet::TermByte, *byte, times);
            }
        }
    }

    fn forms(&mut self, term: &Term) {
        self.number(Alphabet::Forms, (term.forms.len() - 1).min(LONG));
        self.further(term.forms.len() - 1, LONG);
        for form in &term.forms {
            let shared = common(term.term.as_bytes(), form.form.as_bytes());
            let rest = &form.form.as_bytes()[shared..];
            let lengths = [
                (Alphabet::Cut, term.term.len() - shared),
                (Alphabet::FormRest, rest.len()),
            ];
            for (alphabet, length) in lengths {
                self.number(alphabet, length.min(LONG));
                self.further(length, LONG);
            }
            for byte in rest {
                self.number(Alphabet::FormByte, usize::from(*byte));
            }
            let documents = (form.documents as usize) << 1 | usize::from(form.is_whole);
            let number = documents.min(MANY_OF_FORM) * 3 + code_kind(&form.code);
            self.number(Alphabet::FormDocuments, number);
            self.further(documents, MANY_OF_FORM);
            self.code(&form.code);
        }
    }

    fn number(&mut self, alphabet: Alphabet, number: usize) {
        self.counts.add(alphabet, number as u8, 1);
        self.drafts.extend([alphabet as u8, number as u8]);
    }

    fn raw(&mut self, bytes: &[u8]) {
        self.drafts.extend([RAW, bytes.len() as u8]);
        self.drafts.extend_from_slice(bytes);
    }

    fn varint(&mut self, number: usize) {
        let mut bytes = Vec::new();
        put(&mut bytes, number as u64);
        self.raw(&bytes);
    }

    /// What of a number is more than `long`, where that does not hold it.
    fn further(&mut self, number: usize, long: usize) {
        if let Some(more) = number.checked_sub(long) {
            self.varint(more);
        }
    }

    fn code(&mut self, code: &Option<ShortCode>) {
        if let Some(code) = code {
            match short::signs(code) {
                Some(signs) => self.raw(&signs),
                None => self.raw(code),
            }
        }
    }

    /// How the leaves are spelled, and the leaves; `terms` are those that were added, in their order.
    pub fn finish<'a>(self, terms: impl Iterator<Item = &'a str>) -> (Spelling, Vec<Leaf>) {
        let spelling = self.counts.spelling();
        let (mut leaves, mut open): (Vec<Leaf>, Option<Open<'a>>) = (Vec::new(), None);
        let (mut start, mut postings, mut spots) = (0, 0, 0);
        for (term, (end, of_postings, of_spots)) in terms.zip(&self.ends) {
            let draft = &self.drafts[start..*end];
            start = *end;
            let is_held = open
                .as_mut()
                .is_some_and(|open| open.hold(term, draft, &spelling, self.documents, false));
            if !is_held {
                leaves.extend(open.take().map(Open::close));
                let mut fresh = Open::new(term, (postings, spots));
                fresh.hold(term, draft, &spelling, self.documents, true);
                open = Some(fresh);
            }
            postings += of_postings;
            spots += of_spots;
        }
        leaves.extend(open.map(Open::close));
        (spelling, leaves)
    }
}

fn code_kind(code: &Option<ShortCode>) -> usize {
    match code {
        None => 0,
        Some(code) => 1 + usize::from(short::signs(code).is_some()),
    }
}

/// A leaf that is being filled.
struct Open<'a> {
    first: &'a str,
    last: &'a str,
    /// Where its first long list and its first spots start.
    starts: (u64, u64),
    terms: u64,
    text: usize,
    bits: BitWriter,
}

impl<'a> Open<'a> {
    fn new(first: &'a str, starts: (u64, u64)) -> Open<'a> {
        Open {
            first,
            last: "",
            starts,
            terms: 0,
            text: 0,
            bits: BitWriter::default(),
        }
    }

    /// Adds a term if it fits, or has to; whether it did.
    fn hold(
        &mut self,
        term: &'a str,
        draft: &[u8],
        spelling: &Spelling,
        documents: u32,
        has_to: bool,
    ) -> bool {
        let before = self.bits.len();
        self.name(term, spelling);
        self.said(draft, spelling, documents);
        let text = self.text + term.len();
        if !has_to && (self.bits.len() > LEAF_BYTES * 8 || text > TEXT_BYTES) {
            self.bits.truncate(before);
            return false;
        }
        (self.last, self.text) = (term, text);
        self.terms += 1;
        true
    }

    fn name(&mut self, term: &str, spelling: &Spelling) {
        let shared = common(self.last.as_bytes(), term.as_bytes());
        let rest = &term.as_bytes()[shared..];
        for (alphabet, length) in [(Alphabet::Shared, shared), (Alphabet::Rest, rest.len())] {
            spelling.put(&mut self.bits, alphabet, length.min(LONG) as u8);
            if let Some(more) = length.checked_sub(LONG) {
                let mut bytes = Vec::new();
                put(&mut bytes, more as u64);
                self.bits.raw(&bytes);
            }
        }
        for byte in rest {
            spelling.put(&mut self.bits, Alphabet::TermByte, *byte);
        }
    }

    fn said(&mut self, mut draft: &[u8], spelling: &Spelling, documents: u32) {
        while let [kind, number, rest @ ..] = draft {
            draft = rest;
            if *kind == RAW {
                let (bytes, rest) = draft.split_at(usize::from(*number));
                self.bits.raw(bytes);
                draft = rest;
            } else if let (POSTING, [b, c, d, impact, rest @ ..]) = (*kind, draft) {
                let document = u32::from_le_bytes([*number, *b, *c, *d]);
                self.bits.below(document, documents);
                self.bits.bits(u32::from(*impact), 4);
                draft = rest;
            } else {
                spelling.put(&mut self.bits, Alphabet::ALL[usize::from(*kind)], *number);
            }
        }
    }

    fn close(self) -> Leaf {
        let mut bytes = Vec::new();
        for number in [self.starts.0, self.starts.1, self.terms] {
            put(&mut bytes, number);
        }
        bytes.extend(self.bits.finish());
        Leaf {
            first: self.first.to_owned(),
            last: self.last.to_owned(),
            bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::leaf::{Frame, Place, read};
    use crate::segment::postings::put_page;
    use crate::segment::{CODE_BYTES, Form};
    use proptest::prelude::*;

    type Given = std::collections::BTreeMap<String, (Vec<u8>, Vec<String>, u64)>;

    fn forms(names: &[String], has_codes: bool) -> Vec<Form> {
        let mut names = names.to_vec();
        names.sort();
        names.dedup();
        let code = |at: usize| {
            let mut code = [at as u8; CODE_BYTES];
            code[CODE_BYTES - 1] = 0x3c;
            code
        };
        let each = names.into_iter().enumerate();
        each.map(|(at, form)| Form {
            form,
            is_whole: at % 5 == 1,
            documents: at as u32 + 1,
            code: (has_codes && at % 3 != 0).then(|| code(at)),
        })
        .collect()
    }

    proptest! {
        #[test]
        fn leaves_are_read_as_they_were_written(
            given in prop::collection::btree_map("[a-cß]{1,6}", (prop::collection::vec(any::<u8>(), 1..90), prop::collection::vec("[a-dé]{1,5}", 1..9), 0_u64..900), 1..80),
            has_codes in any::<bool>(),
        ) {
            let given: Given = given;
            let (mut builder, mut long) = (Builder::new(20), Vec::new());
            for (term, (page, names, positions)) in &given {
                let term = Term {
                    term: term.clone(),
                    forms: forms(names, has_codes),
                    documents: (0..if *positions % 3 == 0 { 1 } else { 7 }).collect(),
                    ..Term::default()
                };
                let page = page_of(page, term.documents.len());
                let spots = (vec![3; *positions as usize], positions % 2 == 0);
                builder.add(&term, std::slice::from_ref(&page), &[spots], &mut long).unwrap();
            }
            let (spelling, leaves) = builder.finish(given.keys().map(String::as_str));
            let spelling = Spelling::read(&spelling.write()).unwrap();
            let frame = Frame { documents: 20, has_codes, spelling: &spelling };
            let mut expected = given.iter();
            let mut at = 0;
            for Leaf { first, last, bytes: leaf } in leaves {
                let (_, entries) = read(&leaf, frame).unwrap();
                prop_assert!(leaf.len() <= LEAF_BYTES + 20 || entries.len() == 1);
                prop_assert_eq!(&entries[0].term, &first);
                prop_assert_eq!(&entries[entries.len() - 1].term, &last);
                for entry in entries {
                    let (term, (page, names, positions)) = expected.next().unwrap();
                    let page = &page_of(page, if *positions % 3 == 0 { 1 } else { 7 });
                    prop_assert_eq!(&entry.term, term);
                    prop_assert_eq!(entry.forms, forms(names, has_codes));
                    let [spots] = &entry.spots[..] else { panic!("one page") };
                    prop_assert_eq!(&spots.range, &(at..at + positions));
                    prop_assert_eq!(spots.is_stored, positions % 2 == 0);
                    prop_assert_eq!(spots.digest, (*positions > MARKED_BYTES).then(|| mark(&vec![3; *positions as usize])));
                    at += positions;
                    match entry.place {
                        Place::Here(here) => prop_assert_eq!(&here, page),
                        Place::Pages(list) => {
                            let (range, digest) = &list[0];
                            prop_assert_eq!(&long[range.start as usize..range.end as usize], page.as_slice());
                            prop_assert_eq!(*digest, mark(page));
                        }
                    }
                }
            }
            prop_assert!(expected.next().is_none());
        }

        #[test]
        fn any_bytes_are_a_leaf_in_order_or_refused(leaf in prop::collection::vec(any::<u8>(), 0..120)) {
            let mut counts = Counts::default();
            for alphabet in Alphabet::ALL {
                (0..alphabet.size().min(9)).for_each(|number| counts.add(alphabet, number as u8, 1));
            }
            let spelling = counts.spelling();
            let frame = Frame { documents: 5, has_codes: false, spelling: &spelling };
            for count in 0..9 {
                let leaf = [&[0, 0, count], &leaf[..]].concat();
                if let Ok((_, entries)) = read(&leaf, frame) {
                    prop_assert!(entries.windows(2).all(|pair| pair[0].term < pair[1].term));
                }
            }
        }
    }

    #[test]
    fn terms_that_are_long_when_they_are_spelled_out_stand_in_several_leaves() {
        let (mut builder, mut long) = (Builder::new(20), Vec::new());
        let names: Vec<String> = (0..90)
            .map(|at| format!("{}{at:02}", "a".repeat(1000)))
            .collect();
        let page = page_of(&[], 1);
        for name in &names {
            let term = Term {
                term: name.clone(),
                forms: vec![Form {
                    form: name.clone(),
                    is_whole: true,
                    documents: 1,
                    code: None,
                }],
                documents: vec![0],
                ..Term::default()
            };
            let spots = (vec![1, 2], true);
            builder
                .add(&term, std::slice::from_ref(&page), &[spots], &mut long)
                .unwrap();
        }
        let (spelling, leaves) = builder.finish(names.iter().map(String::as_str));
        let frame = Frame {
            documents: 20,
            has_codes: false,
            spelling: &spelling,
        };
        let mut read_back = Vec::new();
        for leaf in &leaves {
            let (_, entries) = read(&leaf.bytes, frame).unwrap();
            read_back.extend(entries.into_iter().map(|entry| entry.term));
        }
        assert_eq!((leaves.len(), read_back), (3, names));
    }

    /// The postings of that many documents: real ones of a single one, any bytes of several.
    fn page_of(bytes: &[u8], documents: usize) -> Vec<u8> {
        if documents > 1 {
            return bytes.to_vec();
        }
        let mut page = Vec::new();
        put_page(&mut page, &[bytes.len() as u32 % 20], &[5], 20);
        page
    }
}
