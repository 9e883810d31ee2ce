//! Filters, facets and orders as JSON (docs/guide/filters.md).
//!
//! Owns their keys and limits; knows nothing of how they are carried out.
//! Invariant: an unknown key, a wrong type or too much of anything is refused whole, as `bad_request`.

use super::count::{Facet, FacetSort, Grouping};
use super::{Condition, Filter, NAME_CAP, Pick, SortKey, Span, Value, date};
use crate::error::{Code, Error, Result};
use serde::{Deserialize, Deserializer};
use serde_json::json;
use serde_json::value::RawValue;

/// Conditions and combinations of a filter.
const FILTERS_CAP: usize = 256;
const DEPTH_CAP: usize = 16;
/// Values that one condition picks.
const PICKS_CAP: usize = 10_000;
/// Values each of which a document must have.
const ALL_CAP: usize = 64;
const FACETS_CAP: usize = 64;
const BUCKETS_CAP: usize = 64;
const LISTED_CAP: usize = 10_000;
const LISTED: usize = 10;
const SORT_CAP: usize = 8;

/// `{"ids"}`, `{"not_ids"}`, `{"and":[..]}`, `{"or":[..]}`, `{"not":{..}}` or
/// `{"field","tree"?,"any"?,"all"?,"none"?,"range"?,"exists"?}`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilterJson {
    ids: Option<Vec<String>>,
    not_ids: Option<Vec<String>>,
    and: Option<Vec<FilterJson>>,
    or: Option<Vec<FilterJson>>,
    not: Option<Box<FilterJson>>,
    field: Option<String>,
    tree: Option<bool>,
    any: Option<Vec<PickJson>>,
    all: Option<Vec<PickJson>>,
    none: Option<Vec<PickJson>>,
    range: Option<RangeJson>,
    exists: Option<bool>,
}

/// `{"min"?,"above"?,"max"?,"below"?}`: numbers or dates, `min` and `max` belonging to the range.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RangeJson {
    min: Option<Value>,
    above: Option<Value>,
    max: Option<Value>,
    below: Option<Value>,
}

/// A value, or a range.
#[derive(Debug)]
enum PickJson {
    Value(Value),
    Range(RangeJson),
}

/// `{"field","tree"?,"under"?,"ranges"?:[..],"limit"?,"sort"?:"count"|"value"}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FacetJson {
    field: String,
    tree: Option<bool>,
    under: Option<String>,
    ranges: Option<Vec<RangeJson>>,
    limit: Option<usize>,
    sort: Option<FacetSort>,
}

/// `{"field","order"?:"asc"|"desc"}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SortJson {
    field: String,
    order: Option<OrderJson>,
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum OrderJson {
    Asc,
    Desc,
}

/// Reads the `filter` of a plan.
///
/// # Errors
/// `bad_request` when it is none of the shapes, or too large.
pub fn read_filter(filter: FilterJson) -> Result<Filter> {
    let mut left = FILTERS_CAP;
    read(filter, DEPTH_CAP, &mut left)
}

fn read(filter: FilterJson, depth: usize, left: &mut usize) -> Result<Filter> {
    if depth == 0 || *left == 0 {
        return Err(refused(
            "a filter is nested more than 16 deep or has more than 256 parts",
        ));
    }
    *left -= 1;
    match filter {
        FilterJson {
            field: Some(_),
            ids: None,
            not_ids: None,
            and: None,
            or: None,
            not: None,
            ..
        } => read_condition(filter),
        FilterJson {
            ids,
            not_ids,
            and,
            or,
            not,
            field: None,
            tree: None,
            any: None,
            all: None,
            none: None,
            range: None,
            exists: None,
        } => {
            let mut each = |filters: Vec<FilterJson>| {
                filters
                    .into_iter()
                    .map(|filter| read(filter, depth - 1, left))
                    .collect::<Result<Vec<_>>>()
            };
            match (ids, not_ids, and, or, not) {
                (Some(ids), None, None, None, None) => Ok(Filter::Ids(ids)),
                (None, Some(ids), None, None, None) => Ok(Filter::NotIds(ids)),
                (None, None, Some(filters), None, None) => Ok(Filter::And(each(filters)?)),
                (None, None, None, Some(filters), None) => Ok(Filter::Or(each(filters)?)),
                (None, None, None, None, Some(filter)) => {
                    Ok(Filter::Not(Box::new(read(*filter, depth - 1, left)?)))
                }
                _ => Err(refused(NO_FILTER)),
            }
        }
        _ => Err(refused(NO_FILTER)),
    }
}

const NO_FILTER: &str =
    "a filter has exactly one of \"ids\", \"not_ids\", \"and\", \"or\", \"not\" and \"field\"";

fn read_condition(filter: FilterJson) -> Result<Filter> {
    let (any, all, none) = (
        filter.any,
        filter.all.unwrap_or_default(),
        filter.none.unwrap_or_default(),
    );
    let mut all = picks(all)?;
    if let Some(range) = filter.range {
        all.push(Pick::Span(span(range)?));
    }
    if all.len() > ALL_CAP {
        return Err(refused("a condition asks for more than 64 values at once")
            .with(json!({"found": all.len()})));
    }
    let condition = Condition {
        field: name(filter.field.unwrap_or_default())?,
        tree: filter.tree.unwrap_or(false),
        any: any.map(picks).transpose()?,
        all,
        none: picks(none)?,
        exists: filter.exists,
    };
    if condition.any.is_none()
        && condition.all.is_empty()
        && condition.none.is_empty()
        && condition.exists.is_none()
    {
        return Err(refused(
            "a condition has none of \"any\", \"all\", \"none\", \"range\" and \"exists\"",
        )
        .with(json!({"field": condition.field})));
    }
    Ok(Filter::Field(condition))
}

