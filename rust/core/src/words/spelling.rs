//! Typing errors of a query, by the words that the documents have.
//!
//! Owns which words of a text are looked up and how the text is mended; knows nothing of what an edit is. Invariant: what is not
//! corrected stays byte for byte, and a word that any document has, or that is known to be right, is not corrected.

use super::Words;
use super::query::read;
use crate::typos;
use serde::Serialize;

/// A word that was searched for instead of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Correction {
    /// What was asked for, folded.
    pub from: String,
    /// What was searched for.
    pub to: String,
}

impl Words {
    /// The text with its typing errors corrected, none where there are none; [`Words::settle`] comes first. Corrections are
    /// added to `corrections`, each once. With `typing` the last word stays if anything begins like it. `knows` tells words
    /// that are right although no document has them: in a small collection most words of a language are not.
    pub fn correct(
        &self,
        text: &str,
        typing: bool,
        knows: impl Fn(&str) -> bool,
        corrections: &mut Vec<Correction>,
    ) -> Option<String> {
        let inverted = self.inverted()?;
        let mut corrected = String::new();
        let mut done = 0;
        for asked in read(text, &inverted.languages) {
            if asked.whole || !typos::is_correctable(&asked.form) || asked.range.start < done {
                continue;
            }
            let has = |term: &u32| !inverted.postings(*term).is_empty();
            if self.numbers(&asked.terms).iter().any(has) || knows(&asked.form) {
                continue;
            }
            let df = |form: &u32| inverted.form_df(*form);
            if self
                .lexicon
                .find(&asked.form)
                .as_ref()
                .is_some_and(|form| df(form) > 0)
            {
                continue;
            }
            let numbers = 0..self.lexicon.len() as u32;
            let held = numbers.filter(|form| df(form) > 0);
            let mut forms = held.map(|form| (self.lexicon.get(form), df(&form)));
            let is_last = typing && asked.range.end == text.len();
            if is_last && forms.clone().any(|(form, _)| form.starts_with(&asked.form)) {
                continue;
            }
            let Some(best) = typos::correct(&asked.form, &mut forms) else {
                continue;
            };
            corrected.push_str(&text[done..asked.range.start]);
            corrected.push_str(&best.form);
            done = asked.range.end;
            let correction = Correction {
                from: asked.form,
                to: best.form,
            };
            if !corrections.contains(&correction) {
                corrections.push(correction);
            }
        }
        (done > 0).then(|| corrected + &text[done..])
    }
}
