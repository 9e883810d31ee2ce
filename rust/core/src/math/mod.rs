//! Arithmetic on rows of vectors, without a model and without an index.
//!
//! Owns the requests of [`compute`] and their limits; must not know where vectors come from or what they stand for.
//! Invariant: only `+ - * /` and square roots in double precision (in f32 where `ridge` says so), in an order that the
//! lengths alone decide, rounded to f32 once at the end: the same bytes on every target.

mod distances;
mod eigen;
pub(crate) mod lines;
mod packed;
mod pca;
mod request;
pub(crate) mod ridge;
mod rows;
mod sums;

use crate::error::{Code, Error, Result};
use crate::numbers;
use crate::plan;
use request::{Op, Request};
use rows::Rows;
use serde_json::json;

pub use crate::codes::DIM_CAP;
pub use lines::Lines;
pub(crate) use rows::dot;

/// The most numbers of one reply (half a gigabyte): what a caller asks for by mistake is refused, not tried.
const NUMBERS_CAP: usize = 1 << 27;

/// One calculation over rows. The request is JSON, `{"op","dim":1..=4096, ..}`; the payload holds rows of `dim`
/// little-endian f32 end to end, and so does the reply unless said otherwise.
///
/// | request | payload | reply |
/// |---|---|---|
/// | `{"op":"normalize","dim"}` | rows | each row divided by its length |
/// | `{"op":"centroid","dim","normalized"?:bool}` | rows | their mean, one row; scaled to length 1 when `normalized` |
/// | `{"op":"statistics","dim","over"?:"components"\|"all"}` | rows | JSON `{"rows","dim","mean","std","min","max"}`: lists of `dim` numbers, or with `all` one number each over every component of every row; `std` is that of the population |
/// | `{"op":"pool","dim","how":"mean"\|"max"\|"sum"\|"weighted","weights"?:[..]}` | rows | one row; `weighted` is the sum of weight x row over the sum of the weights |
/// | `{"op":"fit","dim","components":d}` | rows | principal components: the mean (dim), d components (d x dim), their variances (d), the total variance (1) |
/// | `{"op":"transform","dim","components":d}` | the mean, d components, rows | rows x d: how far each row lies from the mean along each component |
/// | `{"op":"quantize","dim","bits":8\|4\|1}` | rows | packed rows: a little-endian f32 scale and the codes |
/// | `{"op":"dequantize","dim","bits"}` | packed rows | rows: code x scale |
/// | `{"op":"loss","dim","bits"}` | rows | JSON `{"rows","dim","bits","row_bytes","mean_error","max_error","mean_cosine"}`: what quantising them costs |
/// | `{"op":"distances","dim","metric":"cosine"\|"dot"\|"euclidean"\|"manhattan","queries"?:q}` | q queries, then rows | q x rows; without `queries` every row with every row |
/// | `{"op":"shorten","dim":256}` | rows | their codes of 66 bytes, see [`crate::pieces::short`] |
/// | `{"op":"ridge","dim","items":i,"bags":b,"entries":e,"lambda","rounds","steps"}` | b ends of bags and e items, u32; e weights; i rows, b rows | i rows near the first such that the weighted sum of a bag's items points where its row does |
///
/// # Errors
/// `bad_request`: the request is malformed, or a number in it is out of its range. `wrong_dim`: the payload is not whole
/// rows. `bad_input`: no rows where some are needed, a component that is not finite, a row of zeros where a direction
/// is needed, or a result beyond f32; `detail` names `row` and `component`, counted from 0.
pub fn compute(request: &[u8], payload: &[u8]) -> Result<Vec<u8>> {
    let request = request::read(request)?;
    let dim = request.dim;
    match request.op {
        Op::Distances => {
            let rows = Rows::read(dim, payload)?;
            let metric = request.metric.unwrap_or(distances::Metric::Cosine);
            bytes(&distances::distances(&rows, metric, request.queries)?)
        }
        Op::Dequantize => bytes(&packed::dequantize(
            dim,
            packed::bits(request.bits())?,
            payload,
        )?),
        Op::Ridge => bytes(&ridge::read(
            dim,
            request.counts(),
            payload,
            request.effort(),
        )?),
        _ => over_rows(&request, &Rows::read(dim, payload)?),
    }
}

/// The calculations that take rows and nothing else.
fn over_rows(request: &Request, rows: &Rows) -> Result<Vec<u8>> {
    match request.op {
        Op::Normalize => bytes(&sums::normalize(rows)?),
        Op::Centroid => bytes(&sums::centroid(rows, request.normalized.unwrap_or(false))?),
        Op::Statistics => plan::reply(&sums::statistics(rows, request.over.unwrap_or_default())?),
        Op::Pool => {
            let how = request.how.unwrap_or(sums::How::Mean);
            bytes(&sums::pool(rows, how, request.weights.as_deref())?)
        }
        Op::Fit => bytes(&pca::fit(rows, request.components())?),
        Op::Transform => bytes(&pca::transform(rows, request.components())?),
        Op::Quantize => packed::quantize(rows, packed::bits(request.bits())?),
        Op::Loss => plan::reply(&packed::loss(rows, packed::bits(request.bits())?)?),
        Op::Shorten => packed::shorten(rows),
        Op::Distances | Op::Dequantize | Op::Ridge => {
            unreachable!("these read their payload themselves")
        }
    }
}

/// Numbers as they cross: little-endian f32, each of which has to be finite.
fn bytes(values: &[f32]) -> Result<Vec<u8>> {
    match values.iter().position(|x| !x.is_finite()) {
        None => Ok(numbers::write(values)),
        Some(at) => Err(Error::new(
            Code::BadInput,
            "the result is too large for f32; scale the vectors down",
        )
        .with(json!({"number": at}))),
    }
}

fn refused(what: &str) -> Error {
    Error::new(Code::BadRequest, format!("{what}; correct the request"))
}

#[cfg(test)]
mod tests;
