//! What is replaced of the rules of iptables: matches and targets. Each kind is looked at, be it to let it be.

use std::net::IpAddr;

use ipnet::IpNet;

use super::labels::Kind;
use super::places::pattern;
use super::{Stage, Words};
use crate::host::names::Name;
use crate::host::xt::{
    AddressMask, Bpf, Cgroup, Clusterip, Conntrack, Ct, Idletimer, InterfacePattern, Iprange, Ipvs, Led, Log, Match,
    Nat, Neg, Nflog, Npt, Opaque, Osf, Physdev, Policy, PolicyElement, Rare, Rateest, RateestMatch, Recent, Rt, Rule,
    SetMatch, SetRef, SetTarget, Srh, Target, Tee, Tproxy, U32, U32Test, Ulog,
};

pub(super) fn rule(words: &mut Words, rule: &mut Rule) {
    let Rule { matches, target } = rule;
    matches.iter_mut().for_each(|one| self::matched(words, one));
    self::target(words, target);
}

fn mask(words: &mut Words, mask: &mut AddressMask) {
    match mask {
        AddressMask::Net(net) => words.net(net),
        AddressMask::Bits(both) => {
            let (address, mask) = &mut **both;
            words.address(address);
            if words.stage == Stage::Replace {
                *address = match (*address, *mask) {
                    (IpAddr::V4(address), IpAddr::V4(mask)) => IpAddr::V4(address & mask),
                    (IpAddr::V6(address), IpAddr::V6(mask)) => IpAddr::V6(address & mask),
                    (address, _) => address,
                };
            }
        }
    }
}

fn masks<'a>(words: &mut Words, masks: impl IntoIterator<Item = &'a mut Option<Neg<AddressMask>>>) {
    masks.into_iter().flatten().for_each(|neg| mask(words, &mut neg.value));
}

pub(super) fn interface(words: &mut Words, interface: &mut InterfacePattern) {
    let InterfacePattern { name, prefix } = interface;
    pattern(words, name, *prefix);
}

fn opaque(words: &mut Words, opaque: &mut Opaque) {
    let Opaque { name: _, words: all } = opaque;
    all.iter_mut().for_each(|word| words.label(Kind::Word, word));
}

fn set(words: &mut Words, set: &mut SetRef) {
    let SetRef { name, directions: _ } = set;
    words.label(Kind::Set, name);
}

pub(super) fn matched(words: &mut Words, matched: &mut Match) {
    match matched {
        Match::Source(neg) | Match::Destination(neg) => mask(words, &mut neg.value),
        Match::InInterface(neg) | Match::OutInterface(neg) => interface(words, &mut neg.value),
        Match::Comment(text) => words.label(Kind::Comment, text),
        Match::Conntrack(all) => conntrack(words, all),
        Match::Recent(recent) => {
            let Recent { name, mask: _, .. } = &mut **recent;
            words.label(Kind::Thing, name);
        }
        Match::Set(all) => {
            let SetMatch { set, .. } = &mut **all;
            self::set(words, set);
        }
        Match::Mac(neg) => words.mac(&mut neg.value),
        Match::Iprange(all) => {
            let Iprange { source, destination } = &mut **all;
            for neg in [source, destination].into_iter().flatten() {
                words.range(&mut neg.value.0, &mut neg.value.1);
            }
        }
        Match::Physdev(all) => {
            let Physdev { input, output, .. } = &mut **all;
            [input, output].into_iter().flatten().for_each(|neg| interface(words, &mut neg.value));
        }
        Match::Rare(all) => rare(words, all),
        Match::Opaque(all) => opaque(words, all),
        Match::Protocol(_)
        | Match::Fragment(_)
        | Match::Tcp(_)
        | Match::Udp(_)
        | Match::Icmp(_)
        | Match::Multiport(_)
        | Match::State(_)
        | Match::Addrtype(_)
        | Match::Mark(_)
        | Match::Connmark(_)
        | Match::Limit(_)
        | Match::Statistic(_)
        | Match::Owner(_)
        | Match::Pkttype(_)
        | Match::Length(_)
        | Match::Ttl(_) => {}
    }
}

fn conntrack(words: &mut Words, all: &mut Conntrack) {
    let Conntrack {
        state: _,
        protocol: _,
        orig_src,
        orig_dst,
        reply_src,
        reply_dst,
        orig_sport: _,
        orig_dport: _,
        reply_sport: _,
        reply_dport: _,
        status: _,
        expire: _,
        direction: _,
    } = all;
    masks(words, [orig_src, orig_dst, reply_src, reply_dst]);
}

