//! Packets of macvlans, by the device that they stand on.
//!
//! ```text
//! outside 192.168.1.77 ── eth0 192.168.1.2 · node
//!                          ├ m0 192.168.1.10 · node
//!                          ├ m1 192.168.1.11 · one, m2 192.168.1.12 · two (mode bridge)
//!                          └ m3 192.168.1.13 · three (mode private)
//! ```

use whyport::snapshot;

use crate::town::{Said, Town};
use crate::world::{apart, set_all};

type Who = (&'static str, &'static str, &'static str);

const WHO: [Who; 4] =
    [("node", "m0", "bridge"), ("one", "m1", "bridge"), ("two", "m2", "bridge"), ("three", "m3", "private")];

fn mac(number: u8) -> String {
    format!("02:00:00:00:00:{number:02x}")
}

/// Everybody, with these rules in the node and in each macvlan's namespace.
fn build(who: &[Who], node: &str, others: &str) -> Town {
    let town = Town::build(["node", "one", "two", "three", "outside"]);
    let mut lines = format!(
        "link add eth0 address {} type veth peer name eth0 address {} netns @outside\nlink set eth0 up\n\
         addr add 192.168.1.2/24 dev eth0\naddr add 2001:db8::2/64 dev eth0 nodad\n",
        mac(2),
        mac(77)
    );
    for (number, (name, device, mode)) in (10..).zip(who) {
        lines += &format!("link add {device} link eth0 address {} type macvlan mode {mode}\n", mac(number));
        if *name != "node" {
            lines += &format!("link set {device} netns @{name}\n");
        }
    }
    town.wire("node", &lines);
    let everybody = [2, 10, 11, 12, 13, 77];
    let neighbours = |device: &str, own: &[u8]| {
        let others = everybody.iter().filter(|number| !own.contains(number));
        others.fold(String::new(), |lines, number| {
            let mac = mac(*number);
            lines
                + &format!("neigh add 192.168.1.{number} lladdr {mac} dev {device} nud permanent\n")
                + &format!("neigh add 2001:db8::{number} lladdr {mac} dev {device} nud permanent\n")
        })
    };
    for (number, (name, device, _)) in (10..).zip(who) {
        let (length, own): (_, &[u8]) =
            if *name == "node" { (["32", "128"], &[2, 10]) } else { (["24", "64"], &[number]) };
        let lines = format!(
            "link set {device} up\naddr add 192.168.1.{number}/{} dev {device}\naddr add 2001:db8::{number}/{} dev {device} nodad\n",
            length[0], length[1]
        );
        town.wire(name, &(lines + &neighbours(device, own)));
    }
    let (devices, own): (&[&str], &[u8]) =
        if who[0].0 == "node" { (&["eth0", "m0"], &[2, 10]) } else { (&["eth0"], &[2]) };
    town.wire("node", &neighbours("eth0", own));
    if devices.len() > 1 {
        // The node reaches the others by its macvlan, as they cannot be reached by the device below.
        town.wire("node", "route add 192.168.1.12/32 dev m0\nroute add 2001:db8::12/128 dev m0\n");
    }
    let lines = "link set eth0 up\naddr add 192.168.1.77/24 dev eth0\naddr add 2001:db8::77/64 dev eth0 nodad\n";
    town.wire("outside", &(lines.to_owned() + &neighbours("eth0", &[77])));
    town.load("node", devices, node);
    for (name, device, _) in who.iter().filter(|(name, ..)| *name != "node") {
        town.load(name, &[device], others);
    }
    town.load("outside", &["eth0"], "");
    std::thread::sleep(std::time::Duration::from_millis(300));
    town
}

fn play(town: &mut Town) -> usize {
    let host = town.read("node");
    let mut steps = 0;
    for from in ["outside", "node", "one", "two", "three"] {
        for to in [2, 10, 11, 12, 13, 77] {
            for to in [format!("192.168.1.{to}:99"), format!("[2001:db8::{to}]:99")] {
                steps += town.agree(&host, from, &to).steps.values().map(Vec::len).sum::<usize>();
            }
        }
    }
    steps
}

#[test]
fn macvlans_take_their_own_and_send_by_the_device_below() {
    apart(|| {
        let mut town = build(&WHO, "", "");
        let steps = play(&mut town);
        assert!(steps > 200, "{steps}");
        set_all(&[("ipv4/ip_forward", "1")]);
        play(&mut town);
        let host = town.read("node");
        for (to, steps) in
            [("192.168.1.2:99", 3), ("192.168.1.10:99", 4), ("192.168.1.11:99", 4), ("192.168.1.13:99", 4)]
        {
            let said = town.agree_coming(&host, ("outside", "192.168.1.77"), ("node", "eth0"), to);
            assert_eq!(said.steps.values().flatten().count(), steps, "{said:?}");
        }
        let sent = town.agree(&host, "one", "192.168.1.77:99");
        let answer = town.answer(&host, ("node", "eth0"), "192.168.1.77", "192.168.1.11:99");
        let with_outside = |said: &Said| said.steps.iter().filter(|(name, _)| **name != "outside").count();
        assert_eq!(
            (with_outside(&sent), &sent.steps["one"], &sent.steps["node"]),
            (2, &answer.steps["one"], &answer.steps["node"])
        );
        let again = snapshot::parse(&snapshot::print(&host)).host;
        for (ns, read) in again.namespaces.iter().zip(&host.namespaces) {
            assert_eq!(ns.links, read.links);
        }
    });
}

/// A mark of a rule below stays, one of a rule above does too, and what goes straight to another macvlan loses it.
#[test]
fn rules_of_macvlans_decide() {
    apart(|| {
        let below = "table netdev d {\nchain in { type filter hook ingress device eth0 priority 10;\n\
                     meta mark set 5\nip daddr 192.168.1.12 udp dport 100 drop\nmeta pkttype other counter\nmeta pkttype host counter\n}\n\
                     chain out { type filter hook egress device eth0 priority 10;\nmeta mark 9 counter\nip saddr 192.168.1.12 drop\n}\n}\n";
        let above = "table inet f {\nchain i { type filter hook prerouting priority 0;\nmeta mark 5 counter\nmeta pkttype host counter\n}\n\
                     chain o { type filter hook output priority 0;\nmeta mark set 9\n}\n}\n";
        let mut town = build(&WHO, &(below.to_owned() + above), above);
        let steps = play(&mut town);
        assert!(steps > 200, "{steps}");
        let host = town.read("node");
        town.agree(&host, "outside", "192.168.1.12:100");
    });
}

/// It takes what is for the device below too.
#[test]
fn a_macvlan_that_takes_all() {
    apart(|| {
        let mut town = build(&[("one", "m0", "passthru")], "", "");
        let host = town.read("node");
        for (from, to) in
            [("outside", "2"), ("outside", "10"), ("one", "77"), ("one", "2"), ("node", "77"), ("node", "10")]
        {
            for to in [format!("192.168.1.{to}:99"), format!("[2001:db8::{to}]:99")] {
                town.agree(&host, from, &to);
            }
        }
        let said = town.agree_coming(&host, ("outside", "192.168.1.77"), ("node", "eth0"), "192.168.1.2:99");
        assert_eq!(said.steps.values().flatten().count(), 3, "{said:?}");
    });
}
