//! Stateful objects and flowtables, as `nft list ruleset` prints them.

use super::list::{device, handle_text, one_line, priority};
use super::{effects, values};
use crate::host::nft::{
    CtExpectation, CtHelper, CtTimeout, Flowtable, Object, ObjectBody, ObjectKind, Synproxy, Tunnel, TunnelOptions,
    flowtable, synproxy,
};
use crate::host::{Counters, Family, Protocol, Tally};

/// What nft calls a kind of object.
pub(super) fn object_name(kind: ObjectKind) -> Option<&'static str> {
    Some(match kind {
        ObjectKind::COUNTER => "counter",
        ObjectKind::QUOTA => "quota",
        ObjectKind::CT_HELPER => "ct helper",
        ObjectKind::LIMIT => "limit",
        ObjectKind::CT_TIMEOUT => "ct timeout",
        ObjectKind::SECMARK => "secmark",
        ObjectKind::CT_EXPECTATION => "ct expectation",
        ObjectKind::SYNPROXY => "synproxy",
        ObjectKind::TUNNEL => "tunnel",
        _ => return None,
    })
}

/// What nft calls a stateful object's kind, and the lines that say what it is, with what it counted.
pub fn object_words(object: &Object, counted: Option<&Tally>) -> (String, Vec<String>) {
    let kind = object.body.kind();
    let word = object_name(kind).map_or_else(|| format!("[object {}]", kind.0), str::to_owned);
    (word, lines(&object.body, counted.copied()))
}

/// A stateful object, with what it counted.
pub(super) fn object_text(object: &Object, counted: Option<&Tally>, handles: bool) -> String {
    let (word, lines) = object_words(object, counted);
    let mut out = format!("\t{word} {} {{{}\n", one_line(&object.name), handle_text(object.handle, handles));
    let comment = object.comment.iter().map(|comment| format!("comment \"{}\"", one_line(comment)));
    for line in comment.chain(lines) {
        out.push_str(&format!("\t\t{line}\n"));
    }
    out.push_str("\t}\n");
    out
}

fn lines(body: &ObjectBody, counted: Option<Tally>) -> Vec<String> {
    match body {
        ObjectBody::Counter => {
            let Counters { packets, bytes } = match counted {
                Some(Tally::Counter(counters)) => counters,
                _ => Counters::default(),
            };
            vec![format!("packets {packets} bytes {bytes}")]
        }
        ObjectBody::Quota { bytes, over } => vec![effects::quota(*bytes, *over, counted)],
        ObjectBody::CtHelper(CtHelper { helper, family, protocol }) => vec![
            format!("type \"{}\" protocol {}", one_line(helper), protocol_name(*protocol)),
            format!("l3proto {family}"),
        ],
        ObjectBody::Limit(limit) => vec![effects::limit(limit).replacen("limit ", "", 1)],
        ObjectBody::CtTimeout(timeout) => ct_timeout(timeout),
        ObjectBody::Secmark { context } => vec![format!("\"{}\"", one_line(context))],
        ObjectBody::CtExpectation(CtExpectation { family, protocol, dport, timeout, size }) => vec![
            format!("protocol {}", protocol_name(*protocol)),
            format!("dport {dport}"),
            format!("timeout {}", values::time((*timeout).into())),
            format!("size {size}"),
            format!("l3proto {family}"),
        ],
        ObjectBody::Synproxy(with) => synproxy_lines(with),
        ObjectBody::Tunnel(tunnel) => tunnel_lines(tunnel),
        ObjectBody::Undecoded(_, data) => vec![format!("[{}]", values::hex(data))],
    }
}

fn protocol_name(protocol: Protocol) -> String {
    protocol.name().map_or_else(|| protocol.0.to_string(), str::to_owned)
}

fn synproxy_lines(with: &Synproxy) -> Vec<String> {
    let has = |flag: u32| with.flags & flag != 0;
    let mut found = Vec::new();
    found.extend(has(synproxy::MSS).then(|| format!("mss {}", with.mss)));
    found.extend(has(synproxy::WSCALE).then(|| format!("wscale {}", with.window_scale)));
    // nft leaves a blank for the word that is not there.
    let word = |flag: u32, word: &'static str| if has(flag) { word } else { "" };
    let words = [word(synproxy::TIMESTAMP, "timestamp"), word(synproxy::SACK_PERM, "sack-perm")];
    found.extend((words != ["", ""]).then(|| words.join(" ")));
    found
}

