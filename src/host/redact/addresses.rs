//! New addresses for old ones: in every two of them the same number of leading bits is equal as in those that they stand
//! for, and their order is the same. So prefixes hold what they held, and ranges too.
//!
//! The addresses and prefixes of a host form a tree of bits. Where it branches, nothing can be changed; where it does not,
//! any bit will do, and the one that is taken has nothing to do with the one that was there.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use crate::host::net::{IpFamily, Mac};

/// A prefix or, with all bits, an address: its bits, in the highest of 128, and how many they are.
type Leaf = (u128, u8);

/// What stays of a leaf's bits: those from one depth to below another.
type Kept = (u8, u8);

/// Networks that mean something by themselves (RFC 6890, RFC 4291, RFC 6052): what is in one stays in it.
const MEANINGFUL: [&str; 11] = [
    "10.0.0.0/8",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "2000::/3",
    "fc00::/8",
    "fd00::/8",
    "fe80::/64",
    "64:ff9b::/96",
];
/// Networks whose addresses mean something by themselves: they stay.
const PLAIN: [&str; 6] = ["0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/3", "::/96", "ff00::/8", "fe80::/10"];
/// Where IPv6 has addresses of IPv4 (RFC 4291, 2.5.5.2).
const MAPPED: &str = "::ffff:0.0.0.0/96";
/// What neighbours ask for: it ends as their address does (RFC 4291, 2.7.1).
const SOLICITED: &str = "ff02::1:ff00:0/104";

/// How often other bits are tried where a new address is an old one by chance.
const TRIES: u64 = 16;

/// The addresses of a host, and what becomes of them.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    v4: Tree,
    v6: Tree,
    macs: BTreeSet<Mac>,
    new_macs: BTreeMap<Mac, Mac>,
}

/// The addresses and prefixes of one family.
#[derive(Debug, Default)]
struct Tree {
    leaves: BTreeMap<Leaf, Vec<Kept>>,
    new: HashMap<Leaf, u128>,
}

impl Addresses {
    /// Notes an address.
    pub fn note(&mut self, address: IpAddr) {
        self.note_leaf(IpNet::from(address), None);
    }

    /// Notes a prefix.
    pub fn note_net(&mut self, net: IpNet) {
        self.note_leaf(net, None);
    }

    /// Notes the network of a device: its first and its last address stay its first and last.
    pub fn note_subnet(&mut self, net: IpNet) {
        let net = net.trunc();
        self.note_leaf(net, None);
        if net.max_prefix_len() - net.prefix_len() > 1 {
            let kept = Some((net.prefix_len(), net.max_prefix_len()));
            self.note_leaf(IpNet::from(net.network()), kept);
            self.note_leaf(IpNet::from(net.broadcast()), kept);
        }
    }

    /// Notes the ends of a range. The zeros at the end of the first address and the ones at the end of the last one stay,
    /// so that ranges beside each other are beside each other.
    pub fn note_range(&mut self, first: IpAddr, last: IpAddr) {
        let (low, high) = (bits_of(first), bits_of(last));
        let width = IpFamily::of(first).bits();
        let zeros = (low >> (128 - u32::from(width))).trailing_zeros().min(u32::from(width)) as u8;
        let ones = (high >> (128 - u32::from(width))).trailing_ones().min(u32::from(width)) as u8;
        self.note_leaf(IpNet::from(first), Some((width - zeros, width)));
        self.note_leaf(IpNet::from(last), Some((width - ones, width)));
    }

    fn note_leaf(&mut self, net: IpNet, kept: Option<Kept>) {
        let (net, kept) = match inner(net) {
            Some(inner) => (inner, kept.map(|(from, to)| (from.saturating_sub(96), to.saturating_sub(96)))),
            None => (net, kept),
        };
        if !is_plain(net) {
            self.tree(net).leaves.entry((bits_of(net.addr()), net.prefix_len())).or_default().extend(kept);
        }
    }

    fn tree(&mut self, net: IpNet) -> &mut Tree {
        match net {
            IpNet::V4(_) => &mut self.v4,
            IpNet::V6(_) => &mut self.v6,
        }
    }

    /// Finds a new one for each. Where an old one comes out for another, other bits are tried.
    pub fn settle(&mut self) {
        for name in MEANINGFUL.iter().chain(&PLAIN).chain([&SOLICITED, &MAPPED]) {
            if let Ok(net) = name.parse::<IpNet>() {
                let leaf = (bits_of(net.addr()), net.prefix_len());
                self.tree(net).leaves.entry(leaf).or_default().push((0, net.prefix_len()));
            }
        }
        self.v4.settle(32);
        self.v6.settle(128);
        let old = &self.macs;
        // Unicast, administered by nobody but this host.
        let numbers = (1u32..).map(|number| {
            let [a, b, c, d] = number.to_be_bytes();
            Mac([2, 0, a, b, c, d])
        });
        let fresh = numbers.filter(|mac| !old.contains(mac));
        self.new_macs = old.iter().copied().zip(fresh).collect();
    }

    /// The address that stands for one that was noted.
    pub fn replaced(&self, address: IpAddr) -> IpAddr {
        self.replaced_net(IpNet::from(address))
    }

    /// The first address of the prefix that stands for one that was noted.
    pub fn replaced_net(&self, net: IpNet) -> IpAddr {
        if let Some(IpAddr::V4(new)) = inner(net).map(|inner| self.replaced_net(inner)) {
            return IpAddr::V6(new.to_ipv6_mapped());
        }
        let tree = match net {
            IpNet::V4(_) => &self.v4,
            IpNet::V6(_) => &self.v6,
        };
        match tree.new.get(&(bits_of(net.addr()), net.prefix_len())) {
            Some(new) => address_of(*new, net),
            None => net.addr(),
        }
    }

