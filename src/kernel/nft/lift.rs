//! What iptables-nft stores as native expressions, lifted back to the matches and targets it was given.
//!
//! iptables-nft (1.8.9 to 1.8.11, `nft_*_add` and `nft_rule_to_iptables_command_state`) writes addresses, interfaces,
//! protocols, ports, TCP flags, marks and limits as payload, meta, cmp, range, bitwise and limit expressions, and everything
//! else as xtables blobs; it reads a few more, which nft writes: types of ICMP, TTLs, types of packets, marks that are set.
//! A rule lifts if what it says in iptables' form is exactly what the kernel does with it; one that does
//! not is not iptables', and neither is its table.

mod transport;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::super::netlink::text;
use crate::host::nft::{CompareOp, Expression, Limit, Log, MetaKey, PayloadBase, Register, Verdict};
use crate::host::xt::{
    self, AddressMask, InterfacePattern, Masked, Match, Neg, Nflog, NflogSize, PacketType, Target, TtlOp,
};
use crate::host::{Family, Name, Names, Protocol};

/// Time between packets, in 1/10000 s, is what `xt_limit` counts in (`XT_LIMIT_SCALE`).
const LIMIT_SCALE: u64 = 10_000;
/// What iptables compares an interface with that no interface may have (`! -i +`).
const NO_INTERFACE: &[u8] = b"INVAL/D\0";

/// The rule in iptables' form; `None`: it has none. The expressions are used up.
pub(super) fn lift(
    family: Family,
    expressions: &mut Vec<Expression>,
    comment: Option<Name>,
    names: &mut Names,
) -> Option<xt::Rule> {
    let mut lifting = Lifting {
        family,
        loads: [const { None }; Register::COUNT as usize],
        base: [const { None }; 6],
        extensions: Vec::new(),
        transport: None,
        target: Target::Continue,
        names,
    };
    for expression in expressions.drain(..) {
        // Nothing of iptables' follows a target.
        matches!(lifting.target, Target::Continue).then_some(())?;
        lifting.take(expression)?;
    }
    lifting.extensions.extend(comment.map(Match::Comment));
    let base = lifting.base.into_iter().flatten();
    Some(xt::Rule { matches: base.chain(lifting.extensions).collect(), target: lifting.target })
}

/// What a register holds.
#[derive(Debug, Clone)]
struct Load {
    from: From,
    /// Bits that were kept since.
    mask: Option<Box<[u8]>>,
}

/// Where it was loaded from.
#[derive(Debug, Clone, PartialEq)]
enum From {
    /// The network header: offset and length.
    Network(u16, u16),
    /// The transport header.
    Transport(u16, u16),
    Meta(MetaKey),
    Constant(Box<[u8]>),
}

/// A rule as it is lifted.
struct Lifting<'n> {
    family: Family,
    loads: [Option<Load>; Register::COUNT as usize],
    /// Source, destination, incoming and outgoing interface, protocol, fragment: each once, in that order.
    base: [Option<Match>; 6],
    /// The `-m` matches, as they came.
    extensions: Vec<Match>,
    /// Which of them is the `-m tcp` or `-m udp` that native expressions fill.
    transport: Option<usize>,
    target: Target,
    names: &'n mut Names,
}

/// The places of [`Lifting::base`].
const SOURCE: usize = 0;
const DESTINATION: usize = 1;
const IN_INTERFACE: usize = 2;
const OUT_INTERFACE: usize = 3;
const PROTOCOL: usize = 4;
const FRAGMENT: usize = 5;

