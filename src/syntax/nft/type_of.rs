//! What a set's keys are taken from, where it is declared by `typeof`: nft keeps the expression with the set.
//!
//! `NFTNL_UDATA_SET_KEY_TYPEOF`: for each kind of expression a form of its own (`*_expr_build_udata` in nft's payload.c,
//! meta.c, ct.c, exthdr.c, expression.c). What is not known here has no words, and the set's type is written instead.

use super::extensions::{OPTIONAL, Part};
use super::fields::{self, Header, Loaded};
use super::loads;
use super::terms::Term;
use super::values::Kind;
use crate::host::nft::{CtKey, Extension, FibResult, MetaKey, RtKey, SocketKey, Typeof, XfrmKey};
use crate::host::xt::CtDirection;

/// `enum expr_types` of nft.
const VERDICT: u32 = 1;
const PAYLOAD: u32 = 7;
const EXTHDR: u32 = 8;
const META: u32 = 9;
const SOCKET: u32 = 10;
const OSF: u32 = 11;
const CT: u32 = 12;
const CONCAT: u32 = 13;
const NUMGEN: u32 = 23;
const HASH: u32 = 24;
const RT: u32 = 25;
const FIB: u32 = 26;
const XFRM: u32 = 27;

/// Types, lengths and values of a byte, a byte and some bytes.
#[derive(Clone, Copy)]
struct Data<'a>(&'a [u8]);

impl<'a> Iterator for Data<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let [kind, length, rest @ ..] = self.0 else { return None };
        let value = rest.get(..usize::from(*length))?;
        self.0 = &rest[usize::from(*length)..];
        Some((*kind, value))
    }
}

impl<'a> Data<'a> {
    fn get(self, wanted: u8) -> Option<&'a [u8]> {
        { self }.find(|(kind, _)| *kind == wanted).map(|(_, value)| value)
    }

    /// A number in the machine's order.
    fn number(self, wanted: u8) -> Option<u32> {
        self.get(wanted)?.try_into().ok().map(u32::from_ne_bytes)
    }
}

/// The parts of a key, in nft's words; `None`: there are no words for all of them.
pub(super) fn terms(of: &Typeof) -> Option<Vec<Term<'static>>> {
    let data = Data(&of.data);
    if of.expression != CONCAT {
        return one(of.expression, data).map(|term| vec![term]);
    }
    let mut found = Vec::new();
    for number in 0.. {
        let Some(nested) = data.get(number) else { break };
        let nested = Data(nested);
        found.push(one(nested.number(0)?, Data(nested.get(1)?))?);
    }
    Some(found).filter(|found| !found.is_empty())
}

