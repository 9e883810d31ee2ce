//! Documents whose title is what was asked for.
//!
//! Owns what it is for a title to be that; knows nothing of scores. Invariant: capitals, accents that searching does not tell apart, and the signs
//! between words do not count; everything else does, endings and the order of words too.

use super::query::read;
use super::{Field, Query, Words};
use crate::analysis::Language;

/// Tokens that a title may have for each word of it: wholes of several parts, and gaps.
const TOKENS: usize = 4;

impl Words {
    /// The documents whose title consists of the words of `text`, ascending; `query` is what [`Words::prepare`] made of it.
    pub fn titled(&self, text: &str, query: &Query) -> Vec<usize> {
        let asked = read(text, &[Language::None]);
        let parts = asked.iter().filter(|asked| !asked.whole);
        let forms: Option<Vec<u32>> = parts
            .map(|asked| self.lexicon().find(&asked.form))
            .collect();
        let Some((forms, inverted)) = forms.zip(self.inverted.as_ref()) else {
            return Vec::new();
        };
        // Every one of its words stands in the title, so that the rarest leads there.
        let own = query.words.iter().filter(|word| {
            asked
                .iter()
                .any(|asked| !asked.whole && asked.form == word.form)
        });
        let rarest = own.min_by_key(|word| word.df);
        let terms = rarest.map_or(&[][..], |word| &word.terms);
        let mut found = Vec::new();
        for posting in terms.iter().flat_map(|term| inverted.postings(*term)) {
            let document = posting.document as usize;
            let tokens = self.documents[document].counts[Field::Title as usize] as usize;
            if posting.frequency < Field::Title.weight()
                || !(forms.len()..=TOKENS * forms.len()).contains(&tokens)
            {
                continue;
            }
            let title = self.tokens(document, Field::Title);
            let title = title.filter(|token| !token.whole).map(|token| token.form);
            if title.eq(forms.iter().copied()) {
                found.push(document);
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}
