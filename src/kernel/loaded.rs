//! Which parts of the kernel are there, so that asking them loads no module.
//!
//! A message to a netlink subsystem that is not there makes the kernel look for a module (`request_module`), even when an
//! ordinary user sends it. So nothing is asked before this says that it is there. Knows `/proc/modules`, `modules.builtin`
//! and, where that file is missing, `/proc/kallsyms`. Deliberately does not ask the kernel anything.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::Path;

/// A function that a module brings with it, for kernels that do not say what is built in. The first that is found counts.
const SYMBOLS: [(&str, &[&str]); 14] = [
    ("nf_tables", &["nft_do_chain", "nf_tables_getrule"]),
    ("nfnetlink", &["nfnl_lock", "nfnetlink_rcv_msg"]),
    ("nfnetlink_hook", &["nfnl_hook_dump", "nfnl_hook_get"]),
    ("nf_conntrack_netlink", &["ctnetlink_dump_table", "ctnetlink_get_conntrack"]),
    ("ip_set", &["ip_set_type_register", "ip_set_sockfn_get"]),
    ("inet_diag", &["inet_diag_register", "inet_diag_handler_cmd"]),
    ("tcp_diag", &["tcp_diag_get_info", "tcp_diag_dump"]),
    ("udp_diag", &["udp_diag_dump", "udp_diag_get_info"]),
    ("raw_diag", &["raw_diag_dump", "raw_diag_get_info"]),
    ("sctp_diag", &["sctp_diag_dump", "sctp_diag_get_info"]),
    ("dccp_diag", &["dccp_diag_dump", "dccp_diag_get_info"]),
    ("ip_tables", &["ipt_do_table", "ipt_register_table"]),
    ("ip6_tables", &["ip6t_do_table", "ip6t_register_table"]),
    ("arp_tables", &["arpt_do_table", "arpt_register_table"]),
];

/// The parts of the kernel that are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Loaded(Known);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Known {
    /// This kernel loads no modules: whatever is asked of it changes nothing.
    LoadsNothing,
    /// Modules that are loaded or built in, `_` for `-`.
    These(HashSet<String>),
}

impl Loaded {
    /// Reads what is there. `proc` is the root of procfs, `modules` is `/lib/modules`.
    ///
    /// What cannot be read counts as not there: then it is not asked.
    pub(super) fn read(proc: &Path, modules: &Path) -> Loaded {
        let mut there = HashSet::new();
        match File::open(proc.join("modules")) {
            // Without CONFIG_MODULES there is no such file. Without procfs there is none either, and nobody knows.
            Err(error) if error.kind() == ErrorKind::NotFound && proc.join("sys/kernel").is_dir() => {
                return Loaded(Known::LoadsNothing);
            }
            Err(_) => return Loaded(Known::These(there)),
            Ok(file) => loaded(file, &mut there),
        }
        let release = super::release(proc).unwrap_or_default();
        match File::open(modules.join(release).join("modules.builtin")) {
            Ok(file) => built_in(file, &mut there),
            Err(_) => {
                if let Ok(file) = File::open(proc.join("kallsyms")) {
                    by_symbols(file, &mut there);
                }
            }
        }
        Loaded(Known::These(there))
    }

    /// Whether `module` may be asked without its being loaded by that. `-` and `_` are the same in its name.
    pub(super) fn has(&self, module: &str) -> bool {
        match &self.0 {
            Known::LoadsNothing => true,
            Known::These(there) => there.contains(&plain(module)),
        }
    }
}

/// What the texts of `/proc/modules`, `modules.builtin` and `/proc/kallsyms` name.
pub(super) fn told(modules: &[u8], builtin: &[u8], kallsyms: &[u8]) -> HashSet<String> {
    let mut there = HashSet::new();
    loaded(modules, &mut there);
    built_in(builtin, &mut there);
    by_symbols(kallsyms, &mut there);
    there
}

/// The modules that `/proc/modules` lists.
fn loaded(file: impl Read, there: &mut HashSet<String>) {
    each_line(file, |line| {
        there.extend(line.split(' ').next().map(plain));
        true
    });
}

