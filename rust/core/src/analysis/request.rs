//! `analyse` as the bindings offer it: JSON in, JSON out.
//!
//! Owns the keys of the request and of the reply; knows nothing of how tokens are made.
//! Invariant: a request with an unknown key or language is refused whole.

use super::{Language, guess};
use crate::error::{Code, Error, Result};
use crate::plan::{self, Text};
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    text: Text,
    language: Option<String>,
}

#[derive(Serialize)]
struct Reply {
    language: &'static str,
    tokens: Vec<Token>,
}

#[derive(Serialize)]
struct Token {
    term: String,
    form: String,
    position: u32,
    start: u32,
    end: u32,
    whole: bool,
}

/// The tokens of a text, as they are indexed and searched.
///
/// `{"text","language"?}` -> `{"language","tokens":[{"term","form","position","start","end","whole"}]}`. `language` is an ISO 639
/// code; without one it is guessed from a text of over 200 characters. The reply tells the language whose stemmer was used, `und`
/// for none. `start` and `end` count bytes of UTF-8, a lone surrogate as the three of U+FFFD.
///
/// # Errors
/// `bad_request`: the request is malformed, or `language` is no code.
pub fn analyse(request: &[u8]) -> Result<Vec<u8>> {
    let Request { text, language } = plan::read(request)?;
    let language = match language {
        None => guess(&text.0).unwrap_or_default(),
        Some(code) => Language::from_code(&code).ok_or_else(|| {
            Error::new(
                Code::BadRequest,
                "this is no code of a language; give one of two or three letters, such as \"en\"",
            )
            .with(json!({"language": code}))
        })?,
    };
    let mut tokens = Vec::new();
    super::analyse(&text.0, language, |token| {
        tokens.push(Token {
            term: token.term.to_owned(),
            form: token.form.to_owned(),
            position: token.position,
            start: token.start,
            end: token.end,
            whole: token.whole,
        });
    });
    plan::reply(&Reply {
        language: language.code(),
        tokens,
    })
}
