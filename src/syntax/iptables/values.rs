//! Values of options: numbers, ports, addresses, marks, lists of names; text ⇄ value.
//!
//! Deliberately does not know which option a value belongs to. Readers give `None` for what they do not understand.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use nom::branch::alt;
use nom::bytes::complete::{tag, take_while1};
use nom::combinator::{all_consuming, map_res};
use nom::sequence::preceded;
use nom::{IResult, Parser};

use crate::host::net::Mac;
use crate::host::xt::{AddressMask, InterfacePattern, Masked, Neg, PortRange};
use crate::host::{IpFamily, Names, Protocol};

/// Appends formatted text to a String, which cannot fail.
pub(in crate::syntax) fn push(out: &mut String, text: std::fmt::Arguments) {
    let _ = out.write_fmt(text);
}

/// A number as `strtoul(3)` reads it: decimal, `0x` hexadecimal, `0` octal.
fn any_number(text: &str) -> IResult<&str, u64> {
    let digits = |base: u32| {
        map_res(take_while1(move |sign: char| sign.is_digit(base)), move |digits| u64::from_str_radix(digits, base))
    };
    alt((preceded(alt((tag("0x"), tag("0X"))), digits(16)), preceded(tag("0"), digits(8)), digits(10))).parse(text)
}

/// A whole number in any base that the tools read.
pub(in crate::syntax) fn number<T: TryFrom<u64>>(text: &str) -> Option<T> {
    // Plain decimals are nearly all there is, and names the rest.
    if !text.as_bytes().first()?.is_ascii_digit() {
        return None;
    }
    let decimal = text.len() < 19 && text.bytes().all(|sign| sign.is_ascii_digit());
    let value = if decimal && (text.len() == 1 || !text.starts_with('0')) {
        text.bytes().fold(0, |value, digit| value * 10 + u64::from(digit - b'0'))
    } else {
        all_consuming(any_number).parse(text).ok()?.1
    };
    T::try_from(value).ok()
}

/// `first` or `first SIGN last`; an empty side means the least or the greatest value. Never backwards.
pub(super) fn range<T: TryFrom<u64> + Copy + PartialOrd>(text: &str, sign: char, least: T, most: T) -> Option<(T, T)> {
    let side = |text: &str, or| if text.is_empty() { Some(or) } else { number(text) };
    let (first, last) = match text.split_once(sign) {
        Some((first, last)) => (side(first, least)?, side(last, most)?),
        None => {
            let one = number(text)?;
            (one, one)
        }
    };
    (first <= last).then_some((first, last))
}

/// A port, or ports from first to last with `sign` between.
pub(super) fn ports(text: &str, sign: char) -> Option<PortRange> {
    // The names of some services have a dash.
    let service = (sign == '-').then(|| service_port(text)).flatten();
    let (first, last) = match text.split_once(sign).filter(|_| service.is_none()) {
        Some((first, last)) => {
            let side = |text: &str, or| if text.is_empty() { Some(or) } else { service_port(text) };
            (side(first, 0)?, side(last, u16::MAX)?)
        }
        None => {
            let one = service_port(text)?;
            (one, one)
        }
    };
    (first <= last).then_some(PortRange { first, last })
}

/// Names of services that people write instead of ports (services(5)); the tools print numbers.
const SERVICES: [(&str, u16); 30] = [
    ("ftp-data", 20),
    ("ftp", 21),
    ("ssh", 22),
    ("telnet", 23),
    ("smtp", 25),
    ("domain", 53),
    ("bootps", 67),
    ("bootpc", 68),
    ("tftp", 69),
    ("http", 80),
    ("www", 80),
    ("kerberos", 88),
    ("pop3", 110),
    ("sunrpc", 111),
    ("ntp", 123),
    ("netbios-ns", 137),
    ("netbios-dgm", 138),
    ("netbios-ssn", 139),
    ("imap2", 143),
    ("snmp", 161),
    ("ldap", 389),
    ("https", 443),
    ("microsoft-ds", 445),
    ("submission", 587),
    ("ldaps", 636),
    ("imaps", 993),
    ("pop3s", 995),
    ("openvpn", 1194),
    ("mysql", 3306),
    ("postgresql", 5432),
];

