//! What of native tables has no place in the model, in words.
//!
//! It is named, so that nobody takes for absent what is only not decoded.

use super::super::netlink::{Attributes, be, text};

/// What of a chain has no place in the model, in a few words each.
pub(super) fn chain(name: &str, attributes: &Attributes<'_>) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(hook) = attributes.get(4).map(Attributes) {
        // Where there is one, it stands in both.
        let several = Attributes(hook.get(4).unwrap_or_default()).map(|(_, device)| text(device).into_owned());
        let mut devices: Vec<String> = several.collect();
        if devices.is_empty() {
            devices.extend(hook.get(3).map(|device| text(device).into_owned()));
        }
        if !devices.is_empty() {
            found.push(format!("the device of chain {name}: {}", devices.join(", ")));
        }
    }
    // `NFT_CHAIN_BASE`, and `NFT_CHAIN_BINDING`, which its name tells too.
    if attributes.get(10).and_then(be).unwrap_or(0) & !5 != 0 {
        found.push(format!("flags of chain {name}"));
    }
    if let Some(comment) = attributes.get(12).and_then(super::comment) {
        found.push(format!("the comment of chain {name}: {comment}"));
    }
    found
}

/// What nft calls a kind of object (`NFT_OBJECT_*`).
pub(super) fn object(kind: u64) -> &'static str {
    match kind {
        1 => "counter",
        2 => "quota",
        3 => "ct helper",
        4 => "limit",
        6 => "tunnel",
        7 => "ct timeout",
        8 => "secmark",
        9 => "ct expectation",
        10 => "synproxy",
        _ => "object",
    }
}
