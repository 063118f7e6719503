//! Single values of a plan. Each error names the key and says what would be right.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use common::units::parse_duration;
use toml::de::DeValue;

/// Longest name or label, in characters: they are titles of columns and rows.
pub(super) const MAX_LABEL: usize = 80;

pub(super) fn label(name: &str, value: &DeValue<'_>) -> Result<String, String> {
    let text = scalar(name, value)?;
    let fits = !text.trim().is_empty() && text.chars().count() <= MAX_LABEL;
    if fits { Ok(text) } else { Err(format!("{name} is a name of 1 to {MAX_LABEL} characters in one line")) }
}

pub(super) fn number<N: FromStr + PartialOrd + Display>(
    name: &str,
    value: &DeValue<'_>,
    range: RangeInclusive<N>,
) -> Result<N, String> {
    let number = value.is_integer().then(|| scalar(name, value)).and_then(|text| text.ok()?.parse().ok());
    number
        .filter(|number| range.contains(number))
        .ok_or_else(|| format!("{name} is a whole number from {} to {}", range.start(), range.end()))
}

pub(super) fn duration(name: &str, value: &DeValue<'_>) -> Result<Duration, String> {
    parse_duration(&scalar(name, value)?).map_err(|why| format!("{name}: {why}"))
}

/// A string, number or boolean as it is typed.
pub(super) fn scalar(name: &str, value: &DeValue<'_>) -> Result<String, String> {
    let text = match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) if number.radix() == 10 => number.as_str().replace('_', ""),
        DeValue::Float(number) => number.as_str().replace('_', ""),
        DeValue::Boolean(yes) => yes.to_string(),
        _ => return Err(format!("{name} takes one value, as in \"1000k\" or 30")),
    };
    if text.chars().any(char::is_control) {
        return Err(format!("{name} = {text:?} has control characters: remove them"));
    }
    Ok(text)
}
