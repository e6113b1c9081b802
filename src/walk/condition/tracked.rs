//! Conditions on what conntrack knows of the packet: `xt_conntrack`, `xt_state`, `xt_connmark`.

use super::*;

impl Scene<'_> {
    /// Whether conntrack's state is one of these, as `xt_conntrack` and `xt_state` see it at this hook.
    pub(in crate::walk) fn ct_state(&self, states: CtStates) -> Asked<bool> {
        match self.tracking() {
            Tracking::Unseen => Ok(states.contains(CtStates::INVALID)),
            Tracking::Untracked => Ok(states.contains(CtStates::UNTRACKED)),
            Tracking::Tracked => {
                let flow = &self.packet.flow;
                if flow.snat && states.contains(CtStates::SNAT) || flow.dnat && states.contains(CtStates::DNAT) {
                    return Ok(true);
                }
                let wanted = (0..16).map(|bit| 1u16 << bit).filter(|bit| states.bits() & bit != 0).map(u128::from);
                self.space.ask(Field::CtState, &ValueSet::from_ranges(wanted.map(|bit| (bit, bit))))
            }
        }
    }

    /// Whether conntrack sees the packet at this hook: it looks at priority −200, and keeps what it saw.
    pub(in crate::walk) fn tracking(&self) -> Tracking {
        self.packet.flow.tracking
    }

    /// `conntrack_mt`: without a flow only the state can hold; INVALID packets have none.
    pub(in crate::walk) fn conntrack(&self, asked: &Conntrack, at: At) -> Asked<bool> {
        let state = match asked.state {
            Some(states) => negate(self.ct_state(states.value), states.not),
            None => Ok(true),
        };
        match self.has_flow() {
            Ok(false) => return if asked.state.is_some() { state } else { Ok(false) },
            Ok(true) => {}
            Err(open) => return Err(open),
        }
        let flow = &self.packet.flow;
        let [src, _, dst, _] = &flow.original;
        let [sport, dport] = &self.flow_ports();
        let reply = &self.reply_tuple();
        let address = |value: &Value, asked: &Option<Neg<AddressMask>>| match asked {
            Some(net) => self.address(value, net, at),
            None => Ok(true),
        };
        let other = match (asked.status, asked.expire) {
            (None, None) => Ok(true),
            (Some(status), None) => conntrack::status(flow, self.is_assured(), status)
                .unwrap_or_else(|| self.undecided(at, Why::State, 0.5)),
            _ => self.undecided(at, Why::State, 0.5),
        };
        all([
            state,
            Ok(asked.protocol.is_none_or(|protocol| (self.query.protocol == protocol.value) != protocol.not)),
            Ok(asked.direction.is_none_or(|direction| direction == self.direction())),
            address(src, &asked.orig_src),
            address(dst, &asked.orig_dst),
            address(&reply[0], &asked.reply_src),
            address(&reply[2], &asked.reply_dst),
            self.port(sport, asked.orig_sport, at),
            self.port(dport, asked.orig_dport, at),
            self.port(&reply[1], asked.reply_sport, at),
            self.port(&reply[3], asked.reply_dport, at),
            other,
        ])
    }

    /// Which way of its flow the packet goes.
    pub(in crate::walk) fn direction(&self) -> CtDirection {
        self.packet.flow.known.as_ref().map_or(CtDirection::Original, |known| known.direction)
    }

    /// Source, source port, destination, destination port of the flow's answers.
    pub(in crate::walk) fn reply_tuple(&self) -> [Value; 4] {
        let packet = self.packet;
        match &packet.flow.known {
            Some(known) => known.reply.clone(),
            // The reply's source is what the destination became, and its destination what the source did.
            None => [packet.dst.clone(), packet.dport.clone(), packet.src.clone(), packet.sport.clone()],
        }
    }

    /// Whether the flow stays though the table is full (`IPS_ASSURED`); `None`: nobody can tell. TCP's does from the packet
    /// after the first answer on (`nf_conntrack_tcp_packet`), UDP's some seconds later.
    pub(in crate::walk) fn is_assured(&self) -> Option<bool> {
        if !self.packet.flow.is_answered() || self.packet.turn == crate::walk::Turn::First {
            return Some(false);
        }
        let flags = self.space.known(Field::TcpFlags).map(|flags| TcpFlags::from_bits_truncate(flags as u8));
        match (self.query.protocol, self.direction()) {
            (Protocol::TCP, CtDirection::Original) => flags.filter(|flags| *flags == TcpFlags::ACK).map(|_| true),
            (Protocol::TCP, CtDirection::Reply) => {
                flags.filter(|flags| *flags == TcpFlags::SYN | TcpFlags::ACK).map(|_| false)
            }
            (Protocol::ICMP | Protocol::ICMPV6, _) => Some(false),
            (_, CtDirection::Reply) => Some(false),
            (_, CtDirection::Original) => None,
        }
    }

    /// What stands in the place of ports in a flow's tuple (`union nf_conntrack_man_proto`): of ICMP the echo's id, and type and
    /// code.
    fn flow_ports(&self) -> [Value; 2] {
        let unknown = || Value::Chosen { among: ValueSet::full(16), why: Why::State };
        match self.query.protocol {
            Protocol::ICMP | Protocol::ICMPV6 => {
                let kind = self.space.known(Field::IcmpType).zip(self.space.known(Field::IcmpCode));
                [unknown(), kind.map_or_else(unknown, |(kind, code)| Value::Known(kind << 8 | code))]
            }
            protocol if protocol.has_ports() => {
                let [_, sport, _, dport] = &self.packet.flow.original;
                [sport.clone(), dport.clone()]
            }
            _ => [unknown(), unknown()],
        }
    }

    /// Whether the packet has a flow here: tracked, and not INVALID.
    pub(in crate::walk) fn has_flow(&self) -> Asked<bool> {
        match self.tracking() {
            Tracking::Unseen | Tracking::Untracked => Ok(false),
            Tracking::Tracked => {
                let invalid = u128::from(CtStates::INVALID.bits());
                negate(self.entering(Field::CtState, invalid, invalid), false).map(|is| !is)
            }
        }
    }

    pub(in crate::walk) fn connmark(&self, mark: &Neg<Masked>, at: At) -> Asked<bool> {
        match self.has_flow() {
            // `connmark_mt` gives false without a flow, whatever the `!` says.
            Ok(false) => Ok(false),
            Ok(true) => negate(self.masked(&self.packet.flow.mark, mark.value, at), mark.not),
            Err(open) => Err(open),
        }
    }
}
