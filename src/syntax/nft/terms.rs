//! The left side of a comparison: fields with the bits they fill, and the mask that is left.
//!
//! Knows how loads and masks read as fields. Deliberately does not know what they are compared with.

use std::borrow::Cow;

use super::context::Context;
use super::effects;
use super::exthdr;
use super::fields::{self, Header};
use super::registers::Operand;
use super::values::{self, Kind};
use crate::host::nft::PayloadBase;

/// A field or a key within the bytes that are compared.
#[derive(Debug, Clone, Default)]
pub(super) struct Term<'a> {
    /// In nft's words.
    pub text: String,
    pub kind: Kind<'a>,
    /// Its values are in host order.
    pub host: bool,
    /// The first bit within the loaded bytes.
    pub bit: usize,
    /// How many bits; 0: as many as there are. Fewer that are loaded are its first bits.
    pub bits: usize,
    /// The header it is a field of.
    pub field: Option<(PayloadBase, Header)>,
    /// Only one kind of message has this field.
    pub of_message: bool,
}

/// The left side of a comparison.
#[derive(Debug, Clone, Default)]
pub(super) struct Side<'a> {
    /// Several where one load spans several fields, or in a concatenation.
    pub terms: Vec<Term<'a>>,
    /// The mask that the terms do not tell.
    pub mask: Option<Box<[u8]>>,
    /// What is flipped after it.
    pub xor: Option<Box<[u8]>>,
    /// The terms stand in registers of their own, each padded to four bytes.
    pub padded: bool,
}

impl<'a> Side<'a> {
    /// The term, where there is one alone.
    pub fn only(&self) -> Option<&Term<'a>> {
        match &self.terms[..] {
            [term] => Some(term),
            _ => None,
        }
    }

    /// The terms in words, without a mask.
    pub fn text(&self) -> String {
        self.terms.iter().map(|term| term.text.as_str()).collect::<Vec<_>>().join(" . ")
    }
}

impl Term<'_> {
    fn opaque(text: String, length: usize) -> Term<'static> {
        Term { text, kind: Kind::Hex, host: false, bit: 0, bits: length * 8, field: None, of_message: false }
    }

    /// The bytes of a value that belong to this term.
    pub fn slice<'b>(&self, data: &'b [u8]) -> Cow<'b, [u8]> {
        if self.bits == 0 || self.bit == 0 && self.bits >= data.len() * 8 {
            return data.into();
        }
        bits(data, self.bit, self.bits).into()
    }
}

/// `count` bits of `data` from bit `first` on, as a number of whole bytes.
fn bits(data: &[u8], first: usize, count: usize) -> Vec<u8> {
    let mut out = vec![0; count.div_ceil(8)];
    let pad = out.len() * 8 - count;
    for at in 0..count {
        let from = first + at;
        let set = data.get(from / 8).is_some_and(|byte| byte >> (7 - from % 8) & 1 == 1);
        let to = pad + at;
        if set {
            out[to / 8] |= 1 << (7 - to % 8);
        }
    }
    out
}

