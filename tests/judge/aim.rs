//! What a ruleset speaks of, so that packets meet its branches: the addresses and ports that stand in its text.

use std::net::IpAddr;

use crate::random::Lot;

/// Addresses and ports out of the text of rules.
#[derive(Debug, Default)]
pub struct Aim {
    addresses: Vec<String>,
    ports: Vec<u16>,
}

impl Aim {
    /// Reads whatever looks like an address of the family or a port.
    pub fn at(texts: &[&str], ip6: bool) -> Aim {
        let mut aim = Aim::default();
        let words = texts.iter().flat_map(|text| text.split(|c: char| c.is_whitespace() || ",{};|".contains(c)));
        for word in words {
            for part in word.split('-') {
                aim.word(part, ip6);
            }
        }
        aim.addresses.sort();
        aim.addresses.dedup();
        aim.ports.sort_unstable();
        aim.ports.dedup();
        aim
    }

    fn word(&mut self, word: &str, ip6: bool) {
        let bare = word.split('/').next().unwrap_or_default();
        let (host, port) = match bare.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, port)) => (host, port.strip_prefix(':')),
            None if bare.contains("::") => (bare, None),
            None => bare.split_once(':').map_or((bare, None), |(host, port)| (host, Some(port))),
        };
        if let Ok(address) = host.parse::<IpAddr>()
            && address.is_ipv6() == ip6
            && is_somebody(address)
        {
            self.addresses.push(host.to_owned());
        }
        for port in [Some(host), port].into_iter().flatten() {
            self.ports.extend(port.parse::<u16>().ok().filter(|port| *port > 0));
        }
    }

    /// One of the addresses.
    pub fn address(&self, lot: &mut Lot) -> Option<&str> {
        (!self.addresses.is_empty()).then(|| self.addresses[lot.below(self.addresses.len())].as_str())
    }

    /// One of the ports, or one beside it.
    pub fn port(&self, lot: &mut Lot) -> Option<u16> {
        let port = *self.ports.get(lot.below(self.ports.len().max(1)))?;
        Some(if lot.once_in(8) { port.saturating_add(1) } else { port })
    }
}

/// Whether a packet can be sent to an address, from outside too.
fn is_somebody(address: IpAddr) -> bool {
    let link = |v6: std::net::Ipv6Addr| v6.is_unicast_link_local() || v6.segments()[7] == 0 || v6.is_loopback();
    !address.is_multicast()
        && !address.is_unspecified()
        && !address.is_loopback()
        && match address {
            IpAddr::V4(v4) => !matches!(v4.octets(), [0 | 255, ..] | [.., 0 | 255]) && !v4.is_link_local(),
            IpAddr::V6(v6) => !link(v6),
        }
}
