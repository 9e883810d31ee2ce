//! How a search came to its scores, as JSON.
//!
//! Owns the shape of explanations; knows nothing of how anything is computed. Invariant: the contributions to a hit add up to
//! its score, but for rounding.

use crate::error::Result;
use crate::index::{Found, Index, Meaning};
use crate::plan::{Precision, Search};
use crate::words::{Field, Query};
use serde_json::{Map, Value, json};

/// What each leg was asked and looked at.
pub fn search(plan: &Search, index: &Index, query: &Query) -> Value {
    let mut legs = Map::new();
    if let Some(leg) = &plan.meaning {
        let leg = json!({
            "weight": leg.weight,
            "scan": "flat",
            "documents": index.documents(),
            "passages": index.passages(),
        });
        legs.insert("meaning".to_owned(), leg);
    }
    if let Some(leg) = &plan.words {
        let terms: Vec<Value> = query
            .words
            .iter()
            .map(|word| json!({"word": word.form, "df": word.df, "idf": word.idf}))
            .collect();
        let leg = json!({
            "weight": leg.weight,
            "bound": query.bound,
            "documents": index.documents(),
            "terms": terms,
        });
        legs.insert("words".to_owned(), leg);
    }
    Value::Object(legs)
}

/// What each leg contributed to the score of a hit, and of words each one.
///
/// # Errors
/// `bug` when the words of the index have not been fetched, `unsupported` for impacts of an index that was not published.
pub fn hit(plan: &Search, index: &Index, query: &Query, found: &Found) -> Result<Value> {
    let mut legs = Map::new();
    if let (Some(leg), Some(meaning)) = (&plan.meaning, &found.meaning) {
        let closeness = f64::from(meaning.closeness());
        let counted = match plan.words {
            Some(_) => closeness.max(0.0),
            None => closeness,
        };
        let Meaning { best, whole } = meaning;
        let mut leg = json!({"best": best, "contribution": counted * leg.weight});
        if let Some(whole) = whole {
            leg["whole"] = json!(whole);
        }
        legs.insert("meaning".to_owned(), leg);
    }
    if let (Some(leg), Some(share)) = (&plan.words, found.words) {
        let words = index.words()?;
        let shares = match plan.precision {
            Some(Precision::Impacts) => {
                let parameters = index.parameters()?;
                let impact = |frequency, length| parameters.impact(frequency, length);
                words.shares(found.document, query, Some(&impact))
            }
            Some(Precision::Exact) | None => words.shares(found.document, query, None),
        };
        let mut terms = Vec::new();
        for (word, share) in query.words.iter().zip(shares) {
            let fields = Field::ALL.into_iter().zip(share.tf);
            let tf: Map<String, Value> = fields
                .filter(|(_, tf)| *tf > 0)
                .map(|(field, tf)| (field.as_str().to_owned(), json!(tf)))
                .collect();
            let stems = word.terms.iter().map(|term| words.terms().get(*term));
            let mut term = json!({
                "word": word.form,
                "terms": stems.collect::<Vec<_>>(),
                "idf": word.idf,
                "tf": tf,
                "contribution": share.share * leg.weight,
            });
            if let Some(impact) = share.impact {
                term["impact"] = json!(impact);
            }
            terms.push(term);
        }
        let contribution = f64::from(share) * leg.weight;
        let leg = json!({"terms": terms, "contribution": contribution});
        legs.insert("words".to_owned(), leg);
    }
    if found.lift > 0.0 {
        legs.insert("exact".to_owned(), json!({"contribution": found.lift}));
    }
    Ok(Value::Object(legs))
}
