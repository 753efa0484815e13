//! pandas' arrays and indexes as pickles record them, to [`Cells`] (pandas 0.20 to 3.1).

use super::arrow::Arrow;
use super::cells::{Cells, Reading, dtype_name};
use super::moment::{self, Zone};
use crate::formats::made::{Made, callable_name};
use crate::formats::numpy::{ArrayView, Scalar, int_of};
use crate::model::value::{Leaf, NodeId, Value};

/// Categories of categories, intervals of indexes: nobody nests deeper.
pub(super) const MAX_DEPTH: usize = 8;

/// The array or index at `node`.
pub(super) fn cells(value: &Value, node: NodeId, depth: usize) -> Cells {
    if let Some(view) = ArrayView::of(value, node) {
        return Cells::plain(view);
    }
    let Some(made) = Made::of(value, node) else {
        return Cells::Foreign {
            class: value.type_name(node),
        };
    };
    let known = depth
        .checked_sub(1)
        .and_then(|depth| known(value, &made, depth));
    known.unwrap_or_else(|| Cells::Foreign {
        class: value.type_name(node),
    })
}

fn known(value: &Value, made: &Made<'_>, depth: usize) -> Option<Cells> {
    let class = match &*made.qualname {
        // Arrays of pandas 1.1, whose attributes are the state of what makes them.
        "__pyx_unpickle_PeriodMixin" => class_name(value, *made.args.first()?)?,
        class => class.to_owned(),
    };
    match class.as_str() {
        "_new_Index"
        | "_new_DatetimeIndex"
        | "_new_PeriodIndex"
        | "_new_TimedeltaIndex"
        | "_new_IntervalIndex" => index(value, made, depth),
        "__pyx_unpickle_NDArrayBacked" => {
            let state = value.sequence(made.state)?;
            let class = class_name(value, *made.args.first()?)?;
            array(value, &class, *state.first()?, *state.get(1)?, depth)
        }
        "__pyx_unpickle_IntervalMixin" => interval(value, made, depth),
        // numpy's own way, for a subclass of its array.
        "_reconstruct" if class_name(value, *made.args.first()?)? == "SparseArray" => {
            old_sparse(value, made)
        }
        class => {
            let attribute = |names: &[&str]| {
                let mut found = names.iter().filter_map(|name| made.attribute(value, name));
                found.next()
            };
            let dtype = attribute(&["_dtype"]).unwrap_or(NodeId::MISSING);
            match class {
                "SparseArray" => sparse(value, made),
                // Before 0.21 the categories stood in the array, not in its type.
                "Categorical" if attribute(&["_categories"]).is_some() => {
                    Some(Cells::Categorical {
                        codes: ArrayView::of(value, attribute(&["_codes"])?)?,
                        categories: Box::new(cells(value, attribute(&["_categories"])?, depth)),
                    })
                }
                "IntegerArray" | "FloatingArray" | "BooleanArray" => Some(Cells::Masked {
                    data: Box::new(ArrayView::of(value, attribute(&["_data"])?)?),
                    mask: Box::new(ArrayView::of(value, attribute(&["_mask"])?)?),
                }),
                "ArrowStringArray"
                | "ArrowStringArrayNumpySemantics"
                | "ArrowExtensionArray"
                | "ArrowStringArrayV2" => {
                    let array = Arrow::of(value, attribute(&["_pa_array", "_data"])?)?;
                    let dtype = match class {
                        "ArrowExtensionArray" => format!("{}[pyarrow]", array.type_name()),
                        _ => text_type(value, dtype).to_owned(),
                    };
                    Some(Cells::Arrow { array, dtype })
                }
                _ => {
                    let data = attribute(&["_ndarray", "_data", "_codes"])?;
                    array(value, class, dtype, data, depth)
                }
            }
        }
    }
}

/// An array of `class` over the numpy array at `data`.
fn array(value: &Value, class: &str, dtype: NodeId, data: NodeId, depth: usize) -> Option<Cells> {
    let view = ArrayView::of(value, data)?;
    let reading = match class {
        "Categorical" => {
            let dtype = Made::of(value, dtype)?;
            let categories = dtype.attribute(value, "categories")?;
            return Some(Cells::Categorical {
                codes: view,
                categories: Box::new(cells(value, categories, depth)),
            });
        }
        "DatetimeArray" => match zone_of(value, dtype) {
            Some(zone) => Reading::Zoned(zone),
            None => Reading::Itself,
        },
        "PeriodArray" => Reading::Period(frequency_of(value, dtype)?),
        "StringArray" | "StringArrayNumpySemantics" => Reading::Text(text_type(value, dtype)),
        "TimedeltaArray" | "PandasArray" | "NumpyExtensionArray" => Reading::Itself,
        _ => return None,
    };
    Some(Cells::Plain { view, reading })
}

/// Text that misses as not-a-number is pandas 3's `str`, text that misses as NA the older `string`.
fn text_type(value: &Value, dtype: NodeId) -> &'static str {
    let missing = Made::of(value, dtype).and_then(|made| {
        let state = || made.attribute(value, "_na_value");
        made.args.get(1).copied().or_else(state)
    });
    match missing.and_then(|missing| value.leaf(missing)) {
        Some(Leaf::Float(_)) => "str",
        _ => "string",
    }
}

/// The zone of a `DatetimeTZDtype`.
fn zone_of(value: &Value, dtype: NodeId) -> Option<Zone> {
    let made = Made::of(value, dtype).filter(|made| made.qualname == "DatetimeTZDtype")?;
    let zone = made.attribute(value, "tz");
    Zone::of(value, zone.or_else(|| made.args.get(1).copied())?)
}

