//! A plan in the terms of a collection that is read in pieces.
//!
//! Owns which words a text has there, what is corrected in it, and what cannot be carried out; must not know the format. Invariant: what
//! is not corrected stays byte for byte, and a plan that cannot be carried out is refused by name.

use crate::analysis::Language;
use crate::error::{Code, Error, Result};
use crate::facets::Filter;
use crate::file::{Answer, Need, together};
use crate::plan::{Leg, Precision, Search, Target};
use crate::segment::{self, Condition, Query, Remote, Word};
use crate::words::{Asked, Correction, Request, doubtful, mend, read};

/// What the texts of a plan become once their typing errors are corrected, and what was corrected; `knows` tells words that are
/// right although no document has them.
///
/// # Errors
/// Those of a damaged file.
pub fn corrected(
    remote: &mut Remote,
    given: &Search,
    knows: &dyn Fn(&str) -> bool,
) -> Result<Answer<(Search, Vec<Correction>)>> {
    let mut plan = given.clone();
    let mut corrections = Vec::new();
    let languages = languages(remote.languages());
    let typing = plan.words.as_ref().is_some_and(|leg| leg.asked.typing);
    let words = plan.words.as_mut().map(|leg| &mut leg.asked);
    let words = words.filter(|asked| asked.correct);
    let Some(words) = words.map(|asked| &mut asked.text) else {
        return Ok(Answer::Ready((plan, corrections)));
    };
    let meant = match plan.meaning.as_mut().map(|leg| &mut leg.asked) {
        Some(Target::Text(text)) => Some(&mut text.0),
        _ => None,
    };
    for text in [Some(words), meant].into_iter().flatten() {
        let mut asked = doubtful(text, &languages, knows);
        // Nobody knows yet how the last word goes on.
        asked.retain(|asked| !typing || asked.range.end < text.len());
        let terms: Vec<&str> = asked
            .iter()
            .flat_map(|asked| &asked.terms)
            .map(String::as_str)
            .collect();
        let mut known = match remote.knows(&terms)? {
            Answer::Need(needs) => return meanwhile(remote, given, needs),
            Answer::Ready(known) => known.into_iter(),
        };
        let asked: Vec<Asked> = asked
            .into_iter()
            .filter(|asked| {
                known
                    .by_ref()
                    .take(asked.terms.len())
                    .filter(|is| *is)
                    .count()
                    == 0
            })
            .collect();
        if asked.is_empty() {
            continue;
        }
        let forms: Vec<&str> = asked.iter().map(|asked| asked.form.as_str()).collect();
        let found = match remote.correct(&forms)? {
            Answer::Need(needs) => return meanwhile(remote, given, needs),
            Answer::Ready(found) => found,
        };
        let meant = asked.iter().zip(found);
        let meant = meant.filter_map(|(asked, best)| Some((asked, best?.form)));
        if let Some(mended) = mend(text, meant, &mut corrections) {
            *text = mended;
        }
    }
    Ok(Answer::Ready((plan, corrections)))
}

/// What is lacking to correct a plan, and with it what the plan needs first as it was given: most of that is needed anyway.
fn meanwhile<T>(remote: &mut Remote, given: &Search, mut needs: Vec<Need>) -> Result<Answer<T>> {
    let is_text = |leg: &Leg<Target>| matches!(leg.asked, Target::Text(_));
    // Which vector it is does not matter yet.
    let vector = given.meaning.as_ref().filter(|leg| !is_text(leg));
    let typed = given.words.as_ref().map(|leg| leg.asked.text.as_str());
    let query = query(remote, given, typed, vector.map(|_| Vec::new()))?;
    needs.extend(remote.prepare(&query)?.needs());
    Ok(Answer::Need(together(needs)))
}

