//! A made-up dump of a Kubernetes node, as large as one likes: what kube-proxy writes for services with three endpoints.

use std::fmt::Write as _;

/// What kube-proxy appends to a chain's name: 16 letters and digits from a hash.
fn hash(seed: usize) -> String {
    let mut state = (seed as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (0..16)
        .map(|_| {
            state ^= state >> 29;
            state = state.wrapping_mul(0xbf58_476d_1ce4_e5b9);
            char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[(state >> 40) as usize % 32])
        })
        .collect()
}

fn address(net: u8, number: usize) -> String {
    format!("{net}.{}.{}.{}", number >> 16 & 255, number >> 8 & 255, number & 255)
}

/// Every service has this many rules: two in KUBE-SERVICES and its own chain's first, then three for each of three endpoints.
const RULES_PER_SERVICE: usize = 11;

/// A dump of the nat table with exactly `rules` rules, as iptables-save prints it.
pub fn dump(rules: usize) -> String {
    const FIXED: usize = 7;
    let services = rules.saturating_sub(FIXED) / RULES_PER_SERVICE;
    let rest = rules.saturating_sub(FIXED) % RULES_PER_SERVICE;
    let mut chains = String::from("*nat\n");
    for base in ["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"] {
        let _ = writeln!(chains, ":{base} ACCEPT [0:0]");
    }
    for user in ["KUBE-MARK-MASQ", "KUBE-NODEPORTS", "KUBE-POSTROUTING"] {
        let _ = writeln!(chains, ":{user} - [0:0]");
    }
    let mut body = String::from(
        "-A PREROUTING -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES\n\
         -A OUTPUT -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES\n\
         -A POSTROUTING -m comment --comment \"kubernetes postrouting rules\" -j KUBE-POSTROUTING\n\
         -A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000\n\
         -A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN\n\
         -A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0\n\
         -A KUBE-POSTROUTING -m comment --comment \"kubernetes service traffic requiring SNAT\" -j MASQUERADE --random-fully\n",
    );
    let (mut entries, mut own) = (String::new(), String::new());
    for service in 0..services {
        one_service(service, &mut chains, &mut body, &mut entries, &mut own);
    }
    for number in 0..rest {
        let _ = writeln!(entries, "-A KUBE-SERVICES -d {}/32 -j ACCEPT", address(172, number));
    }
    let _ = writeln!(chains, ":KUBE-SERVICES - [0:0]");
    // Service chains are declared after the others, as their names sort.
    for service in 0..services {
        let _ = writeln!(chains, ":KUBE-SVC-{} - [0:0]", hash(service * 4));
    }
    format!("{chains}{body}{entries}{own}COMMIT\n")
}

fn one_service(service: usize, chains: &mut String, endpoints: &mut String, entries: &mut String, own: &mut String) {
    let name = format!("shop-{}/backend-{service}:http", service % 97);
    let svc = hash(service * 4);
    let ip = address(10, service);
    let _ = writeln!(
        entries,
        "-A KUBE-SERVICES -d {ip}/32 -p tcp -m comment --comment \"{name} cluster IP\" -m tcp --dport 80 -j KUBE-SVC-{svc}"
    );
    let _ = writeln!(
        own,
        "-A KUBE-SVC-{svc} ! -s 10.244.0.0/16 -d {ip}/32 -p tcp -m comment --comment \"{name} cluster IP\" -m tcp --dport 80 -j KUBE-MARK-MASQ"
    );
    for endpoint in 0..3 {
        let sep = hash(service * 4 + endpoint + 1);
        let pod = address(100, service * 3 + endpoint);
        let _ = writeln!(chains, ":KUBE-SEP-{sep} - [0:0]");
        let _ = writeln!(endpoints, "-A KUBE-SEP-{sep} -s {pod}/32 -m comment --comment \"{name}\" -j KUBE-MARK-MASQ");
        let _ = writeln!(
            endpoints,
            "-A KUBE-SEP-{sep} -p tcp -m comment --comment \"{name}\" -m tcp -j DNAT --to-destination {pod}:8080"
        );
        let chance = [
            "-m statistic --mode random --probability 0.33333333349 ",
            "-m statistic --mode random --probability 0.50000000000 ",
            "",
        ];
        let _ = writeln!(
            own,
            "-A KUBE-SVC-{svc} -m comment --comment \"{name} -> {pod}:8080\" {}-j KUBE-SEP-{sep}",
            chance[endpoint]
        );
    }
}
