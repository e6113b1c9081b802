//! Conditions on numbers that have an order: ports, TTLs; and on the rest of the transport header: TCP flags, ICMP types.

use super::{From, Lifting, Load, be16};
use crate::host::nft::CompareOp;
use crate::host::xt::{IcmpType, Match, Neg, PortRange, TcpFlags, TcpMatch, TtlMatch, TtlOp, UdpMatch};
use crate::host::{Family, Protocol};

/// Ports that are not in reverse.
pub(super) fn range(first: u16, last: u16) -> Option<PortRange> {
    (first <= last).then_some(PortRange { first, last })
}

/// Whether it is the family's own ICMP.
fn is_icmp(protocol: Protocol, family: Family) -> bool {
    protocol == if family == Family::Ip6 { Protocol::ICMPV6 } else { Protocol::ICMP }
}

impl Lifting<'_> {
    /// A comparison that is not of equality.
    pub(super) fn ordered(&mut self, load: &Load, op: CompareOp, data: &[u8]) -> Option<()> {
        match (load, self.family) {
            (Load { from: From::Transport(offset @ (0 | 2), 2), mask: None }, _) => {
                self.half_open(*offset, op, be16(data)?)
            }
            (Load { from: From::Network(8, 1), mask: None }, Family::Ip)
            | (Load { from: From::Network(7, 1), mask: None }, Family::Ip6) => {
                let [value] = data else { return None };
                let (op, value) = match op {
                    CompareOp::Less => (TtlOp::Less, *value),
                    CompareOp::Greater => (TtlOp::Greater, *value),
                    CompareOp::LessOrEqual => (TtlOp::Less, value.checked_add(1)?),
                    CompareOp::GreaterOrEqual => (TtlOp::Greater, value.checked_sub(1)?),
                    CompareOp::Equal | CompareOp::NotEqual => return None,
                };
                self.ttl(op, &[value])
            }
            _ => None,
        }
    }

    /// `-m ttl`, `-m hl`.
    pub(super) fn ttl(&mut self, op: TtlOp, data: &[u8]) -> Option<()> {
        let [value] = data else { return None };
        self.extensions.push(Match::Ttl(TtlMatch { op, value: *value }));
        Some(())
    }

    /// Ports from the first one on, or up to the last (`port_match_single_to_range`); two such comparisons are a range.
    fn half_open(&mut self, offset: u16, op: CompareOp, port: u16) -> Option<()> {
        let asked = match op {
            CompareOp::LessOrEqual => Some((0, port)),
            CompareOp::Less => port.checked_sub(1).map(|last| (0, last)),
            CompareOp::GreaterOrEqual => Some((port, u16::MAX)),
            CompareOp::Greater => port.checked_add(1).map(|first| (first, u16::MAX)),
            CompareOp::Equal | CompareOp::NotEqual => return None,
        };
        // Beyond the last and below the first there is none.
        let Some((first, last)) = asked else {
            return self.port(offset, Neg::not(PortRange { first: 0, last: u16::MAX }));
        };
        let joins = self.may_join();
        if let Some(Some(Neg { not: false, value })) = self.place(offset).filter(|_| joins) {
            *value = range(value.first.max(first), value.last.min(last))?;
            return Some(());
        }
        self.port(offset, Neg::is(PortRange { first, last }))
    }

    /// The source port (offset 0) or the destination port (offset 2).
    pub(super) fn port(&mut self, offset: u16, asked: Neg<PortRange>) -> Option<()> {
        if !self.may_join() || !matches!(self.place(offset), Some(None)) {
            self.begin()?;
        }
        *self.place(offset)? = Some(asked);
        Some(())
    }

    /// The place of a port in the match that native expressions fill, where there is one.
    fn place(&mut self, offset: u16) -> Option<&mut Option<Neg<PortRange>>> {
        let source = offset == 0;
        match self.extensions.get_mut(self.transport?)? {
            Match::Tcp(tcp) => Some(if source { &mut tcp.sport } else { &mut tcp.dport }),
            Match::Udp(udp) => Some(if source { &mut udp.sport } else { &mut udp.dport }),
            _ => None,
        }
    }

    /// Begins another `-m tcp` or `-m udp`.
    fn begin(&mut self) -> Option<()> {
        let begun = match self.asked_protocol()? {
            Protocol::TCP => Match::Tcp(TcpMatch::default()),
            Protocol::UDP => Match::Udp(UdpMatch::default()),
            _ => return None,
        };
        self.transport = Some(self.extensions.len());
        self.extensions.push(begun);
        Some(())
    }

    /// Whether something may be asked together with what the match that native expressions fill asks already, as the tools
    /// have it: not if what stands between counts what came so far.
    fn may_join(&self) -> bool {
        let between = self.transport.and_then(|at| self.extensions.get(at + 1..)).unwrap_or_default();
        between.iter().all(|between| {
            matches!(
                between,
                Match::Tcp(_)
                    | Match::Udp(_)
                    | Match::Mark(_)
                    | Match::Connmark(_)
                    | Match::State(_)
                    | Match::Conntrack(_)
                    | Match::Addrtype(_)
                    | Match::Multiport(_)
                    | Match::Comment(_)
                    | Match::Mac(_)
                    | Match::Pkttype(_)
                    | Match::Iprange(_)
                    | Match::Length(_)
                    | Match::Owner(_)
                    | Match::Physdev(_)
                    | Match::Ttl(_)
            )
        })
    }

    /// `--tcp-flags`.
    fn flags(&mut self, asked: Neg<(TcpFlags, TcpFlags)>) -> Option<()> {
        let is_free = |tcp: Option<&Match>| matches!(tcp, Some(Match::Tcp(TcpMatch { flags: None, .. })));
        if !self.may_join() || !is_free(self.transport.and_then(|at| self.extensions.get(at))) {
            self.begin()?;
        }
        match self.extensions.get_mut(self.transport?)? {
            Match::Tcp(tcp) => tcp.flags = Some(asked),
            _ => return None,
        }
        Some(())
    }

    /// A type of ICMP, or a type and a code. Type 255 is any for IPv4, and a code alone is nothing that iptables says.
    fn icmp(&mut self, data: &[u8], not: bool) -> Option<()> {
        let (kind, codes) = match data {
            [kind] => (*kind, (0, 255)),
            [kind, code] => (*kind, (*code, *code)),
            _ => return None,
        };
        let value = IcmpType { kind, codes };
        (kind != 255).then(|| self.extensions.push(Match::Icmp(Neg { not, value })))
    }

    pub(super) fn transport(
        &mut self,
        (offset, length): (u16, u16),
        data: &[u8],
        mask: Option<&[u8]>,
        not: bool,
    ) -> Option<()> {
        let protocol = self.asked_protocol()?;
        match (offset, length, mask) {
            (0, 1 | 2, None) if is_icmp(protocol, self.family) => self.icmp(data, not),
            (0 | 2, 2, None) => self.port(offset, Neg { not, value: PortRange::one(be16(data)?) }),
            // Both ports in one comparison: that they are not both these is nothing that iptables says.
            (0, 4, None) if !not && data.len() == 4 => {
                self.port(0, Neg::is(PortRange::one(be16(&data[..2])?)))?;
                self.port(2, Neg::is(PortRange::one(be16(&data[2..])?)))
            }
            (13, 1, Some([mask])) if protocol == Protocol::TCP => {
                let [value] = data else { return None };
                let flags = (TcpFlags::from_bits(*mask)?, TcpFlags::from_bits(*value)?);
                self.flags(Neg { not, value: flags })
            }
            _ => None,
        }
    }
}
