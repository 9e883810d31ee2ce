//! How a search of a collection in pieces came to its scores, as JSON.
//!
//! Owns the shape, which is that of other searches but for what was not read; must not know how anything is computed.
//! Invariant: the contributions to a hit add up to its score, but for rounding.

use crate::plan::Search;
use crate::segment::{Found, Hit, Query, Remote};
use serde_json::{Map, Value, json};

/// What each leg was asked and looked at.
pub fn search(plan: &Search, query: &Query, found: &Found, remote: &Remote) -> Value {
    let mut legs = Map::new();
    if plan.meaning.is_some() {
        let leg = json!({
            "weight": query.weights.0,
            "scan": "clusters",
            "documents": remote.living(),
            "passages": remote.rows(),
        });
        legs.insert("meaning".to_owned(), leg);
    }
    if plan.words.is_some() {
        let terms: Vec<Value> = found
            .words
            .iter()
            .map(|word| json!({"word": word.form, "df": word.df, "idf": word.idf}))
            .collect();
        let leg = json!({
            "weight": query.weights.1,
            "bound": found.bound,
            "documents": remote.living(),
            "terms": terms,
        });
        legs.insert("words".to_owned(), leg);
    }
    Value::Object(legs)
}

/// What each leg contributed to the score of a hit. The closeness of a document whose codes were not read is `guessed`; of a word there is
/// its `impact`, the saturated part of BM25, where others have frequencies.
pub fn hit(plan: &Search, query: &Query, found: &Found, hit: &Hit) -> Value {
    let mut legs = Map::new();
    if let (Some(_), Some(closeness)) = (&plan.meaning, hit.meaning) {
        let counted = match plan.words {
            Some(_) => closeness.max(0.0),
            None => closeness,
        };
        let mut leg = json!({"contribution": counted * query.weights.0});
        match &hit.near {
            Some(near) => {
                leg["best"] = json!(near.best.1);
                if let Some(whole) = near.whole {
                    leg["whole"] = json!(whole);
                }
            }
            None => leg["guessed"] = json!(closeness),
        }
        legs.insert("meaning".to_owned(), leg);
    }
    if plan.words.is_some() {
        let weight = query.weights.1;
        let mut terms = Vec::new();
        for (word, (share, impact)) in found.words.iter().zip(&hit.shares) {
            terms.push(json!({
                "word": word.form,
                "terms": word.terms,
                "idf": word.idf,
                "impact": impact,
                "contribution": share * weight,
            }));
        }
        let leg = json!({"terms": terms, "contribution": hit.words * weight});
        legs.insert("words".to_owned(), leg);
    }
    if hit.lift > 0.0 {
        legs.insert("exact".to_owned(), json!({"contribution": hit.lift}));
    }
    Value::Object(legs)
}
