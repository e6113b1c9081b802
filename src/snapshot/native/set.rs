//! Sets and maps of a native table as lines, with their elements, the printer's form and the reader's side by side.

use super::expression::{Scope, Words, stateful, text as expression_text, value_of, verdict, verdict_text, word_of};
use super::object::handle;
use super::tally;
use super::words::{Cursor, Word, hex, name, quoted, unhex, value};
use crate::host::nft::{
    ByteOrder, Bytes, CatchAll, Details, Element, ElementData, ElementDetails, Expression, ObjectKind, Set, SetFlags,
    Typeof, Undecoded,
};
use crate::host::{ElementState, Handle, Name};

const SET_FLAGS: Words<SetFlags> = &[
    (SetFlags::ANONYMOUS, "anonymous"),
    (SetFlags::CONSTANT, "constant"),
    (SetFlags::INTERVAL, "interval"),
    (SetFlags::MAP, "map"),
    (SetFlags::TIMEOUT, "timeout"),
    (SetFlags::EVAL, "eval"),
    (SetFlags::OBJECT, "object"),
    (SetFlags::CONCAT, "concat"),
    (SetFlags::EXPR, "expr"),
];
const ORDERS: Words<ByteOrder> =
    &[(ByteOrder::Invalid, "none"), (ByteOrder::Host, "host"), (ByteOrder::Network, "network")];

/// `set NAME flags=interval key-type=7 key-length=4`.
pub(super) fn text(scope: Scope, set: &Set) -> String {
    let mut text = format!("set {} flags=", name(&set.name));
    let known: Vec<&str> =
        SET_FLAGS.iter().filter(|(flag, _)| set.flags.contains(*flag)).map(|(_, word)| *word).collect();
    text.push_str(&known.join(","));
    if !SetFlags::all().contains(set.flags) {
        text.push_str(&format!(" more-flags={}", set.flags.bits() & !SetFlags::all().bits()));
    }
    text.push_str(&format!(" key-type={} key-length={}", set.key_type, set.key_length));
    if let Some(data) = set.data_type {
        text.push_str(&format!(" data-type={data}"));
    }
    if set.data_length != 0 {
        text.push_str(&format!(" data-length={}", set.data_length));
    }
    if !set.parts.is_empty() {
        let parts: Vec<String> = set.parts.iter().map(u32::to_string).collect();
        text.push_str(&format!(" parts={}", parts.join(",")));
    }
    text + &details_text(&set.details) + &held_text(scope, &set.details.expressions, &[])
}

fn details_text(details: &Details) -> String {
    let numbers = [
        ("handle", details.handle.map(|Handle(handle)| handle)),
        ("size", Some(details.size.into()).filter(|size| *size != 0)),
        ("timeout", Some(details.timeout).filter(|timeout| *timeout != 0)),
        ("gc-interval", Some(details.gc_interval.into()).filter(|interval| *interval != 0)),
        ("memory", details.memory.then_some(1)),
        ("merges", details.merges.then_some(1)),
        ("objects", details.objects.map(|kind| kind.0.into())),
        ("data-interval", details.data_interval.then_some(1)),
    ];
    let told = numbers.iter().filter_map(|(word, number)| Some((word, (*number)?)));
    let mut text: String = told.map(|(word, number)| format!(" {word}={number}")).collect();
    let orders = [("key-order", details.key_order), ("data-order", details.data_order)];
    for (key, order) in orders.iter().filter_map(|(key, order)| Some((key, (*order)?))) {
        text.push_str(&format!(" {key}={}", word_of(ORDERS, &order)));
    }
    let types = [("key-typeof", &details.key_typeof), ("data-typeof", &details.data_typeof)];
    for (key, of) in types.iter().filter_map(|(key, of)| Some((key, of.as_ref()?))) {
        text.push_str(&format!(" {key}={}:{}", of.expression, hex(&of.data)));
    }
    if let Some(comment) = &details.comment {
        text.push_str(&format!(" comment={}", quoted(comment)));
    }
    text
}

