//! What changed in an index since its pointer was stored, as a new pointer and at most one live segment.
//!
//! Owns which bytes a commit is; must not know where files lie or whether they were written. Invariant: what is stored stays as it is
//! until a later commit says that this one was stored, and a call that fails changes nothing.

use crate::error::{Code, Error, Result};
use crate::index::Index;
use crate::plan;
use crate::segment::{SegmentFile, name_digest};

/// The length of the new pointer as a big-endian u32, the pointer, and the new live segment, the last that it names; no bytes where
/// every document lies in one already.
///
/// # Errors
/// `bad_request` when `on` is neither what is stored nor what was computed last, when a segment to merge is not there, or for a
/// header above 1 MiB; `bug` when parts of the index still lie in a file.
pub fn commit(index: &mut Index, request: plan::Commit) -> Result<Vec<u8>> {
    let plan = index.plan_commit(request.on.as_deref(), &request.merge)?;
    let mut pointer = plan.pointer.clone();
    pointer.user = request.meta.unwrap_or_else(|| index.meta().clone());
    let segment = match plan.fresh.len() {
        0 => Vec::new(),
        all if all == index.documents() => index.dump_documents()?,
        _ => index.picked(&plan.fresh)?.dump_documents()?,
    };
    if !segment.is_empty() {
        let documents = u32::try_from(plan.fresh.len()).map_err(|_| too_many())?;
        let file = SegmentFile::live(&segment, documents, 0)?;
        pointer.segments.push(file);
        pointer.gone.push(Vec::new());
    }
    let bytes = pointer.write()?;
    index.drafted(&plan, &pointer, name_digest(&bytes)?);
    // Big-endian, so that it never begins with a brace: a pointer is shorter than 2^31 bytes.
    let length = u32::try_from(bytes.len()).map_err(|_| too_many())?;
    Ok([&length.to_be_bytes(), bytes.as_slice(), &segment].concat())
}

fn too_many() -> Error {
    Error::new(
        Code::BadInput,
        "a collection has at most 2^32 documents; put them into several",
    )
}
