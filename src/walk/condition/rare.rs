//! Conditions that few rules ask: services, IPsec, reverse paths, sockets, extension headers, the time.
//!
//! What depends on packets that came before, or on what a packet carries, is left open ([`open`]).

use super::*;
use crate::host::RouteKind;
use crate::host::nft::fib;
use crate::host::xt::{
    Ah, Connlabel, Dccp, Ecn, Esp, Ipcomp, Ipv6Header, Ipv6Headers, Rpfilter, Sctp, SocketMatch, Time,
};
use crate::walk::outgoing::outgoing;
use crate::walk::query::Turn;

/// The bits of the service's byte that are ECN's, and those that are DSCP's.
const ECN: u8 = 0x03;
const DSCP: u8 = 0xfc;

impl Scene<'_> {
    pub(super) fn rare(&self, found: &Rare, at: At) -> Asked<bool> {
        let (why, likely) = open(found);
        let undecided = || self.undecided(at, why, likely);
        let protocol = self.query.protocol;
        match found {
            Rare::Tos(tos) => negate(self.tos_masked(tos.value.0, tos.value.1), tos.not),
            Rare::Dscp(dscp) => negate(self.tos_masked(dscp.value << 2, DSCP), dscp.not),
            Rare::Ecn(ecn) => self.ecn(ecn, at),
            // Nothing is known of IPsec here: no packet has come by it, and none is to leave by it.
            Rare::Policy(policy) => Ok(policy.none),
            Rare::Rpfilter(flags) => self.rpfilter(*flags, at),
            Rare::Socket(flags) => self.has_socket(*flags, at),
            // Only packets made here have a socket.
            Rare::Cgroup(_) if !self.made_here => Ok(false),
            Rare::Connlabel(label) => self.connlabel(label, at),
            Rare::Helper(_) | Rare::Connbytes(_) if self.has_flow() == Ok(false) => {
                Ok(matches!(found, Rare::Helper(helper) if helper.not))
            }
            // Only a flow that another one called for has a helper's name to tell (`helper_mt`).
            Rare::Helper(helper) if self.is_first()? => Ok(helper.not),
            Rare::Time(time) => self.time(time, at),
            Rare::Tcpmss(_) if protocol != Protocol::TCP => Ok(false),
            Rare::Sctp(sctp) => self.sctp(sctp, at),
            Rare::Dccp(dccp) => self.dccp(dccp, at),
            Rare::Ah(Ah { spi: None, length: None, reserved: false }) => Ok(protocol.0 == AH),
            Rare::Ah(_) if protocol.0 != AH => Ok(false),
            Rare::Esp(Esp { spi: None }) => Ok(protocol.0 == ESP),
            Rare::Esp(_) if protocol.0 != ESP => Ok(false),
            Rare::Ipcomp(Ipcomp { spi: None, reserved: false }) => Ok(protocol.0 == IPCOMP),
            Rare::Ipcomp(_) if protocol.0 != IPCOMP => Ok(false),
            // The packet has no extension headers, and is whole.
            Rare::Frag(_) | Rare::Hbh(_) | Rare::Dst(_) | Rare::Rt(_) | Rare::Srh(_) => Ok(false),
            Rare::Mh(_) if protocol.0 != MOBILITY => Ok(false),
            Rare::Ipv6Header(asked) if protocol.0 != AH => Ok(self.has_headers(asked)),
            _ => undecided(),
        }
    }

    /// Whether the byte that asks for a service is one of these now.
    pub(in crate::walk) fn tos_in(&self, set: &ValueSet) -> Asked<bool> {
        match &self.packet.tos {
            Value::Mapped { field, mask, prefix } => {
                let fits = |entering: &u128| set.contains(prefix | (entering & mask));
                let entering = (0..256).filter(fits).map(|value| (value, value));
                self.space.ask(*field, &ValueSet::from_ranges(entering))
            }
            value => self.in_set(value, set, None),
        }
    }

    /// Whether these bits of that byte are this.
    pub(in crate::walk) fn tos_masked(&self, value: u8, mask: u8) -> Asked<bool> {
        let fits = (0..256u128).filter(|tos| *tos as u8 & mask == value);
        self.tos_in(&ValueSet::from_ranges(fits.map(|tos| (tos, tos))))
    }

    /// `ecn_mt4`: what TCP says of it is in flags that nothing here knows.
    fn ecn(&self, ecn: &Ecn, at: At) -> Asked<bool> {
        let of_tcp = match (&ecn.ece, &ecn.cwr) {
            (None, None) => Ok(true),
            _ if self.query.protocol != Protocol::TCP => Ok(false),
            _ => self.undecided(at, Why::State, 0.5),
        };
        let of_ip = ecn.ect.map_or(Ok(true), |ect| negate(self.tos_masked(ect.value, ECN), ect.not));
        all([of_ip, of_tcp])
    }

    /// `rpfilter_mt`: asks for the route back, as `fib saddr` does.
    fn rpfilter(&self, flags: Rpfilter, at: At) -> Asked<bool> {
        let namespace = self.plan.namespace();
        if !namespace.is_read(What::Routes) || !namespace.is_read(What::Links) {
            return self.undecided(at, Why::Unread, 0.9);
        }
        let not = flags.contains(Rpfilter::INVERT);
        let iif = if let Device::Known(number) = self.packet.iif { self.plan.devices.name(number) } else { None };
        if iif.and_then(|name| namespace.link(name)).is_some_and(crate::host::Link::is_loopback) {
            return Ok(!not);
        }
        let src = &self.packet.src;
        let without_source = match self.query.family {
            // Who has no address yet asks all, or a group of the link.
            IpFamily::V4 => all([
                self.in_range(src, 0, 0x00ff_ffff, None),
                any([
                    self.in_range(&self.packet.dst, 0xffff_ffff, 0xffff_ffff, None),
                    self.in_range(&self.packet.dst, 0xe000_0000, 0xe000_00ff, None),
                ]),
            ]),
            IpFamily::V6 => self.in_range(src, 0, 0, None),
        };
        if without_source? {
            return Ok(!not);
        }
        let mark = if flags.contains(Rpfilter::VALIDMARK) { fib::MARK } else { 0 };
        let device = if flags.contains(Rpfilter::LOOSE) && !self.is_link_local(src)? { 0 } else { fib::IIF };
        let found = outgoing(self, fib::SADDR | mark | device, &|kind| match kind {
            RouteKind::Unicast => true,
            RouteKind::Local => flags.contains(Rpfilter::ACCEPT_LOCAL),
            RouteKind::Broadcast
            | RouteKind::Anycast
            | RouteKind::Multicast
            | RouteKind::Blackhole
            | RouteKind::Unreachable
            | RouteKind::Prohibit
            | RouteKind::Throw => false,
        })?;
        Ok((found != 0) != not)
    }

    /// Whether an address is one of those that mean something on their link only.
    pub(in crate::walk) fn is_link_local(&self, value: &Value) -> Asked<bool> {
        match self.query.family {
            IpFamily::V4 => Ok(false),
            IpFamily::V6 => self.in_range(value, 0xfe80 << 112, (0xfe80 << 112) | (u128::MAX >> 10), None),
        }
    }

    /// `socket_match`: a socket that is bound to no address does not count unless that is asked for.
    fn has_socket(&self, flags: SocketMatch, at: At) -> Asked<bool> {
        // The sockets of connections are not read.
        if self.packet.turn != Turn::First {
            return self.undecided(at, Why::State, 0.5);
        }
        let Some(socket) = self.its_socket(at)? else { return Ok(false) };
        let wildcard = socket.addr.is_unspecified() && !flags.contains(SocketMatch::NOWILDCARD);
        if wildcard || !flags.contains(SocketMatch::TRANSPARENT) {
            return Ok(!wildcard);
        }
        socket.transparent.map_or_else(|| self.undecided(at, Why::Unread, 0.5), Ok)
    }

    /// Whether it is the first packet of its flow, and no other flow called for it.
    pub(in crate::walk) fn is_first(&self) -> Asked<bool> {
        let new = u128::from(CtStates::NEW.bits());
        self.space.ask_range(Field::CtState, new, new)
    }

    /// `connlabel_mt`: a flow that begins has no label, and takes one that is set on the way.
    fn connlabel(&self, label: &Connlabel, at: At) -> Asked<bool> {
        if !self.has_flow()? {
            return Ok(label.label.not);
        }
        if label.set { Ok(!label.label.not) } else { self.undecided(at, Why::State, 0.5) }
    }

    /// `sctp_mt`: what a packet of SCTP carries is open.
    fn sctp(&self, sctp: &Sctp, at: At) -> Asked<bool> {
        if self.query.protocol != Protocol::SCTP {
            return Ok(false);
        }
        let chunks = if sctp.chunks.is_some() { self.undecided(at, Why::State, 0.5) } else { Ok(true) };
        all([self.port(&self.packet.sport, sctp.sport, at), self.port(&self.packet.dport, sctp.dport, at), chunks])
    }

    /// `dccp_mt`.
    fn dccp(&self, dccp: &Dccp, at: At) -> Asked<bool> {
        if self.query.protocol != Protocol::DCCP {
            return Ok(false);
        }
        let asks_more = dccp.types.is_some() || dccp.option.is_some();
        let more = if asks_more { self.undecided(at, Why::State, 0.5) } else { Ok(true) };
        all([self.port(&self.packet.sport, dccp.sport, at), self.port(&self.packet.dport, dccp.dport, at), more])
    }

    /// `ipv6header_mt6`, of a packet whose only header is that of its protocol.
    fn has_headers(&self, asked: &Ipv6Header) -> bool {
        let has = match self.query.protocol.0 {
            ESP => Ipv6Headers::ESP,
            NO_NEXT => Ipv6Headers::NONE,
            _ => Ipv6Headers::PROTOCOL,
        };
        let wanted = asked.headers.value;
        // With `!`, `--soft` asks that none of them is there.
        match (asked.soft, asked.headers.not) {
            (true, false) => has.contains(wanted),
            (true, true) => !has.intersects(wanted),
            (false, not) => (has == wanted) != not,
        }
    }

    /// `time_mt`, where the time is known.
    fn time(&self, time: &Time, at: At) -> Asked<bool> {
        match self.space.known(Field::Time) {
            _ if *time == Time::default() => Ok(true),
            Some(now) if !time.kernel_zone => Ok(is_within(time, now as i64)),
            _ => self.undecided(at, Why::State, 0.5),
        }
    }
}