fn picks(picks: Vec<PickJson>) -> Result<Vec<Pick>> {
    if picks.len() > PICKS_CAP {
        return Err(
            refused("a condition has more than 10000 values").with(json!({"found": picks.len()}))
        );
    }
    let read = picks.into_iter().map(|pick| match pick {
        PickJson::Value(value) => Ok(Pick::Key(key(&value)?)),
        PickJson::Range(range) => Ok(Pick::Span(span(range)?)),
    });
    read.collect()
}

fn key(value: &Value) -> Result<Vec<u8>> {
    value.key().map_err(|error| refused(&error.message))
}

/// Reads a range. A date that is less than a second exact is all it may mean: `max` of `2024` reaches to the end of 2024.
fn span(range: RangeJson) -> Result<Span> {
    let RangeJson {
        min,
        above,
        max,
        below,
    } = range;
    let (low, high) = match (min, above, max, below) {
        (Some(_), Some(_), _, _) | (_, _, Some(_), Some(_)) | (None, None, None, None) => {
            return Err(refused(
                "a range has one of \"min\" and \"above\", one of \"max\" and \"below\", or both",
            ));
        }
        (min, above, max, below) => {
            let bound = |with: Option<Value>, without: Option<Value>| {
                with.map(|value| (value, true))
                    .or(without.map(|value| (value, false)))
            };
            (bound(min, above), bound(max, below))
        }
    };
    let mut numbers = [(f64::NEG_INFINITY, true), (f64::INFINITY, true)];
    let mut dates = i64::MIN..i64::MAX;
    let (mut has_number, mut has_date) = (false, false);
    for (at, bound) in [low, high].into_iter().enumerate() {
        match bound {
            None => {}
            Some((Value::Number(number), is_in)) => {
                has_number = true;
                numbers[at] = (number, is_in);
            }
            Some((Value::Text(text), is_in)) => {
                let date = date::seconds(&text).ok_or_else(|| {
                    refused("a bound of a range is neither a number nor a date like 2024-02-29")
                        .with(json!({"found": text}))
                })?;
                has_date = true;
                match at {
                    0 => dates.start = if is_in { date.start } else { date.end },
                    _ => dates.end = if is_in { date.end } else { date.start },
                }
            }
        }
    }
    match (has_number, has_date) {
        (true, true) => Err(refused(
            "one bound of a range is a number, the other a date",
        )),
        (false, true) => Ok(Span::Dates(dates)),
        _ => Ok(Span::Numbers {
            low: numbers[0],
            high: numbers[1],
        }),
    }
}

/// Reads the `facets` of a plan.
///
/// # Errors
/// `bad_request` when one is malformed, or they are too many.
pub fn read_facets(facets: Vec<FacetJson>) -> Result<Vec<Facet>> {
    if facets.len() > FACETS_CAP {
        return Err(refused("a plan has more than 64 facets").with(json!({"found": facets.len()})));
    }
    facets.into_iter().map(read_facet).collect()
}

fn read_facet(facet: FacetJson) -> Result<Facet> {
    let by = match (facet.tree.unwrap_or(false), facet.under, facet.ranges) {
        (false, None, None) => Grouping::Values,
        (true, under, None) => Grouping::Tree(under),
        (false, None, Some(ranges)) => {
            if ranges.is_empty() || ranges.len() > BUCKETS_CAP {
                return Err(refused("a facet has no ranges or more than 64")
                    .with(json!({"found": ranges.len()})));
            }
            Grouping::Ranges(ranges.into_iter().map(span).collect::<Result<_>>()?)
        }
        _ => {
            return Err(refused(
                "a facet has either \"ranges\" or \"tree\", and \"under\" only with \"tree\"",
            ));
        }
    };
    let limit = facet.limit.unwrap_or(LISTED);
    if !(1..=LISTED_CAP).contains(&limit) {
        return Err(refused("the limit of a facet is not between 1 and 10000")
            .with(json!({"limit": limit})));
    }
    Ok(Facet {
        field: name(facet.field)?,
        by,
        limit,
        sort: facet.sort.unwrap_or(FacetSort::Count),
    })
}

/// Reads the `sort` of a plan.
///
/// # Errors
/// `bad_request` when one is malformed, or they are too many.
pub fn read_sort(sort: Vec<SortJson>) -> Result<Vec<SortKey>> {
    if sort.len() > SORT_CAP {
        return Err(
            refused("a plan sorts by more than 8 fields").with(json!({"found": sort.len()}))
        );
    }
    let read = sort.into_iter().map(|key| {
        Ok(SortKey {
            field: name(key.field)?,
            descending: key.order == Some(OrderJson::Desc),
        })
    });
    read.collect()
}

fn name(name: String) -> Result<String> {
    if name.is_empty() || name.len() > NAME_CAP {
        return Err(refused(
            "the name of a field is empty or longer than 256 bytes",
        ));
    }
    Ok(name)
}

fn refused(what: &str) -> Error {
    Error::new(Code::BadRequest, format!("{what}; correct the request"))
}

impl<'de> Deserialize<'de> for PickJson {
    fn deserialize<D: Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<PickJson, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let pick = if raw.get().starts_with('{') {
            serde_json::from_slice(raw.get().as_bytes()).map(PickJson::Range)
        } else {
            serde_json::from_slice(raw.get().as_bytes()).map(PickJson::Value)
        };
        pick.map_err(serde::de::Error::custom)
    }
}
