//! The sysctls that decide where packets go, from `/proc/sys/net`.
//!
//! `/proc/sys/net` shows the network namespace of the thread that reads it (`net_ctl_header_lookup` in net/sysctl_net.c),
//! unlike `/proc/net`. Knows paths and values. Deliberately fills in no default: what cannot be read stays unknown.

use std::fs;
use std::path::Path;

use crate::host::{DeviceSysctls, Ip6Device, Sysctls};

/// Reads them for the namespace of this thread; `proc` is the root of procfs.
pub(super) fn read(proc: &Path) -> Sysctls {
    let net = proc.join("sys/net");
    let flag = |path: &str| flag(&net.join(path));
    Sysctls {
        ip_forward: flag("ipv4/ip_forward"),
        bridge_call_iptables: flag("bridge/bridge-nf-call-iptables"),
        bridge_call_ip6tables: flag("bridge/bridge-nf-call-ip6tables"),
        bridge_call_arptables: flag("bridge/bridge-nf-call-arptables"),
        conntrack_tcp_loose: flag("netfilter/nf_conntrack_tcp_loose"),
        tcp_l3mdev_accept: flag("ipv4/tcp_l3mdev_accept"),
        udp_l3mdev_accept: flag("ipv4/udp_l3mdev_accept"),
        icmp_echo_ignore_all: flag("ipv4/icmp_echo_ignore_all"),
        icmp_echo_ignore_broadcasts: flag("ipv4/icmp_echo_ignore_broadcasts"),
        icmp6_echo_ignore_all: flag("ipv6/icmp/echo_ignore_all"),
        icmp6_echo_ignore_multicast: flag("ipv6/icmp/echo_ignore_multicast"),
        ip: devices(&net.join("ipv4/conf"), |device| DeviceSysctls {
            forwarding: self::flag(&device.join("forwarding")),
            rp_filter: number(&device.join("rp_filter")).and_then(|number| u8::try_from(number).ok()),
            route_localnet: self::flag(&device.join("route_localnet")),
            accept_local: self::flag(&device.join("accept_local")),
            src_valid_mark: self::flag(&device.join("src_valid_mark")),
            send_redirects: self::flag(&device.join("send_redirects")),
        }),
        ip6: devices(&net.join("ipv6/conf"), |device| Ip6Device {
            forwarding: self::flag(&device.join("forwarding")),
            disabled: self::flag(&device.join("disable_ipv6")),
        }),
    }
}

/// What stands in the folder of each device.
fn devices<T>(folder: &Path, read: impl Fn(&Path) -> T) -> std::collections::BTreeMap<String, T> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| (entry.file_name().to_string_lossy().into_owned(), read(&entry.path()))).collect()
}

fn number(path: &Path) -> Option<i64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn flag(path: &Path) -> Option<bool> {
    number(path).map(|number| number != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::tests::Folder;

    #[test]
    fn what_is_not_there_stays_unknown() {
        let folder = Folder::with(&[
            ("sys/net/ipv4/ip_forward", "1\n"),
            ("sys/net/ipv4/conf/eth0.100/rp_filter", "2\n"),
            ("sys/net/ipv4/conf/eth0.100/accept_local", "what\n"),
        ]);
        let sysctls = read(folder.path());
        assert_eq!(sysctls.ip_forward, Some(true));
        let device = DeviceSysctls { rp_filter: Some(2), ..DeviceSysctls::default() };
        assert_eq!(sysctls.ip.into_iter().collect::<Vec<_>>(), [("eth0.100".to_owned(), device)]);
        assert!(sysctls.ip6.is_empty() && sysctls.bridge_call_iptables.is_none());
    }
}
