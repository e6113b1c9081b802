//! What a text is, told by its first lines.

/// What a text looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// What `iptables-save` or `iptables -S` prints.
    IptablesSave,
    /// What `ip6tables-save` or `ip6tables -S` prints.
    Ip6tablesSave,
    /// What `nft list ruleset` prints.
    NftList,
    /// What `nft -j list ruleset` prints.
    NftJson,
    /// What `ipset save` prints.
    IpsetSave,
    /// A recorded host.
    Snapshot,
    /// Nothing.
    Empty,
    /// Something else; what it looks like, in words.
    Other(String),
}

/// What a text looks like.
pub fn looks_like(text: &str) -> Kind {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Kind::Empty;
    }
    if text.starts_with("# whyport snapshot") {
        return Kind::Snapshot;
    }
    Kind::IptablesSave
}
