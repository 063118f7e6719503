//! Joins settings and machines of several receivers: common values stay, different ones become a list.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// The joined object, and the paths of values that differ.
pub(super) fn join(values: &[Value]) -> (Value, Vec<String>) {
    let mut different = Vec::new();
    let joined = joined(&values.iter().collect::<Vec<_>>(), "", &mut different);
    (joined, different)
}

fn joined(values: &[&Value], path: &str, different: &mut Vec<String>) -> Value {
    let first = values.first().copied().unwrap_or(&Value::Null);
    if values.iter().all(|value| *value == first) {
        return first.clone();
    }
    let objects: Vec<&Map<String, Value>> = values.iter().filter_map(|value| value.as_object()).collect();
    if objects.len() < values.len() {
        different.push(path.to_owned());
        return Value::Array(distinct(values));
    }
    let names: BTreeSet<&String> = objects.iter().flat_map(|object| object.keys()).collect();
    let of = |name: &String| -> Vec<&Value> {
        objects.iter().map(|object| object.get(name).unwrap_or(&Value::Null)).collect()
    };
    let mut out = Map::new();
    for name in names {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        out.insert(name.clone(), joined(&of(name), &path, different));
    }
    Value::Object(out)
}

/// Each value once, in the order in which they come.
fn distinct(values: &[&Value]) -> Vec<Value> {
    let mut out: Vec<Value> = Vec::new();
    for value in values {
        if !out.contains(value) {
            out.push((*value).clone());
        }
    }
    out
}