/// The frequency of a `PeriodDtype`.
fn frequency_of(value: &Value, dtype: NodeId) -> Option<String> {
    let made = Made::of(value, dtype)?;
    let state = || made.attribute(value, "freq");
    moment::frequency(value, made.args.first().copied().or_else(state)?)
}

fn class_name(value: &Value, node: NodeId) -> Option<String> {
    let (_, qualname) = callable_name(value, node)?;
    Some(qualname.rsplit('.').next()?.to_owned())
}

/// `_new_Index(class, {…})`.
fn index(value: &Value, made: &Made<'_>, depth: usize) -> Option<Cells> {
    let class = class_name(value, *made.args.first()?)?;
    let facts = *made.args.get(1)?;
    let fact = |name: &str| value.attribute(facts, name);
    let int = |name: &str| int_of(value, fact(name)?);
    match class.as_str() {
        "RangeIndex" => steps(int("start")?, int("stop")?, int("step")?),
        "MultiIndex" => {
            let levels = value.sequence(fact("levels")?)?;
            let codes = value.sequence(fact("codes").or_else(|| fact("labels"))?)?;
            Some(Cells::Multi {
                levels: levels
                    .iter()
                    .map(|level| cells(value, *level, depth))
                    .collect(),
                codes: codes
                    .iter()
                    .map(|codes| ArrayView::of(value, *codes))
                    .collect::<Option<_>>()?,
            })
        }
        "IntervalIndex" if fact("left").is_some() => Some(Cells::Interval {
            left: Box::new(cells(value, fact("left")?, depth)),
            right: Box::new(cells(value, fact("right")?, depth)),
            closed: value.str(fact("closed")?)?.into_owned(),
            names_closed: true,
        }),
        _ => {
            let data = cells(value, fact("data")?, depth);
            // Before 0.24 the zone or frequency stood beside the bare numbers.
            match (data, class.as_str()) {
                (
                    Cells::Plain {
                        view,
                        reading: Reading::Itself,
                    },
                    "DatetimeIndex" | "PeriodIndex",
                ) => {
                    let zone = || Zone::of(value, fact("tz").filter(|n| *n != NodeId::NONE)?);
                    let reading = match view.dtype.scalar {
                        Scalar::DateTime(_) => zone().map(Reading::Zoned),
                        _ => moment::frequency(value, fact("freq")?).map(Reading::Period),
                    };
                    let reading = reading.unwrap_or(Reading::Itself);
                    Some(Cells::Plain { view, reading })
                }
                (data, _) => Some(data),
            }
        }
    }
}

fn steps(start: i64, stop: i64, step: i64) -> Option<Cells> {
    let span = i128::from(stop) - i128::from(start);
    let step_wide = i128::from(step);
    let n = if step_wide == 0 || span.signum() != step_wide.signum() {
        0
    } else {
        span.abs().unsigned_abs().div_ceil(step_wide.unsigned_abs())
    };
    Some(Cells::Steps {
        start,
        step,
        len: u64::try_from(n).ok()?,
    })
}

/// Bounds and side of an `IntervalArray`.
fn interval(value: &Value, made: &Made<'_>, depth: usize) -> Option<Cells> {
    let attribute = |name: &str| made.attribute(value, name);
    let dtype = attribute("_dtype").and_then(|dtype| Made::of(value, dtype));
    let closed = dtype
        .as_ref()
        .and_then(|dtype| dtype.attribute(value, "closed"))
        .or_else(|| attribute("_closed"))?;
    Some(Cells::Interval {
        left: Box::new(cells(value, attribute("_left")?, depth)),
        right: Box::new(cells(value, attribute("_right")?, depth)),
        closed: value.str(closed)?.into_owned(),
        names_closed: dtype.is_some(),
    })
}

/// `SparseArray`: values, and where they stand.
fn sparse(value: &Value, made: &Made<'_>) -> Option<Cells> {
    let attribute = |name: &str| made.attribute(value, name);
    let dtype = Made::of(value, attribute("_dtype")?)?;
    let values = ArrayView::of(value, attribute("_sparse_values")?)?;
    let fill = dtype.attribute(value, "_fill_value")?;
    let type_name = format!(
        "Sparse[{}, {}]",
        dtype_name(&values.dtype),
        value.repr(fill, MAX_FILL).text
    );
    placed(value, attribute("_sparse_index")?, values, fill, type_name)
}

/// Before 0.24 the values were the array, whose state went in two parts:
/// `(array's own, (fill value, places))` (`pandas/core/sparse/array.py: SparseArray.__reduce__`).
fn old_sparse(value: &Value, made: &Made<'_>) -> Option<Cells> {
    let values = ArrayView::of_state(value, value.item(made.state, 0)?, String::new())?;
    let rest = value.item(made.state, 1)?;
    let (fill, places) = (value.item(rest, 0)?, value.item(rest, 1)?);
    let type_name = dtype_name(&values.dtype);
    placed(value, places, values, fill, type_name)
}

/// Values at places that are numbers or blocks.
fn placed(
    value: &Value,
    places: NodeId,
    values: ArrayView,
    fill: NodeId,
    type_name: String,
) -> Option<Cells> {
    let places = Made::of(value, places)?;
    let numbers = |at: usize| ArrayView::of(value, *places.args.get(at)?);
    let lens = match &*places.qualname {
        "IntIndex" => None,
        _ => Some(Box::new(numbers(2)?)),
    };
    Some(Cells::Sparse {
        len: u64::try_from(int_of(value, *places.args.first()?)?).ok()?,
        starts: Box::new(numbers(1)?),
        lens,
        values: Box::new(values),
        fill,
        type_name,
    })
}

/// Characters of a fill value that are shown.
const MAX_FILL: usize = 40;
