//! What the kinds of index have in common as files: a meta that names its type and version, and the error of a bad one.
//!
//! Owns reading and writing that meta; must not know what else is in it, or of sections. Invariant: a file of another type
//! or version is refused before anything else in it is used.

use crate::error::{Code, Error, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The meta of one kind of index.
pub trait Meta: Serialize + DeserializeOwned {
    /// The name of the kind.
    const TYPE: &str;
    /// The version of its sections that is written.
    const VERSION: u32;
    /// The oldest version that is read.
    const OLDEST: u32 = Self::VERSION;

    /// The type and the version that this meta names.
    fn named(&self) -> (&str, u32);
}

/// The meta as a container takes it.
///
/// # Errors
/// `bug` when it cannot be written.
pub fn write_meta<M: Meta>(meta: &M) -> Result<Value> {
    serde_json::to_value(meta)
        .map_err(|cause| Error::new(Code::Bug, format!("the meta could not be written: {cause}")))
}

/// The meta out of a container's header.
///
/// # Errors
/// `bad_format` when it is not understood or of another type, `wrong_version`.
pub fn read_meta<M: Meta>(meta: &Value) -> Result<M> {
    let meta = M::deserialize(meta).map_err(|cause| {
        bad("its meta is not understood").with(json!({"cause": cause.to_string()}))
    })?;
    let (found, version) = meta.named();
    if found != M::TYPE {
        return Err(bad("its type is not one that this engine knows")
            .with(json!({"found": found, "wanted": M::TYPE})));
    }
    let wanted = M::VERSION;
    if !(M::OLDEST..=wanted).contains(&version) {
        return Err(Error::new(
            Code::WrongVersion,
            format!("the index has version {version}, this engine reads {wanted}; update Findling or build it again"),
        )
        .with(json!({"found": version, "wanted": wanted})));
    }
    Ok(meta)
}

/// The error of a file that cannot be used.
pub fn bad(what: &str) -> Error {
    Error::new(
        Code::BadFormat,
        format!("the index cannot be used: {what}; fetch or build it again"),
    )
}
