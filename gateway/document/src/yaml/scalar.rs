//! Plain scalars, by the core schema of YAML 1.2 (section 10.3.2 of the specification).

use serde_json::Number;

use crate::tree::{Value, shorten};

/// What a plain scalar says, or the message why it cannot be said in JSON.
pub(super) fn read(text: &str) -> Result<Value, String> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Ok(Value::Null),
        "true" | "True" | "TRUE" => Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => Ok(Value::Bool(false)),
        _ => number(text).unwrap_or_else(|| Ok(Value::Text(text.to_owned()))),
    }
}

/// A number, or nothing if the text does not look like one.
fn number(text: &str) -> Option<Result<Value, String>> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Some(Err(format!("found `{text}`, expected a finite number")));
    }
    let number = if let Some(digits) =
        text.strip_prefix("0x").filter(|it| is_made_of(it, |it| it.is_ascii_hexdigit()))
    {
        u64::from_str_radix(digits, 16).ok().map(Number::from)
    } else if let Some(digits) =
        text.strip_prefix("0o").filter(|it| is_made_of(it, |it| matches!(it, b'0'..=b'7')))
    {
        u64::from_str_radix(digits, 8).ok().map(Number::from)
    } else if is_made_of(unsigned, |it| it.is_ascii_digit()) {
        let whole = text.strip_prefix('+').unwrap_or(text);
        whole
            .parse::<i64>()
            .map(Number::from)
            .or_else(|_| whole.parse::<u64>().map(Number::from))
            .ok()
    } else if is_float(unsigned) {
        text.parse::<f64>().ok().and_then(Number::from_f64)
    } else {
        return None;
    };
    Some(
        number
            .map(Value::Number)
            .ok_or_else(|| format!("the number `{}` is too large", shorten(text))),
    )
}

/// `[0-9]+(\.[0-9]*)?` or `\.[0-9]+`, then perhaps an exponent.
fn is_float(text: &str) -> bool {
    let (mantissa, exponent) =
        text.split_once(['e', 'E']).map_or((text, None), |(it, exponent)| (it, Some(exponent)));
    let exponent_fits =
        exponent.is_none_or(|it| is_digits(it.strip_prefix(['-', '+']).unwrap_or(it)));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction_fits = fraction.is_empty() || is_digits(fraction);
    exponent_fits
        && fraction_fits
        && (is_digits(whole) || (whole.is_empty() && is_digits(fraction)))
}

fn is_digits(text: &str) -> bool {
    is_made_of(text, |it| it.is_ascii_digit())
}

fn is_made_of(text: &str, allowed: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.bytes().all(allowed)
}
