//! Conditions on what is around the packet: types of addresses, the sender's owner, frames and bridge ports.

use super::*;
use crate::host::xt::AddressTypes;
use crate::host::{LinkKind, Mac};
use crate::walk::frames::{TO_ALL, TO_HOST};
use crate::walk::packet::Owner as SocketOwner;
use crate::walk::plan::TypedBy;
use crate::walk::query::Origin;
use crate::walk::vrf;

impl Scene<'_> {
    pub(in crate::walk) fn addrtype(&self, types: &Addrtype, at: At) -> Asked<bool> {
        let device = match types.limit {
            None => None,
            Some(InterfaceLimit::In) => Some(self.packet.iif),
            Some(InterfaceLimit::Out) => Some(self.packet.oif),
        };
        let side = |value: &Value, asked: Option<Neg<_>>| match asked {
            None => Ok(true),
            Some(wanted) => negate(self.address_type(value, wanted.value, device, TypedBy::Addrtype, at), wanted.not),
        };
        all([side(&self.packet.src, types.source), side(&self.packet.dst, types.destination)])
    }

    pub(in crate::walk) fn address_type(
        &self,
        value: &Value,
        types: AddressTypes,
        device: Option<Device>,
        by: TypedBy,
        at: At,
    ) -> Asked<bool> {
        let on = match device {
            None | Some(Device::Absent) => None,
            Some(Device::Known(number)) => Some(number),
            Some(Device::Entering) => match self.space.known(Field::Iif) {
                Some(number) => Some(number),
                None => return self.undecided(at, Why::Unread, 0.5),
            },
            Some(Device::Leaving) => return self.undecided(at, Why::Unread, 0.5),
        };
        if self.plan.namespace().is_read(What::Routes) {
            // Without a device `fib` asks as the packet's own would, and `addrtype` outside of every VRF.
            let vrf = match (device, by, self.packet.iif) {
                (None, TypedBy::Addrtype, _) => None,
                (None, TypedBy::Fib, Device::Absent) => vrf::of(self, self.packet.oif)?,
                (None, TypedBy::Fib, iif) => vrf::of(self, iif)?,
                (Some(device), ..) => vrf::of(self, device)?,
            };
            let fitting = self.plan.addresses_of_type(self.query.family, types, on, (vrf, by));
            return self.in_set(value, &fitting, Some(at));
        }
        self.unread_address_type(value, types, at)
    }

    /// The type of an address of a host whose addresses were not read: what the query says of it, and what any host's
    /// would be.
    pub(in crate::walk) fn unread_address_type(&self, value: &Value, types: AddressTypes, at: At) -> Asked<bool> {
        let is_entering = matches!(value, Value::Entering(_));
        let local = types.contains(AddressTypes::LOCAL);
        let (first, last) = crate::walk::plan::loopback_range(self.query.family);
        match self.in_range(value, first, last, Some(at)) {
            Ok(true) => return Ok(local),
            Ok(false) => {}
            Err(_) if is_entering => {}
            Err(open) => return Err(open),
        }
        let as_type =
            |is_local: bool| types.contains(if is_local { AddressTypes::LOCAL } else { AddressTypes::UNICAST });
        match value {
            Value::Entering(Field::Dst) if self.query.dst_is_local => Ok(as_type(true)),
            Value::Entering(Field::Dst) => self.assume(self.is_here()).map(as_type),
            // A packet from outside with a source of this host's own is refused by routing: the walk is of the others.
            Value::Entering(Field::Src) => Ok(as_type(self.query.origin == Origin::Local)),
            _ => self.undecided(at, Why::Unread, if local { 0.3 } else { 0.7 }),
        }
    }

    /// The question whether the packet's destination is an address of this host, whose addresses nobody has read.
    pub(in crate::walk) fn is_here(&self) -> Open {
        let dst = self.address_of(&self.packet.dst);
        Open::either(Assumed::Local(Endpoints { dst, ..Endpoints::default() }), Why::Unread, 0.3)
    }

    /// `owner_mt`: a packet that was not made here has no socket, and then only what is negated throughout holds. The
    /// kernel's own sockets have no file, and so no user.
    pub(in crate::walk) fn owner(&self, owner: &Owner) -> Asked<bool> {
        let by = if self.made_here { self.packet.owner } else { SocketOwner::Nobody };
        let by_none = owner.uid.is_none_or(|uid| uid.not) && owner.gid.is_none_or(|gid| gid.not);
        match by {
            SocketOwner::Nobody => return Ok(by_none && owner.socket_exists.is_none_or(|socket| socket.not)),
            SocketOwner::Kernel => return Ok(by_none && owner.socket_exists.is_none_or(|socket| !socket.not)),
            SocketOwner::Process => {}
        }
        let id = |field: Field, asked: Option<Neg<(u32, u32)>>| match asked {
            None => Ok(true),
            Some(ids) => negate(self.entering(field, u128::from(ids.value.0), u128::from(ids.value.1)), ids.not),
        };
        let socket = Ok(owner.socket_exists.is_none_or(|socket| !socket.not));
        all([socket, id(Field::Uid, owner.uid), id(Field::Gid, owner.gid)])
    }

    /// The link-layer source address, where a device brought the packet in a frame.
    pub(in crate::walk) fn sender(&self) -> Option<&Value> {
        let in_frame = self.packet.iif != Device::Absent || self.packet.crossing.is_some() || self.layer != Layer::Ip;
        self.packet.src_mac.as_ref().filter(|_| in_frame)
    }

    /// The link-layer address that the frame is for, where the device that brought it tells: its own, for a frame to this host
    /// (`eth_type_trans`). On a bridge it may be that of any port.
    pub(in crate::walk) fn addressee(&self) -> Option<u128> {
        const ALL: u128 = 0xffff_ffff_ffff;
        match self.settled(&self.packet.pkttype) {
            Value::Known(TO_ALL) => Some(ALL),
            Value::Known(TO_HOST) if self.packet.crossing.is_none() => {
                // A VRF takes what its port's frame brought.
                let by = if self.packet.port == Device::Absent { self.packet.iif } else { self.packet.port };
                let number = match by {
                    Device::Known(number) => number,
                    Device::Entering => self.space.known(Field::Iif)?,
                    Device::Absent | Device::Leaving => return None,
                };
                let link = self.plan.namespace().link(self.plan.devices.name(number)?)?;
                link.mac.filter(|_| !matches!(link.kind, LinkKind::Bridge | LinkKind::Other(_))).map(Mac::number)
            }
            _ => None,
        }
    }

    /// `mac_mt`: holds only for packets that arrived on an Ethernet device, before they are routed on; lo is none.
    pub(in crate::walk) fn mac(&self, mac: &Neg<crate::host::Mac>, at: At) -> Asked<bool> {
        let Some(sender) = self.sender() else { return Ok(false) };
        let value = mac.value.number();
        negate(self.in_range(sender, value, value, Some(at)), mac.not)
    }

    /// `pkttype_mt`: a packet made here is its own loop's.
    pub(in crate::walk) fn pkttype(&self, kind: &Neg<PacketType>, at: At) -> Asked<bool> {
        let wanted = match kind.value {
            PacketType::Host => 0,
            PacketType::Broadcast => 1,
            PacketType::Multicast => 2,
            PacketType::OtherHost => 3,
        };
        negate(self.in_range(&self.packet.pkttype, wanted, wanted, Some(at)), kind.not)
    }

    /// `physdev_mt`: without a bridge that told netfilter of the packet, what is negated holds.
    pub(in crate::walk) fn physdev(&self, physdev: &Physdev, at: At) -> Asked<bool> {
        if !self.plan.namespace().is_read(What::Links) {
            return self.undecided(at, Why::Unread, 0.5);
        }
        let Some(crossing) = self.packet.crossing.as_ref().filter(|crossing| crossing.told) else {
            let holds = [
                physdev.input.as_ref().map(|pattern| pattern.not),
                physdev.output.as_ref().map(|pattern| pattern.not),
                physdev.is_in.map(|is| is.not),
                physdev.is_out.map(|is| is.not),
                physdev.is_bridged.map(|is| is.not),
            ];
            return Ok(holds.into_iter().flatten().all(|negated| negated));
        };
        let (input, output) = (crossing.input, crossing.output);
        let is = |there: bool, asked: Option<Neg<()>>| Ok(asked.is_none_or(|asked| there != asked.not));
        let port = |device: Device, asked: &Option<Neg<InterfacePattern>>| match (device, asked) {
            (_, None) => Ok(true),
            // Of a port that is not there not even the opposite holds.
            (Device::Absent, Some(_)) => Ok(false),
            (device, Some(asked)) => negate(self.device(device, &asked.value), asked.not),
        };
        all([
            is(output != Device::Absent, physdev.is_bridged),
            is(input != Device::Absent, physdev.is_in),
            is(output != Device::Absent, physdev.is_out),
            port(input, &physdev.input),
            port(output, &physdev.output),
        ])
    }
}