impl Lifting<'_> {
    fn take(&mut self, expression: Expression) -> Option<()> {
        match expression {
            Expression::Payload { base, offset, length, to } => {
                let from = match base {
                    PayloadBase::Network => From::Network(offset, length),
                    PayloadBase::Transport => From::Transport(offset, length),
                    PayloadBase::Link | PayloadBase::Inner | PayloadBase::Tunnel => return None,
                };
                self.load(to, from)
            }
            Expression::Meta { key, to } => self.load(to, From::Meta(key)),
            Expression::Immediate { to, data } => self.load(to, From::Constant(data)),
            Expression::Bitwise { from, to, mask_xor } => {
                let load = self.held(from)?;
                (load.mask.is_none() && mask_xor.1.iter().all(|byte| *byte == 0)).then_some(())?;
                *self.loads.get_mut(usize::from(to.0))? = Some(Load { mask: Some(mask_xor.0), ..load });
                Some(())
            }
            Expression::Compare { from, op, data } => {
                let load = self.held(from)?;
                match op {
                    CompareOp::Equal => self.compared(&load, &data, false),
                    CompareOp::NotEqual => self.compared(&load, &data, true),
                    _ => self.ordered(&load, op, &data),
                }
            }
            Expression::Range { from, not, ends } => {
                let Load { from: From::Transport(offset, 2), mask: None } = self.held(from)? else { return None };
                let range = transport::range(be16(&ends.0)?, be16(&ends.1)?)?;
                self.port(offset, Neg { not, value: range })
            }
            Expression::Counter => Some(()),
            Expression::Limit(limit) => self.limit(&limit),
            Expression::Match(matched) => {
                self.extensions.push(*matched);
                Some(())
            }
            other => self.does(other),
        }
    }

    /// What a rule does.
    fn does(&mut self, expression: Expression) -> Option<()> {
        self.target = match expression {
            Expression::Target(target) => *target,
            Expression::Verdict(verdict) => match verdict {
                Verdict::Accept => Target::Accept,
                Verdict::Drop => Target::Drop,
                Verdict::Return => Target::Return,
                Verdict::Jump(chain) => Target::Jump(chain.0),
                Verdict::Goto(chain) => Target::Goto(chain.0),
                Verdict::Continue | Verdict::Break | Verdict::Queue { .. } => return None,
            },
            Expression::MetaSet { key, from } => {
                let Load { from: From::Constant(value), mask: None } = self.held(from)? else { return None };
                match key {
                    MetaKey::NFTRACE if value.first() == Some(&1) => Target::Trace,
                    MetaKey::MARK => Target::Mark(Masked { value: ne32(&value)?, mask: u32::MAX }),
                    _ => return None,
                }
            }
            Expression::Log(log) => self.nflog(&log)?,
            _ => return None,
        };
        Some(())
    }

    fn load(&mut self, to: Register, from: From) -> Option<()> {
        *self.loads.get_mut(usize::from(to.0))? = Some(Load { from, mask: None });
        Some(())
    }

    fn held(&self, from: Register) -> Option<Load> {
        self.loads.get(usize::from(from.0))?.clone()
    }

    /// A base condition, which iptables has once at most.
    fn base(&mut self, place: usize, matched: Match) -> Option<()> {
        let free = self.base.get_mut(place).filter(|place| place.is_none())?;
        *free = Some(matched);
        Some(())
    }

    fn compared(&mut self, load: &Load, data: &[u8], not: bool) -> Option<()> {
        let mask = load.mask.as_deref();
        match (&load.from, self.family) {
            (From::Network(offset, length), Family::Ip) => match (offset, length) {
                (12, 1..=4) => self.address(SOURCE, data, mask, usize::from(*length), not),
                (16, 1..=4) => self.address(DESTINATION, data, mask, usize::from(*length), not),
                (9, 1) if mask.is_none() => self.protocol(data, not),
                (8, 1) if mask.is_none() => self.ttl(if not { TtlOp::NotEqual } else { TtlOp::Equal }, data),
                (6, 2) if mask == Some(&[0x1f, 0xff]) && data == [0, 0] => {
                    self.base(FRAGMENT, Match::Fragment(Neg { not: !not, value: () }))
                }
                _ => None,
            },
            (From::Network(offset, length), Family::Ip6) => match (offset, length) {
                (8, 1..=16) => self.address(SOURCE, data, mask, usize::from(*length), not),
                (24, 1..=16) => self.address(DESTINATION, data, mask, usize::from(*length), not),
                (7, 1) if mask.is_none() => self.ttl(if not { TtlOp::NotEqual } else { TtlOp::Equal }, data),
                _ => None,
            },
            (From::Transport(offset, length), _) => self.transport((*offset, *length), data, mask, not),
            (From::Meta(key), _) => self.meta(*key, data, mask, not),
            _ => None,
        }
    }

    /// An address or the bytes of its prefix; a mask comes with all bytes.
    fn address(&mut self, place: usize, data: &[u8], mask: Option<&[u8]>, length: usize, not: bool) -> Option<()> {
        (data.len() == length).then_some(())?;
        let addr = padded(self.family, data)?;
        let value = match mask {
            None => AddressMask::Net(IpNet::new(addr, length as u8 * 8).ok()?),
            Some(mask) if mask.len() == length => {
                let mask = padded(self.family, mask)?;
                match ipnet::ip_mask_to_prefix(mask) {
                    Ok(prefix) => AddressMask::Net(IpNet::new(addr, prefix).ok()?.trunc()),
                    Err(_) => AddressMask::Bits(Box::new((addr, mask))),
                }
            }
            Some(_) => return None,
        };
        let value = Neg { not, value };
        self.base(place, if place == SOURCE { Match::Source(value) } else { Match::Destination(value) })
    }

    fn protocol(&mut self, data: &[u8], not: bool) -> Option<()> {
        let [number] = data else { return None };
        self.base(PROTOCOL, Match::Protocol(Neg { not, value: Protocol(*number) }))
    }

    fn meta(&mut self, key: MetaKey, data: &[u8], mask: Option<&[u8]>, not: bool) -> Option<()> {
        match (key, mask) {
            (MetaKey::L4PROTO, None) => self.protocol(data, not),
            (MetaKey::IIFNAME, None) => {
                let pattern = self.interface(data, not)?;
                self.base(IN_INTERFACE, Match::InInterface(pattern))
            }
            (MetaKey::OIFNAME, None) => {
                let pattern = self.interface(data, not)?;
                self.base(OUT_INTERFACE, Match::OutInterface(pattern))
            }
            (MetaKey::PKTTYPE, None) => self.pkttype(data, not),
            (MetaKey::MARK, mask) => {
                let mask = match mask {
                    Some(mask) => ne32(mask)?,
                    None => u32::MAX,
                };
                self.extensions.push(Match::Mark(Neg { not, value: Masked { value: ne32(data)?, mask } }));
                Some(())
            }
            _ => None,
        }
    }

    /// To whom a frame is addressed (`PACKET_*`).
    fn pkttype(&mut self, data: &[u8], not: bool) -> Option<()> {
        let value = match data {
            [0] => PacketType::Host,
            [1] => PacketType::Broadcast,
            [2] => PacketType::Multicast,
            _ => return None,
        };
        self.extensions.push(Match::Pkttype(Neg { not, value }));
        Some(())
    }

    /// A name that ends with NUL, or what names start with.
    fn interface(&mut self, data: &[u8], not: bool) -> Option<Neg<InterfacePattern>> {
        if data == NO_INTERFACE && !not {
            return Some(Neg::not(InterfacePattern { name: self.names.intern(""), prefix: true }));
        }
        let name = self.names.intern(&text(data));
        Some(Neg { not, value: InterfacePattern { prefix: !data.contains(&0), name } })
    }

    /// The protocol that `-p` asks for.
    fn asked_protocol(&self) -> Option<Protocol> {
        match self.base[PROTOCOL] {
            Some(Match::Protocol(Neg { not: false, value })) => Some(value),
            _ => None,
        }
    }

    fn limit(&mut self, limit: &Limit) -> Option<()> {
        (!limit.bytes && !limit.over).then_some(())?;
        let avg = LIMIT_SCALE.checked_mul(limit.unit)?.checked_div(limit.rate)?;
        let avg = u32::try_from(avg).ok().filter(|avg| *avg > 0)?;
        self.extensions.push(Match::Limit(xt::Limit { avg, burst: limit.burst }));
        Some(())
    }

    /// `log` with a group is NFLOG (`nft_parse_log`).
    fn nflog(&mut self, log: &Log) -> Option<Target> {
        let group = log.group?;
        (log.level.is_none() && log.flags.is_none()).then_some(())?;
        Some(Target::Nflog(Box::new(Nflog {
            prefix: log.prefix.clone().unwrap_or_else(|| self.names.intern("")),
            group,
            size: log.snaplen.map_or(NflogSize::Whole, NflogSize::Bytes),
            threshold: log.qthreshold.unwrap_or(0),
        })))
    }
}

fn be16(data: &[u8]) -> Option<u16> {
    data.try_into().ok().map(u16::from_be_bytes)
}

fn ne32(data: &[u8]) -> Option<u32> {
    data.try_into().ok().map(u32::from_ne_bytes)
}

/// The leading bytes of an address, the others zero.
fn padded(family: Family, data: &[u8]) -> Option<IpAddr> {
    let mut bytes = [0u8; 16];
    bytes.get_mut(..data.len())?.copy_from_slice(data);
    match family {
        Family::Ip6 => Some(IpAddr::V6(Ipv6Addr::from(bytes))),
        _ => {
            let [a, b, c, d, ..] = bytes;
            (data.len() <= 4).then_some(IpAddr::V4(Ipv4Addr::new(a, b, c, d)))
        }
    }
}