fn one(expression: u32, data: Data<'_>) -> Option<Term<'static>> {
    Some(match expression {
        VERDICT => Term { text: "verdict".to_owned(), ..Term::default() },
        PAYLOAD => payload(data)?,
        EXTHDR => extension(data)?,
        META => loaded(fields::meta(MetaKey(data.number(0)?))),
        SOCKET => loaded(loads::socket(match data.number(0)? {
            0 => SocketKey::Transparent,
            1 => SocketKey::Mark,
            2 => SocketKey::Wildcard,
            _ => return None,
        })),
        OSF => loaded(loads::osf(0, false)),
        CT => {
            let direction = match data.number(1)? as i32 as i8 {
                0 => Some(CtDirection::Original),
                1 => Some(CtDirection::Reply),
                _ => None,
            };
            loaded(fields::ct(CtKey(data.number(0)?), direction, "ip"))
        }
        NUMGEN => loaded(loads::numgen(data.number(0)? == 1, data.number(1)?, data.number(2)?)),
        HASH if data.number(0)? == 1 => loaded(loads::hash("symhash", data.number(2)?, None, data.number(1)?)),
        RT => loaded(loads::rt(RtKey::from_number(data.number(0)?)?)),
        FIB => loaded(fields::fib(FibResult::from_number(data.number(0)?)?, data.number(1)?)),
        XFRM => xfrm(data)?,
        _ => return None,
    })
}

/// Its key, which of several policies, and the direction.
fn xfrm(data: Data<'_>) -> Option<Term<'static>> {
    let key = XfrmKey::from_number(data.number(0)?)?;
    Some(loaded(loads::xfrm(key, data.number(2)? == 1, data.number(1)?.try_into().ok()?)))
}

fn loaded(loaded: Loaded) -> Term<'static> {
    let bits = usize::from(loaded.bytes) * 8;
    Term { text: loaded.text, kind: loaded.kind, host: loaded.host, bits, ..Term::default() }
}

/// The header by nft's number, and its fields in the order of nft's numbers, from 1.
const HEADERS: [(u32, Header, &[&str]); 17] = [
    (1, Header::Ah, &["nexthdr", "hdrlength", "reserved", "spi", "sequence"]),
    (2, Header::Esp, &["spi", "sequence"]),
    (3, Header::Comp, &["nexthdr", "flags", "cpi"]),
    (4, Header::Icmp, &["type", "code", "checksum", "id", "sequence", "gateway", "mtu"]),
    (5, Header::Igmp, &["type", "checksum", "mrt", "group"]),
    (6, Header::Udp, &["sport", "dport", "length", "checksum"]),
    (7, Header::Udplite, &["sport", "dport", "csumcov", "checksum"]),
    (
        8,
        Header::Tcp,
        &["sport", "dport", "sequence", "ackseq", "doff", "reserved", "flags", "window", "checksum", "urgptr"],
    ),
    (9, Header::Dccp, &["sport", "dport", "type"]),
    (10, Header::Sctp, &["sport", "dport", "vtag", "checksum"]),
    (11, Header::Transport, &["sport", "dport"]),
    (
        12,
        Header::Ip,
        &[
            "version",
            "hdrlength",
            "dscp",
            "ecn",
            "length",
            "id",
            "frag-off",
            "ttl",
            "protocol",
            "checksum",
            "saddr",
            "daddr",
        ],
    ),
    (13, Header::Ip6, &["version", "dscp", "ecn", "flowlabel", "length", "nexthdr", "hoplimit", "saddr", "daddr"]),
    (14, Header::Icmp6, &["type", "code", "checksum", "parameter-problem", "mtu", "id", "sequence"]),
    (
        15,
        Header::Arp,
        &["htype", "ptype", "hlen", "plen", "operation", "saddr ether", "saddr ip", "daddr ether", "daddr ip"],
    ),
    (16, Header::Vlan, &["pcp", "dei", "cfi", "id", "type"]),
    (17, Header::Ether, &["daddr", "saddr", "type"]),
];

/// A field of a header by nft's numbers, or a place by its bits.
fn payload(data: Data<'_>) -> Option<Term<'static>> {
    let header = data.number(0)?;
    if header == 0 {
        let (base, offset, bits) = (data.number(2)?, data.number(3)?, data.number(4)?);
        let base = ["ll", "nh", "th", "ih"].get((base as usize).checked_sub(1)?)?;
        let text = format!("@{base},{offset},{bits}");
        return Some(Term { text, kind: Kind::Hex, bits: bits as usize, ..Term::default() });
    }
    let (_, header, names) = HEADERS.iter().find(|(number, ..)| *number == header)?;
    let name = names.get((data.number(1)? as usize).checked_sub(1)?)?;
    // All fields of ICMP, whatever the message.
    let messages = [None, Some(2), Some(3), Some(4), Some(5)];
    let mut all = messages.iter().flat_map(|message| fields::fields(*header, *message));
    let field = all.find(|field| field.name.split_once(' ').is_some_and(|(_, own)| own == *name))?;
    Some(Term { text: field.name.to_owned(), kind: field.kind, bits: field.bits.into(), ..Term::default() })
}

/// nft's numbers of IPv6's extension headers.
const EXTENSIONS: [&str; 9] = ["", "hbh", "rt", "rt0", "rt2", "srh", "frag", "dst", "mh"];

/// A field of an extension header, an option or a chunk by nft's numbers.
fn extension(data: Data<'_>) -> Option<Term<'static>> {
    let (number, at) = (data.number(0)?, data.number(1)? as usize);
    let (within, at) = match data.number(2) {
        None => (Extension::Ipv6, at.checked_sub(1)?),
        Some(1) => (Extension::TcpOption, at),
        Some(2) => return ip_option(number, at),
        Some(3) => (Extension::SctpChunk, at),
        Some(_) => return None,
    };
    let known = OPTIONAL.iter().filter(|known| {
        known.within == within
            && match within {
                Extension::Ipv6 => EXTENSIONS.get(number as usize) == Some(&known.name),
                _ => u32::from(known.number) == number,
            }
    });
    let (name, field) = known.flat_map(|known| known.fields.iter().map(|field| (known.name, field))).nth(at)?;
    Some(part(name, field))
}

/// A field of an option of IPv4: nft counts those of all options together (`enum ipopt_hdr_fields`).
fn ip_option(number: u32, at: usize) -> Option<Term<'static>> {
    let wanted = *["type", "length", "value", "ptr", "addr"].get(at.checked_sub(1)?)?;
    let mut options = OPTIONAL.iter().filter(|known| known.within == Extension::IpOption);
    let option = options.find(|known| u32::from(known.number) == number)?;
    option.fields.iter().find(|field| field.name == wanted).map(|field| part(option.name, field))
}

fn part(name: &str, field: &Part) -> Term<'static> {
    let text = format!("{name} {}", field.name);
    Term { text, kind: field.kind, bits: field.bits.into(), ..Term::default() }
}