/// `IPPROTO_AH` and its like.
const AH: u8 = 51;
const ESP: u8 = 50;
const IPCOMP: u8 = 108;
const MOBILITY: u8 = 135;
const NO_NEXT: u8 = 59;

/// Whether a moment lies in what `-m time` asks, in seconds since 1970.
fn is_within(time: &Time, now: i64) -> bool {
    const DAY: i64 = 24 * 60 * 60;
    if now < time.date.0.into() || now > time.date.1.into() {
        return false;
    }
    let of_day = now.rem_euclid(DAY) as u32;
    let (start, stop) = time.day;
    let across_midnight = start >= stop;
    let fits = if across_midnight { of_day >= start || of_day <= stop } else { (start..=stop).contains(&of_day) };
    // What runs on past midnight belongs to the day before.
    let belongs_before = across_midnight && time.contiguous && of_day <= stop;
    let day = now.div_euclid(DAY) - i64::from(belongs_before);
    // 1970 began on a Thursday; Monday is 1.
    let weekday = (day + 3).rem_euclid(7) + 1;
    fits && time.weekdays & (1 << weekday) != 0 && time.monthdays & (1 << day_of_month(day)) != 0
}

/// The day of the month of a day since 1970, from 1: Gregorian months, counted from March.
fn day_of_month(day: i64) -> u32 {
    let of_era = (day + 719_468).rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    (of_year - (153 * month + 2) / 5 + 1) as u32
}