/// A port by number or name.
pub(in crate::syntax) fn service_port(text: &str) -> Option<u16> {
    number(text).or_else(|| SERVICES.iter().find(|(name, _)| *name == text).map(|(_, port)| *port))
}

/// Appends `first` or `first SIGN last`.
pub(super) fn push_range<T: std::fmt::Display + PartialEq>(out: &mut String, first: T, last: T, sign: char) {
    if first == last {
        push(out, format_args!("{first}"));
    } else {
        push(out, format_args!("{first}{sign}{last}"));
    }
}

/// A protocol by name or number. What /etc/protocols calls 0 asks for any, as `all` does.
pub(super) fn protocol(text: &str) -> Option<Protocol> {
    let named = |text: &str| match text {
        "all" | "ip" | "hopopt" => Some(Protocol(0)),
        _ => Protocol::from_name(text),
    };
    number(text).map(Protocol).or_else(|| named(text)).or_else(|| named(&text.to_ascii_lowercase()))
}

/// `value` or `value/mask`; no mask means all bits.
pub(super) fn masked(text: &str) -> Option<Masked> {
    match text.split_once('/') {
        Some((value, mask)) => Some(Masked { value: number(value)?, mask: number(mask)? }),
        None => Some(Masked { value: number(text)?, mask: u32::MAX }),
    }
}

/// An address of this family.
pub(super) fn address(text: &str, family: IpFamily) -> Option<IpAddr> {
    match family {
        IpFamily::V4 => text.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
        IpFamily::V6 => text.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
    }
}

/// `address`, `address/length` or `address/mask`. The host bits are cut, as the tools do. `10/8` is `10.0.0.0/8`.
pub(super) fn address_mask(text: &str, family: IpFamily) -> Option<AddressMask> {
    let (addr, mask) = match text.split_once('/') {
        Some((addr, mask)) => (addr, Some(mask)),
        None => (text, None),
    };
    let addr = match address(addr, family) {
        Some(addr) => addr,
        None if family == IpFamily::V4 && mask.is_some() => padded(addr)?,
        None => return None,
    };
    let length = match mask {
        None => family.bits(),
        Some(mask) => match number::<u8>(mask) {
            Some(length) => length,
            None => return bits(addr, address(mask, family)?),
        },
    };
    net(addr, length).map(AddressMask::Net)
}

/// A prefix length, as a number or as a mask; the tools take a mask that is no prefix for a host's
/// (`xtopt_parse_plenmask`).
pub(super) fn prefix_length(text: &str, family: IpFamily) -> Option<u8> {
    match number::<u8>(text) {
        Some(length) => (length <= family.bits()).then_some(length),
        None => Some(ipnet::ip_mask_to_prefix(address(text, family)?).unwrap_or(family.bits())),
    }
}

/// `address`, `address/length` or `address/mask`, of which the host bits are kept.
pub(super) fn host_mask(text: &str, family: IpFamily) -> Option<AddressMask> {
    let (addr, length) = match text.split_once('/') {
        Some((addr, mask)) => match address(mask, family) {
            // What is no prefix is no longer taken by the tools, but printed where it is there.
            Some(mask) if ipnet::ip_mask_to_prefix(mask).is_err() => {
                return Some(AddressMask::Bits(Box::new((address(addr, family)?, mask))));
            }
            _ => (addr, prefix_length(mask, family)?),
        },
        None => (text, family.bits()),
    };
    IpNet::new(address(addr, family)?, length).ok().map(AddressMask::Net)
}

fn padded(short: &str) -> Option<IpAddr> {
    let dots = short.bytes().filter(|sign| *sign == b'.').count();
    let zeros = [".0.0.0", ".0.0", ".0"].get(dots)?;
    format!("{short}{zeros}").parse::<Ipv4Addr>().ok().map(IpAddr::V4)
}

fn net(addr: IpAddr, length: u8) -> Option<IpNet> {
    IpNet::new(addr, length).ok().map(|net| net.trunc())
}

