//! Sysctls: the lines of `sysctl -a` that decide where packets go. Reading and writing stand side by side.
//!
//! Knows keys and values. Deliberately fills in no default: what no line tells stays unknown.

use super::Trouble;
use super::section::Section;
use crate::host::{DeviceSysctls, Ip6Device, Sysctls};

/// Reads `key = value` lines; keys that decide nothing here are passed over.
pub(super) fn parse(section: &Section, trouble: &mut Trouble) -> Sysctls {
    let mut sysctls = Sysctls::default();
    for (line, text) in section.lines() {
        let Some((key, value)) = text.split_once('=') else {
            trouble.bad(line, "not a line such as: net.ipv4.ip_forward = 1");
            continue;
        };
        let (key, value) = (key.trim(), value.trim());
        if !set(&mut sysctls, key, value) {
            trouble.bad(line, format!("{key} is not a number here"));
        }
    }
    sysctls
}

/// Sets what `key` names, if we hold it. `false`: the value is none that it can have.
fn set(sysctls: &mut Sysctls, key: &str, value: &str) -> bool {
    let number: Option<i64> = value.parse().ok();
    if let Some((device, what)) = key.strip_prefix("net.ipv4.conf.").and_then(|rest| rest.rsplit_once('.')) {
        let mut known = sysctls.ip.get(&dotted(device)).copied().unwrap_or_default();
        let flag = number.map(|number| number != 0);
        match what {
            "forwarding" => known.forwarding = flag,
            "rp_filter" => known.rp_filter = number.and_then(|number| u8::try_from(number).ok()),
            "route_localnet" => known.route_localnet = flag,
            "accept_local" => known.accept_local = flag,
            "src_valid_mark" => known.src_valid_mark = flag,
            "send_redirects" => known.send_redirects = flag,
            _ => return true,
        }
        sysctls.ip.insert(dotted(device), known);
        return number.is_some_and(|number| what != "rp_filter" || u8::try_from(number).is_ok());
    }
    if let Some((device, what)) = key.strip_prefix("net.ipv6.conf.").and_then(|rest| rest.rsplit_once('.')) {
        let mut known = sysctls.ip6.get(&dotted(device)).copied().unwrap_or_default();
        let flag = number.map(|number| number != 0);
        match what {
            "forwarding" => known.forwarding = flag,
            "disable_ipv6" => known.disabled = flag,
            _ => return true,
        }
        sysctls.ip6.insert(dotted(device), known);
        return number.is_some();
    }
    let place = match key {
        "net.ipv4.ip_forward" => &mut sysctls.ip_forward,
        "net.bridge.bridge-nf-call-iptables" => &mut sysctls.bridge_call_iptables,
        "net.bridge.bridge-nf-call-ip6tables" => &mut sysctls.bridge_call_ip6tables,
        "net.bridge.bridge-nf-call-arptables" => &mut sysctls.bridge_call_arptables,
        "net.netfilter.nf_conntrack_tcp_loose" => &mut sysctls.conntrack_tcp_loose,
        "net.ipv4.tcp_l3mdev_accept" => &mut sysctls.tcp_l3mdev_accept,
        "net.ipv4.udp_l3mdev_accept" => &mut sysctls.udp_l3mdev_accept,
        "net.ipv4.icmp_echo_ignore_all" => &mut sysctls.icmp_echo_ignore_all,
        "net.ipv4.icmp_echo_ignore_broadcasts" => &mut sysctls.icmp_echo_ignore_broadcasts,
        "net.ipv6.icmp.echo_ignore_all" => &mut sysctls.icmp6_echo_ignore_all,
        "net.ipv6.icmp.echo_ignore_multicast" => &mut sysctls.icmp6_echo_ignore_multicast,
        _ => return true,
    };
    *place = number.map(|number| number != 0);
    number.is_some()
}

/// sysctl(8) writes a dot within a device's name as a slash: `eth0/100` is the device `eth0.100`.
fn dotted(device: &str) -> String {
    device.replace('/', ".")
}

/// Writes them in the order of `sysctl -a`.
pub(super) fn print(out: &mut String, sysctls: &Sysctls) {
    let mut line = |key: String, value: Option<u8>| {
        if let Some(value) = value {
            out.push_str(&format!("{key} = {value}\n"));
        }
    };
    let whole = |key: &str, value: Option<bool>| (key.to_owned(), value.map(u8::from));
    for (key, value) in [
        whole("net.bridge.bridge-nf-call-arptables", sysctls.bridge_call_arptables),
        whole("net.bridge.bridge-nf-call-ip6tables", sysctls.bridge_call_ip6tables),
        whole("net.bridge.bridge-nf-call-iptables", sysctls.bridge_call_iptables),
    ] {
        line(key, value);
    }
    for (device, known) in &sysctls.ip {
        let DeviceSysctls { forwarding, rp_filter, route_localnet, accept_local, src_valid_mark, send_redirects } =
            *known;
        let key = |what: &str| format!("net.ipv4.conf.{}.{what}", device.replace('.', "/"));
        line(key("accept_local"), accept_local.map(u8::from));
        line(key("forwarding"), forwarding.map(u8::from));
        line(key("route_localnet"), route_localnet.map(u8::from));
        line(key("rp_filter"), rp_filter);
        line(key("send_redirects"), send_redirects.map(u8::from));
        line(key("src_valid_mark"), src_valid_mark.map(u8::from));
    }
    for (key, value) in [
        whole("net.ipv4.ip_forward", sysctls.ip_forward),
        whole("net.ipv4.tcp_l3mdev_accept", sysctls.tcp_l3mdev_accept),
        whole("net.ipv4.udp_l3mdev_accept", sysctls.udp_l3mdev_accept),
        whole("net.ipv4.icmp_echo_ignore_all", sysctls.icmp_echo_ignore_all),
        whole("net.ipv4.icmp_echo_ignore_broadcasts", sysctls.icmp_echo_ignore_broadcasts),
        whole("net.ipv6.icmp.echo_ignore_all", sysctls.icmp6_echo_ignore_all),
        whole("net.ipv6.icmp.echo_ignore_multicast", sysctls.icmp6_echo_ignore_multicast),
    ] {
        line(key, value);
    }
    for (device, known) in &sysctls.ip6 {
        let Ip6Device { forwarding, disabled } = *known;
        let key = |what: &str| format!("net.ipv6.conf.{}.{what}", device.replace('.', "/"));
        line(key("disable_ipv6"), disabled.map(u8::from));
        line(key("forwarding"), forwarding.map(u8::from));
    }
    line("net.netfilter.nf_conntrack_tcp_loose".into(), sysctls.conntrack_tcp_loose.map(u8::from));
}