/// How an operand reads.
pub(super) fn side<'a>(context: &Context<'a>, operand: &Operand) -> Side<'a> {
    match operand {
        Operand::Payload { base, offset, length } => {
            Side { terms: load(context, *base, *offset, *length), ..Side::default() }
        }
        Operand::Loaded(loaded) => {
            let (text, bits) = (loaded.text.clone(), usize::from(loaded.bytes) * 8);
            let kind = loaded.kind.on(context.links);
            let term = Term { text, kind, host: loaded.host, bit: 0, bits, field: None, of_message: false };
            Side { terms: vec![term], ..Side::default() }
        }
        Operand::Masked { of, mask, xor } => masked(context, of, mask, xor),
        Operand::Extension { within, kind, offset, length, present } => {
            let field = Some(exthdr::owner(*within));
            let term = if *present {
                let text = exthdr::header(*within, *kind);
                Term { text, kind: Kind::Exists, host: true, bits: 8, field, ..Term::default() }
            } else {
                let (first, bits) = (u16::from(*offset) * 8, u16::from(*length) * 8);
                let (text, kind) = exthdr::field(*within, *kind, first, bits)
                    .unwrap_or_else(|| (exthdr::place(*within, *kind, first, bits), Kind::Integer));
                Term { text, kind, bits: bits.into(), field, ..Term::default() }
            };
            Side { terms: vec![term], ..Side::default() }
        }
        Operand::Shifted { of, left, bits } => shifted(side(context, of), of, *left, *bits),
        Operand::Combined { of, sign } => {
            let (first, second) = (side(context, &of.0), side(context, &of.1));
            let text = format!("{} {sign} {}", with_mask(&first), with_mask(&second));
            let term = first.only().cloned().unwrap_or_default();
            Side { terms: vec![Term { text, field: None, ..term }], ..Side::default() }
        }
        Operand::Swapped(of) => {
            let mut side = side(context, of);
            side.terms.iter_mut().for_each(|term| term.host = !term.host);
            side
        }
        Operand::Concatenation(parts) => Side {
            terms: parts
                .iter()
                .map(|part| {
                    let side = side(context, part);
                    match side.only() {
                        Some(term) => Term { text: with_mask(&side), ..term.clone() },
                        None => Term::opaque(with_mask(&side), 0),
                    }
                })
                .collect(),
            padded: true,
            ..Side::default()
        },
        Operand::Mapped { set, .. } => Side { terms: vec![Term::opaque(format!("[map {set}]"), 0)], ..Side::default() },
        Operand::Constant(data) => {
            Side { terms: vec![Term::opaque(format!("0x{}", values::hex(data)), data.len())], ..Side::default() }
        }
        Operand::Unknown(text) => Side { terms: vec![Term::opaque(text.clone(), 0)], ..Side::default() },
    }
}

fn shifted<'a>(mut side: Side<'a>, of: &Operand, left: bool, bits: u32) -> Side<'a> {
    if !left && let Some(low) = in_low_bits(&side, of, bits) {
        return Side { terms: vec![low], ..side };
    }
    let text = format!("{} {} {bits}", with_mask(&side), if left { "<<" } else { ">>" });
    let term = side.only().cloned().unwrap_or_default();
    side.terms = vec![Term { text, ..term }];
    Side { mask: None, xor: None, ..side }
}

/// A field of some bits, which were shifted to where a number has them: in a set, nft asks for it so.
fn in_low_bits<'a>(side: &Side<'a>, shifted: &Operand, bits: u32) -> Option<Term<'a>> {
    let (Operand::Masked { mask, .. }, Some(term), None) = (shifted, side.only(), &side.mask) else { return None };
    let whole = mask.len() * 8;
    let low = term.field.is_some() && term.bit + term.bits + bits as usize == whole;
    low.then(|| Term { bit: whole - term.bits, ..term.clone() })
}

/// The words of a side with the mask that is left.
pub(super) fn with_mask(side: &Side) -> String {
    let text = side.text();
    let (Some(mask), Some(term)) = (&side.mask, side.only()) else { return text };
    match &side.xor {
        Some(xor) => operations(text, term.kind, term.host, mask, xor),
        None => operations(text, term.kind, term.host, mask, &vec![0; mask.len()]),
    }
}

/// `text` with what nft makes of `(operand & mask) ^ xor`: ` & 0xff`, ` | 0x3`. Longer than nft's numbers are, or of two
/// lengths, it is written as it is.
pub(super) fn operations(text: String, kind: Kind, host: bool, mask: &[u8], xor: &[u8]) -> String {
    if mask.len() > 16 || mask.len() != xor.len() {
        let [mask, xor] = [mask, xor].map(|bytes| values::plain(kind, bytes, host));
        return format!("{text} & {mask} ^ {xor}");
    }
    let all = u128::MAX >> (128 - 8 * mask.len().max(1));
    let (and, flipped, or) = effects::bitwise(values::number(mask, host), values::number(xor, host), all);
    let each = [(" & ", and), (" ^ ", flipped), (" | ", or)].into_iter();
    each.filter_map(|(sign, number)| Some((sign, number?))).fold(text, |text, (sign, number)| {
        let bytes = number.to_be_bytes();
        format!("{text}{sign}{}", values::plain(kind, &bytes[16 - mask.len()..], false))
    })
}

