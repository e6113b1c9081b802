//! A made-up Kubernetes node: what kube-proxy writes for services with a port of the node each, and a host around it.

use std::fmt::Write as _;

/// The port of the node that a service has.
pub fn node_port(service: usize) -> u16 {
    20_000 + (service * 7919 % 10_007) as u16
}

/// The address of a service in the cluster.
pub fn cluster_ip(service: usize) -> String {
    format!("10.96.{}.{}", service >> 8 & 255, service & 255)
}

/// The node's own address.
pub const ADDRESS: &str = "192.0.2.10";

fn pod(service: usize, endpoint: usize) -> String {
    format!("10.244.{}.{}", (service * 2 + endpoint) >> 8 & 255, (service * 2 + endpoint) & 255)
}

/// One or two: ten rules for each service on the average.
fn endpoints(service: usize) -> usize {
    if service.is_multiple_of(3) { 1 } else { 2 }
}

/// A snapshot of a node with so many services, each of which has a cluster IP, a port of the node, and one or two endpoints.
pub fn snapshot(services: usize) -> String {
    format!("{BEFORE}[iptables-nft-save]\n{}{AFTER}", rules(services))
}

/// Its rules alone, as iptables-save prints them.
pub fn rules(services: usize) -> String {
    format!("{}{FILTER}", nat(services))
}

/// How many of the pods run on the node itself, in namespaces of their own: as many as kubelet lets.
const PODS: usize = 110;

/// The same node with the first of its pods, in namespaces behind ports of its bridge.
pub fn snapshot_with_pods(services: usize) -> String {
    let (links, numbers): (Vec<String>, Vec<String>) = (0..PODS)
        .map(|pod| {
            let (index, mac) = (pod + 10, format!("02:00:00:00:01:{pod:02x}"));
            let link = format!(
                "{{\"ifindex\":{index},\"link_index\":2,\"ifname\":\"veth{pod}\",\"flags\":[\"UP\"],\"mtu\":1500,\"master\":\"cni0\",\"link_type\":\"ether\",\"address\":\"{mac}\",\"link_netnsid\":{pod},\"promiscuity\":0,\"linkinfo\":{{\"info_kind\":\"veth\",\"info_slave_kind\":\"bridge\",\"info_slave_data\":{{\"state\":\"forwarding\",\"hairpin\":true}}}}}}"
            );
            (link, format!("nsid {pod} (iproute2 netns name: pod{pod})\n"))
        })
        .unzip();
    let before =
        BEFORE.replacen("[ip -d -j link]", &format!("[ip netns list-id]\n{}\n[ip -d -j link]", numbers.concat()), 1);
    let before = before.replacen("\n]\n\n[ip -j addr]", &format!(",\n{}\n]\n\n[ip -j addr]", links.join(",\n")), 1);
    let node = format!("{before}[iptables-nft-save]\n{}{}", rules(services), AFTER.replace("[end]\n", ""));
    node + &(0..PODS).map(one_pod).collect::<String>() + "[end]\n"
}

/// A pod's namespace, with a server.
fn one_pod(number: usize) -> String {
    let (index, addr) = (number + 10, pod(number / 2, number % 2));
    POD.replace("NUMBER", &number.to_string()).replace("INDEX", &index.to_string()).replace("ADDRESS", &addr)
}

/// A snapshot of the same node with these rules alone: native ones, or those of iptables.
pub fn snapshot_of(rules: &str, native: bool) -> String {
    match native {
        true => format!("{BEFORE}[iptables-nft-save]\n{}", AFTER.replace("ruleset]\n", &format!("ruleset]\n{rules}"))),
        false => format!("{BEFORE}[iptables-nft-save]\n{rules}{AFTER}"),
    }
}

/// So many rules in one chain: three of four ask for a source, the others for a port, and none for port 22.
pub fn long_chain(rules: usize, native: bool) -> String {
    let source = |rule: usize| format!("10.{}.{}.{}", rule >> 16 & 255, rule >> 8 & 255, rule & 255);
    let rule = |rule: usize| match (rule.is_multiple_of(4), native) {
        (true, true) => format!("\t\ttcp dport {} drop\n", 1024 + rule / 4 % 60_000),
        (false, true) => format!("\t\tip saddr {} drop\n", source(rule)),
        (true, false) => format!("-A INPUT -p tcp -m tcp --dport {} -j DROP\n", 1024 + rule / 4 % 60_000),
        (false, false) => format!("-A INPUT -s {}/32 -j DROP\n", source(rule)),
    };
    let all: String = (0..rules).map(rule).collect();
    match native {
        true => format!(
            "table inet filter {{\n\tchain input {{\n\t\ttype filter hook input priority filter; policy accept;\n{all}\t}}\n}}\n"
        ),
        false => format!("*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n{all}COMMIT\n"),
    }
}

