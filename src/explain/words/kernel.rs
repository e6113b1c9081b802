//! What the kernel decides where no rule does, in words, with the sysctl that makes it so and its present value.

use super::phrase::{Phrase, say};
use crate::host::{IpFamily, Namespace};
use crate::walk::{Outcome, Reason, Turn};

/// Why the kernel drops an outcome's packets, as a clause.
pub(super) fn reason(ns: &Namespace, family: IpFamily, outcome: Option<&Outcome>, reason: Reason) -> String {
    let fate = outcome.map(|outcome| &outcome.fate);
    let iif = outcome.and_then(|outcome| outcome.passes.last()).and_then(|pass| pass.iif.clone());
    let oif = fate.and_then(|fate| fate.oif.clone());
    let some = || say(Phrase::SomeDevice, &[]);
    let dst =
        fate.and_then(|fate| fate.endpoints.dst).map_or_else(|| say(Phrase::SomeAddress, &[]), |dst| dst.to_string());
    let goal = match fate.and_then(|fate| fate.endpoints.dst) {
        Some(dst) => dst.to_string(),
        None if outcome.is_some_and(|outcome| outcome.turn == Turn::Reply) => say(Phrase::WhoAsked, &[]),
        None => say(Phrase::WhereItGoes, &[]),
    };
    let device = iif.clone().unwrap_or_else(some);
    let settings = Settings { ns, device: &device, family };
    let loopback = match family {
        IpFamily::V4 => "127.0.0.0/8",
        IpFamily::V6 => "::1",
    };
    match reason {
        Reason::IpForward => {
            say(Phrase::IpForward, &[("dst", &dst), ("device", &device), ("sysctl", &settings.forwarding())])
        }
        Reason::RpFilter => {
            let (value, sysctl) = settings.rp_filter();
            let phrase = if value == Some(2) { Phrase::RpFilterLoose } else { Phrase::RpFilter };
            say(phrase, &[("device", &device), ("sysctl", &sysctl)])
        }
        Reason::RouteLocalnet => {
            // Made here, it is refused on the device it would leave by, which nothing tells.
            let Some(device) = iif.or(oif) else {
                return say(Phrase::RouteLocalnetOut, &[("loopback", loopback), ("dst", &dst)]);
            };
            let sysctl = Settings { ns, device: &device, family }.flag("route_localnet");
            say(Phrase::RouteLocalnet, &[("loopback", loopback), ("device", &device), ("sysctl", &sysctl)])
        }
        Reason::LocalSource => say(Phrase::LocalSource, &[("sysctl", &settings.flag("accept_local"))]),
        Reason::ImpossibleSource => say(Phrase::ImpossibleSource, &[]),
        Reason::ImpossibleDestination => {
            let from = match iif {
                Some(device) => say(Phrase::OutsideBy, &[("device", &device)]),
                None => say(Phrase::Outside, &[]),
            };
            say(Phrase::ImpossibleDestination, &[("dst", &dst), ("from", &from)])
        }
        Reason::Ttl => say(Phrase::Ttl, &[]),
        Reason::Hairpin => say(Phrase::Hairpin, &[]),
        Reason::NoRoute if outcome.is_some_and(|outcome| outcome.fate.endpoints.dst.is_none()) => {
            let back = outcome.is_some_and(|outcome| outcome.turn == Turn::Reply);
            say(if back { Phrase::NoRouteBack } else { Phrase::NoRouteThere }, &[])
        }
        Reason::NoRoute => say(Phrase::NoRoute, &[("dst", &dst)]),
        Reason::Blackhole => say(Phrase::Blackhole, &[("dst", &goal)]),
        Reason::Unreachable => say(Phrase::Unreachable, &[("dst", &goal)]),
        Reason::Prohibit => say(Phrase::Prohibit, &[("dst", &goal)]),
        Reason::Broadcast => say(Phrase::Broadcast, &[("dst", &dst)]),
        Reason::Loop => say(Phrase::Loop, &[("dst", &goal)]),
        Reason::OfSocket => say(Phrase::OfSocket, &[("dst", &dst)]),
        Reason::OfOthers => say(Phrase::OfOthers, &[]),
        Reason::Private => say(Phrase::Private, &[("dst", &dst)]),
        Reason::Synproxy => say(Phrase::Synproxy, &[]),
    }
}

/// The sysctls of one device.
struct Settings<'a> {
    ns: &'a Namespace,
    device: &'a str,
    family: IpFamily,
}

impl Settings<'_> {
    fn name(&self, device: &str, key: &str) -> String {
        let family = match self.family {
            IpFamily::V4 => "ipv4",
            IpFamily::V6 => "ipv6",
        };
        format!("net.{family}.conf.{device}.{key}")
    }

    fn told(&self, device: &str, key: &str, value: Option<u8>) -> String {
        let value = value.map_or_else(|| say(Phrase::Unread, &[]), |value| value.to_string());
        format!("{} = {value}", self.name(device, key))
    }

    fn forwarding(&self) -> String {
        match self.family {
            IpFamily::V4 => {
                let value = self.ns.sysctls.ip.get(self.device).and_then(|device| device.forwarding);
                self.told(self.device, "forwarding", value.map(u8::from))
            }
            // IPv6 forwards as `all` says: the device's own only tells whether it acts as a router there.
            IpFamily::V6 => {
                let value = self.ns.sysctls.ip6.get("all").and_then(|device| device.forwarding);
                self.told("all", "forwarding", value.map(u8::from))
            }
        }
    }

    /// The greater of `all` and the device decides; the one that does is told.
    fn rp_filter(&self) -> (Option<u8>, String) {
        let value = |device: &str| self.ns.sysctls.ip.get(device).and_then(|device| device.rp_filter);
        let (all, own) = (value("all"), value(self.device));
        if all > own {
            (all, self.told("all", "rp_filter", all))
        } else {
            (own, self.told(self.device, "rp_filter", own))
        }
    }

    /// A setting of which `all` or the device is enough: as neither is on, the device's is told.
    fn flag(&self, key: &str) -> String {
        let own = self.ns.sysctls.ip.get(self.device);
        let value = match key {
            "route_localnet" => own.and_then(|device| device.route_localnet),
            _ => own.and_then(|device| device.accept_local),
        };
        self.told(self.device, key, value.map(u8::from))
    }
}
