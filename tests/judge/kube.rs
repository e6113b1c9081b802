//! Rulesets of the shape that kube-proxy, flannel and the CNI's port mapper give a node, by lot.
//!
//! Knows how their chains hang together; which services there are, and where they lead, is drawn.

use std::fmt::Write as _;

use crate::places::Places;
use crate::random::Lot;

/// A family's addresses.
struct Cluster {
    pods: &'static str,
    services: &'static str,
    all: &'static str,
    local: &'static str,
    many: &'static str,
    ends: [&'static str; 4],
    outside: &'static str,
    node: &'static str,
    host: u8,
}

const CLUSTER4: Cluster = Cluster {
    pods: "10.42.0.0/16",
    services: "10.43.0.",
    all: "0.0.0.0/0",
    local: "127.0.0.0/8",
    many: "224.0.0.0/4",
    ends: ["10.42.0.2", "10.42.0.3", "10.42.1.5", "198.51.100.1"],
    outside: "203.0.113.0/25",
    node: "198.51.100.1",
    host: 32,
};

const CLUSTER6: Cluster = Cluster {
    pods: "2001:db8:42::/64",
    services: "2001:db8:43::",
    all: "::/0",
    local: "::1/128",
    many: "ff00::/8",
    ends: ["2001:db8:42::2", "2001:db8:42::3", "2001:db8:4201::5", "2001:db8:1::1"],
    outside: "2001:db8:5::/64",
    node: "2001:db8:1::1",
    host: 128,
};

/// A ruleset in the language of iptables-restore: all built-in chains of nat and filter, those of mangle and raw too if asked.
pub fn ruleset(lot: &mut Lot, places: &Places, all: bool) -> String {
    let cluster = if places.ip6 { &CLUSTER6 } else { &CLUSTER4 };
    let mut node = Node { heads: [String::new(), String::new()], rules: [String::new(), String::new()] };
    node.frame(lot, cluster);
    for number in 0..1 + lot.below(4) {
        node.service(lot, cluster, number);
    }
    node.rule(NAT, "KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS");
    for number in 0..lot.below(3) {
        node.host_port(lot, cluster, number);
    }
    if lot.once_in(3) {
        node.policy(lot, cluster);
    }
    let [nat_heads, filter_heads] = node.heads;
    let [nat, filter] = node.rules;
    let drop = lot.of(&["ACCEPT", "ACCEPT", "DROP"]);
    let mut text = format!(
        "*nat\n:PREROUTING ACCEPT\n:INPUT ACCEPT\n:OUTPUT ACCEPT\n:POSTROUTING ACCEPT\n{nat_heads}{nat}COMMIT\n\
         *filter\n:INPUT ACCEPT\n:FORWARD {drop}\n:OUTPUT ACCEPT\n{filter_heads}{filter}COMMIT\n"
    );
    if all || lot.once_in(2) {
        text += "*mangle\n:PREROUTING ACCEPT\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\n:POSTROUTING ACCEPT\n\
                 :KUBE-KUBELET-CANARY -\nCOMMIT\n*raw\n:PREROUTING ACCEPT\n:OUTPUT ACCEPT\nCOMMIT\n";
    }
    text
}

const NAT: usize = 0;
const FILTER: usize = 1;

struct Node {
    heads: [String; 2],
    rules: [String; 2],
}

impl Node {
    fn chain(&mut self, table: usize, name: &str) {
        let _ = writeln!(self.heads[table], ":{name} -");
    }

    fn rule(&mut self, table: usize, rule: &str) {
        let _ = writeln!(self.rules[table], "-A {rule}");
    }

