//! A case: rules and packets as text, and the path of each packet as text behind it.
//!
//! ```text
//! # what it is about
//! == sysctl ipv4/ip_forward 0
//! == ip route add 192.0.2.0/24 via 10.9.0.2
//! == ipset
//! create …
//! == rules iptables
//! *nat
//! …
//! == packet eth0 tcp 203.0.113.7:4001 > 198.51.100.1:80
//! enters eth0 …
//! == also legacy
//! ```
//! `live only`: what decides is in no listing. `ipset` is what `ipset restore` reads. `rules` names the tool that loads what follows, in the order of the file. `also legacy` runs the case once more with the
//! legacy tools in place of the others. A `?` stands for a port that the kernel draws by lot. With `WHYPORT_JUDGE_WRITE` set, what the kernel says is written into the file.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use whyport::host::Host;
use whyport::snapshot;
use whyport::syntax::{Diagnostic, DiagnosticKind};
use whyport::walk::Field;

use crate::packet::{Packet, Protocol};
use crate::path::{self, Names};
use crate::rules::{Rules, Tool};
use crate::witness::{Testimony, Witness};
use crate::world::{Plan, Still, World, apart, run, set_all};
use crate::{live, record, walked};

/// A node with two legs, which forwards.
pub const TWO_LEGS: Plan<'static> = Plan {
    legs: &["eth0", "eth1"],
    ip: "addr add 198.51.100.1/24 dev eth0\n\
         addr add 198.51.100.9/24 dev eth0\n\
         addr add 2001:db8:1::1/64 dev eth0 nodad\n\
         addr add 10.9.0.1/24 dev eth1\n\
         addr add 2001:db8:9::1/64 dev eth1 nodad\n\
         route add 0.0.0.0/0 via 198.51.100.2 dev eth0\n\
         route add ::/0 via 2001:db8:1::2 dev eth0\n",
    bridge: "",
    sysctls: &[("ipv4/ip_forward", "1"), ("ipv6/conf/all/forwarding", "1")],
    listens: &[
        "tcp 0.0.0.0:22",
        "tcp 0.0.0.0:80",
        "tcp [::]:80",
        "tcp 127.0.0.1:8080",
        "udp 0.0.0.0:53",
        "tcp 0.0.0.0:3128 transparent",
    ],
};

/// The node of the story: a bridge with two pods on it.
pub const STORY_NODE: Plan<'static> = Plan {
    legs: &["eth0", "veth-svclb", "veth-traefik"],
    ip: "link add cni0 type bridge\n\
         addr add 192.168.66.100/24 dev eth0\n\
         addr add 10.42.0.1/24 dev cni0\n\
         link set veth-svclb master cni0\n\
         link set veth-traefik master cni0\n\
         link set veth-svclb type bridge_slave hairpin on\n\
         link set veth-traefik type bridge_slave hairpin on\n\
         link set cni0 up\n\
         neigh add 10.42.0.2 lladdr 02:00:00:00:02:01 dev cni0 nud permanent\n\
         neigh add 10.42.0.59 lladdr 02:00:00:00:02:02 dev cni0 nud permanent\n\
         route add 0.0.0.0/0 via 192.168.66.1\n",
    bridge: "fdb add 02:00:00:00:02:01 dev veth-svclb master static\n\
             fdb add 02:00:00:00:02:02 dev veth-traefik master static\n",
    sysctls: &[("ipv4/ip_forward", "1"), ("ipv4/conf/cni0/route_localnet", "1")],
    listens: &["tcp 0.0.0.0:22", "tcp 0.0.0.0:80", "tcp [::]:80", "tcp 0.0.0.0:3128 transparent"],
};

/// The pod of the story that takes port 80.
pub const STORY_POD: Plan<'static> = Plan {
    legs: &["eth0"],
    ip: "addr add 10.42.0.2/24 dev eth0\nroute add 0.0.0.0/0 via 10.42.0.1\n",
    bridge: "",
    sysctls: &[("ipv4/ip_forward", "1")],
    listens: &[],
};

/// A namespace with rules, in which packets are followed.
pub struct Node {
    /// Where it is.
    pub world: World,
    /// What hears the kernel.
    pub witness: Witness,
    /// Its devices by index.
    pub devices: HashMap<u32, String>,
    surroundings: String,
    /// What is loaded.
    pub rules: Rules,
    /// What tells the last packet again.
    pub cookie: u32,
}