fn rare(words: &mut Words, rare: &mut Rare) {
    match rare {
        Rare::Bpf(bpf) => self::bpf(words, bpf),
        Rare::Cgroup(Cgroup { path, class: _ }) => {
            path.iter_mut().for_each(|neg| words.label(Kind::Thing, &mut neg.value));
        }
        Rare::Hashlimit(all) => words.label(Kind::Thing, &mut all.name),
        Rare::Helper(neg) => words.label(Kind::Thing, &mut neg.value),
        Rare::Ipvs(Ipvs { address, .. }) => masks(words, [address]),
        Rare::Nfacct(name) => words.label(Kind::Thing, name),
        Rare::Osf(Osf { genre: _, ttl: _, log: _ }) => {}
        Rare::Policy(Policy { out: _, none: _, strict: _, elements }) => {
            for PolicyElement { reqid: _, spi: _, protocol: _, mode: _, destination, source } in elements {
                masks(words, [destination, source]);
            }
        }
        Rare::Rateest(RateestMatch { first, second, .. }) => {
            [first].into_iter().chain(second).for_each(|name| words.label(Kind::Thing, name));
        }
        Rare::Rt(Rt { addresses, .. }) => {
            for address in addresses.iter_mut().flatten() {
                let mut any = IpAddr::V6(*address);
                words.address(&mut any);
                if let IpAddr::V6(new) = any {
                    *address = new;
                }
            }
        }
        Rare::Srh(Srh { previous, next, last, .. }) => masks(words, [previous, next, last]),
        Rare::String(all) => {
            // Parts of what packets carry.
            let mut text = Name::from(String::from_utf8_lossy(&all.pattern.value));
            words.label(Kind::Word, &mut text);
            if words.stage == Stage::Replace {
                all.pattern.value = text.as_bytes().into();
            }
        }
        Rare::U32(U32 { not: _, tests }) if words.stage == Stage::Replace => {
            // The numbers may be addresses.
            for U32Test { start: _, steps: _, ranges } in tests {
                ranges.iter_mut().for_each(|range| *range = (0, 0));
            }
        }
        Rare::U32(_)
        | Rare::Ah(_)
        | Rare::Cluster(_)
        | Rare::Connbytes(_)
        | Rare::Connlabel(_)
        | Rare::Connlimit(_)
        | Rare::Cpu(_)
        | Rare::Dccp(_)
        | Rare::Devgroup(_)
        | Rare::Dscp(_)
        | Rare::Dst(_)
        | Rare::Ecn(_)
        | Rare::Esp(_)
        | Rare::Eui64
        | Rare::Frag(_)
        | Rare::Hbh(_)
        | Rare::Ipcomp(_)
        | Rare::Ipv6Header(_)
        | Rare::Mh(_)
        | Rare::Quota(_)
        | Rare::Realm(_)
        | Rare::Rpfilter(_)
        | Rare::Sctp(_)
        | Rare::Socket(_)
        | Rare::Tcpmss(_)
        | Rare::Time(_)
        | Rare::Tos(_) => {}
    }
}

fn bpf(words: &mut Words, bpf: &mut Bpf) {
    match bpf {
        Bpf::Pinned(path) => words.label(Kind::Thing, path),
        // What it compares with may be addresses.
        Bpf::Code(code) if words.stage == Stage::Replace => code.iter_mut().for_each(|one| one.k = 0),
        Bpf::Code(_) => {}
    }
}

pub(super) fn target(words: &mut Words, target: &mut Target) {
    match target {
        Target::Log(log) => {
            let Log { level: _, prefix, flags: _ } = &mut **log;
            words.label(Kind::Prefix, prefix);
        }
        Target::Dnat(nat) | Target::Snat(nat) | Target::Masquerade(nat) | Target::Redirect(nat) => {
            let Nat { addresses, .. } = &mut **nat;
            addresses.iter_mut().for_each(|(first, last)| words.range(first, last));
        }
        Target::Netmap(net) => words.net(net),
        Target::Set(all) => {
            let SetTarget { add, del, map, .. } = &mut **all;
            [add, del, map].into_iter().flatten().for_each(|set| self::set(words, set));
        }
        Target::Ct(all) => {
            let Ct { helper, timeout, .. } = &mut **all;
            [helper, timeout].into_iter().flatten().for_each(|name| words.label(Kind::Thing, name));
        }
        Target::Tproxy(all) => {
            let Tproxy { port: _, address, mark: _ } = &mut **all;
            words.address(address);
        }
        Target::Tee(all) => {
            let Tee { gateway, device } = &mut **all;
            words.address(gateway);
            device.iter_mut().for_each(|name| words.label(Kind::Device, name));
        }
        Target::Clusterip(Some(all)) => {
            let Clusterip { mac, .. } = &mut **all;
            words.mac(mac);
        }
        Target::Npt(all) => {
            let Npt { destination: _, from, to } = &mut **all;
            for net in [from, to] {
                let mut any = IpNet::V6(*net);
                words.net(&mut any);
                if let IpNet::V6(new) = any {
                    *net = new;
                }
            }
        }
        Target::Secmark(name) => words.label(Kind::Thing, name),
        Target::Nflog(all) => {
            let Nflog { prefix, .. } = &mut **all;
            words.label(Kind::Prefix, prefix);
        }
        Target::Ulog(all) => {
            let Ulog { prefix, .. } = &mut **all;
            words.label(Kind::Prefix, prefix);
        }
        Target::Idletimer(all) => {
            let Idletimer { timeout: _, label, alarm: _ } = &mut **all;
            words.label(Kind::Thing, label);
        }
        Target::Led(all) => {
            let Led { trigger, .. } = &mut **all;
            words.label(Kind::Thing, trigger);
        }
        Target::Rateest(all) => {
            let Rateest { name, .. } = &mut **all;
            words.label(Kind::Thing, name);
        }
        Target::Opaque(all) => opaque(words, all),
        Target::Continue
        | Target::Accept
        | Target::Drop
        | Target::Return
        | Target::Queue
        | Target::Jump(_)
        | Target::Goto(_)
        | Target::Reject(_)
        | Target::Mark(_)
        | Target::Connmark(_)
        | Target::Notrack { .. }
        | Target::Nfqueue(_)
        | Target::Synproxy(_)
        | Target::Clusterip(None)
        | Target::Tcpmss(_)
        | Target::Tcpoptstrip(_)
        | Target::Checksum
        | Target::Ttl(_)
        | Target::Dscp(_)
        | Target::Tos(_)
        | Target::Ecn(_)
        | Target::Classify(_)
        | Target::Connsecmark(_)
        | Target::Hmark(_)
        | Target::Audit(_)
        | Target::Trace => {}
    }
}
