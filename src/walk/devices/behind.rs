//! By which devices networks lie, as far as rules let it be seen: what a dump's routes would tell and it does not have.
//!
//! Who makes a network for containers or guests writes rules about it and its bridge in one breath: `-s NET ! -o DEV -j
//! MASQUERADE`, `-d ADDR ! -i DEV -j DROP`, `-d NET -o DEV -j ACCEPT`. That is no proof: it makes ways likelier than
//! others, and rules none out.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use crate::host::nft::{self, CompareOp, Expression, MetaKey, PayloadBase, Register};
use crate::host::xt::{self, AddressMask, InterfacePattern, Match, Neg};
use crate::host::{Body, Rule};

/// A network, and the devices by which it lies.
pub(super) type Behind = (IpNet, InterfacePattern);

/// What a rule asks for of a packet, as far as it matters here.
#[derive(Default)]
struct Asked {
    source: Option<IpNet>,
    destination: Option<IpNet>,
    enters: Option<Neg<InterfacePattern>>,
    leaves: Option<Neg<InterfacePattern>>,
}

/// What a rule tells of where a network lies.
pub(super) fn told(rule: &Rule) -> Option<Behind> {
    let asked = match &rule.body {
        Body::Iptables(rule) => Asked::by(rule),
        Body::Nft(rule) => Asked::by_native(rule),
    };
    let but = |device: &Option<Neg<InterfacePattern>>| device.clone().filter(|device| device.not);
    let leaves = || asked.leaves.clone().filter(|device| !device.not && !rule.body.refuses());
    match (asked.source, asked.destination) {
        (Some(net), None) => but(&asked.leaves).map(|device| (net, device.value)),
        (None, Some(net)) => but(&asked.enters).or_else(leaves).map(|device| (net, device.value)),
        _ => None,
    }
}

impl Asked {
    fn by(rule: &xt::Rule) -> Asked {
        let mut asked = Asked::default();
        let net = |mask: &Neg<AddressMask>| match &mask.value {
            AddressMask::Net(net) if !mask.not => Some(*net),
            AddressMask::Net(_) | AddressMask::Bits(_) => None,
        };
        for matched in &rule.matches {
            match matched {
                Match::Source(mask) => asked.source = net(mask),
                Match::Destination(mask) => asked.destination = net(mask),
                Match::InInterface(pattern) => asked.enters = Some(pattern.clone()),
                Match::OutInterface(pattern) => asked.leaves = Some(pattern.clone()),
                _ => {}
            }
        }
        asked
    }

    /// Of a native rule what is compared right after it was loaded, as `nft` writes it.
    fn by_native(rule: &nft::Rule) -> Asked {
        let mut asked = Asked::default();
        let mut loaded: Option<(Register, Load)> = None;
        for expression in &rule.expressions {
            match expression {
                Expression::Payload { base: PayloadBase::Network, offset, length, to } => {
                    loaded = address(*offset, *length).map(|load| (*to, load));
                }
                Expression::Meta { key, to } => {
                    let device = [(MetaKey::IIFNAME, Load::Enters), (MetaKey::OIFNAME, Load::Leaves)];
                    loaded = device.into_iter().find(|(known, _)| known == key).map(|(_, load)| (*to, load));
                }
                Expression::Bitwise { from, to, mask_xor } => {
                    let bits = prefix(&mask_xor.0).filter(|_| mask_xor.1.iter().all(|byte| *byte == 0));
                    let masked = loaded.take().filter(|(held, _)| held == from).zip(bits);
                    loaded = masked.and_then(|((_, load), bits)| Some((*to, load.masked(bits)?)));
                }
                Expression::Compare { from, op, data } => {
                    if let Some((_, load)) = loaded.take().filter(|(held, _)| held == from) {
                        asked.compared(load, *op, data);
                    }
                }
                _ => loaded = None,
            }
        }
        asked
    }

    fn compared(&mut self, load: Load, op: CompareOp, data: &[u8]) {
        let not = match op {
            CompareOp::Equal => false,
            CompareOp::NotEqual => true,
            _ => return,
        };
        let device = || Some(Neg { not, value: InterfacePattern::of_bytes(data) });
        match load {
            Load::Enters => self.enters = device(),
            Load::Leaves => self.leaves = device(),
            Load::Address { .. } if not => {}
            Load::Address { source, ip6, bits } => {
                let net = net(ip6, data, bits);
                *(if source { &mut self.source } else { &mut self.destination }) = net;
            }
        }
    }
}