/// Expressions that elements hold, each with what it counted: ` + counter packets=1 bytes=60`.
fn held_text(scope: Scope, expressions: &[Expression], tallies: &[Option<crate::host::Tally>]) -> String {
    let each = expressions.iter().enumerate().map(|(at, held)| {
        let counted = tallies.get(at).and_then(Option::as_ref);
        format!(" + {}{}", expression_text(scope, held), tally::text(counted))
    });
    each.collect()
}

/// An element's line.
pub(super) fn element_text(scope: Scope, element: &Element, state: Option<&ElementState>) -> String {
    let Element { first, last, data, details } = element;
    let range = if first == last { hex(first) } else { format!("{}-{}", hex(first), hex(last)) };
    format!("element {range}{}", beside_text(scope, data.as_ref(), details.as_deref(), state))
}

/// The line of the element that stands for all others.
pub(super) fn catch_all_text(scope: Scope, all: &CatchAll, state: Option<&ElementState>) -> String {
    format!("element *{}", beside_text(scope, all.data.as_ref(), all.details.as_deref(), state))
}

fn beside_text(
    scope: Scope,
    data: Option<&ElementData>,
    details: Option<&ElementDetails>,
    state: Option<&ElementState>,
) -> String {
    let mut text = match data {
        None => String::new(),
        Some(ElementData::Value(bytes)) => format!(" = value {}", hex(bytes)),
        Some(ElementData::Verdict(verdict)) => format!(" = {}", verdict_text(scope, verdict)),
        Some(ElementData::Object(object)) => format!(" = object {}", name(object)),
    };
    if let Some(comment) = details.and_then(|details| details.comment.as_ref()) {
        text.push_str(&format!(" comment={}", quoted(comment)));
    }
    if let Some(timeout) = details.and_then(|details| details.timeout) {
        text.push_str(&format!(" timeout={timeout}"));
    }
    if let Some(expires) = state.and_then(|state| state.expires) {
        text.push_str(&format!(" expires={expires}"));
    }
    let tallies = state.map(|state| &*state.tallies).unwrap_or_default();
    let held = details.map(|details| held_text(scope, &details.expressions, tallies)).unwrap_or_default();
    text + &held
}

/// Words up to the first `+`, and those after each.
fn apart(words: &[Word]) -> (&[Word], impl Iterator<Item = &[Word]>) {
    let mut parts = words.split(|word| word.text == "+" && !word.quoted);
    (parts.next().unwrap_or_default(), parts)
}

/// What an element holds, with what it counted.
type Held = (Box<[Expression]>, Box<[Option<crate::host::Tally>]>);

/// Reads what [`held_text`] writes.
fn held<'w>(parts: impl Iterator<Item = &'w [Word]>) -> Option<Held> {
    let (mut expressions, mut tallies) = (Vec::new(), Vec::new());
    for part in parts {
        let counts =
            |word: &Word| ["packets=", "bytes=", "consumed=", "seen="].iter().any(|key| word.text.starts_with(key));
        let end = part.iter().position(|word| !word.quoted && counts(word)).unwrap_or(part.len());
        let mut cursor = Cursor::new(&part[..end]);
        let word = cursor.text()?;
        expressions.push(match word {
            "undecoded" => {
                let name = cursor.name()?;
                Expression::Undecoded(Box::new(Undecoded { name, data: cursor.bytes()? }))
            }
            word => stateful(word, &mut cursor)?,
        });
        cursor.is_empty().then_some(())?;
        tallies.push(tally::parse(&part[end..], |_| false)?);
    }
    Some((expressions.into(), tallies.into()))
}

