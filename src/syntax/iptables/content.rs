//! Matches that look into packets: string, u32, bpf, osf.

use super::option::{Asked, Extension, Takes, raise, set};
use super::values::{self, push};
use super::words::push_word;
use crate::host::Names;
use crate::host::xt::{Bpf, BpfInstruction, Match, Neg, Osf, Rare, StringMatch, U32, U32Op, U32Test};

use Takes::{Any, Nothing, One};

fn rare(found: Rare) -> Option<Match> {
    Some(Match::Rare(Box::new(found)))
}

pub(super) const STRING: Extension<Match> = Extension {
    name: "string",
    family: None,
    options: &[
        ("--string", Any),
        ("--hex-string", Any),
        ("--algo", One),
        ("--from", One),
        ("--to", One),
        ("--icase", Nothing),
    ],
    read: string,
};

/// The longest pattern, in bytes.
const PATTERN: usize = 128;

fn string(asked: &Asked, names: &mut Names) -> Option<Match> {
    let (mut pattern, mut algorithm, mut from, mut to) = (None, None, None, None);
    let mut ignore_case = false;
    for option in asked.options() {
        match option.name {
            "--string" => set(&mut pattern, option.neg(option.value()?.as_bytes().into()))?,
            "--hex-string" => set(&mut pattern, option.neg(hex_pattern(option.value()?.as_bytes())?))?,
            "--algo" => set(&mut algorithm, names.intern(option.plain()?))?,
            "--from" => set(&mut from, option.number()?)?,
            "--to" => set(&mut to, option.number()?)?,
            _ => {
                option.flag()?;
                raise(&mut ignore_case)?;
            }
        }
    }
    let pattern: Neg<Box<[u8]>> = pattern?;
    if !(1..=PATTERN).contains(&pattern.value.len()) {
        return None;
    }
    let (from, to) = (from.unwrap_or(0), to.unwrap_or(u16::MAX));
    rare(Rare::String(StringMatch { pattern, algorithm: algorithm?, from, to, ignore_case }))
}

/// Text with bytes in hexadecimal between bars, blanks between them; a backslash takes the next sign as it stands.
fn hex_pattern(text: &[u8]) -> Option<Box<[u8]>> {
    let (mut pattern, mut hex) = (Vec::new(), false);
    let mut rest = text;
    while let Some((sign, after)) = rest.split_first() {
        match (sign, hex) {
            (b'|', _) => {
                hex = !hex;
                let blanks = if hex { after.iter().take_while(|sign| **sign == b' ').count() } else { 0 };
                rest = &after[blanks..];
            }
            (b'\\', true) => return None,
            (b'\\', false) => {
                let (literal, after) = after.split_first()?;
                pattern.push(*literal);
                rest = after;
            }
            (_, false) => {
                pattern.push(*sign);
                rest = after;
            }
            (_, true) => {
                let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
                let sound = digits.bytes().all(|sign| sign.is_ascii_hexdigit());
                pattern.push(sound.then(|| u8::from_str_radix(digits, 16).ok())??);
                rest = rest[2..].strip_prefix(b" ").unwrap_or(&rest[2..]);
            }
        }
    }
    // A bar that nothing follows opens no block.
    (!hex || text.ends_with(b"|")).then(|| pattern.into())
}

pub(super) fn push_string_match(out: &mut String, found: &StringMatch) {
    values::push_not(out, &found.pattern);
    let bytes = &found.pattern.value;
    let is_text = bytes.iter().all(|byte| matches!(byte, b' '..=b'~')) && bytes.last() != Some(&b'\\');
    if is_text {
        out.push_str(" --string \"");
        for byte in bytes {
            if matches!(byte, b'"' | b'\\') {
                out.push('\\');
            }
            out.push(char::from(*byte));
        }
        out.push('"');
    } else {
        out.push_str(" --hex-string \"|");
        bytes.iter().for_each(|byte| push(out, format_args!("{byte:02x}")));
        out.push_str("|\"");
    }
    out.push_str(" --algo");
    push_word(out, &found.algorithm);
    if found.from != 0 {
        push(out, format_args!(" --from {}", found.from));
    }
    if found.to != u16::MAX {
        push(out, format_args!(" --to {}", found.to));
    }
    if found.ignore_case {
        out.push_str(" --icase");
    }
}

pub(super) const U32_TESTS: Extension<Match> =
    Extension { name: "u32", family: None, options: &[("--u32", Any)], read: u32_tests };

const U32_OPS: [(&str, U32Op); 4] = [("&", U32Op::And), ("<<", U32Op::Left), (">>", U32Op::Right), ("@", U32Op::At)];

/// The most tests, steps and ranges, each.
const U32_MOST: usize = 10;

fn u32_tests(asked: &Asked, _: &mut Names) -> Option<Match> {
    let mut found = None;
    for option in asked.options() {
        let tests = option.value()?.split("&&").map(u32_test).collect::<Option<Box<[_]>>>()?;
        set(&mut found, U32 { not: option.not, tests })?;
    }
    rare(Rare::U32(found.filter(|found| found.tests.len() <= U32_MOST)?))
}