/// The nat table of kube-proxy.
fn nat(services: usize) -> String {
    let mut text = String::from("*nat\n");
    for base in ["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"] {
        let _ = writeln!(text, ":{base} ACCEPT [0:0]");
    }
    for user in ["KUBE-MARK-MASQ", "KUBE-NODEPORTS", "KUBE-POSTROUTING", "KUBE-SERVICES"] {
        let _ = writeln!(text, ":{user} - [0:0]");
    }
    for service in 0..services {
        let _ = writeln!(text, ":KUBE-EXT-{service:08} - [0:0]\n:KUBE-SVC-{service:08} - [0:0]");
        for endpoint in 0..endpoints(service) {
            let _ = writeln!(text, ":KUBE-SEP-{service:08}{endpoint} - [0:0]");
        }
    }
    text.push_str(
        "-A PREROUTING -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES\n\
         -A OUTPUT -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES\n\
         -A POSTROUTING -m comment --comment \"kubernetes postrouting rules\" -j KUBE-POSTROUTING\n\
         -A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000\n\
         -A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN\n\
         -A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0\n\
         -A KUBE-POSTROUTING -m comment --comment \"kubernetes service traffic requiring SNAT\" -j MASQUERADE --random-fully\n",
    );
    (0..services).for_each(|service| one_service(&mut text, service));
    text.push_str(
        "-A KUBE-SERVICES -m comment --comment \"kubernetes service nodeports; NOTE: this must be the last rule in this chain\" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS\nCOMMIT\n",
    );
    text
}

fn one_service(text: &mut String, service: usize) {
    let name = format!("shop-{}/backend-{service}:http", service % 97);
    let (ip, port) = (cluster_ip(service), node_port(service));
    let _ = write!(
        text,
        "-A KUBE-SERVICES -d {ip}/32 -p tcp -m comment --comment \"{name} cluster IP\" -m tcp --dport 80 -j KUBE-SVC-{service:08}\n\
         -A KUBE-NODEPORTS -p tcp -m comment --comment \"{name}\" -m tcp --dport {port} -j KUBE-EXT-{service:08}\n\
         -A KUBE-EXT-{service:08} -m comment --comment \"masquerade traffic for {name} external destinations\" -j KUBE-MARK-MASQ\n\
         -A KUBE-EXT-{service:08} -j KUBE-SVC-{service:08}\n\
         -A KUBE-SVC-{service:08} ! -s 10.244.0.0/16 -d {ip}/32 -p tcp -m comment --comment \"{name} cluster IP\" -m tcp --dport 80 -j KUBE-MARK-MASQ\n",
    );
    let many = endpoints(service);
    for endpoint in 0..many {
        let pod = pod(service, endpoint);
        let chance = if endpoint + 1 < many { "-m statistic --mode random --probability 0.50000000000 " } else { "" };
        let _ = write!(
            text,
            "-A KUBE-SVC-{service:08} -m comment --comment \"{name} -> {pod}:8080\" {chance}-j KUBE-SEP-{service:08}{endpoint}\n\
             -A KUBE-SEP-{service:08}{endpoint} -s {pod}/32 -m comment --comment \"{name}\" -j KUBE-MARK-MASQ\n\
             -A KUBE-SEP-{service:08}{endpoint} -p tcp -m comment --comment \"{name}\" -m tcp -j DNAT --to-destination {pod}:8080\n",
        );
    }
}

/// What kube-proxy writes into the filter table, whatever the services are.
const FILTER: &str = r#"*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:KUBE-FIREWALL - [0:0]
:KUBE-FORWARD - [0:0]
-A INPUT -j KUBE-FIREWALL
-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
-A OUTPUT -j KUBE-FIREWALL
-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming localnet connections" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x4000/0x4000 -j ACCEPT
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
"#;

const BEFORE: &str = r#"# whyport snapshot 1
[host]
node: worker
kernel: 6.18
taken: 2026-11-23
viewed: node

[namespace node]
[unread]

[ip -d -j link]
[
{"ifindex":1,"ifname":"lo","flags":["LOOPBACK","UP"],"mtu":65536,"link_type":"loopback","address":"00:00:00:00:00:00","promiscuity":0},
{"ifindex":2,"ifname":"eth0","flags":["UP"],"mtu":1500,"link_type":"ether","address":"02:00:00:00:00:02","promiscuity":0},
{"ifindex":3,"ifname":"cni0","flags":["UP"],"mtu":1500,"link_type":"ether","address":"02:00:00:00:00:03","promiscuity":0,"linkinfo":{"info_kind":"bridge"}}
]