    /// What every node has.
    fn frame(&mut self, lot: &mut Lot, cluster: &Cluster) {
        for chain in ["KUBE-SERVICES", "KUBE-NODEPORTS", "KUBE-POSTROUTING", "KUBE-MARK-MASQ", "KUBE-MARK-DROP"] {
            self.chain(NAT, chain);
        }
        for chain in ["KUBE-FIREWALL", "KUBE-FORWARD", "KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES", "KUBE-NODEPORTS"] {
            self.chain(FILTER, chain);
        }
        let masquerade = lot.of(&["", " --random-fully"]);
        let Cluster { pods, local, many, all, .. } = cluster;
        for rule in [
            "PREROUTING -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES",
            "OUTPUT -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES",
            "POSTROUTING -m comment --comment \"kubernetes postrouting rules\" -j KUBE-POSTROUTING",
            "KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN",
            "KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0",
            &format!("KUBE-POSTROUTING -j MASQUERADE{masquerade}"),
            "KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000",
            "KUBE-MARK-DROP -j MARK --set-xmark 0x8000/0x8000",
        ] {
            self.rule(NAT, rule);
        }
        if lot.once_in(2) {
            self.chain(NAT, "FLANNEL-POSTRTG");
            self.rule(NAT, "POSTROUTING -m comment --comment \"flanneld masq\" -j FLANNEL-POSTRTG");
            self.rule(NAT, "FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 -j RETURN");
            self.rule(NAT, &format!("FLANNEL-POSTRTG -s {pods} -d {pods} -j RETURN"));
            self.rule(NAT, &format!("FLANNEL-POSTRTG -s {pods} ! -d {many} -j MASQUERADE{masquerade}"));
            self.rule(NAT, &format!("FLANNEL-POSTRTG ! -s {pods} -d {pods} -j MASQUERADE{masquerade}"));
        }
        let new = lot.of(&[" -m conntrack --ctstate NEW", ""]);
        for rule in [
            "INPUT -j KUBE-FIREWALL",
            "INPUT -m comment --comment \"health check service ports\" -j KUBE-NODEPORTS",
            &format!("INPUT{new} -j KUBE-EXTERNAL-SERVICES"),
            "FORWARD -m comment --comment \"kubernetes forwarding rules\" -j KUBE-FORWARD",
            &format!("FORWARD{new} -j KUBE-SERVICES"),
            &format!("FORWARD{new} -j KUBE-EXTERNAL-SERVICES"),
            "OUTPUT -j KUBE-FIREWALL",
            &format!("OUTPUT{new} -j KUBE-SERVICES"),
            &format!("KUBE-FIREWALL ! -s {local} -d {local} -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP"),
            "KUBE-FIREWALL -m mark --mark 0x8000/0x8000 -j DROP",
            "KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP",
            "KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT",
            "KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
            &format!("FORWARD -s {all} -d {pods} -j ACCEPT"),
            &format!("FORWARD -s {pods} -j ACCEPT"),
        ] {
            self.rule(FILTER, rule);
        }
    }

    fn service(&mut self, lot: &mut Lot, cluster: &Cluster, number: usize) {
        let protocol = lot.of(&["tcp", "tcp", "udp"]);
        let port = lot.of(&["80", "443", "53"]);
        let address = format!("{}{}/{}", cluster.services, number + 10, cluster.host);
        let to = format!("-d {address} -p {protocol} -m {protocol} --dport {port}");
        let node_port = 30080 + number;
        if lot.once_in(5) {
            self.rule(FILTER, &format!("KUBE-SERVICES {to} -m comment --comment \"has no endpoints\" -j REJECT"));
            let at = format!("-p {protocol} -m {protocol} -m addrtype --dst-type LOCAL --dport {node_port}");
            self.rule(FILTER, &format!("KUBE-EXTERNAL-SERVICES {at} -j {}", lot.of(&["REJECT", "DROP"])));
            return;
        }
        let service = format!("KUBE-SVC-{number}");
        self.chain(NAT, &service);
        self.rule(NAT, &format!("KUBE-SERVICES {to} -m comment --comment \"ns/svc cluster IP\" -j {service}"));
        let outside = match lot.below(3) {
            0 => format!("! -s {} ", cluster.pods),
            1 => "! -i cni0 ".to_owned(),
            _ => String::new(),
        };
        self.rule(NAT, &format!("{service} {outside}{to} -j KUBE-MARK-MASQ"));
        self.ends(lot, cluster, &service, protocol);
        if lot.once_in(4) {
            return;
        }
        let external = format!("KUBE-EXT-{number}");
        self.chain(NAT, &external);
        let at = format!("-p {protocol} -m {protocol} --dport");
        self.rule(NAT, &format!("KUBE-NODEPORTS {at} {node_port} -m comment --comment \"ns/svc\" -j {external}"));
        if lot.once_in(2) {
            self.rule(NAT, &format!("{external} -m comment --comment \"masquerade\" -j KUBE-MARK-MASQ"));
            self.rule(NAT, &format!("{external} -j {service}"));
        } else {
            self.rule(NAT, &format!("{external} -s {} -j {service}", cluster.pods));
            self.rule(NAT, &format!("{external} -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ"));
            self.rule(NAT, &format!("{external} -m addrtype --src-type LOCAL -j {service}"));
            let last = lot.of(&["-j KUBE-MARK-DROP", &format!("-j {service}"), "-j RETURN"]).to_owned();
            self.rule(NAT, &format!("{external} {last}"));
        }
        if lot.once_in(2) {
            let balancer = format!("-d {}/{} -p {protocol} -m {protocol} --dport {port}", cluster.node, cluster.host);
            let firewall = format!("KUBE-FW-{number}");
            self.chain(NAT, &firewall);
            self.rule(NAT, &format!("KUBE-SERVICES {balancer} -j {firewall}"));
            self.rule(NAT, &format!("{firewall} -s {} -j {external}", cluster.outside));
            self.rule(NAT, &format!("{firewall} -j KUBE-MARK-DROP"));
        }
    }

