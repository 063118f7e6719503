//! A report may have been written by anybody, and its texts are printed on terminals.

use common::printable::escaped;
use serde_json::{Map, Value};

/// Escapes the control characters of all texts and names in `value`.
pub(super) fn escape(value: &mut Value) {
    match value {
        Value::String(text) => {
            let shown = escaped(text).into_owned();
            *text = shown;
        }
        Value::Array(values) => values.iter_mut().for_each(escape),
        Value::Object(members) => {
            let taken = std::mem::take(members);
            let shown = taken.into_iter().map(|(name, mut value)| {
                escape(&mut value);
                (escaped(&name).into_owned(), value)
            });
            *members = shown.collect::<Map<_, _>>();
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
