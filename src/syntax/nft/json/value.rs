//! JSON as it was written: values that borrow from the text, with their keys in the order of the text.
//!
//! Knows nothing of nft. Numbers that need more than 64 bits are kept by their digits.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json<'t> {
    Null,
    Bool(bool),
    /// A whole number; one that fills 64 bits is negative, as jansson prints it.
    Number(i64),
    Text(Cow<'t, str>),
    List(Vec<Json<'t>>),
    Object(Vec<(Cow<'t, str>, Json<'t>)>),
}

impl<'t> Json<'t> {
    /// What stands under a key of an object.
    pub(super) fn get(&self, key: &str) -> Option<&Json<'t>> {
        let Json::Object(pairs) = self else { return None };
        pairs.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    /// The only key of an object, and what stands under it.
    pub(super) fn only(&self) -> Option<(&str, &Json<'t>)> {
        match self {
            Json::Object(pairs) => match &pairs[..] {
                [(key, value)] => Some((key, value)),
                _ => None,
            },
            _ => None,
        }
    }

    /// The items of a list, or a value that stands alone; of nothing, none.
    pub(super) fn items(&self) -> &[Json<'t>] {
        match self {
            Json::List(items) => items,
            Json::Null => &[],
            one => std::slice::from_ref(one),
        }
    }

    /// The letters of a text.
    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Json::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A number, also one between quotes.
    pub(super) fn as_number<N: TryFrom<i128>>(&self) -> Option<N> {
        let number = match self {
            Json::Number(number) => i128::from(*number),
            Json::Text(text) => match text.strip_prefix("0x") {
                Some(digits) => i128::from_str_radix(digits, 16).ok()?,
                None => text.parse().ok()?,
            },
            _ => return None,
        };
        N::try_from(number).ok()
    }

    /// A number of 64 bits without a sign.
    pub(super) fn as_count(&self) -> Option<u64> {
        match self {
            Json::Number(number) => Some(*number as u64),
            other => other.as_number(),
        }
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json<'de>, E> {
        Ok(Json::Number(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json<'de>, E> {
        Ok(Json::Number(value as i64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(value.to_string())))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json<'de>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Json::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json<'de>, A::Error> {
        // Most objects have one key.
        let mut pairs = Vec::with_capacity(1);
        while let Some((Key(key), value)) = map.next_entry()? {
            pairs.push((key, value));
        }
        Ok(Json::Object(pairs))
    }
}

impl<'de> Deserialize<'de> for Json<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Json<'de>, D::Error> {
        from.deserialize_any(Any)
    }
}

struct Key<'t>(Cow<'t, str>);

struct KeyVisitor;

impl<'de> Visitor<'de> for KeyVisitor {
    type Value = Key<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Key<'de>, E> {
        Ok(Key(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Key<'de>, E> {
        Ok(Key(Cow::Owned(value.to_owned())))
    }
}

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Key<'de>, D::Error> {
        from.deserialize_str(KeyVisitor)
    }
}

/// As nft prints it, on one line.
impl fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |text: &str| serde_json::to_string(text).unwrap_or_default();
        match self {
            Json::Null => f.write_str("null"),
            Json::Bool(value) => write!(f, "{value}"),
            Json::Number(number) => write!(f, "{number}"),
            Json::Text(text) => f.write_str(&quoted(text)),
            Json::List(items) => {
                f.write_str("[")?;
                for (at, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if at == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            Json::Object(pairs) => {
                f.write_str("{")?;
                for (at, (key, value)) in pairs.iter().enumerate() {
                    write!(f, "{}{}: {value}", if at == 0 { "" } else { ", " }, quoted(key))?;
                }
                f.write_str("}")
            }
        }
    }
}

/// Texts that do not stand in the JSON as they are meant, because something in them is escaped. They live as long as the tree.
#[derive(Debug, Default)]
pub(in super::super) struct Unescaped(OnceCell<Box<Entry>>);

#[derive(Debug)]
struct Entry {
    text: String,
    next: Unescaped,
}

/// The end of the texts, where the next one is added.
#[derive(Debug)]
pub(super) struct End<'t>(&'t Unescaped);

impl<'t> End<'t> {
    pub(super) fn of(texts: &'t Unescaped) -> End<'t> {
        End(texts)
    }

    /// Keeps a text.
    pub(super) fn keep(&mut self, text: String) -> &'t str {
        let entry = self.0.0.get_or_init(|| Box::new(Entry { text, next: Unescaped::default() }));
        self.0 = &entry.next;
        &entry.text
    }
}

/// One after the other: a long chain that drops itself would not fit on the stack.
impl Drop for Unescaped {
    fn drop(&mut self) {
        let mut next = self.0.take();
        while let Some(mut entry) = next {
            next = entry.next.0.take();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_prints_as_it_was() {
        let text = r#"{"a": [1, -2, null, true, "x\n\"", {}], "b": {"c": "ä"}}"#;
        let json: Json<'_> = serde_json::from_str(text).unwrap();
        assert_eq!(json.to_string(), text);
        assert!(matches!(json.get("b").and_then(|b| b.get("c")), Some(Json::Text(Cow::Borrowed("ä")))));
        let large: Json<'_> = serde_json::from_str("18446744073709551615").unwrap();
        assert_eq!(large.as_count(), Some(u64::MAX));
        assert_eq!(serde_json::from_str::<Json<'_>>("\"0x10\"").unwrap().as_number::<u8>(), Some(16));
    }

    #[test]
    fn many_texts_are_kept_and_dropped() {
        let texts = Unescaped::default();
        let mut end = End::of(&texts);
        let kept: Vec<&str> = (0..200_000).map(|number| end.keep(number.to_string())).collect();
        assert_eq!((kept[0], kept[199_999]), ("0", "199999"));
    }
}