/// The fields that a load spans, or its place where they do not fit.
fn load(context: &Context, base: PayloadBase, offset: u16, length: u16) -> Vec<Term<'static>> {
    let raw = || {
        let text = format!("@{},{},{}", fields::base_name(base), u32::from(offset) * 8, u32::from(length) * 8);
        vec![Term::opaque(text, length.into())]
    };
    let (start, end) = (u32::from(offset) * 8, (u32::from(offset) + u32::from(length)) * 8);
    let Some((header, origin)) = context.place(base, start) else { return raw() };
    let mut terms = Vec::new();
    let mut at = start;
    while at < end {
        let known = || fields::fields(header, context.message);
        let here = || known().filter(|field| origin + u32::from(field.bit) == at);
        let whole = here().find(|field| at + u32::from(field.bits) <= end);
        let Some(field) = whole.or_else(|| here().next().filter(|_| at == start)) else { return raw() };
        let short = at + u32::from(field.bits) > end;
        if short && field.kind != Kind::Address {
            return raw();
        }
        terms.push(Term {
            text: field.name.to_owned(),
            kind: field.kind,
            host: false,
            bit: (at - start) as usize,
            bits: field.bits.into(),
            field: Some((base, header)),
            of_message: field.message.is_some(),
        });
        at += u32::from(field.bits);
    }
    if terms.is_empty() { raw() } else { terms }
}

/// A masked load: a field of some bits, or a field with a mask.
fn masked<'a>(context: &Context<'a>, of: &Operand, mask: &[u8], xor: &[u8]) -> Side<'a> {
    let mut whole = side(context, of);
    if whole.mask.is_some() || whole.xor.is_some() {
        return Side { terms: vec![Term::opaque(format!("({})", with_mask(&whole)), mask.len())], ..keep(mask, xor) };
    }
    if let Operand::Payload { base, offset, length } = of
        && usize::from(*length) == mask.len()
        && let Some((first, count)) = run(mask)
        && let Some((header, origin)) = context.place(*base, u32::from(*offset) * 8 + first as u32)
        && xor.iter().all(|byte| *byte == 0)
    {
        let bit = usize::from(*offset) * 8 + first;
        let field = fields::fields(header, context.message)
            .find(|field| origin as usize + usize::from(field.bit) == bit && usize::from(field.bits) == count);
        if let Some(field) = field {
            let text = field.name.to_owned();
            let field_of = Some((*base, header));
            let term = Term {
                text,
                kind: field.kind,
                host: false,
                bit: first,
                bits: count,

                field: field_of,
                of_message: field.message.is_some(),
            };
            return Side { terms: vec![term], ..Side::default() };
        }
    }
    if let Operand::Extension { within, kind, offset, length, .. } = of
        && usize::from(*length) == mask.len()
        && let Some((first, count)) = run(mask)
        && xor.iter().all(|byte| *byte == 0)
        && let Some((text, kind)) = exthdr::field(*within, *kind, u16::from(*offset) * 8 + first as u16, count as u16)
    {
        let field = Some(exthdr::owner(*within));
        let term = Term { text, kind, bit: first, bits: count, field, ..Term::default() };
        return Side { terms: vec![term], ..Side::default() };
    }
    if whole.only().is_none() {
        let length = mask.len();
        let text = match of {
            Operand::Payload { base, offset, length } => {
                format!("@{},{},{}", fields::base_name(*base), u32::from(*offset) * 8, u32::from(*length) * 8)
            }
            _ => whole.text(),
        };
        whole.terms = vec![Term::opaque(text, length)];
    }
    Side { terms: whole.terms, ..keep(mask, xor) }
}

fn keep(mask: &[u8], xor: &[u8]) -> Side<'static> {
    let flips = xor.iter().any(|byte| *byte != 0);
    Side { mask: Some(mask.into()), xor: flips.then(|| xor.into()), ..Side::default() }
}

/// The only run of ones in a mask: its first bit, and how many.
fn run(mask: &[u8]) -> Option<(usize, usize)> {
    let is_set = |at: &usize| mask[at / 8] >> (7 - at % 8) & 1 == 1;
    let first = (0..mask.len() * 8).find(is_set)?;
    let count = (first..mask.len() * 8).take_while(is_set).count();
    let more = (first + count..mask.len() * 8).any(|at| is_set(&at));
    (!more).then_some((first, count))
}