/// What was said of one packet.
pub struct Judgement {
    /// By the kernel.
    pub kernel: Vec<String>,
    /// By whyport; `None` where it cannot read the rules yet.
    pub walk: Option<Vec<String>>,
    /// By whyport, which read the namespace live.
    pub live: Vec<String>,
    /// By whyport, live, where the query left some fields open; `?` stands for what it cannot know then.
    pub open: Option<Vec<String>>,
    /// Whether rules have the kernel choose something that nobody can know.
    pub random: bool,
}

/// The two ways in which whyport came to know the node.
pub struct Read {
    /// From what the tools print; `None` where that cannot be read yet.
    pub recorded: Option<Host>,
    /// From the kernel.
    pub live: Host,
    /// From the record of that.
    pub again: Host,
}

impl Read {
    fn new(recorded: Option<Host>, live: Host) -> Read {
        let record = snapshot::print(&live);
        let again = snapshot::parse(&record);
        let wrong: Vec<&Diagnostic> =
            again.diagnostics.iter().filter(|found| found.kind != DiagnosticKind::Unknown).collect();
        assert!(wrong.is_empty(), "{wrong:?}\n{record}");
        Read { recorded, live, again: again.host }
    }
}

impl Node {
    /// Builds one; this thread is then in its namespace.
    pub fn build(plan: &Plan<'_>, lines_of_ip: &str, sysctls: &[(&str, &str)]) -> Node {
        let world = World::build(plan);
        // Of policy rules without addresses the family must be said.
        let (six, any): (Vec<&str>, Vec<&str>) = lines_of_ip.lines().partition(|line| line.starts_with("-6 "));
        run(&["ip", "-batch", "-"], &any.join("\n"));
        run(&["ip", "-6", "-batch", "-"], &six.join("\n").replace("-6 ", ""));
        set_all(sysctls);
        world.settle();
        let witness = Witness::open();
        let (devices, surroundings) = (record::devices(), record::surroundings());
        Node { world, witness, devices, surroundings, rules: Rules::default(), cookie: 0x6a75_0000 }
    }

    /// The namespace as a snapshot.
    pub fn snapshot(&self) -> String {
        record::snapshot(&self.surroundings, &self.rules)
    }

    /// The hardware address that a packet comes from.
    pub fn mac(&self, packet: &Packet) -> Option<u64> {
        packet.device.as_deref().and_then(|device| self.world.mac(device))
    }

    /// Makes the kernel forget every flow: the next packet is a first one, whatever came before.
    pub fn forget_flows(&mut self) {
        self.witness.forget_flows();
    }

    /// Sends a packet and hears what the kernel says of it; with the source port that it has.
    pub fn send(&mut self, packet: &Packet) -> (u16, Testimony) {
        // No window of TCP reaches from one to the next: a packet that is sent again is no part of the flow before.
        self.cookie = self.cookie.wrapping_add(0x1_0001);
        self.witness.forget();
        let still = Still::begin();
        let sent = self.world.send(packet, self.cookie);
        let testimony = self.witness.follow(sent.mark, sent.port, |number| self.world.barrier(number));
        drop(still);
        (sent.port, testimony)
    }

    /// What is needed to tell the path of a packet that was sent from this port.
    pub fn names_for(&self, packet: &Packet, port: u16) -> Names<'_> {
        Names {
            rules: &self.rules,
            devices: &self.devices,
            chosen: packet.device.is_none().then_some(port),
            mac: self.mac(packet),
            has_ports: packet.protocol != Protocol::Icmp,
            answers: packet.protocol == Protocol::Tcp && packet.flags == 0x02,
        }
    }

    /// Sends a packet and hears what the kernel says, and whyport, which knows the node as it was read.
    pub fn judge(&mut self, packet: &Packet, read: &Read, open: &[Field]) -> Judgement {
        let (port, testimony) = self.send(packet);
        let names = self.names_for(packet, port);
        let even = |lines: Vec<String>| if self.rules.even { path::in_any_order(lines) } else { lines };
        let kernel = even(path::lines(&testimony, &names));
        let fits = |walk: &[String]| may_be(&kernel, &even(walk.to_vec()));
        let open_to_lot = self.rules.draw || self.rules.even;
        let said = |host: &Host| match open_to_lot && walked::is_one_of(host, packet, port, &names, fits) {
            true => kernel.clone(),
            false => even(walked::lines(host, packet, port, &names)),
        };
        let walk = read.recorded.as_ref().map(said);
        let live = said(&read.live);
        let again = said(&read.again);
        assert_eq!(again, live, "the record of the live host is walked differently: {packet}");
        let of_open = || even(walked::lines_of_open(&read.live, packet, port, &names, open, fits));
        let open = (!open.is_empty()).then(of_open);
        Judgement { kernel, walk, live, open, random: self.rules.random }
    }
}