    /// A service's endpoints, of which each gets its share.
    fn ends(&mut self, lot: &mut Lot, cluster: &Cluster, service: &str, protocol: &str) {
        let count = 1 + lot.below(3);
        let sticky = lot.once_in(4);
        let name = |at: usize| format!("{}-{at}", service.replace("SVC", "SEP"));
        for at in 0..count {
            self.chain(NAT, &name(at));
        }
        if sticky {
            for at in 0..count {
                let list = name(at);
                let known = format!("-m recent --rcheck --seconds 10800 --reap --name {list} --rsource");
                self.rule(NAT, &format!("{service} {known} -j {list}"));
            }
        }
        for at in 0..count {
            let left = count - at;
            let share = match left {
                1 => String::new(),
                _ => format!("-m statistic --mode random --probability {:.11} ", 1.0 / left as f64),
            };
            self.rule(NAT, &format!("{service} {share}-j {}", name(at)));
        }
        for at in 0..count {
            let (end, list) = (cluster.ends[lot.below(cluster.ends.len())], name(at));
            self.rule(NAT, &format!("{list} -s {end}/{} -j KUBE-MARK-MASQ", cluster.host));
            let set = if sticky { format!("-m recent --set --name {list} --rsource ") } else { String::new() };
            let port = lot.of(&["80", "8080", "9376"]);
            let to = if cluster.host == 128 { format!("[{end}]:{port}") } else { format!("{end}:{port}") };
            self.rule(NAT, &format!("{list} {set}-p {protocol} -m {protocol} -j DNAT --to-destination {to}"));
        }
    }

    /// A port of the node that the CNI's port mapper gives to a pod.
    fn host_port(&mut self, lot: &mut Lot, cluster: &Cluster, number: usize) {
        if number == 0 {
            for chain in ["CNI-HOSTPORT-DNAT", "CNI-HOSTPORT-MASQ", "CNI-HOSTPORT-SETMARK"] {
                self.chain(NAT, chain);
            }
            self.rule(NAT, "PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT");
            self.rule(NAT, "OUTPUT -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT");
            self.rule(
                NAT,
                "POSTROUTING -m comment --comment \"CNI portfwd requiring masquerade\" -j CNI-HOSTPORT-MASQ",
            );
            self.rule(NAT, "CNI-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 -j MASQUERADE");
            self.rule(NAT, "CNI-HOSTPORT-SETMARK -j MARK --set-xmark 0x2000/0x2000");
        }
        let chain = format!("CNI-DN-{number}");
        self.chain(NAT, &chain);
        let (end, port) = (cluster.ends[lot.below(2)], ["80", "443"][number % 2]);
        let to = if cluster.host == 128 { format!("[{end}]:{port}") } else { format!("{end}:{port}") };
        self.rule(NAT, &format!("CNI-HOSTPORT-DNAT -p tcp -m multiport --dports {port},8{port} -j {chain}"));
        self.rule(NAT, &format!("{chain} -s {} -p tcp -m tcp --dport {port} -j CNI-HOSTPORT-SETMARK", cluster.pods));
        self.rule(NAT, &format!("{chain} -s {} -p tcp -m tcp --dport {port} -j CNI-HOSTPORT-SETMARK", cluster.local));
        self.rule(NAT, &format!("{chain} -p tcp -m tcp --dport {port} -j DNAT --to-destination {to}"));
    }

    /// A network policy, as kube-router writes it.
    fn policy(&mut self, lot: &mut Lot, cluster: &Cluster) {
        let (firewall, policy) = ("KUBE-POD-FW-1", "KUBE-NWPLCY-1");
        self.chain(FILTER, firewall);
        self.chain(FILTER, policy);
        let pod = format!("{}/{}", cluster.ends[0], cluster.host);
        for from in ["INPUT", "FORWARD", "OUTPUT"] {
            self.rule(FILTER, &format!("{from} -d {pod} -j {firewall}"));
        }
        self.rule(FILTER, &format!("FORWARD -s {pod} -j {firewall}"));
        self.rule(FILTER, &format!("{firewall} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"));
        self.rule(FILTER, &format!("{firewall} -m addrtype --src-type LOCAL -d {pod} -j ACCEPT"));
        self.rule(FILTER, &format!("{firewall} -j {policy}"));
        self.rule(FILTER, &format!("{firewall} -m mark ! --mark 0x10000/0x10000 -j NFLOG --nflog-group 100"));
        self.rule(FILTER, &format!("{firewall} -m mark ! --mark 0x10000/0x10000 -j REJECT"));
        self.rule(FILTER, &format!("{firewall} -j MARK --set-xmark 0x0/0x10000"));
        self.rule(FILTER, &format!("{firewall} -j MARK --set-xmark 0x20000/0x20000"));
        let port = lot.of(&["80", "8080"]);
        let allowed =
            format!("{policy} -s {} -d {pod} -p tcp -m tcp --dport {port}", lot.of(&[cluster.pods, cluster.outside]));
        self.rule(FILTER, &format!("{allowed} -j MARK --set-xmark 0x10000/0x10000"));
        self.rule(FILTER, &format!("{allowed} -m mark --mark 0x10000/0x10000 -j RETURN"));
    }
}
