//! Matches on IPv6 extension headers: dst, hbh, eui64, frag, ipv6header, mh, rt, srh.

use std::net::{IpAddr, Ipv6Addr};

use super::option::{Asked, Extension, Takes, raise, set};
use super::rows::{BYTE, HOST_MASK, Kind, NOTHING, NUMBER, SHORT, SPAN, drop_whole, push_span, rows};
use super::values::{self, push};
use crate::host::xt::{
    AddressMask, Frag, HeaderOption, HeaderOptions, Ipv6Header, Ipv6Headers, Match, Mh, Rare, Rt, Srh, SrhNumber,
};
use crate::host::{IpFamily, Names};

const SIX: Option<IpFamily> = Some(IpFamily::V6);

rows!(DST, push_dst, "dst", SIX, Dst(HeaderOptions), |_| true, {
    length: NUMBER, "--dst-len";
    options: OPTIONS, "--dst-opts";
});

rows!(HBH, push_hbh, "hbh", SIX, Hbh(HeaderOptions), |_| true, {
    length: NUMBER, "--hbh-len";
    options: OPTIONS, "--hbh-opts";
});

/// `TYPE[:LENGTH],…`; length 255 is any length.
const OPTIONS: Kind<Box<[HeaderOption]>> = Kind {
    takes: Takes::One,
    read: |option, _| {
        const MOST: usize = 16;
        let one = |one: &str| match one.split_once(':') {
            Some((kind, length)) => {
                let kind = values::number(kind).filter(|kind| *kind != 0)?;
                Some((kind, Some(values::number(length)?).filter(|length| *length != 255)))
            }
            None => Some((values::number(one)?, None)),
        };
        let options: Option<Box<[_]>> = option.value()?.split(',').map(one).collect();
        options.filter(|options| options.len() <= MOST)
    },
    push: |out, options| {
        for (at, (kind, length)) in options.iter().enumerate() {
            push(out, format_args!("{}{kind}", if at == 0 { ' ' } else { ',' }));
            if let Some(length) = length {
                push(out, format_args!(":{length}"));
            }
        }
    },
};

pub(super) const EUI64: Extension<Match> = Extension {
    name: "eui64",
    family: SIX,
    options: &[],
    read: |asked, _| asked.options().next().is_none().then(|| Match::Rare(Box::new(Rare::Eui64))),
};

rows!(FRAG, push_frag, "frag", SIX, Frag(Frag), |frag| { drop_whole(&mut frag.id); !(frag.more && frag.last) }, {
    id: SPAN, "--fragid";
    length: NUMBER, "--fraglen";
    reserved: NOTHING, "--fragres";
    first: NOTHING, "--fragfirst";
    more: NOTHING, "--fragmore";
    last: NOTHING, "--fraglast";
});

pub(super) const IPV6HEADER: Extension<Match> = Extension {
    name: "ipv6header",
    family: SIX,
    options: &[("--header", Takes::One), ("--soft", Takes::Nothing)],
    read: ipv6header,
};

/// Headers as the tools print them: by the names of protocols(5), where there is one; then by names of their own.
const HEADERS: [(&str, Ipv6Headers, &[&str]); 8] = [
    ("hop-by-hop", Ipv6Headers::HOP, &["hop", "0", "hopopt", "HOPOPT", "ip", "IP"]),
    ("ipv6-opts", Ipv6Headers::DST, &["dst", "60", "IPv6-Opts"]),
    ("ipv6-route", Ipv6Headers::ROUTE, &["route", "43", "IPv6-Route"]),
    ("ipv6-frag", Ipv6Headers::FRAG, &["frag", "44", "IPv6-Frag"]),
    ("ah", Ipv6Headers::AH, &["auth", "51", "IPSEC-AH"]),
    ("esp", Ipv6Headers::ESP, &["50", "IPSEC-ESP"]),
    ("ipv6-nonxt", Ipv6Headers::NONE, &["none", "59", "IPv6-NoNxt"]),
    ("protocol", Ipv6Headers::PROTOCOL, &["prot", "255"]),
];

fn ipv6header(asked: &Asked, _: &mut Names) -> Option<Match> {
    let (mut headers, mut soft) = (None, false);
    let header = |name: &str| {
        let known = HEADERS.iter().find(|(first, _, others)| *first == name || others.contains(&name));
        known.map(|(_, header, _)| *header)
    };
    for option in asked.options() {
        match option.name {
            "--header" => set(&mut headers, option.neg(values::flags(option.value()?, header)?))?,
            _ => {
                option.flag()?;
                raise(&mut soft)?;
            }
        }
    }
    headers.map(|headers| Match::Rare(Box::new(Rare::Ipv6Header(Ipv6Header { headers, soft }))))
}

