//! Containers as requests: one packed, one looked into.
//!
//! Owns the two free functions of the bindings for that; must not know what a section means. Invariant: what is packed is
//! read back.

use crate::error::{Code, Error, Result};
use crate::format::{self, Container};
use crate::plan;
use serde_json::json;

/// `{"kind","meta","sections":[{"name","length","block"?:bytes}]}` and the sections' bytes end to end -> the container file.
///
/// # Errors
/// `bad_request` when the request is malformed, or the lengths do not add up to the payload.
pub fn pack(request: &[u8], payload: &[u8]) -> Result<Vec<u8>> {
    let request: plan::Pack = plan::read(request)?;
    let mut rest = payload;
    let mut sections = Vec::with_capacity(request.sections.len());
    for section in &request.sections {
        let content = usize::try_from(section.length)
            .ok()
            .and_then(|length| rest.split_at_checked(length));
        let Some((content, after)) = content else {
            return Err(mismatch(payload.len()));
        };
        sections.push((section.name.as_str(), content, section.block));
        rest = after;
    }
    if !rest.is_empty() {
        return Err(mismatch(payload.len()));
    }
    format::pack_in_blocks(request.kind, &request.meta, &sections)
}

/// Verifies every block of a container file; reply: its header as JSON.
///
/// # Errors
/// `bad_format`, `wrong_version` or `wrong_digest`.
pub fn inspect(bytes: &[u8]) -> Result<Vec<u8>> {
    plan::reply(&Container::parse(bytes)?.header().describe())
}

fn mismatch(found: usize) -> Error {
    Error::new(
        Code::BadRequest,
        "the lengths of the sections do not add up to the payload; correct the request",
    )
    .with(json!({"payload_bytes": found}))
}