/// The states of a protocol by the kernel's numbers (`CTA_TIMEOUT_TCP_*`, `CTA_TIMEOUT_UDP_*`), and the seconds that go
/// without saying (`tcp_dflt_timeout`, `udp_dflt_timeout` in nft's rule.c).
const TCP: &[(u16, &str, u32)] = &[
    (1, "syn_sent", 120),
    (2, "syn_recv", 60),
    (3, "established", 432_000),
    (4, "fin_wait", 120),
    (5, "close_wait", 60),
    (6, "last_ack", 30),
    (7, "time_wait", 120),
    (8, "close", 10),
    (9, "syn_sent2", 120),
    (10, "retrans", 300),
    (11, "unack", 300),
];
const UDP: &[(u16, &str, u32)] = &[(1, "unreplied", 30), (2, "replied", 120)];

fn ct_timeout(timeout: &CtTimeout) -> Vec<String> {
    let CtTimeout { family, protocol, seconds } = timeout;
    let states = match *protocol {
        Protocol::TCP => TCP,
        Protocol::UDP => UDP,
        _ => &[],
    };
    let told = seconds.iter().filter_map(|(state, seconds)| match states.iter().find(|(known, ..)| known == state) {
        Some((_, name, usual)) => (usual != seconds).then(|| format!("{name} : {seconds}")),
        None => Some(format!("[{state}] : {seconds}")),
    });
    let policy: Vec<String> = told.collect();
    vec![
        format!("protocol {}", protocol_name(*protocol)),
        format!("l3proto {family}"),
        format!("policy = {{ {} }}", policy.join(", ")),
    ]
}

/// nft 1.0.6 has no words for tunnels: those are of 1.1.
fn tunnel_lines(tunnel: &Tunnel) -> Vec<String> {
    let Tunnel { id, addresses, flow_label, flags, tos, ttl, sport, dport, options } = tunnel;
    let mut found = vec![format!("id {id}")];
    if let Some((source, destination)) = addresses {
        let family = if source.is_ipv6() { Family::Ip6 } else { Family::Ip };
        found.extend([format!("{family} saddr {source}"), format!("{family} daddr {destination}")]);
    }
    let numbers = [
        ("flowlabel", *flow_label),
        ("sport", (*sport).into()),
        ("dport", (*dport).into()),
        ("tos", (*tos).into()),
        ("ttl", (*ttl).into()),
        ("flags", *flags),
    ];
    found.extend(numbers.iter().filter(|(_, number)| *number != 0).map(|(word, number)| format!("{word} {number}")));
    match options {
        TunnelOptions::None => {}
        TunnelOptions::Vxlan { gbp } => found.push(format!("vxlan gbp {gbp}")),
        TunnelOptions::Erspan1 { index } => found.push(format!("erspan version 1 index {index}")),
        TunnelOptions::Erspan2 { hardware, direction } => {
            let way = if *direction == 0 { "ingress" } else { "egress" };
            found.push(format!("erspan version 2 direction {way} id {hardware}"));
        }
        TunnelOptions::Geneve(options) => found.extend(options.iter().map(|option| {
            let data = values::hex(&option.data);
            format!("geneve class {:#x} opt-type {:#x} data \"0x{data}\"", option.class, option.kind)
        })),
    }
    found
}

/// A flowtable.
pub(super) fn flowtable_text(table: &Flowtable, handles: bool) -> String {
    let mut out = format!("\tflowtable {} {{{}\n", one_line(&table.name), handle_text(table.handle, handles));
    let priority = priority(Family::Netdev, table.hook, table.priority);
    out.push_str(&format!("\t\thook {} priority {priority}\n", table.hook));
    if !table.devices.is_empty() {
        let devices: Vec<String> = table.devices.iter().map(device).collect();
        out.push_str(&format!("\t\tdevices = {{ {} }}\n", devices.join(", ")));
    }
    for (flag, word) in [(flowtable::HW_OFFLOAD, "flags offload"), (flowtable::COUNTER, "counter")] {
        if table.flags & flag != 0 {
            out.push_str(&format!("\t\t{word}\n"));
        }
    }
    out.push_str("\t}\n");
    out
}
