//! Checks JSON against a JSON Schema of ours.
//!
//! It knows the keywords that our schemas use, and fails on any other, so that none is passed over.

use serde_json::Value;

/// Where `value` does not fit `schema`, and the properties that the schema does not name: it allows them to others, but
/// ours are all described.
///
/// # Panics
///
/// Where the schema has a keyword that is not known here.
pub fn misfits(schema: &Value, value: &Value) -> Vec<String> {
    let mut out = Vec::new();
    compare(schema, schema, value, "", &mut out);
    out
}

fn compare(root: &Value, schema: &Value, value: &Value, path: &str, out: &mut Vec<String>) {
    for (keyword, rule) in schema.as_object().expect("a schema is an object") {
        let fits = match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" => true,
            "$ref" => {
                let target = rule.as_str().and_then(|path| root.pointer(path.trim_start_matches('#')));
                compare(root, target.expect("a $ref points into the schema"), value, path, out);
                true
            }
            "const" => value == rule,
            "enum" => rule.as_array().is_some_and(|values| values.contains(value)),
            "minimum" => value.as_f64().is_none_or(|number| Some(number) >= rule.as_f64()),
            "type" => match rule {
                Value::Array(types) => types.iter().any(|name| is(name, value)),
                name => is(name, value),
            },
            "required" => {
                value.is_null() || {
                    let mut names = rule.as_array().into_iter().flatten().filter_map(Value::as_str);
                    names.all(|name| value.get(name).is_some())
                }
            }
            "properties" => {
                for (name, value) in value.as_object().into_iter().flatten() {
                    match rule.get(name) {
                        Some(schema) => compare(root, schema, value, &format!("{path}/{name}"), out),
                        None => out.push(format!("{path}/{name} is not described")),
                    }
                }
                true
            }
            "items" => {
                let items = value.as_array().into_iter().flatten().enumerate();
                items.for_each(|(i, item)| compare(root, rule, item, &format!("{path}/{i}"), out));
                true
            }
            other => panic!("the checker does not know {other}"),
        };
        if !fits {
            out.push(format!("{path} breaks {keyword} {rule}: {value}"));
        }
    }
}

fn is(name: &Value, value: &Value) -> bool {
    match name.as_str().expect("a type is a name") {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("there is no type {other}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_misfit_is_named() {
        let schema = json!({
            "type": "object", "required": ["a", "b"],
            "properties": { "a": { "$ref": "#/$defs/ms" }, "c": { "type": "array", "items": { "enum": ["x"] } } },
            "$defs": { "ms": { "type": ["number", "null"], "minimum": 0 } },
        });
        assert_eq!(misfits(&schema, &json!({ "a": null, "b": 1 })), ["/b is not described"]);
        assert_eq!(misfits(&schema, &json!({ "a": -1, "c": ["x", "y"] })).len(), 3);
        assert_eq!(misfits(&schema, &json!([])).len(), 2);
    }
}