pub(super) fn push_ipv6header(out: &mut String, header: &Ipv6Header) {
    const NAMES: [(&str, Ipv6Headers); 8] = {
        let mut names = [("", Ipv6Headers::HOP); 8];
        let mut at = 0;
        while at < HEADERS.len() {
            names[at] = (HEADERS[at].0, HEADERS[at].1);
            at += 1;
        }
        names
    };
    values::push_not(out, &header.headers);
    out.push_str(" --header ");
    values::push_flags(out, header.headers.value, &NAMES);
    if header.soft {
        out.push_str(" --soft");
    }
}

rows!(MH, push_mh, "mh", SIX, Mh(Mh), |mh| {
    mh.kinds = mh.kinds.filter(|kinds| kinds.not || kinds.value != (0, 255));
    mh.kinds.is_none_or(|kinds| kinds.value.0 <= kinds.value.1)
}, {
    kinds: MH_TYPES, "--mh-type";
});

/// Types of mobility headers, and what they are called for short; the tools print numbers.
const MH_NAMES: [(&str, u8); 16] = [
    ("binding-refresh-request", 0),
    ("brr", 0),
    ("home-test-init", 1),
    ("hoti", 1),
    ("careof-test-init", 2),
    ("coti", 2),
    ("home-test", 3),
    ("hot", 3),
    ("careof-test", 4),
    ("cot", 4),
    ("binding-update", 5),
    ("bu", 5),
    ("binding-acknowledgement", 6),
    ("ba", 6),
    ("binding-error", 7),
    ("be", 7),
];

/// A type by number, by name, or by what a name begins with.
fn mh_type(text: &str) -> Option<u8> {
    let begins = |(name, _): &&(&str, u8)| name.get(..text.len()).is_some_and(|start| start.eq_ignore_ascii_case(text));
    let whole = |(name, _): &&(&str, u8)| name.eq_ignore_ascii_case(text);
    let known = MH_NAMES.iter().rfind(whole).or_else(|| MH_NAMES.iter().find(begins));
    known.map(|(_, kind)| *kind).or_else(|| values::number(text))
}

const MH_TYPES: Kind<(u8, u8)> = Kind {
    takes: Takes::One,
    read: |option, _| {
        let side = |text: &str, or| if text.is_empty() { Some(or) } else { mh_type(text) };
        match option.value()?.split_once(':') {
            Some((first, last)) => Some((side(first, 0)?, side(last, 255)?)),
            None => mh_type(option.value()?).map(|one| (one, one)),
        }
    },
    push: |out, (first, last)| push_span(out, *first, *last),
};

rows!(RT, push_rt, "rt", SIX, Rt(Rt), |rt| { drop_whole(&mut rt.segments_left); true }, {
    kind: NUMBER, "--rt-type";
    segments_left: SPAN, "--rt-segsleft";
    length: NUMBER, "--rt-len";
    reserved: NOTHING, "--rt-0-res";
    addresses: ADDRESSES, "--rt-0-addrs";
    not_strict: NOTHING, "--rt-0-not-strict";
});

const ADDRESSES: Kind<Box<[Ipv6Addr]>> = Kind {
    takes: Takes::One,
    read: |option, _| {
        const MOST: usize = 16;
        let addresses: Option<Box<[_]>> = option.value()?.split(',').map(|one| one.parse().ok()).collect();
        addresses.filter(|addresses| addresses.len() <= MOST)
    },
    push: |out, addresses| {
        for (at, address) in addresses.iter().enumerate() {
            out.push(if at == 0 { ' ' } else { ',' });
            values::push_address(out, IpAddr::V6(*address));
        }
    },
};

rows!(SRH, push_srh, "srh", SIX, Srh(Srh), |srh| {
    [&srh.length, &srh.segments_left, &srh.last_entry].into_iter().all(agrees)
}, {
    next_header: BYTE, "--srh-next-hdr";
    length.equal: BYTE, "--srh-hdr-len-eq";
    length.greater: BYTE, "--srh-hdr-len-gt";
    length.less: BYTE, "--srh-hdr-len-lt";
    segments_left.equal: BYTE, "--srh-segs-left-eq";
    segments_left.greater: BYTE, "--srh-segs-left-gt";
    segments_left.less: BYTE, "--srh-segs-left-lt";
    last_entry.equal: BYTE, "--srh-last-entry-eq";
    last_entry.greater: BYTE, "--srh-last-entry-gt";
    last_entry.less: BYTE, "--srh-last-entry-lt";
    tag: SHORT, "--srh-tag";
    previous: SEGMENT, "--srh-psid";
    next: SEGMENT, "--srh-nsid";
    last: SEGMENT, "--srh-lsid";
});

/// Whether all that is given is the same number.
fn agrees(number: &SrhNumber) -> bool {
    let mut given = [number.equal, number.greater, number.less].into_iter().flatten().map(|asked| asked.value);
    given.next().is_none_or(|first| given.all(|other| other == first))
}

/// An address with the length of its prefix, a host's too.
const SEGMENT: Kind<AddressMask> = Kind {
    takes: Takes::One,
    read: HOST_MASK.read,
    push: |out, address| {
        out.push(' ');
        values::push_address_mask(out, address, false);
    },
};
