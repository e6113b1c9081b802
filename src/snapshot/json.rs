//! What the `-j` output of iproute2 needs: arrays of objects, read leniently, written one object a line.
//!
//! Knows JSON. Deliberately does not know what any key means.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Map, Value};

use super::Trouble;
use super::section::Section;
use crate::host::Mac;

/// One entry of a listing.
pub(super) type Object = Map<String, Value>;

/// The objects of a section. `None`: its JSON is broken, which is reported; an empty section has none.
pub(super) fn objects(section: &Section, trouble: &mut Trouble) -> Option<Vec<Object>> {
    let text: String = section
        .body
        .split_inclusive('\n')
        .map(|line| if line.trim_start().starts_with('#') { "\n" } else { line })
        .collect();
    if text.trim().is_empty() {
        return Some(Vec::new());
    }
    if !text.trim_start().starts_with('[') {
        trouble.bad(section.line + 1, format!("[{}] is not JSON: use the command's option -j", section.words));
        return None;
    }
    match serde_json::from_str::<Vec<Value>>(&text) {
        Ok(values) => Some(
            values
                .into_iter()
                .filter_map(|value| match value {
                    Value::Object(object) => (!object.is_empty()).then_some(object),
                    _ => {
                        trouble.bad(section.line, format!("[{}]: an entry that is no object", section.words));
                        None
                    }
                })
                .collect(),
        ),
        Err(error) => {
            let line = section.line + error.line().max(1);
            trouble.bad(line, format!("[{}] is not whole JSON: {error}", section.words));
            None
        }
    }
}

/// Writes objects as an array, one a line.
pub(super) fn print(out: &mut String, objects: &[Value]) {
    if objects.is_empty() {
        out.push_str("[]\n");
        return;
    }
    out.push_str("[\n");
    for (at, object) in objects.iter().enumerate() {
        out.push_str(&object.to_string());
        out.push_str(if at + 1 < objects.len() { ",\n" } else { "\n" });
    }
    out.push_str("]\n");
}

/// The text under `key`.
pub(super) fn text<'a>(object: &'a Object, key: &str) -> Option<&'a str> {
    object.get(key)?.as_str()
}

/// The number under `key`, which may also be text: `7`, `"7"`, `"0x7"`.
pub(super) fn number<T: TryFrom<i64>>(object: &Object, key: &str) -> Option<T> {
    let value = match object.get(key)? {
        Value::Number(number) => number.as_i64()?,
        Value::String(text) => match text.strip_prefix("0x") {
            Some(digits) => i64::from_str_radix(digits, 16).ok()?,
            None => text.parse().ok()?,
        },
        _ => return None,
    };
    T::try_from(value).ok()
}

/// Whether `key` is set: `true`, a number above 0, `"on"`, or a bare key (`null`).
pub(super) fn is_set(object: &Object, key: &str) -> bool {
    match object.get(key) {
        None => false,
        Some(Value::Null) => true,
        Some(Value::Bool(set)) => *set,
        Some(Value::Number(number)) => number.as_i64() != Some(0),
        Some(Value::String(text)) => matches!(text.as_str(), "on" | "true" | "1"),
        Some(Value::Array(_) | Value::Object(_)) => false,
    }
}

/// Whether the list under `key` has `word`.
pub(super) fn lists(object: &Object, key: &str, word: &str) -> bool {
    object.get(key).and_then(Value::as_array).is_some_and(|words| words.iter().any(|one| one == word))
}

/// An address, with or without the length of its prefix.
pub(super) fn net(text: &str) -> Option<IpNet> {
    match text.parse() {
        Ok(net) => Some(net),
        Err(_) => text.parse::<IpAddr>().ok().map(IpNet::from),
    }
}

/// An address as iproute2 prints it: without the length of a prefix that covers all of it.
pub(super) fn net_text(net: IpNet) -> String {
    if net.prefix_len() == net.max_prefix_len() { net.addr().to_string() } else { net.to_string() }
}

/// A link-layer address of six bytes.
pub(super) fn mac(text: &str) -> Option<Mac> {
    let mut bytes = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut bytes {
        *byte = u8::from_str_radix(parts.next()?, 16).ok()?;
    }
    parts.next().is_none().then_some(Mac(bytes))
}