/// The plan in the terms of the collection; `typed` is the text of its words before anything was corrected in it.
///
/// # Errors
/// `unsupported` for what a collection in pieces cannot do.
pub fn query(
    remote: &Remote,
    plan: &Search,
    typed: Option<&str>,
    vector: Option<Vec<f32>>,
) -> Result<Query> {
    let refuse = |what: &str| {
        let message = format!(
            "a published collection that is read in pieces does not take {what}; leave it out, or open the collection whole"
        );
        Err(Error::new(Code::Unsupported, message))
    };
    if plan.precision == Some(Precision::Exact) {
        return refuse("words at exact precision");
    }
    let languages = languages(remote.languages());
    let mut query = Query {
        filter: (plan.filter != Filter::All).then(|| plan.filter.clone()),
        facets: plan.facets.clone(),
        sort: plan.sort.clone(),
        offset: plan.offset,
        limit: plan.limit,
        meaning_k: plan.meaning_k,
        ..Query::default()
    };
    if let Some(leg) = &plan.words {
        query.asks_words = true;
        query.is_blank = leg.asked.is_blank();
        query.weights.1 = leg.weight;
        let demanded = leg.asked.phrases.iter().chain(&leg.asked.within);
        add_words(
            &mut query.words,
            &leg.asked.text,
            &languages,
            leg.asked.typing,
        );
        for clause in demanded {
            add_words(&mut query.words, &clause.text, &languages, false);
        }
        add_conditions(&mut query.conditions, &leg.asked, &languages);
        if !leg.asked.text.is_empty() {
            query.title = called(&leg.asked.text);
            query.id = typed.map(|typed| typed.trim().to_owned());
        }
    }
    if let Some(leg) = &plan.meaning {
        query.weights.0 = leg.weight;
        match (&leg.asked, vector) {
            (_, Some(vector)) => query.vector = Some(vector),
            (Target::Vector(_), None) => return refuse("a vector without a piece table"),
            (Target::Like(_), None) if !remote.has_short_codes() => {
                return refuse("others like a document without a piece table");
            }
            (Target::Like(id), None) => query.like = Some(id.clone()),
            (Target::Text(meant), None) => {
                query.encode = true;
                query.weights.0 = leg.static_weight;
                add_words(&mut query.meant, &meant.0, &languages, false);
                match &plan.words {
                    Some(words) => query.weights.1 = words.static_weight,
                    // They tell where to look.
                    None => query.words = query.meant.clone(),
                }
            }
        }
    }
    Ok(query)
}

/// What a title would be called by that is this text; none without a word.
fn called(text: &str) -> Option<String> {
    let asked = read(text, &[Language::None]);
    let words = asked.iter().filter(|asked| !asked.whole);
    let title = segment::title(
        words
            .map(|asked| (asked.position, asked.form.as_str()))
            .collect(),
    );
    (!title.is_empty()).then_some(title)
}

/// The languages of a query.
pub fn languages(codes: &[String]) -> Vec<Language> {
    let known = codes.iter().filter_map(|code| Language::from_code(code));
    let mut languages: Vec<Language> = known.collect();
    if languages.is_empty() {
        languages.push(Language::English);
    }
    languages
}

/// Adds the words of a text, each once, with the terms that stand for it in the collection's languages.
fn add_words(words: &mut Vec<Word>, text: &str, languages: &[Language], typing: bool) {
    for asked in read(text, languages) {
        let word = Word {
            is_typed: typing && !asked.whole && asked.range.end == text.len(),
            form: asked.form,
            terms: asked.terms,
        };
        // Two words that the same terms stand for are one; a beginning is another word.
        let is_same = |known: &Word| (&known.terms, known.is_typed) == (&word.terms, word.is_typed);
        if !words.iter().any(is_same) {
            words.push(word);
        }
    }
}

fn add_conditions(conditions: &mut Vec<Condition>, asked: &Request, languages: &[Language]) {
    for (clause, ordered, wanted) in asked.clauses() {
        let mut parts = read(&clause.text, languages);
        parts.retain(|part| !part.whole);
        if !parts.is_empty() {
            let parts = parts.into_iter().map(|part| (part.terms, part.position));
            conditions.push(Condition {
                parts: parts.collect(),
                field: clause.field,
                ordered,
                wanted,
            });
        }
    }
}
