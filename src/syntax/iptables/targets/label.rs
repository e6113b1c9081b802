//! Targets that label the packet: CLASSIFY, SECMARK, CONNSECMARK, HMARK.

use std::net::IpAddr;

use super::super::option::{Asked, Extension, Opt, Takes, set};
use super::super::values::{self, push};
use super::super::words::push_value;
use crate::host::xt::{Connsecmark, Hmark, HmarkFlags, Target};
use crate::host::{IpFamily, Names};

use Takes::{Any, Nothing, One};

pub(in super::super) static TARGETS: [Extension<Target>; 4] = [
    Extension { name: "CLASSIFY", family: None, options: &[("--set-class", One)], read: classify },
    Extension { name: "SECMARK", family: None, options: &[("--selctx", Any)], read: secmark },
    Extension {
        name: "CONNSECMARK",
        family: None,
        options: &[("--save", Nothing), ("--restore", Nothing)],
        read: connsecmark,
    },
    Extension {
        name: "HMARK",
        family: None,
        options: &[
            ("--hmark-tuple", One),
            ("--hmark-src-prefix", One),
            ("--hmark-dst-prefix", One),
            ("--hmark-sport-mask", One),
            ("--hmark-dport-mask", One),
            ("--hmark-spi-mask", One),
            ("--hmark-sport", One),
            ("--hmark-dport", One),
            ("--hmark-spi", One),
            ("--hmark-proto-mask", One),
            ("--hmark-rnd", One),
            ("--hmark-mod", One),
            ("--hmark-offset", One),
        ],
        read: hmark,
    },
];

/// Numbers that are hexadecimal, with `0x` or without; of the minor one 16 bits count.
fn classify(asked: &Asked, _: &mut Names) -> Option<Target> {
    let number = |text: &str| u32::from_str_radix(text.strip_prefix("0x").unwrap_or(text), 16).ok();
    let mut class = None;
    for option in asked.options() {
        let (major, minor) = option.plain()?.split_once(':')?;
        set(&mut class, number(major)? << 16 | number(minor)? & 0xffff)?;
    }
    class.map(Target::Classify)
}

pub(in super::super) fn push_classify(out: &mut String, class: u32) {
    push(out, format_args!(" -j CLASSIFY --set-class {:04x}:{:04x}", class >> 16, class & 0xffff));
}

fn secmark(asked: &Asked, names: &mut Names) -> Option<Target> {
    let mut context = None;
    for option in asked.options() {
        set(&mut context, names.intern(option.plain()?))?;
    }
    context.map(|context| Target::Secmark(Box::new(context)))
}

pub(in super::super) fn push_secmark(out: &mut String, context: &str) {
    out.push_str(" -j SECMARK --selctx");
    push_value(out, context);
}

fn connsecmark(asked: &Asked, _: &mut Names) -> Option<Target> {
    let mut way = None;
    for option in asked.options() {
        option.flag()?;
        set(&mut way, if option.name == "--save" { Connsecmark::Save } else { Connsecmark::Restore })?;
    }
    way.map(Target::Connsecmark)
}

pub(in super::super) fn push_connsecmark(out: &mut String, way: Connsecmark) {
    out.push_str(match way {
        Connsecmark::Save => " -j CONNSECMARK --save",
        Connsecmark::Restore => " -j CONNSECMARK --restore",
    });
}

/// Puts a number into the half of the ports, or the whole of them.
fn put(field: &mut u32, flag: HmarkFlags, number: u32) {
    *field = match flag {
        HmarkFlags::SPORT | HmarkFlags::SPORT_MASK => *field & 0xffff | number << 16,
        HmarkFlags::DPORT | HmarkFlags::DPORT_MASK => *field & 0xffff_0000 | number,
        _ => number,
    };
}

fn hmark(asked: &Asked, _: &mut Names) -> Option<Target> {
    let mut hmark = Hmark {
        flags: HmarkFlags::empty(),
        source: 0,
        destination: 0,
        port_mask: 0,
        port_set: 0,
        protocol_mask: 0,
        seed: 0,
        modulus: 0,
        offset: 0,
    };
    for option in asked.options() {
        hmark_option(&mut hmark, &option)?;
    }
    let hashed = HmarkFlags::SOURCE
        | HmarkFlags::DESTINATION
        | HmarkFlags::SPI_MASK
        | HmarkFlags::SPORT_MASK
        | HmarkFlags::DPORT_MASK
        | HmarkFlags::PROTOCOL_MASK
        | HmarkFlags::CONNTRACK;
    let both = hmark.flags.contains(HmarkFlags::SPI_MASK)
        && hmark.flags.intersects(HmarkFlags::SPORT_MASK | HmarkFlags::DPORT_MASK);
    let whole = hmark.flags.contains(HmarkFlags::MODULUS | HmarkFlags::SEED) && hmark.flags.intersects(hashed);
    (whole && !both && hmark.modulus > 0).then(|| Target::Hmark(Box::new(hmark)))
}

