//! The section `[ipset save]` ⇄ the sets of a namespace.

use super::Trouble;
use super::section::Section;
use crate::host::Namespace;
use crate::syntax::ipset;

pub(super) fn parse(section: &Section, ns: &mut Namespace, trouble: &mut Trouble) {
    let dump = ipset::parse(section.body);
    ns.ipsets = dump.sets;
    ns.observations.ipsets = dump.seen;
    trouble.add(section, dump.diagnostics);
}

pub(super) fn print(out: &mut String, ns: &Namespace) {
    out.push_str(&ipset::print(&ns.ipsets, &ns.observations.ipsets, ipset::Form::Whole));
}