/// An address and a written-out mask: a prefix where the mask is one.
fn bits(addr: IpAddr, mask: IpAddr) -> Option<AddressMask> {
    match (addr, mask) {
        (IpAddr::V4(addr), IpAddr::V4(mask)) => Some(match Ipv4Net::with_netmask(addr, mask) {
            Ok(net) => AddressMask::Net(IpNet::V4(net.trunc())),
            Err(_) => AddressMask::Bits(Box::new(((addr & mask).into(), mask.into()))),
        }),
        (IpAddr::V6(addr), IpAddr::V6(mask)) => Some(match Ipv6Net::with_netmask(addr, mask) {
            Ok(net) => AddressMask::Net(IpNet::V6(net.trunc())),
            Err(_) => AddressMask::Bits(Box::new(((addr & mask).into(), mask.into()))),
        }),
        _ => None,
    }
}

/// Whether it selects every address.
pub(super) fn is_everything(mask: &AddressMask) -> bool {
    matches!(mask, AddressMask::Net(net) if net.prefix_len() == 0)
}

/// Appends an address as `inet_ntop(3)` writes it: unlike Rust, it has dots in what was compatible with IPv4 once.
pub(in crate::syntax) fn push_address(out: &mut String, address: IpAddr) {
    match address {
        IpAddr::V6(v6) => {
            let [a, b, c, d, e, f, g, h] = v6.segments();
            if [a, b, c, d, e, f] == [0; 6] && g != 0 {
                push(out, format_args!("::{}", Ipv4Addr::from((u32::from(g) << 16) | u32::from(h))));
            } else {
                push(out, format_args!("{v6}"));
            }
        }
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            push(out, format_args!("{a}.{b}.{c}.{d}"));
        }
    }
}

/// Appends an address with its mask; a host's is left out where `hosts_bare`.
pub(super) fn push_address_mask(out: &mut String, mask: &AddressMask, hosts_bare: bool) {
    match mask {
        AddressMask::Net(net) => {
            push_address(out, net.addr());
            if !(hosts_bare && net.prefix_len() == net.max_prefix_len()) {
                push(out, format_args!("/{}", net.prefix_len()));
            }
        }
        AddressMask::Bits(both) => {
            push_address(out, both.0);
            out.push('/');
            push_address(out, both.1);
        }
    }
}

/// `first-last`, or one address.
pub(super) fn address_range(text: &str, family: IpFamily) -> Option<(IpAddr, IpAddr)> {
    match text.split_once('-') {
        Some((first, last)) => Some((address(first, family)?, address(last, family)?)),
        None => address(text, family).map(|one| (one, one)),
    }
}

/// An interface name; a trailing `+` means all that start so.
pub(super) fn interface(text: &str, names: &mut Names) -> InterfacePattern {
    match text.strip_suffix('+') {
        Some(start) => InterfacePattern { name: names.intern(start), prefix: true },
        None => InterfacePattern { name: names.intern(text), prefix: false },
    }
}

/// A link-layer address: six hexadecimal numbers with colons between.
pub(super) fn mac(text: &str) -> Option<Mac> {
    let mut bytes = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut bytes {
        let part = parts.next().filter(|part| part.bytes().all(|sign| sign.is_ascii_hexdigit()))?;
        *byte = u8::from_str_radix(part, 16).ok()?;
    }
    parts.next().is_none().then_some(Mac(bytes))
}

/// Names divided by commas, each turned to bits by `bit`.
pub(super) fn flags<F: bitflags::Flags>(text: &str, bit: impl Fn(&str) -> Option<F>) -> Option<F> {
    let mut all = F::empty();
    for name in text.split(',') {
        all.insert(bit(name)?);
    }
    Some(all)
}

/// Appends the names of the bits that are set, in the order of the table, with commas between.
pub(super) fn push_flags<F: bitflags::Flags + Copy>(out: &mut String, set: F, names: &[(&str, F)]) {
    let mut first = true;
    for (name, _) in names.iter().filter(|(_, bit)| set.contains(*bit)) {
        if !std::mem::replace(&mut first, false) {
            out.push(',');
        }
        out.push_str(name);
    }
}

/// Looks a name up in such a table, whatever its case.
pub(super) fn flag<F: Copy>(name: &str, names: &[(&str, F)]) -> Option<F> {
    names.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, bit)| *bit)
}

/// Appends ` !` where the condition is turned around.
pub(super) fn push_not<T>(out: &mut String, asked: &Neg<T>) {
    if asked.not {
        out.push_str(" !");
    }
}
