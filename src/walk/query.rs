//! What is asked of a walk: where a packet starts, and what is known of it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::field::Field;
use super::set::ValueSet;
use crate::host::{IpFamily, Protocol};

/// Where a packet starts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Origin {
    /// It arrives on the device with this name.
    Device(String),
    /// It arrives on some device other than `lo`: all that a dump without devices allows to say.
    Somewhere,
    /// This host makes it.
    Local,
}

/// Which packet of a connection is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Turn {
    /// The first one.
    #[default]
    First,
    /// A later one of the same direction, after an answer came.
    Later,
    /// The answer to the first one.
    Reply,
}

/// A packet, as far as it is known, and where it starts. Of a later packet or an answer it describes the first one of the
/// connection, but for the TCP flags, which are its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// Index of the network namespace in the host.
    pub namespace: usize,
    /// Where it starts.
    pub origin: Origin,
    /// Its family.
    pub family: IpFamily,
    /// Its protocol.
    pub protocol: Protocol,
    /// The values that each field may have. A field that is not here is unknown: it may have any.
    pub fields: BTreeMap<Field, ValueSet>,
    /// The VRF to which the sender of a packet made here is bound, by its name (`ip vrf exec`).
    pub vrf: Option<String>,
    /// The destination is some address of this host, though nobody knows which: a dump without addresses.
    pub dst_is_local: bool,
    /// Which packet of the connection is followed.
    pub turn: Turn,
    /// It is followed no further than to where it leaves the namespace.
    pub stays: bool,
    /// Packets of a few sources that a rule refuses go on as if it did not: for questions that those of others answer.
    pub overlooks: bool,
    /// At most this many outcomes are followed to their end.
    pub limit: usize,
}

impl Query {
    /// How many outcomes a query for a person's eyes follows.
    pub const LIMIT: usize = 256;

    /// A query of which nothing is known beyond origin, family and protocol, and what a first packet is by default:
    /// mark 0, TCP flags SYN, an ICMP echo request.
    pub fn new(namespace: usize, origin: Origin, family: IpFamily, protocol: Protocol) -> Query {
        let mut query = Query {
            namespace,
            origin,
            family,
            protocol,
            fields: BTreeMap::new(),
            vrf: None,
            dst_is_local: false,
            turn: Turn::First,
            stays: false,
            overlooks: false,
            limit: Query::LIMIT,
        };
        query.set(Field::Mark, ValueSet::one(0));
        match protocol {
            Protocol::TCP => query.set(Field::TcpFlags, ValueSet::one(0x02)),
            Protocol::ICMP => query.set(Field::IcmpType, ValueSet::one(8)),
            Protocol::ICMPV6 => query.set(Field::IcmpType, ValueSet::one(128)),
            _ => {}
        }
        if matches!(protocol, Protocol::ICMP | Protocol::ICMPV6) {
            query.set(Field::IcmpCode, ValueSet::one(0));
        }
        query
    }

    /// Says which values a field may have.
    pub fn set(&mut self, field: Field, values: ValueSet) {
        self.fields.insert(field, values);
    }

    /// Says the value of an address field.
    pub fn set_address(&mut self, field: Field, address: IpAddr) {
        self.set(field, ValueSet::one(number(address)));
    }

    /// The values that a field may have; all of them where nothing is known.
    pub fn values(&self, field: Field) -> ValueSet {
        self.fields.get(&field).cloned().unwrap_or_else(|| ValueSet::full(field.bits(self.family)))
    }

    /// The field's value, where only one is possible.
    pub fn known(&self, field: Field) -> Option<u128> {
        self.fields.get(&field).and_then(ValueSet::only)
    }

    /// The address in an address field, where only one is possible.
    pub fn known_address(&self, field: Field) -> Option<IpAddr> {
        self.known(field).map(|value| address(self.family, value))
    }
}

/// An address as a number: IPv4 in the low 32 bits.
pub fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(u32::from(v4)),
        IpAddr::V6(v6) => u128::from(v6),
    }
}

/// The address that a number stands for.
pub fn address(family: IpFamily, value: u128) -> IpAddr {
    match family {
        IpFamily::V4 => IpAddr::V4((value as u32).into()),
        IpFamily::V6 => IpAddr::V6(value.into()),
    }
}
