//! Several network namespaces, wired as a test likes, each with ears and a trace of its own; and what the kernel and whyport say
//! of a packet that one of them sends, through all of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use whyport::host::Host;
use whyport::kernel::{self, Places};
use whyport::walk::{FateKind, Field, Origin, Outcome, Query, Reason, Turn, walk};

use crate::net::{IPCTNL_MSG_CT_DELETE, JUDGE, NFNLGRP_NFTRACE, line, listen, namespace, probe, sender, told};
use crate::netlink::{self, Channel};
use crate::witness;
use crate::world::{inside, run};

/// Somebody with a namespace.
struct Citizen {
    name: &'static str,
    namespace: OwnedFd,
    sockets: Vec<UdpSocket>,
    trace: Channel,
    flows: Channel,
}

/// All of them. This thread is in the namespace of the first.
pub struct Town(Vec<Citizen>);

/// What was said of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The rules that held and the policies in each namespace, in order.
    pub steps: BTreeMap<&'static str, Vec<String>>,
    /// Who got it.
    pub got: String,
}

impl Town {
    /// Namespaces with these names; each hears.
    pub fn build<const N: usize>(names: [&'static str; N]) -> Town {
        let citizen = |name| Citizen {
            name,
            namespace: namespace(),
            sockets: listen(),
            trace: Channel::open(Some(NFNLGRP_NFTRACE)),
            flows: Channel::open(None),
        };
        let town = Town(names.map(citizen).into());
        let first = &town.0[0].namespace;
        inside(first, first, || ());
        town
    }

    fn citizen(&self, name: &str) -> &Citizen {
        self.0.iter().find(|one| one.name == name).unwrap()
    }

    /// Does something in a namespace.
    pub fn at<T>(&self, name: &str, what: impl FnOnce() -> T) -> T {
        inside(&self.citizen(name).namespace, &self.0[0].namespace, what)
    }

    /// Lines for `ip -batch` in a namespace; `@NAME` is another one.
    pub fn wire(&self, name: &str, lines: &str) {
        let mut lines = lines.to_owned();
        for one in &self.0 {
            let path = format!("/proc/{}/fd/{}", std::process::id(), one.namespace.as_raw_fd());
            lines = lines.replace(&format!("@{}", one.name), &path);
        }
        self.at(name, || run(&["ip", "-batch", "-"], &lines));
    }

    /// Rules for `nft -f` in a namespace, and a chain at every hook of it with nothing in it; everything is traced there.
    pub fn load(&self, name: &str, devices: &[&str], rules: &str) {
        let mut text = format!("table netdev {JUDGE} {{\n");
        let all = devices.join(", ");
        write!(
            text,
            "chain begins {{ type filter hook ingress devices = {{ {all} }} priority -2000; meta l4proto udp meta nftrace set 1\n}}\n}}\n\
             table inet {JUDGE} {{\nchain made {{ type filter hook output priority -2000; meta l4proto udp meta nftrace set 1\n}}\n}}\n\
             table netdev hooks {{\n"
        )
        .unwrap();
        for device in devices {
            for hook in ["ingress", "egress"] {
                writeln!(text, "chain {hook}_{device} {{ type filter hook {hook} device {device} priority 0;\n}}")
                    .unwrap();
            }
        }
        text += "}\ntable inet hooks {\n";
        for hook in ["prerouting", "input", "forward", "output", "postrouting"] {
            writeln!(text, "chain {hook} {{ type filter hook {hook} priority 50;\n}}").unwrap();
        }
        text += "}\n";
        self.at(name, || run(&["nft", "-f", "-"], &(text + rules)));
    }

    /// All namespaces as whyport reads them, looked at from one of them, without what the judge put there.
    pub fn read(&self, name: &str) -> Host {
        let places = Places { proc: Path::new("/proc"), modules: Path::new("/lib/modules") };
        let read =
            || kernel::read_all(&places, None, &Default::default()).expect("the namespace that this thread is in");
        let mut host = self.at(name, read);
        for ns in &mut host.namespaces {
            ns.ruleset.tables.retain(|table| &*table.name != JUDGE);
        }
        host
    }

    /// The same of these namespaces alone, however many others there are.
    pub fn read_own(&self) -> Host {
        let places = Places { proc: Path::new("/proc"), modules: Path::new("/lib/modules") };
        let read = || kernel::read(&places, None, &Default::default()).expect("the namespace that this thread is in");
        let mut hosts = self.0.iter().map(|one| self.at(one.name, read));
        let mut host = hosts.next().expect("the first");
        host.namespaces.extend(hosts.flat_map(|host| host.namespaces));
        for ns in &mut host.namespaces {
            ns.ruleset.tables.retain(|table| &*table.name != JUDGE);
        }
        host
    }

    /// Makes the kernel forget every flow.
    pub fn forget_flows(&mut self) {
        for one in &mut self.0 {
            one.flows.ask(IPCTNL_MSG_CT_DELETE, 0, 0, &[]);
        }
    }

    /// Whether a packet that somebody sends comes again and again to where it was, as the walk tells it.
    pub fn circles(&self, host: &Host, from: &str, to: &str) -> bool {
        let query = self.query(host, from, Origin::Local, to.parse().unwrap());
        walk(host, &query).outcomes.iter().any(|one| one.fate.reason == Some(Reason::Loop))
    }

    fn name_of(&self, host: &Host, namespace: usize) -> &'static str {
        let name = &host.namespaces[namespace].name;
        let is = |one: &&Citizen| {
            let path = format!("/proc/self/fd/{}", one.namespace.as_raw_fd());
            std::fs::read_link(path).is_ok_and(|link| link.to_str() == Some(name))
        };
        self.0.iter().find(is).map_or_else(|| panic!("{name} is nobody's"), |one| one.name)
    }