/// `START[OP NUMBER…]=RANGE[,RANGE…]`, with blanks anywhere.
fn u32_test(text: &str) -> Option<U32Test> {
    let (location, ranges) = text.split_once('=')?;
    let (start, mut rest) = number(location)?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let (sign, op) = U32_OPS.iter().find(|(sign, _)| rest.starts_with(sign))?;
        let (value, after) = number(&rest[sign.len()..])?;
        steps.push((*op, value));
        rest = after;
    }
    let range = |text: &str| {
        let (first, rest) = number(text)?;
        match rest.strip_prefix(':') {
            Some(last) => number(last).filter(|(_, rest)| rest.is_empty()).map(|(last, _)| (first, last)),
            None => rest.is_empty().then_some((first, first)),
        }
    };
    let ranges = ranges.split(',').map(range).collect::<Option<Box<[_]>>>()?;
    let sound = steps.len() < U32_MOST && ranges.len() <= U32_MOST;
    sound.then(|| U32Test { start, steps: steps.into(), ranges })
}

/// The number that a text begins with, and what comes after it; without the blanks around.
fn number(text: &str) -> Option<(u32, &str)> {
    let text = text.trim_start();
    let end = text.bytes().position(|sign| !sign.is_ascii_alphanumeric()).unwrap_or(text.len());
    Some((values::number(&text[..end])?, text[end..].trim_start()))
}

pub(super) fn push_u32(out: &mut String, found: &U32) {
    out.push_str(if found.not { " ! --u32 \"" } else { " --u32 \"" });
    for (at, test) in found.tests.iter().enumerate() {
        push(out, format_args!("{}{:#x}", if at == 0 { "" } else { "&&" }, test.start));
        for (op, number) in &test.steps {
            let sign = U32_OPS.iter().find(|(_, known)| known == op).map_or("", |(sign, _)| sign);
            push(out, format_args!("{sign}{number:#x}"));
        }
        for (at, (first, last)) in test.ranges.iter().enumerate() {
            push(out, format_args!("{}{first:#x}", if at == 0 { '=' } else { ',' }));
            if first != last {
                push(out, format_args!(":{last:#x}"));
            }
        }
    }
    out.push('"');
}

pub(super) const BPF: Extension<Match> =
    Extension { name: "bpf", family: None, options: &[("--bytecode", Any), ("--object-pinned", One)], read: bpf };

fn bpf(asked: &Asked, names: &mut Names) -> Option<Match> {
    let mut found = None;
    for option in asked.options() {
        let text = option.plain()?;
        let one = match option.name {
            "--bytecode" => Bpf::Code(instructions(text)?),
            _ => Bpf::Pinned(names.intern(text)),
        };
        set(&mut found, one)?;
    }
    rare(Rare::Bpf(found?))
}

/// `COUNT,CODE JT JF K,…`.
fn instructions(text: &str) -> Option<Box<[BpfInstruction]>> {
    const MOST: usize = 64;
    let mut parts = text.split(',').map(str::trim);
    let count: usize = parts.next()?.parse().ok()?;
    let instruction = |text: &str| {
        let mut numbers = text.split_ascii_whitespace();
        let found = BpfInstruction {
            code: numbers.next()?.parse().ok()?,
            then: numbers.next()?.parse().ok()?,
            otherwise: numbers.next()?.parse().ok()?,
            k: numbers.next()?.parse().ok()?,
        };
        numbers.next().is_none().then_some(found)
    };
    let all: Box<[_]> = parts.filter(|part| !part.is_empty()).map(instruction).collect::<Option<_>>()?;
    ((1..=MOST).contains(&count) && all.len() == count).then_some(all)
}

pub(super) fn push_bpf(out: &mut String, bpf: &Bpf) {
    match bpf {
        Bpf::Code(code) => {
            push(out, format_args!(" --bytecode \"{}", code.len()));
            for BpfInstruction { code, then, otherwise, k } in code {
                push(out, format_args!(",{code} {then} {otherwise} {k}"));
            }
            out.push('"');
        }
        Bpf::Pinned(path) => {
            out.push_str(" --object-pinned");
            push_word(out, path);
        }
    }
}

pub(super) const OSF: Extension<Match> =
    Extension { name: "osf", family: None, options: &[("--genre", One), ("--ttl", One), ("--log", One)], read: osf };

fn osf(asked: &Asked, names: &mut Names) -> Option<Match> {
    let (mut genre, mut ttl, mut log) = (None, None, None);
    for option in asked.options() {
        match option.name {
            "--genre" => set(&mut genre, option.neg(names.intern(option.value()?)))?,
            "--ttl" => set(&mut ttl, option.number()?)?,
            _ => set(&mut log, option.number()?)?,
        }
    }
    let known = [ttl, log].into_iter().flatten().all(|level: u32| level < 3);
    rare(Rare::Osf(Osf { genre: genre.filter(|_| known)?, ttl, log }))
}

pub(super) fn push_osf(out: &mut String, osf: &Osf) {
    values::push_not(out, &osf.genre);
    out.push_str(" --genre");
    push_word(out, &osf.genre.value);
    for (option, level) in [("--ttl", osf.ttl), ("--log", osf.log)] {
        if let Some(level) = level {
            push(out, format_args!(" {option} {level}"));
        }
    }
}