/// Why one of the rarer matches cannot be decided, and how likely it is to hold.
fn open(found: &Rare) -> (Why, f64) {
    let seldom = |seldom: bool| (Why::Rate, if seldom { 0.01 } else { 0.99 });
    match found {
        Rare::Hashlimit(limit) => seldom(limit.above),
        // How many connections there are now is the kernel's to know.
        Rare::Connlimit(limit) => (Why::State, if limit.above { 0.01 } else { 0.99 }),
        Rare::Rateest(_) => (Why::Rate, 0.5),
        Rare::Quota(quota) => (Why::State, if quota.not { 0.01 } else { 0.99 }),
        Rare::Connbytes(_) | Rare::Connlabel(_) | Rare::Helper(_) | Rare::Cluster(_) => UNSEEN,
        Rare::Nfacct(_) | Rare::Ipvs(_) | Rare::Time(_) | Rare::Cpu(_) => UNSEEN,
        Rare::Ah(_) | Rare::Bpf(_) | Rare::Cgroup(_) | Rare::Dccp(_) | Rare::Devgroup(_) | Rare::Dscp(_) => UNSEEN,
        Rare::Dst(_) | Rare::Ecn(_) | Rare::Esp(_) | Rare::Eui64 | Rare::Frag(_) | Rare::Hbh(_) => UNSEEN,
        Rare::Ipcomp(_) | Rare::Ipv6Header(_) | Rare::Mh(_) | Rare::Osf(_) | Rare::Policy(_) => UNSEEN,
        Rare::Realm(_) | Rare::Rpfilter(_) | Rare::Rt(_) | Rare::Sctp(_) | Rare::Socket(_) => UNSEEN,
        Rare::Srh(_) | Rare::String(_) | Rare::Tcpmss(_) | Rare::Tos(_) | Rare::U32(_) => UNSEEN,
    }
}