/// Whether the walk's path is the kernel's. With `random`, `?` in it stands for what cannot be predicted.
pub fn agree(kernel: &[String], walk: &[String], random: bool) -> bool {
    kernel.len() == walk.len() && kernel.iter().zip(walk).all(|(kernel, walk)| same_line(kernel, walk, random))
}

/// Whether a path that was told of many packets may be the one of this packet.
pub fn may_be(kernel: &[String], walk: &[String]) -> bool {
    if walk == [walked::REFUSED] {
        return kernel.last().is_some_and(|line| line == "lost");
    }
    let mut kernel = kernel.iter().peekable();
    for line in walk {
        match (line.strip_prefix(walked::SOMETIMES), kernel.peek()) {
            (Some(line), Some(next)) if same_line(next, line, true) => _ = kernel.next(),
            (Some(_), _) => {}
            // Which socket answers is open while the port is.
            (None, Some(next)) if line.starts_with("delivered ") => {
                let end = |line: &str| line.split(" to ").next().unwrap_or_default().replace(" without an answer", "");
                if !same_line(&end(next), &end(line), true) {
                    return false;
                }
                kernel.next();
            }
            (None, Some(next)) if same_line(next, line, true) => _ = kernel.next(),
            (None, _) => return false,
        }
    }
    kernel.next().is_none()
}

fn same_line(kernel: &str, walk: &str, random: bool) -> bool {
    // Where no answer came, none could leave: that tells nothing of who got the packet.
    if let Some(unanswered) = kernel.strip_suffix(" without an answer") {
        return walk.starts_with(unanswered);
    }
    let part = |kernel: &str, walk: &str| kernel == walk || random && walk == "?";
    let word = |(kernel, walk): (&str, &str)| {
        part(kernel, walk)
            || matches!(
                (kernel.rsplit_once(':'), walk.rsplit_once(':')),
                (Some((host, port)), Some((other_host, other_port))) if part(host, other_host) && part(port, other_port)
            )
    };
    kernel.split(' ').count() == walk.split(' ').count() && kernel.split(' ').zip(walk.split(' ')).all(word)
}

/// Two paths side by side, as a report of where they part.
pub fn difference(packet: &Packet, kernel: &[String], walk: &[String]) -> String {
    let mut text = format!("packet {packet}\n");
    let same = kernel.iter().zip(walk).take_while(|(kernel, walk)| kernel == walk).count();
    kernel[..same].iter().for_each(|line| _ = writeln!(text, "  both    {line}"));
    kernel[same..].iter().for_each(|line| _ = writeln!(text, "  kernel  {line}"));
    walk[same..].iter().for_each(|line| _ = writeln!(text, "  whyport {line}"));
    text
}

/// A section of a case: its title, the lines in it.
struct Section<'a> {
    title: &'a str,
    body: Vec<&'a str>,
}

fn sections(text: &str) -> Vec<Section<'_>> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix("== "), sections.last_mut()) {
            (Some(title), _) => sections.push(Section { title, body: Vec::new() }),
            (None, Some(last)) => last.body.push(line),
            (None, None) => assert!(line.is_empty() || line.starts_with('#'), "{line:?} stands before all sections"),
        }
    }
    sections
}

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/judge/cases"))
}

/// The names of all cases.
pub fn all() -> Vec<String> {
    let files = fs::read_dir(folder()).expect("the cases");
    let mut names: Vec<String> = files
        .filter_map(|file| Some(file.ok()?.file_name().into_string().ok()?.strip_suffix(".txt")?.to_owned()))
        .collect();
    names.sort();
    names
}

