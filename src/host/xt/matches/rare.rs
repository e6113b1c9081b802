//! The matches that few rules have, in one enum: boxed together, so that the others stay small.

use super::*;

/// A match that few rules have.
#[derive(Debug, Clone, PartialEq)]
pub enum Rare {
    /// `-m ah`.
    Ah(Ah),
    /// `-m bpf`.
    Bpf(Bpf),
    /// `-m cgroup`.
    Cgroup(Cgroup),
    /// `-m cluster`.
    Cluster(Cluster),
    /// `-m connbytes`.
    Connbytes(Connbytes),
    /// `-m connlabel`.
    Connlabel(Connlabel),
    /// `-m connlimit`.
    Connlimit(Connlimit),
    /// `-m cpu --cpu`.
    Cpu(Neg<u32>),
    /// `-m dccp`.
    Dccp(Dccp),
    /// `-m devgroup`.
    Devgroup(Devgroup),
    /// `-m dscp --dscp`, 0–63.
    Dscp(Neg<u8>),
    /// `-m dst`.
    Dst(HeaderOptions),
    /// `-m ecn`.
    Ecn(Ecn),
    /// `-m esp`.
    Esp(Esp),
    /// `-m eui64`: the source address was made of the sender's MAC.
    Eui64,
    /// `-m frag`.
    Frag(Frag),
    /// `-m hashlimit`.
    Hashlimit(Hashlimit),
    /// `-m hbh`.
    Hbh(HeaderOptions),
    /// `-m helper --helper`.
    Helper(Neg<Name>),
    /// `-m ipcomp`.
    Ipcomp(Ipcomp),
    /// `-m ipv6header`.
    Ipv6Header(Ipv6Header),
    /// `-m ipvs`.
    Ipvs(Ipvs),
    /// `-m mh`.
    Mh(Mh),
    /// `-m nfacct --nfacct-name`.
    Nfacct(Name),
    /// `-m osf`.
    Osf(Osf),
    /// `-m policy`.
    Policy(Policy),
    /// `-m quota --quota`, in bytes.
    Quota(Neg<u64>),
    /// `-m rateest`.
    Rateest(RateestMatch),
    /// `-m realm --realm`.
    Realm(Neg<Masked>),
    /// `-m rpfilter`.
    Rpfilter(Rpfilter),
    /// `-m rt`.
    Rt(Rt),
    /// `-m sctp`.
    Sctp(Sctp),
    /// `-m socket`.
    Socket(SocketMatch),
    /// `-m srh`.
    Srh(Srh),
    /// `-m string`.
    String(StringMatch),
    /// `-m tcpmss --mss`, first and last.
    Tcpmss(Neg<(u16, u16)>),
    /// `-m time`.
    Time(Time),
    /// `-m tos --tos`: value and mask.
    Tos(Neg<(u8, u8)>),
    /// `-m u32`.
    U32(U32),
}

impl Rare {
    /// The name after `-m`.
    pub fn name(&self) -> &'static str {
        match self {
            Rare::Ah(_) => "ah",
            Rare::Bpf(_) => "bpf",
            Rare::Cgroup(_) => "cgroup",
            Rare::Cluster(_) => "cluster",
            Rare::Connbytes(_) => "connbytes",
            Rare::Connlabel(_) => "connlabel",
            Rare::Connlimit(_) => "connlimit",
            Rare::Cpu(_) => "cpu",
            Rare::Dccp(_) => "dccp",
            Rare::Devgroup(_) => "devgroup",
            Rare::Dscp(_) => "dscp",
            Rare::Dst(_) => "dst",
            Rare::Ecn(_) => "ecn",
            Rare::Esp(_) => "esp",
            Rare::Eui64 => "eui64",
            Rare::Frag(_) => "frag",
            Rare::Hashlimit(_) => "hashlimit",
            Rare::Hbh(_) => "hbh",
            Rare::Helper(_) => "helper",
            Rare::Ipcomp(_) => "ipcomp",
            Rare::Ipv6Header(_) => "ipv6header",
            Rare::Ipvs(_) => "ipvs",
            Rare::Mh(_) => "mh",
            Rare::Nfacct(_) => "nfacct",
            Rare::Osf(_) => "osf",
            Rare::Policy(_) => "policy",
            Rare::Quota(_) => "quota",
            Rare::Rateest(_) => "rateest",
            Rare::Realm(_) => "realm",
            Rare::Rpfilter(_) => "rpfilter",
            Rare::Rt(_) => "rt",
            Rare::Sctp(_) => "sctp",
            Rare::Socket(_) => "socket",
            Rare::Srh(_) => "srh",
            Rare::String(_) => "string",
            Rare::Tcpmss(_) => "tcpmss",
            Rare::Time(_) => "time",
            Rare::Tos(_) => "tos",
            Rare::U32(_) => "u32",
        }
    }
}