/// The modules that `modules.builtin` lists, by their files.
fn built_in(file: impl Read, there: &mut HashSet<String>) {
    each_line(file, |line| {
        let name = line.rsplit('/').next().unwrap_or_default();
        there.extend(name.split_once(".ko").map(|(name, _)| plain(name)));
        true
    });
}

fn plain(module: &str) -> String {
    module.trim().replace('-', "_")
}

/// Hands over lines, until there are none or `each` has enough.
fn each_line(file: impl Read, mut each: impl FnMut(&str) -> bool) {
    let mut reader = BufReader::new(file);
    let mut bytes = Vec::new();
    while reader.read_until(b'\n', &mut bytes).is_ok_and(|length| length > 0) {
        let go_on = each(String::from_utf8_lossy(&bytes).trim_end());
        bytes.clear();
        if !go_on {
            return;
        }
    }
}

/// Finds what is built in by its symbols: a symbol of a module has the module's name in brackets after it. Ordinary users
/// see the names too, without the addresses.
fn by_symbols(file: impl Read, there: &mut HashSet<String>) {
    let mut missing: Vec<_> = SYMBOLS.into_iter().filter(|(module, _)| !there.contains(*module)).collect();
    each_line(file, |line| {
        let mut words = line.split_ascii_whitespace().skip(2);
        let (symbol, module) = (words.next().unwrap_or_default(), words.next());
        if module.is_none()
            && let Some(at) = missing.iter().position(|(_, symbols)| symbols.contains(&symbol))
        {
            there.insert(missing.swap_remove(at).0.to_owned());
        }
        !missing.is_empty()
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::tests::Folder;

    fn read(files: &[(&str, &str)]) -> Loaded {
        let folder = Folder::with(files);
        Loaded::read(&folder.path().join("proc"), &folder.path().join("lib/modules"))
    }

    const RELEASE: (&str, &str) = ("proc/sys/kernel/osrelease", "6.1.0-9-amd64\n");
    const MODULES: (&str, &str) =
        ("proc/modules", "nf_tables 1 2 - Live 0x0\ntcp_diag 16384 0 - Live 0x0000000000000000\n");

    #[test]
    fn a_kernel_without_modules_may_be_asked_anything() {
        assert!(read(&[RELEASE]).has("tcp_diag"));
    }

    #[test]
    fn without_procfs_nothing_may_be_asked() {
        assert!(!read(&[]).has("tcp_diag"));
    }

    #[test]
    fn what_is_loaded_or_built_in_is_there() {
        let builtin = (
            "lib/modules/6.1.0-9-amd64/modules.builtin",
            "kernel/net/ipv4/udp-diag.ko\nkernel/net/ipv4/netfilter/ip_tables.ko.zst\n",
        );
        let kallsyms = ("proc/kallsyms", "0 t ip6t_do_table\n");
        let loaded = read(&[RELEASE, MODULES, builtin, kallsyms]);
        for (module, there) in [
            ("nf_tables", true),
            ("tcp-diag", true),
            ("udp_diag", true),
            ("ip_tables", true),
            ("ip6_tables", false),
            ("raw_diag", false),
            ("nf", false),
        ] {
            assert_eq!(loaded.has(module), there, "{module}");
        }
    }

    #[test]
    fn symbols_tell_what_is_built_in_where_nothing_else_does() {
        let kallsyms = (
            "proc/kallsyms",
            "0000000000000000 T ipt_do_table\n0000000000000000 T ip6t_do_table\t[ip6_tables]\n0 t udp_diag_dump_one\n",
        );
        let loaded = read(&[RELEASE, MODULES, kallsyms]);
        for (module, there) in [("tcp_diag", true), ("ip_tables", true), ("ip6_tables", false), ("udp_diag", false)] {
            assert_eq!(loaded.has(module), there, "{module}");
        }
    }

    #[test]
    fn the_symbols_are_those_of_this_kernel() {
        let mut there = HashSet::new();
        by_symbols(File::open("/proc/kallsyms").unwrap(), &mut there);
        for module in ["nf_tables", "nfnetlink", "inet_diag", "tcp_diag", "udp_diag", "ip_tables", "ip6_tables"] {
            let loaded = std::fs::read_to_string("/proc/modules").is_ok_and(|text| text.contains(module));
            assert!(loaded || there.contains(module), "{module}");
        }
    }
}