    /// Notes a link-layer address.
    pub fn note_mac(&mut self, mac: Mac) {
        if !is_plain_mac(mac) {
            self.macs.insert(mac);
        }
    }

    /// The link-layer address that stands for one that was noted. The order of all of them is as it was.
    pub fn replaced_mac(&self, mac: Mac) -> Mac {
        self.new_macs.get(&mac).copied().unwrap_or(mac)
    }
}

/// None, all, and those of groups that are the same everywhere.
fn is_plain_mac(Mac(bytes): Mac) -> bool {
    bytes == [0; 6]
        || bytes == [0xff; 6]
        || bytes[..3] == [0x01, 0x00, 0x5e]
        || bytes[..3] == [0x01, 0x80, 0xc2]
        || (bytes[..2] == [0x33, 0x33] && bytes[2] != 0xff)
}

fn is_plain(net: IpNet) -> bool {
    let within = |name: &str| name.parse::<IpNet>().is_ok_and(|known| known.contains(&net));
    let solicited = within(SOLICITED) && net.prefix_len() > 104;
    let linked = within("fe80::/64") && net.prefix_len() > 64;
    net.prefix_len() == 0 || (PLAIN.iter().any(|name| within(name)) && !solicited && !linked)
}

/// The address or prefix of IPv4 that one of IPv6 holds.
fn inner(net: IpNet) -> Option<IpNet> {
    let IpNet::V6(v6) = net else { return None };
    let v4 = v6.addr().to_ipv4_mapped().filter(|_| v6.prefix_len() >= 96)?;
    IpNet::new(IpAddr::V4(v4), v6.prefix_len() - 96).ok()
}

/// The prefix that a range is, where it is one.
pub(super) fn prefix(first: IpAddr, last: IpAddr) -> Option<IpNet> {
    let same = (bits_of(first) ^ bits_of(last)).leading_zeros().min(u32::from(IpFamily::of(first).bits())) as u8;
    let net = IpNet::new(first, same).ok()?;
    (IpFamily::of(first) == IpFamily::of(last) && (net.network(), net.broadcast()) == (first, last)).then_some(net)
}

fn bits_of(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(u32::from(v4)) << 96,
        IpAddr::V6(v6) => u128::from(v6),
    }
}

fn address_of(bits: u128, net: IpNet) -> IpAddr {
    match net {
        IpNet::V4(_) => IpAddr::V4(Ipv4Addr::from((bits >> 96) as u32)),
        IpNet::V6(_) => IpAddr::V6(Ipv6Addr::from(bits)),
    }
}

fn bit(bits: u128, depth: u8) -> bool {
    bits >> (127 - depth) & 1 == 1
}

impl Tree {
    fn settle(&mut self, width: u8) {
        let leaves: Vec<(Leaf, Vec<Kept>)> = std::mem::take(&mut self.leaves).into_iter().collect();
        let old: HashSet<u128> =
            leaves.iter().filter(|((_, length), _)| *length == width).map(|(leaf, _)| leaf.0).collect();
        let mut best = usize::MAX;
        for seed in 0..TRIES {
            let mut new = HashMap::with_capacity(leaves.len());
            place(&leaves, 0, 0, &Bits { width, seed }, &mut new);
            let same = new.iter().filter(|((_, length), now)| *length == width && old.contains(now)).count();
            if same < best {
                (best, self.new) = (same, new);
            }
            if best == 0 {
                break;
            }
        }
    }
}

/// The bits that are put where any will do.
struct Bits {
    width: u8,
    seed: u64,
}

impl Bits {
    /// The bit behind `depth` others. It depends on nothing but those that were put before it.
    fn next(&self, before: u128, depth: u8) -> bool {
        let left = self.width - depth;
        match (self.width, left) {
            // No address ends as those do that mean a whole network.
            (_, 1) => true,
            (_, 2) => false,
            // Zeros in the middle make short texts.
            (128, 17..=80) => false,
            _ => {
                // Steele, Lea and Flood 2014, the finaliser of SplitMix64.
                let mut mixed = (before >> 64) as u64 ^ before as u64 ^ u64::from(depth) << 57;
                mixed = mixed.wrapping_add((self.seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
                mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
                (mixed ^ mixed >> 31) & 1 == 1
            }
        }
    }
}

/// Gives the leaves, which are alike in their first `depth` bits, new bits behind those that they have got.
fn place(leaves: &[(Leaf, Vec<Kept>)], mut depth: u8, mut now: u128, bits: &Bits, new: &mut HashMap<Leaf, u128>) {
    let mut rest = leaves;
    loop {
        // Shorter ones come first among those that begin alike.
        while let Some((((old, length), _), more)) = rest.split_first().filter(|(first, _)| first.0.1 == depth) {
            new.insert((*old, *length), now);
            rest = more;
        }
        if rest.is_empty() {
            return;
        }
        let ones = rest.partition_point(|((old, _), _)| !bit(*old, depth));
        let one = 1u128 << (127 - depth);
        if ones != 0 && ones != rest.len() {
            place(&rest[..ones], depth + 1, now, bits, new);
            return place(&rest[ones..], depth + 1, now | one, bits, new);
        }
        let kept = rest.iter().any(|(_, kept)| kept.iter().any(|(from, to)| (*from..*to).contains(&depth)));
        if if kept { ones == 0 } else { bits.next(now, depth) } {
            now |= one;
        }
        depth += 1;
    }
}