[ip -j addr]
[
{"ifindex":1,"ifname":"lo","addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8,"scope":"host"}]},
{"ifindex":2,"ifname":"eth0","addr_info":[{"family":"inet","local":"192.0.2.10","prefixlen":24,"scope":"global"}]},
{"ifindex":3,"ifname":"cni0","addr_info":[{"family":"inet","local":"10.244.255.1","prefixlen":16,"scope":"global"}]}
]

[ip -4 -j route show table all]
[
{"dst":"default","gateway":"192.0.2.1","dev":"eth0"},
{"dst":"192.0.2.0/24","dev":"eth0","scope":"link","prefsrc":"192.0.2.10"},
{"dst":"10.244.0.0/16","dev":"cni0","scope":"link","prefsrc":"10.244.255.1"},
{"type":"local","dst":"127.0.0.0/8","dev":"lo","table":"local","scope":"host","prefsrc":"127.0.0.1"},
{"type":"local","dst":"127.0.0.1","dev":"lo","table":"local","scope":"host","prefsrc":"127.0.0.1"},
{"type":"local","dst":"192.0.2.10","dev":"eth0","table":"local","scope":"host","prefsrc":"192.0.2.10"},
{"type":"local","dst":"10.244.255.1","dev":"cni0","table":"local","scope":"host","prefsrc":"10.244.255.1"}
]

[ip -6 -j route show table all]
[]

[ip -j rule]
[
{"priority":0,"src":"all","table":"local"},
{"priority":32766,"src":"all","table":"main"}
]

[ip -6 -j rule]
[]

[sysctl]
net.ipv4.conf.all.forwarding = 1
net.ipv4.conf.all.rp_filter = 0
net.ipv4.conf.cni0.forwarding = 1
net.ipv4.conf.cni0.rp_filter = 0
net.ipv4.conf.eth0.forwarding = 1
net.ipv4.conf.eth0.rp_filter = 0
net.ipv4.conf.lo.forwarding = 1
net.ipv4.ip_forward = 1
net.netfilter.nf_conntrack_tcp_loose = 1

[ss -H -tulpne]
"#;

const AFTER: &str = "[iptables-legacy-save]
[ip6tables-nft-save]
[ip6tables-legacy-save]
[nft list ruleset]
[ipset save]
[end]
";

const POD: &str = r#"
[namespace podNUMBER]
[unread]

[ip netns list-id]
nsid 0 (iproute2 netns name: node)

[ip -d -j link]
[
{"ifindex":1,"ifname":"lo","flags":["LOOPBACK","UP"],"mtu":65536,"link_type":"loopback","address":"00:00:00:00:00:00","promiscuity":0},
{"ifindex":2,"link_index":INDEX,"ifname":"eth0","flags":["UP"],"mtu":1500,"link_type":"ether","address":"02:00:00:00:02:00","link_netnsid":0,"promiscuity":0,"linkinfo":{"info_kind":"veth"}}
]

[ip -j addr]
[
{"ifindex":1,"ifname":"lo","addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8,"scope":"host"}]},
{"ifindex":2,"ifname":"eth0","addr_info":[{"family":"inet","local":"ADDRESS","prefixlen":16,"scope":"global"}]}
]

[ip -4 -j route show table all]
[
{"dst":"default","gateway":"10.244.255.1","dev":"eth0"},
{"dst":"10.244.0.0/16","dev":"eth0","scope":"link","prefsrc":"ADDRESS"},
{"type":"local","dst":"ADDRESS","dev":"eth0","table":"local","scope":"host","prefsrc":"ADDRESS"}
]

[ip -6 -j route show table all]
[]

[ip -j rule]
[
{"priority":0,"src":"all","table":"local"},
{"priority":32766,"src":"all","table":"main"}
]

[ip -6 -j rule]
[]

[sysctl]
net.ipv4.conf.all.rp_filter = 0
net.ipv4.conf.eth0.rp_filter = 0
net.ipv4.ip_forward = 0
net.netfilter.nf_conntrack_tcp_loose = 1

[ss -H -tulpne]
tcp LISTEN 0 128 0.0.0.0:8080 0.0.0.0:* users:(("backend",pid=NUMBER,fd=3)) ino:INDEX sk:1 <->

[iptables-nft-save]
[iptables-legacy-save]
[ip6tables-nft-save]
[ip6tables-legacy-save]
[nft list ruleset]
[ipset save]
"#;
