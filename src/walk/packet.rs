//! The packet on its way: each field with where its value comes from.

use super::field::Field;
use super::native::Filled;
use super::outcome::Why;
use super::query::Turn;
use super::set::ValueSet;
use crate::host::xt::CtDirection;

/// The current value of a field.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// This value, whatever came in.
    Known(u128),
    /// What the field of the entering packet is.
    Entering(Field),
    /// The entering field's bits under `mask`, the others from `prefix` (NETMAP).
    Mapped {
        /// The entering field.
        field: Field,
        /// Which bits are kept.
        mask: u128,
        /// The other bits.
        prefix: u128,
    },
    /// Something that the kernel chooses among these, and nobody can tell what.
    Chosen {
        /// What it chooses from.
        among: ValueSet,
        /// Why nobody can tell.
        why: Why,
    },
}

impl Value {
    /// One value that the kernel chooses from a range: known where the range has one.
    pub(super) fn chosen(first: u128, last: u128, why: Why) -> Value {
        if first == last { Value::Known(first) } else { Value::Chosen { among: ValueSet::range(first, last), why } }
    }
}

/// A device of the hook's state: the packet may have none there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Device {
    /// The hook has no such device.
    Absent,
    /// This one, by its number.
    Known(u128),
    /// The one the packet entered by, which is a field of the query.
    Entering,
    /// The one it leaves by, which nobody could read.
    Leaving,
}

/// The time to live as it is now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum TimeToLive {
    /// The entering one, changed by so much, and then kept between two limits, which moved as it did.
    Changed {
        /// By how much.
        by: i16,
        /// The least and the greatest.
        limits: (i16, i16),
    },
    /// This one.
    Set(u8),
}

impl TimeToLive {
    /// The one that the packet entered with.
    pub(super) const ENTERING: TimeToLive = TimeToLive::Changed { by: 0, limits: (0, 255) };

    /// More by so much, or less, but no less than 0 and no more than 255.
    pub(super) fn changed(self, by: i16) -> TimeToLive {
        let kept = |value: i16| value.clamp(0, 255);
        match self {
            TimeToLive::Changed { by: before, limits: (low, high) } => {
                let limits = (kept(low + by), kept(high + by));
                TimeToLive::Changed { by: before.saturating_add(by), limits }
            }
            TimeToLive::Set(value) => TimeToLive::Set(kept(i16::from(value) + by) as u8),
        }
    }
}

/// What conntrack knows of the packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tracking {
    /// Nothing: no rule in this namespace and family needs conntrack, or it has not seen the packet yet.
    Unseen,
    /// Its flow.
    Tracked,
    /// A rule told it to look away (`notrack`).
    Untracked,
}

/// Whose a packet is that is made here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// A process', by its socket.
    Process,
    /// The kernel's own, by a socket that no process has opened.
    Kernel,
    /// Nobody's: it has no socket.
    Nobody,
}

/// What conntrack knows of the flow of a packet that is not its first, or that was here before.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Known {
    /// Which way the packet goes.
    pub(super) direction: CtDirection,
    /// Something went the other way (`IPS_SEEN_REPLY`).
    pub(super) answered: bool,
    /// Source, source port, destination, destination port of the flow's answers, as they come.
    pub(super) reply: [Value; 4],
}

/// The flow of a packet, as conntrack holds it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Flow {
    /// Whether conntrack sees the packet.
    pub(super) tracking: Tracking,
    /// Source, source port, destination, destination port as the flow began.
    pub(super) original: [Value; 4],
    /// Of a packet that is not the first, or was here before: what is known already.
    pub(super) known: Option<Box<Known>>,
    /// The zones of conntrack's table in which it is looked for, of each direction; `None`: nobody can tell which.
    pub(super) zones: [Option<u16>; 2],
    /// The flow's mark.
    pub(super) mark: Value,
    /// The destination is translated (`IPS_DST_NAT`).
    pub(super) dnat: bool,
    /// The source is translated (`IPS_SRC_NAT`).
    pub(super) snat: bool,
    /// The chains that may translate the destination were walked (`IPS_DST_NAT_DONE`).
    pub(super) dst_done: bool,
    /// The chains that may translate the source were walked (`IPS_SRC_NAT_DONE`).
    pub(super) src_done: bool,
    /// It is in the table (`IPS_CONFIRMED`).
    pub(super) confirmed: bool,
}

impl Flow {
    /// Whether something went the other way.
    pub(super) fn is_answered(&self) -> bool {
        self.known.as_ref().is_some_and(|known| known.answered)
    }