/// Reads what [`text`] writes, after its first word.
pub(super) fn set(words: &[Word]) -> Option<Set> {
    let (name, words) = words.split_first()?;
    let (words, more) = apart(words);
    let number = |key: &str| value(words, key).map_or(Some(None), |value| value.parse::<u32>().ok().map(Some));
    let names = value(words, "flags")?.split(',').filter(|word| !word.is_empty());
    let flags =
        names.map(|word| value_of(SET_FLAGS, word)).try_fold(SetFlags::empty(), |all, flag| Some(all | flag?))?;
    let parts: Option<Vec<u32>> = match value(words, "parts") {
        None => Some(Vec::new()),
        Some(parts) => parts.split(',').map(|part| part.parse().ok()).collect(),
    };
    let (expressions, _) = held(more)?;
    Some(Set {
        name: name.text.as_str().into(),
        flags: flags | SetFlags::from_bits_retain(number("more-flags")?.unwrap_or_default()),
        key_type: number("key-type")??,
        key_length: number("key-length")??,
        data_type: number("data-type")?,
        data_length: number("data-length")?.unwrap_or_default(),
        parts: parts?.into(),
        elements: Vec::new(),
        catch_all: None,
        counted: None,
        details: Details { expressions, ..details(words)? },
    })
}

fn details(words: &[Word]) -> Option<Details> {
    let number = |key: &str| value(words, key).map_or(Some(0), |value| value.parse::<u64>().ok());
    let small = |key: &str| number(key).and_then(|number| u32::try_from(number).ok());
    let order = |key: &str| value(words, key).map_or(Some(None), |word| value_of(ORDERS, word).map(Some));
    let of = |key: &str| {
        let Some(text) = value(words, key) else { return Some(None) };
        let (expression, data) = text.split_once(':')?;
        Some(Some(Box::new(Typeof { expression: expression.parse().ok()?, data: unhex(data)? })))
    };
    Some(Details {
        handle: handle(words)?,
        comment: value(words, "comment").map(Name::from),
        size: small("size")?,
        timeout: number("timeout")?,
        gc_interval: small("gc-interval")?,
        memory: number("memory")? != 0,
        merges: number("merges")? != 0,
        objects: value(words, "objects")
            .map_or(Some(None), |kind| kind.parse().ok().map(|kind| Some(ObjectKind(kind))))?,
        data_interval: number("data-interval")? != 0,
        key_order: order("key-order")?,
        data_order: order("data-order")?,
        key_typeof: of("key-typeof")?,
        data_typeof: of("data-typeof")?,
        expressions: Box::default(),
    })
}

/// An element that was read: its keys, none for the one that stands for all others.
pub(super) struct Read {
    pub keys: Option<(Bytes, Bytes)>,
    pub data: Option<ElementData>,
    pub details: Option<Box<ElementDetails>>,
    pub state: Option<ElementState>,
}

/// Reads what [`element_text`] and [`catch_all_text`] write, after the first word.
pub(super) fn element(scope: Scope, words: &[Word]) -> Option<Read> {
    let (words, more) = apart(words);
    let mut cursor = Cursor::new(words);
    let keys = match cursor.text()? {
        "*" => None,
        keys => {
            let (first, last) = keys.split_once('-').unwrap_or((keys, keys));
            Some(unhex(first).zip(unhex(last))?)
        }
    };
    let data = if cursor.starts_with("=") { Some(data(scope, &mut cursor)?) } else { None };
    let told = cursor.all();
    let known = ["comment=", "timeout=", "expires="];
    told.iter().all(|word| known.iter().any(|key| word.text.starts_with(key))).then_some(())?;
    let number = |key: &str| value(told, key).map_or(Some(None), |value| value.parse::<u64>().ok().map(Some));
    let (expressions, tallies) = held(more)?;
    let details =
        ElementDetails { comment: value(told, "comment").map(Name::from), timeout: number("timeout")?, expressions };
    let state = ElementState { expires: number("expires")?, tallies };
    let counted = state.expires.is_some() || state.tallies.iter().any(Option::is_some);
    Some(Read {
        keys,
        data,
        details: (details != ElementDetails::default()).then(|| Box::new(details)),
        state: counted.then_some(state),
    })
}

/// `= value 0a000001`, `= jump CHAIN`, `= object NAME`.
fn data(scope: Scope, cursor: &mut Cursor) -> Option<ElementData> {
    if !cursor.skip("=") {
        return None;
    }
    if cursor.skip("value") {
        return cursor.bytes().map(ElementData::Value);
    }
    if cursor.skip("object") {
        return cursor.name().map(ElementData::Object);
    }
    verdict(scope, cursor).map(ElementData::Verdict)
}
