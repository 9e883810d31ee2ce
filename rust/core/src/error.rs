//! The one error of the engine.
//!
//! Owns the list of codes and the shape `{code, message, detail}` every caller sees; knows nothing of bindings.
//! Invariant: a code never changes its spelling, and a message says what happened, why, and what to do.

use serde_json::Value;
use std::fmt;

/// What kind of failure it is: the stable part of an error, on which callers may branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// The request or plan is malformed.
    BadRequest,
    /// A document, text, vector or file cannot be used.
    BadInput,
    /// The bytes are not a valid container, model or index.
    BadFormat,
    /// The container is of a version that this engine does not read.
    WrongVersion,
    /// Bytes differ from the digest recorded for them.
    WrongDigest,
    /// A vector has another number of components than the index.
    WrongDim,
    /// Vectors of another model were offered.
    WrongSpace,
    /// The architecture, file type or backend is not supported.
    Unsupported,
    /// The named index or document does not exist.
    NotFound,
    /// No model has been loaded yet.
    NotReady,
    /// The request was superseded or cancelled.
    Aborted,
    /// The engine or index has been closed.
    Closed,
    /// The network failed.
    Network,
    /// The storage failed or refused.
    Storage,
    /// WebAssembly is not available.
    NoWasm,
    /// A worker died.
    WorkerFailed,
    /// An internal invariant is broken.
    Bug,
}

impl Code {
    /// Every code, in the order of `tests/golden/codes.json`.
    pub const ALL: [Code; 17] = [
        Code::BadRequest,
        Code::BadInput,
        Code::BadFormat,
        Code::WrongVersion,
        Code::WrongDigest,
        Code::WrongDim,
        Code::WrongSpace,
        Code::Unsupported,
        Code::NotFound,
        Code::NotReady,
        Code::Aborted,
        Code::Closed,
        Code::Network,
        Code::Storage,
        Code::NoWasm,
        Code::WorkerFailed,
        Code::Bug,
    ];

    /// The spelling that crosses every boundary, such as `bad_request`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Code::BadRequest => "bad_request",
            Code::BadInput => "bad_input",
            Code::BadFormat => "bad_format",
            Code::WrongVersion => "wrong_version",
            Code::WrongDigest => "wrong_digest",
            Code::WrongDim => "wrong_dim",
            Code::WrongSpace => "wrong_space",
            Code::Unsupported => "unsupported",
            Code::NotFound => "not_found",
            Code::NotReady => "not_ready",
            Code::Aborted => "aborted",
            Code::Closed => "closed",
            Code::Network => "network",
            Code::Storage => "storage",
            Code::NoWasm => "no_wasm",
            Code::WorkerFailed => "worker_failed",
            Code::Bug => "bug",
        }
    }
}

/// A failure: what kind, what happened and what to do, and the values involved.
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    /// The kind of failure.
    pub code: Code,
    /// One sentence or two for a person, lower case at the start, without a final stop.
    pub message: String,
    /// The values involved, as a JSON object (possibly empty).
    pub detail: Value,
}

/// A result whose failure is the engine's error.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error without further values.
    pub fn new(code: Code, message: impl Into<String>) -> Error {
        Error {
            code,
            message: message.into(),
            detail: Value::Object(serde_json::Map::new()),
        }
    }

    /// The same error carrying the values involved; `detail` is a JSON object.
    #[must_use]
    pub fn with(mut self, detail: Value) -> Error {
        self.detail = detail;
        self
    }

    /// The spelling of the code, such as `bad_request`.
    pub const fn code(&self) -> &'static str {
        self.code.as_str()
    }

    /// The sentence for a person.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The values involved, as the text of a JSON object.
    pub fn detail_json(&self) -> String {
        self.detail.to_string()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code(), self.message)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_own_spelling() {
        let mut seen: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), Code::ALL.len());
    }

    #[test]
    fn an_error_prints_its_code_and_message() {
        let error = Error::new(Code::NotReady, "no model yet");
        assert_eq!(error.to_string(), "not_ready: no model yet");
    }
}
