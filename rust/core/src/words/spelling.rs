//! Typing errors of a query, by the words that the documents have.
//!
//! Owns which words of a text are looked up and how the text is mended; knows nothing of what an edit is. Invariant: what is not
//! corrected stays byte for byte, and a word that any document has, or that is known to be right, is not corrected.

use super::Words;
use super::query::{Asked, read};
use crate::analysis::Language;
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
        let mut asked = doubtful(text, &inverted.languages, &knows);
        let df = |form: &u32| inverted.form_df(*form);
        asked.retain(|asked| {
            let has = |term: &u32| !inverted.postings(*term).is_empty();
            let form = self.lexicon.find(&asked.form);
            !self.numbers(&asked.terms).iter().any(has)
                && form.as_ref().is_none_or(|form| df(form) == 0)
        });
        let meant = asked.iter().filter_map(|asked| {
            let numbers = 0..self.lexicon.len() as u32;
            let held = numbers.filter(|form| df(form) > 0);
            let mut forms = held.map(|form| (self.lexicon.get(form), df(&form)));
            let is_last = typing && asked.range.end == text.len();
            if is_last && forms.clone().any(|(form, _)| form.starts_with(&asked.form)) {
                return None;
            }
            Some((asked, typos::correct(&asked.form, &mut forms)?.form))
        });
        mend(text, meant, corrections)
    }
}

/// The words of a text that may be corrected if no document has them: they are words, and nobody knows them to be right.
pub fn doubtful(text: &str, languages: &[Language], knows: &dyn Fn(&str) -> bool) -> Vec<Asked> {
    let mut asked = read(text, languages);
    asked.retain(|asked| !asked.whole && typos::is_correctable(&asked.form) && !knows(&asked.form));
    asked
}

/// A text with words of it replaced by what was meant, none where there are no such; corrections are added, each once.
pub fn mend<'a>(
    text: &str,
    meant: impl Iterator<Item = (&'a Asked, String)>,
    corrections: &mut Vec<Correction>,
) -> Option<String> {
    let mut corrected = String::new();
    let mut done = 0;
    for (asked, to) in meant {
        if asked.range.start < done {
            continue;
        }
        corrected.push_str(&text[done..asked.range.start]);
        corrected.push_str(&to);
        done = asked.range.end;
        let from = asked.form.clone();
        let correction = Correction { from, to };
        if !corrections.contains(&correction) {
            corrections.push(correction);
        }
    }
    (done > 0).then(|| corrected + &text[done..])
}
