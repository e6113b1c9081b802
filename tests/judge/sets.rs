//! Sets of ipset by lot, and what rules ask of them and put into them.
//!
//! Knows which types there are and how their elements look. A set is filled anew each time it is loaded.

use std::fmt::Write as _;

use crate::places::Places;
use crate::random::{Lot, PORTS};

/// The sets of a ruleset.
#[derive(Debug, Default)]
pub struct Sets {
    /// What `ipset restore` reads.
    pub text: String,
    /// Their names, with how many dimensions each has.
    named: Vec<(String, usize)>,
}

/// Types with the number of their dimensions.
const TYPES: [(&str, usize); 10] = [
    ("hash:ip", 1),
    ("hash:net", 1),
    ("bitmap:port", 1),
    ("hash:ip,port", 2),
    ("hash:net,port", 2),
    ("hash:net,iface", 2),
    ("hash:ip,port,ip", 3),
    ("hash:ip,port,net", 3),
    ("bitmap:ip", 1),
    ("list:set", 1),
];

impl Sets {
    /// Some sets, whose names are those of this round.
    pub fn draw(lot: &mut Lot, places: &Places, round: u64) -> Sets {
        let mut sets = Sets::default();
        for number in 0..1 + lot.below(4) {
            let (kind, dimensions) = TYPES[lot.below(TYPES.len())];
            let name = format!("r{round}s{number}");
            let given = match kind {
                "bitmap:ip" if places.ip6 => continue,
                "bitmap:ip" => " range 10.9.0.0/16".to_owned(),
                "bitmap:port" => " range 0-65535".to_owned(),
                "list:set" => String::new(),
                _ => format!(" family {}", if places.ip6 { "inet6" } else { "inet" }),
            };
            let more = lot.of(&["", "", " timeout 3600", " counters", " skbinfo"]);
            let _ = writeln!(sets.text, "create {name} {kind}{given}{more}");
            let mut members: Vec<String> = Vec::new();
            for _ in 0..lot.below(6) {
                let member = match kind {
                    "list:set" => sets.named.iter().find(|(_, of)| *of == 1).map(|(member, _)| member.clone()),
                    _ => Some(member(lot, places, kind)),
                };
                members.extend(member.filter(|new| !members.contains(new)));
            }
            for member in members {
                let nets = kind.starts_with("hash:net");
                let except = if nets && !member.contains("/0") && lot.once_in(4) { " nomatch" } else { "" };
                let _ = writeln!(sets.text, "add {name} {member}{except}");
            }
            // A list of sets is no member of one: two dimensions are enough to tell it, and mean the same.
            sets.named.push((name, if kind == "list:set" { 2 } else { dimensions }));
        }
        sets
    }

    /// A condition of a rule.
    pub fn condition(&self, lot: &mut Lot) -> Option<String> {
        let (name, dimensions) = self.one(lot)?;
        let not = lot.not();
        Some(format!("-m set {not}--match-set {name} {}", sides(lot, dimensions)))
    }

    /// A target that changes a set.
    pub fn target(&self, lot: &mut Lot) -> Option<String> {
        let (name, dimensions) = self.one(lot)?;
        let how = lot.of(&["--add-set", "--add-set", "--del-set"]);
        let exist = if how == "--add-set" && lot.once_in(2) { " --exist" } else { "" };
        Some(format!(" -j SET {how} {name} {}{exist}", sides(lot, dimensions)))
    }

    fn one(&self, lot: &mut Lot) -> Option<(&str, usize)> {
        let (name, dimensions) = self.named.get(lot.below(self.named.len().max(1)))?;
        Some((name, *dimensions))
    }
}

fn sides(lot: &mut Lot, dimensions: usize) -> String {
    let sides: Vec<&str> = (0..dimensions).map(|_| lot.of(&["src", "dst", "dst"])).collect();
    sides.join(",")
}

fn member(lot: &mut Lot, places: &Places, kind: &str) -> String {
    let port = || |lot: &mut Lot| format!("{}:{}", lot.of(&["tcp", "udp"]), lot.of(&PORTS));
    let address = |lot: &mut Lot| places.any(lot).to_owned();
    match kind {
        "hash:ip" => address(lot),
        "hash:net" => lot.of(places.nets).to_owned(),
        "bitmap:port" => lot.of(&["22", "80-90", "20000-25000", "443"]).to_owned(),
        "bitmap:ip" => lot.of(&["10.9.0.2", "10.9.0.64/26", "10.9.1.0-10.9.3.3"]).to_owned(),
        "hash:ip,port" => format!("{},{}", address(lot), port()(lot)),
        "hash:net,port" => format!("{},{}", lot.of(places.nets), port()(lot)),
        "hash:net,iface" => format!("{},{}", lot.of(places.nets), lot.of(&["eth0", "eth1", "lo"])),
        "hash:ip,port,ip" => format!("{},{},{}", address(lot), port()(lot), address(lot)),
        _ => format!("{},{},{}", address(lot), port()(lot), lot.of(places.nets)),
    }
}