/// What a register was loaded with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Load {
    Enters,
    Leaves,
    Address {
        source: bool,
        ip6: bool,
        /// So many bits of it.
        bits: u8,
    },
}

impl Load {
    /// Only the first bits of it are left.
    fn masked(self, first: u8) -> Option<Load> {
        match self {
            Load::Address { source, ip6, bits } => Some(Load::Address { source, ip6, bits: bits.min(first) }),
            Load::Enters | Load::Leaves => None,
        }
    }
}

/// The address of which bytes of the network header are the first ones (RFC 791, RFC 8200).
fn address(offset: u16, length: u16) -> Option<Load> {
    let (source, ip6) = match (offset, length) {
        (12, 1..=4) => (true, false),
        (16, 1..=4) => (false, false),
        // One byte there is the time to live of IPv4.
        (8, 2..=16) => (true, true),
        (24, 2..=16) => (false, true),
        _ => return None,
    };
    Some(Load::Address { source, ip6, bits: length as u8 * 8 })
}

/// How many bits a mask leaves, where they are the first ones.
fn prefix(mask: &[u8]) -> Option<u8> {
    let bits = mask.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1));
    let (ones, first) = (bits.clone().filter(|bit| *bit).count(), bits.take_while(|bit| *bit).count());
    (ones == first).then_some(ones as u8)
}

/// The network whose addresses begin with these bytes, as far as so many bits go.
fn net(ip6: bool, bytes: &[u8], bits: u8) -> Option<IpNet> {
    let mut whole = [0; 16];
    whole.get_mut(..bytes.len())?.copy_from_slice(bytes);
    let [a, b, c, d, ..] = whole;
    let address = if ip6 { IpAddr::V6(Ipv6Addr::from(whole)) } else { IpAddr::V4(Ipv4Addr::new(a, b, c, d)) };
    IpNet::new(address, bits).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Backend;
    use crate::syntax;

    /// What rules tell: the network and the device of each that tells something.
    fn behind(text: &str) -> Vec<String> {
        let ruleset = match text.starts_with('*') {
            true => {
                syntax::iptables::parse(
                    text,
                    &syntax::iptables::Options { family: None, backend: Backend::IptablesNft },
                )
                .ruleset
            }
            false => syntax::nft::parse(text, &[]).ruleset,
        };
        let chains = ruleset.chains().map(|(_, chain)| chain);
        let told = chains.flat_map(|chain| &chain.rules).filter_map(told);
        told.map(|(net, device)| format!("{net} {}", device.name)).collect()
    }

    #[test]
    fn rules_about_a_network_and_its_bridge_tell_where_it_lies() {
        let iptables = "*nat\n:POSTROUTING ACCEPT [0:0]\n\
            -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE\n\
            -A POSTROUTING -s 10.0.0.0/8 -o eth0 -j MASQUERADE\n\
            -A POSTROUTING ! -s 10.1.0.0/16 ! -o br1 -j MASQUERADE\nCOMMIT\n\
            *filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -d 192.168.122.0/24 -o virbr0 -j ACCEPT\n\
            -A FORWARD -d 10.2.0.0/16 -o eth0 -j DROP\n-A FORWARD -d 192.0.2.2/32 ! -i br2 -j DROP\n\
            -A FORWARD -s 10.3.0.0/16 -d 10.4.0.0/16 -o eth0 -j ACCEPT\nCOMMIT\n";
        assert_eq!(behind(iptables), ["172.17.0.0/16 docker0", "192.168.122.0/24 virbr0", "192.0.2.2/32 br2"]);
        let native = "table inet t {\nchain c {\n\
            oifname != \"docker0\" ip saddr 172.17.0.0/16 counter masquerade\n\
            ip daddr 192.0.2.2 iifname != \"bridge1\" counter drop\n\
            ip daddr 10.0.16.0/20 oifname \"br-*\" accept\n\
            ip daddr 10.0.0.0/8 oifname \"eth0\" drop\n\
            ip daddr != 10.9.0.0/16 oifname \"eth0\" accept\n\
            ip6 daddr fd00:1::/64 oifname \"br6\" accept\n\
            ip ttl 64 oifname \"eth0\" accept\n}\n}\n";
        let told = ["172.17.0.0/16 docker0", "192.0.2.2/32 bridge1", "10.0.16.0/20 br-", "fd00:1::/64 br6"];
        assert_eq!(behind(native), told);
    }
}