    /// Sends a packet, and gives what the kernel says of it.
    fn send(&mut self, from: &str, to: SocketAddr) -> Said {
        let _ = self.0.iter_mut().map(|one| one.trace.drain()).count();
        let socket = self.at(from, || sender(to));
        let _ = socket.send_to(b"judge", to);
        let mut steps = BTreeMap::new();
        while netlink::wait(&self.0.iter().map(|one| &one.trace).collect::<Vec<_>>(), Duration::from_millis(40)) {
            for one in &mut self.0 {
                let events: Vec<_> = one.trace.drain().iter().filter_map(witness::nft_event).collect();
                let said: &mut Vec<String> = steps.entry(one.name).or_default();
                said.extend(events.iter().filter_map(told));
            }
        }
        steps.retain(|_, steps| !steps.is_empty());
        let mut got: Vec<&str> = Vec::new();
        let mut room = [0; 64];
        for one in &self.0 {
            for socket in &one.sockets {
                while socket.recv(&mut room).is_ok() {
                    got.push(one.name);
                }
            }
        }
        Said { steps, got: got.join(" ") }
    }

    /// What whyport says of the same packet, from where somebody sends it, or from where it comes in with a source.
    fn walked(&self, host: &Host, at: &str, origin: Origin, src: Option<IpAddr>, to: SocketAddr) -> Said {
        self.walked_as(host, at, origin, src, to, Turn::First)
    }

    fn walked_as(
        &self,
        host: &Host,
        at: &str,
        origin: Origin,
        src: Option<IpAddr>,
        to: SocketAddr,
        turn: Turn,
    ) -> Said {
        let mut query = self.query(host, at, origin, to);
        if let Some(src) = src {
            query.set_address(Field::Src, src);
        }
        query.turn = turn;
        self.said(host, &walk(host, &query).outcomes)
    }

    fn query(&self, host: &Host, at: &str, origin: Origin, to: SocketAddr) -> Query {
        let is = |namespace: &usize| self.is_ours(host, *namespace) && self.name_of(host, *namespace) == at;
        let namespace = (0..host.namespaces.len()).find(is).unwrap();
        probe(namespace, origin, to)
    }

    /// What whyport says of the answer to a packet that came in by a device.
    pub fn answer(&self, host: &Host, by: (&str, &str), src: &str, to: &str) -> Said {
        let origin = Origin::Device(by.1.to_owned());
        self.walked_as(host, by.0, origin, src.parse().ok(), to.parse().unwrap(), Turn::Reply)
    }

    fn is_ours(&self, host: &Host, namespace: usize) -> bool {
        let name = &host.namespaces[namespace].name;
        self.0.iter().any(|one| {
            let path = format!("/proc/self/fd/{}", one.namespace.as_raw_fd());
            std::fs::read_link(path).is_ok_and(|link| link.to_str() == Some(name))
        })
    }

    fn said(&self, host: &Host, outcomes: &[Outcome]) -> Said {
        let [one] = outcomes else {
            return Said { steps: BTreeMap::new(), got: format!("several: {outcomes:#?}") };
        };
        let mut steps: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for step in one.steps() {
            let namespace = one.passes[step.pass as usize - 1].namespace;
            let name = self.name_of(host, namespace);
            steps.entry(name).or_default().extend(line(host, namespace, step));
        }
        for assumed in &one.assumed {
            steps.entry("assumed").or_default().push(format!("{assumed:?}"));
        }
        steps.retain(|_, steps| !steps.is_empty());
        let got = match one.fate.kind {
            FateKind::Delivered if one.fate.socket.is_some() => self.name_of(host, one.fate.namespace),
            _ => "",
        };
        Said { steps, got: got.to_owned() }
    }

    /// The kernel and whyport say the same of a packet that somebody sends.
    ///
    /// # Panics
    /// If they do not, with both.
    #[track_caller]
    pub fn agree(&mut self, host: &Host, from: &str, to: &str) -> Said {
        self.agree_about(host, from, to, "")
    }

    /// The same, with what is to be told beside if they do not.
    #[track_caller]
    pub fn agree_about(&mut self, host: &Host, from: &str, to: &str, about: &str) -> Said {
        let to: SocketAddr = to.parse().unwrap();
        let mut kernel = self.send(from, to);
        let walk = self.walked(host, from, Origin::Local, None, to);
        // A frame that nobody takes is followed to the wire: that it comes to some device for nothing is not told.
        let for_nothing = |steps: &Vec<String>| steps.iter().all(|step| step.starts_with("netdev hooks ingress_"));
        kernel.steps.retain(|name, steps| walk.steps.contains_key(name) || !for_nothing(steps));
        assert!(walk == kernel, "{about}\nfrom {from} to {to}\nwhyport: {walk:#?}\nthe kernel: {kernel:#?}");
        kernel
    }

    /// The kernel and whyport say the same of a packet that somebody sends and that comes in elsewhere by a device.
    ///
    /// # Panics
    /// If they do not, with both.
    #[track_caller]
    pub fn agree_coming(&mut self, host: &Host, from: (&str, &str), by: (&str, &str), to: &str) -> Said {
        let to: SocketAddr = to.parse().unwrap();
        let mut kernel = self.send(from.0, to);
        kernel.steps.remove(from.0);
        // Who sends to all hears it, too.
        kernel.got = kernel.got.split(' ').filter(|who| *who != from.0).collect::<Vec<_>>().join(" ");
        let walk = self.walked(host, by.0, Origin::Device(by.1.to_owned()), from.1.parse().ok(), to);
        assert!(walk == kernel, "from {from:?} to {to}\nwhyport: {walk:#?}\nthe kernel: {kernel:#?}");
        kernel
    }
}