/// Runs the case with this name: the kernel must say what stands there, and whyport what the kernel says.
pub fn check(name: &'static str, plan: &'static Plan<'static>) {
    let file = folder().join(format!("{name}.txt"));
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let also_legacy = sections(&text).iter().any(|section| section.title == "also legacy");
    apart(move || {
        let written = play(&text, plan, false);
        if std::env::var_os("WHYPORT_JUDGE_WRITE").is_some() {
            fs::write(&file, written).expect("write the case");
        }
        if also_legacy {
            play(&text, plan, true);
        }
    });
}

/// Plays a case and returns its text with the kernel's paths.
fn play(text: &str, plan: &Plan<'_>, legacy: bool) -> String {
    let sections = sections(text);
    let mut sysctls = Vec::new();
    let mut ip = String::new();
    for section in &sections {
        if let Some((key, value)) = section.title.strip_prefix("sysctl ").and_then(|rest| rest.split_once(' ')) {
            sysctls.push((key, value));
        } else if let Some(line) = section.title.strip_prefix("ip ") {
            let _ = writeln!(ip, "{line}");
        }
    }
    let mut node = Node::build(plan, &ip, &sysctls);
    let mut recording = None;
    // What the tools do not print cannot be read from a recording of theirs.
    let live_only = sections.iter().any(|section| section.title == "live only");
    let mut wrong = String::new();
    let mut written = text.split_inclusive('\n').take_while(|line| !line.starts_with("== ")).collect::<String>();
    for section in &sections {
        let mut body: String = section.body.iter().flat_map(|line| [line, "\n"]).collect();
        let (word, rest) = section.title.split_once(' ').unwrap_or((section.title, ""));
        match word {
            "rules" => {
                let tool = Tool::named(rest).unwrap_or_else(|| panic!("no tool is called {rest}"));
                node.rules.load(if legacy { tool.legacy() } else { tool }, &body);
                recording = None;
            }
            "ipset" => {
                run(&["ipset", "restore"], &body);
                recording = None;
            }
            "packet" => {
                let packet = Packet::read(rest);
                let known = recording.get_or_insert_with(|| read(&node));
                let said = node.judge(&packet, known, &[]);
                let expected: Vec<String> = section
                    .body
                    .iter()
                    .filter(|line| !line.is_empty())
                    .map(|line| if legacy { line.replace("iptables-nft", "iptables-legacy") } else { line.to_string() })
                    .collect();
                let random = text.contains("--random");
                let as_written = agree(&said.kernel, &expected, random);
                if !as_written {
                    wrong += &format!(
                        "the kernel does not what the case says\n{}",
                        difference(&packet, &said.kernel, &expected)
                    );
                    wrong = wrong.replace("  whyport ", "  case    ");
                }
                let recorded = said.walk.filter(|_| !live_only);
                for (how, walk) in [("recorded", recorded), ("live", Some(said.live))] {
                    if let Some(walk) = walk.filter(|walk| !agree(&said.kernel, walk, random)) {
                        wrong += &format!(
                            "whyport does not say what the kernel does, {how}\n{}",
                            difference(&packet, &said.kernel, &walk)
                        );
                    }
                }
                let path = if as_written && !legacy { &expected } else { &said.kernel };
                body = path.iter().flat_map(|line| [line, "\n"]).collect::<String>() + "\n";
            }
            "sysctl" | "ip" | "also" | "live" => {}
            other => panic!("no section is called {other}"),
        }
        written += &format!("== {}\n{body}", section.title);
    }
    let writing = std::env::var_os("WHYPORT_JUDGE_WRITE").is_some() && !wrong.contains("whyport does not");
    assert!(wrong.is_empty() || writing, "{}{wrong}", if legacy { "with the legacy tools: " } else { "" });
    written
}

/// Reads a node, live and from a recording, which must be whole.
pub fn read(node: &Node) -> Read {
    let live = live::host(&node.rules);
    if node.rules.has_native() {
        return Read::new(None, live);
    }
    let recording = snapshot::parse(&node.snapshot());
    let wrong = |diagnostic: &&Diagnostic| diagnostic.kind != DiagnosticKind::Unknown;
    let wrong: Vec<&Diagnostic> = recording.diagnostics.iter().filter(wrong).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    // Without a table no tool tells that there is none.
    let has_rules = !recording.host.viewed().ruleset.tables.is_empty();
    Read::new(has_rules.then_some(recording.host), live)
}