    /// The flow of a packet with these addresses that conntrack has not seen.
    pub(super) fn of(original: [Value; 4]) -> Flow {
        Flow {
            tracking: Tracking::Unseen,
            known: None,
            zones: [Some(0); 2],
            original,
            mark: Value::Known(0),
            dnat: false,
            snat: false,
            dst_done: false,
            src_done: false,
            confirmed: false,
        }
    }
}

/// IP's hook within a bridge's: what the bridge has to know when it is done.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Within {
    /// Where the bridge's hook goes on.
    pub(super) slot: usize,
    /// The destination when it began.
    pub(super) dst: Value,
    /// The frame is for another host, which IP's hooks are not shown.
    pub(super) for_another: bool,
}

/// How a bridge carries the packet.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Crossing {
    /// The bridge, by its number.
    pub(super) bridge: u128,
    /// The port it came in by; `Absent`: the host gave it to the bridge.
    pub(super) input: Device,
    /// The port it leaves by, once that is decided.
    pub(super) output: Device,
    /// The hooks of IP are run for it too (`nf_bridge_info`).
    pub(super) told: bool,
    /// IP's hook is run.
    pub(super) within: Option<Within>,
    /// Whether it goes up to the host, where a rule that gave it another destination decided that.
    pub(super) up: Option<bool>,
}

/// The packet as it is at some point of its way.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Packet {
    /// Which packet of its connection it is.
    pub(super) turn: Turn,
    /// Source address.
    pub(super) src: Value,
    /// Source port.
    pub(super) sport: Value,
    /// Destination address.
    pub(super) dst: Value,
    /// Destination port.
    pub(super) dport: Value,
    /// Mark.
    pub(super) mark: Value,
    /// Its time to live, which is counted down before the forward hook (`ip_forward`, `ip6_forward`).
    pub(super) ttl: TimeToLive,
    /// The byte that asks for a service.
    pub(super) tos: Value,
    /// The socket that a rule gave it to (`nf_tproxy_assign_sock`), by its number.
    pub(super) socket: Option<usize>,
    /// The ipset sets that rules changed on its way, by their numbers: what they hold is no longer what was read.
    pub(super) set_changed: Vec<u32>,
    /// What rules did on its way to sets of nf_tables.
    pub(super) filled: Vec<Filled>,
    /// A rule turned it to this host, by an address that nobody has read.
    pub(super) redirected: bool,
    /// Whose it is, where it is made here.
    pub(super) owner: Owner,
    /// Link-layer source address; `None`: it came in no frame.
    pub(super) src_mac: Option<Value>,
    /// The bridge that carries it, or carried it here.
    pub(super) crossing: Option<Crossing>,
    /// To whom its frame was addressed.
    pub(super) pkttype: Value,
    /// The hook's incoming device.
    pub(super) iif: Device,
    /// The hook's outgoing device.
    pub(super) oif: Device,
    /// The port that it came by, where the hook's incoming device is a VRF (`inet_sdif`).
    pub(super) port: Device,
    /// The VRF, by its number, to which its sender is bound.
    pub(super) bound: Option<u128>,
    /// Its flow.
    pub(super) flow: Flow,
}

impl Packet {
    /// The packet as it enters: every field is the entering one.
    pub(super) fn entering() -> Packet {
        let [src, sport, dst, dport] = [Field::Src, Field::Sport, Field::Dst, Field::Dport].map(Value::Entering);
        Packet {
            turn: Turn::First,
            flow: Flow::of([src.clone(), sport.clone(), dst.clone(), dport.clone()]),
            src_mac: Some(Value::Entering(Field::SrcMac)),
            pkttype: Value::Entering(Field::Pkttype),
            src,
            sport,
            dst,
            dport,
            mark: Value::Entering(Field::Mark),
            ttl: TimeToLive::ENTERING,
            tos: Value::Entering(Field::Tos),
            socket: None,
            set_changed: Vec::new(),
            filled: Vec::new(),
            redirected: false,
            owner: Owner::Process,
            crossing: None,
            iif: Device::Absent,
            port: Device::Absent,
            bound: None,
            oif: Device::Absent,
        }
    }

    /// Source, destination, mark, and the byte for services: a packet made here of which a chain changed one of these is routed again
    /// (`ipt_mangle_out`, `nf_route_table_hook4`, and those of IPv6, whose flow label has the byte).
    pub(super) fn routed_by(&self) -> [Value; 4] {
        [self.src.clone(), self.dst.clone(), self.mark.clone(), self.tos.clone()]
    }

    /// Source, source port, destination, destination port.
    pub(super) fn tuple(&self) -> [Value; 4] {
        [self.src.clone(), self.sport.clone(), self.dst.clone(), self.dport.clone()]
    }
}