/// What it asks is known, and what it looks at is not: what a packet carries, or what the kernel keeps to itself.
const UNSEEN: (Why, f64) = (Why::State, 0.5);

#[cfg(test)]
mod tests {
    use super::*;

    /// Saturday, 29 February 2020, 22:30:00, and a second less than two hours later.
    const SATURDAY: i64 = 1_583_015_400;

    #[test]
    fn times_are_those_of_the_calendar() {
        let base = Time::default();
        let is = |time: Time| is_within(&time, SATURDAY);
        assert!(is(Time { weekdays: 1 << 6, ..base.clone() }) && !is(Time { weekdays: 1 << 7, ..base.clone() }));
        assert!(is(Time { monthdays: 1 << 29, ..base.clone() }) && !is(Time { monthdays: 1 << 28, ..base.clone() }));
        assert!(is(Time { day: (22 * 3600, 23 * 3600), ..base.clone() }));
        assert!(!is(Time { day: (10 * 3600, 11 * 3600), ..base.clone() }));
        assert!(is(Time { day: (22 * 3600, 3600), ..base.clone() }), "over midnight");
        assert!(!is(Time { date: (0, 1_583_000_000), ..base.clone() }));
        let sunday_morning = SATURDAY + 2 * 3600;
        let night = Time { day: (22 * 3600, 3600), weekdays: 1 << 6, ..base };
        assert!(!is_within(&night, sunday_morning));
        assert!(is_within(&Time { contiguous: true, ..night }, sunday_morning));
        assert_eq!([0, 30, 31, 59, 18_321].map(day_of_month), [1, 31, 1, 1, 29]);
    }
}