fn hmark_option(hmark: &mut Hmark, option: &Opt) -> Option<()> {
    let text = option.plain()?;
    let port = || values::number::<u16>(text).map(u32::from);
    let flag = match option.name {
        "--hmark-tuple" => {
            return text.split(',').try_for_each(|part| hmark_tuple(hmark, part, option.family));
        }
        "--hmark-src-prefix" => {
            hmark.source = prefix(text, option.family)?;
            HmarkFlags::SOURCE
        }
        "--hmark-dst-prefix" => {
            hmark.destination = prefix(text, option.family)?;
            HmarkFlags::DESTINATION
        }
        "--hmark-proto-mask" => {
            hmark.protocol_mask = values::number(text)?;
            HmarkFlags::PROTOCOL_MASK
        }
        "--hmark-rnd" => {
            hmark.seed = values::number(text)?;
            HmarkFlags::SEED
        }
        "--hmark-mod" => {
            hmark.modulus = values::number(text)?;
            HmarkFlags::MODULUS
        }
        "--hmark-offset" => {
            hmark.offset = values::number(text)?;
            HmarkFlags::OFFSET
        }
        name => {
            let (flag, mask) = values::flag(name, &HMARK_PORTS)?;
            let number =
                if (HmarkFlags::SPI | HmarkFlags::SPI_MASK).contains(flag) { values::number(text) } else { port() };
            put(if mask { &mut hmark.port_mask } else { &mut hmark.port_set }, flag, number?);
            flag
        }
    };
    hmark.flags.insert(flag);
    Some(())
}

/// The options that share the ports' place, in the order in which they are printed, and whether they are masks.
const HMARK_PORTS: [(&str, (HmarkFlags, bool)); 6] = [
    ("--hmark-sport-mask", (HmarkFlags::SPORT_MASK, true)),
    ("--hmark-dport-mask", (HmarkFlags::DPORT_MASK, true)),
    ("--hmark-spi-mask", (HmarkFlags::SPI_MASK, true)),
    ("--hmark-sport", (HmarkFlags::SPORT, false)),
    ("--hmark-dport", (HmarkFlags::DPORT, false)),
    ("--hmark-spi", (HmarkFlags::SPI, false)),
];

/// A part of the tuple, all of which is hashed; names may be cut short.
fn hmark_tuple(hmark: &mut Hmark, part: &str, family: IpFamily) -> Option<()> {
    const PARTS: [(&str, HmarkFlags); 7] = [
        ("ct", HmarkFlags::CONNTRACK),
        ("src", HmarkFlags::SOURCE),
        ("dst", HmarkFlags::DESTINATION),
        ("sport", HmarkFlags::SPORT_MASK),
        ("dport", HmarkFlags::DPORT_MASK),
        ("proto", HmarkFlags::PROTOCOL_MASK),
        ("spi", HmarkFlags::SPI_MASK),
    ];
    let part = part.to_ascii_lowercase();
    let (_, flag) = PARTS.iter().find(|(name, _)| !part.is_empty() && name.starts_with(&part))?;
    match *flag {
        HmarkFlags::SOURCE => hmark.source = family.bits(),
        HmarkFlags::DESTINATION => hmark.destination = family.bits(),
        HmarkFlags::PROTOCOL_MASK => hmark.protocol_mask = u16::MAX,
        HmarkFlags::SPI_MASK => hmark.port_mask = u32::MAX,
        HmarkFlags::SPORT_MASK | HmarkFlags::DPORT_MASK => put(&mut hmark.port_mask, *flag, 0xffff),
        _ => {}
    }
    hmark.flags.insert(*flag);
    Some(())
}

/// The length of a prefix, or a mask that is one.
fn prefix(text: &str, family: IpFamily) -> Option<u8> {
    match values::number::<u8>(text) {
        Some(length) => Some(length).filter(|length| *length <= family.bits()),
        None => values::address(text, family).and_then(|mask: IpAddr| ipnet::ip_mask_to_prefix(mask).ok()),
    }
}

pub(in super::super) fn push_hmark(out: &mut String, hmark: &Hmark) {
    out.push_str(" -j HMARK");
    let has = |flag: HmarkFlags| hmark.flags.contains(flag);
    if has(HmarkFlags::SOURCE) {
        push(out, format_args!(" --hmark-src-prefix {}", hmark.source));
    }
    if has(HmarkFlags::DESTINATION) {
        push(out, format_args!(" --hmark-dst-prefix {}", hmark.destination));
    }
    for (option, (flag, mask)) in HMARK_PORTS.into_iter().filter(|(_, (flag, _))| has(*flag)) {
        let ports = if mask { hmark.port_mask } else { hmark.port_set };
        match flag {
            HmarkFlags::SPORT | HmarkFlags::SPORT_MASK => push(out, format_args!(" {option} 0x{:04x}", ports >> 16)),
            HmarkFlags::DPORT | HmarkFlags::DPORT_MASK => push(out, format_args!(" {option} 0x{:04x}", ports & 0xffff)),
            _ => push(out, format_args!(" {option} 0x{ports:08x}")),
        }
    }
    if has(HmarkFlags::PROTOCOL_MASK) {
        push(out, format_args!(" --hmark-proto-mask 0x{:02x}", hmark.protocol_mask));
    }
    if has(HmarkFlags::SEED) {
        push(out, format_args!(" --hmark-rnd 0x{:08x}", hmark.seed));
    }
    if has(HmarkFlags::MODULUS) {
        push(out, format_args!(" --hmark-mod {}", hmark.modulus));
    }
    if has(HmarkFlags::OFFSET) {
        push(out, format_args!(" --hmark-offset {}", hmark.offset));
    }
    if has(HmarkFlags::CONNTRACK) {
        out.push_str(" --hmark-tuple ct");
    }
}
