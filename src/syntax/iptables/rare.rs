//! The matches that few rules have: every one of them by name, and its print.

use super::option::Extension;
use super::rows::{LONG, NUMBER, TEXT};
use super::transport::push_single;
use super::{content, hashlimit, ipv6, place, time, tracked, transport};
use crate::host::Family;
use crate::host::xt::{Match, Rare};

/// Looked up by name and family.
pub(super) static MATCHES: [Extension<Match>; 39] = [
    hashlimit::HASHLIMIT,
    tracked::CONNLIMIT,
    content::STRING,
    time::TIME,
    place::POLICY,
    place::RPFILTER,
    ipv6::RT,
    place::SOCKET,
    transport::SCTP,
    transport::DSCP,
    transport::TOS,
    transport::TCPMSS,
    transport::ECN,
    transport::AH,
    transport::ESP,
    transport::IPCOMP,
    transport::DCCP,
    tracked::CONNBYTES,
    tracked::CONNLABEL,
    tracked::CLUSTER,
    tracked::HELPER,
    tracked::QUOTA,
    tracked::NFACCT,
    tracked::RATEEST,
    tracked::IPVS,
    content::U32_TESTS,
    content::BPF,
    content::OSF,
    place::CGROUP,
    place::CPU,
    place::DEVGROUP,
    place::REALM,
    ipv6::DST,
    ipv6::HBH,
    ipv6::EUI64,
    ipv6::FRAG,
    ipv6::IPV6HEADER,
    ipv6::MH,
    ipv6::SRH,
];

/// Appends `-m NAME` and its options.
pub(super) fn push_rare(out: &mut String, family: Family, found: &Rare) {
    out.push_str(" -m ");
    out.push_str(found.name());
    match found {
        Rare::Ah(ah) => transport::push_ah(out, ah),
        Rare::Bpf(bpf) => content::push_bpf(out, bpf),
        Rare::Cgroup(cgroup) => place::push_cgroup(out, cgroup),
        Rare::Cluster(cluster) => tracked::push_cluster(out, cluster),
        Rare::Connbytes(bytes) => tracked::push_connbytes(out, bytes),
        Rare::Connlabel(label) => tracked::push_connlabel(out, label),
        Rare::Connlimit(limit) => tracked::push_connlimit(out, limit),
        Rare::Cpu(cpu) => push_single(out, "--cpu", cpu, &NUMBER),
        Rare::Dccp(dccp) => transport::push_dccp(out, dccp),
        Rare::Devgroup(group) => place::push_devgroup(out, group),
        Rare::Dscp(code) => push_single(out, "--dscp", code, &transport::CODE_POINT),
        Rare::Dst(options) => ipv6::push_dst(out, options),
        Rare::Ecn(ecn) => transport::push_ecn(out, ecn),
        Rare::Esp(esp) => transport::push_esp(out, esp),
        Rare::Eui64 => {}
        Rare::Frag(frag) => ipv6::push_frag(out, frag),
        Rare::Hashlimit(limit) => hashlimit::push_hashlimit(out, family, limit),
        Rare::Hbh(options) => ipv6::push_hbh(out, options),
        Rare::Helper(helper) => push_single(out, "--helper", helper, &TEXT),
        Rare::Ipcomp(comp) => transport::push_ipcomp(out, comp),
        Rare::Ipv6Header(header) => ipv6::push_ipv6header(out, header),
        Rare::Ipvs(ipvs) => tracked::push_ipvs(out, ipvs),
        Rare::Mh(mh) => ipv6::push_mh(out, mh),
        Rare::Nfacct(name) => tracked::push_nfacct(out, name),
        Rare::Osf(osf) => content::push_osf(out, osf),
        Rare::Policy(policy) => place::push_policy(out, policy),
        Rare::Quota(quota) => push_single(out, "--quota", quota, &LONG),
        Rare::Rateest(rateest) => tracked::push_rateest(out, rateest),
        Rare::Realm(realm) => push_single(out, "--realm", realm, &place::REALM_ID),
        Rare::Rpfilter(flags) => place::push_rpfilter(out, *flags),
        Rare::Rt(rt) => ipv6::push_rt(out, rt),
        Rare::Sctp(sctp) => transport::push_sctp(out, sctp),
        Rare::Socket(flags) => place::push_socket(out, *flags),
        Rare::Srh(srh) => ipv6::push_srh(out, srh),
        Rare::String(string) => content::push_string_match(out, string),
        Rare::Tcpmss(mss) => push_single(out, "--mss", mss, &transport::MSS),
        Rare::Time(when) => time::push_time(out, when),
        Rare::Tos(tos) => push_single(out, "--tos", tos, &transport::SERVICE),
        Rare::U32(tests) => content::push_u32(out, tests),
    }
}
