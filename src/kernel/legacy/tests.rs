//! The kernel's tables against what iptables-legacy-save says of them, each in a network namespace of its own.

mod random;
mod rare;
mod rules;
mod targets;

use std::path::Path;

use super::*;
use crate::host::Backend;
use crate::kernel::tests::{apart, assert_same_lines, k8s, real_hosts, run};
use crate::syntax::iptables::{self, Dump, Options};

fn tool(family: IpFamily, name: &str) -> String {
    format!("{}-legacy-{name}", if family == IpFamily::V4 { "iptables" } else { "ip6tables" })
}

/// What this namespace has, as the room reads it.
fn kernel(family: IpFamily) -> (Ruleset, Observations) {
    let mut names = Names::default();
    let (mut ruleset, mut observations) = (Ruleset::default(), Observations::default());
    let read =
        read(Path::new("/proc"), family, &SetNames::none(), &mut names, &Progress::default()).expect("legacy tables");
    assert!(!read.torn && !read.missing);
    for counted in read.tables {
        counted.add_to(&mut ruleset, &mut observations);
    }
    (ruleset, observations)
}

/// What the tool says of it, and what is read of that.
fn saved(family: IpFamily) -> (String, Dump) {
    let text = run(&[&tool(family, "save"), "-c"], "");
    let dump = iptables::parse(&text, &Options { family: Some(family), backend: Backend::IptablesLegacy });
    (text, dump)
}

/// Loads a dump, and compares what the kernel has with what the tool prints.
fn judge(family: IpFamily, text: &str) {
    run(&[&tool(family, "restore"), "-c"], text);
    let (ruleset, observations) = kernel(family);
    let (written, dump) = saved(family);
    let printed = iptables::print(&ruleset, Some(&observations), family, Backend::IptablesLegacy);
    assert_same_lines(&printed, &written);
    assert_eq!(dump.diagnostics, []);
    for (read, parsed) in ruleset.tables.iter().zip(&dump.ruleset.tables) {
        assert_eq!((&read.name, read.chains.len()), (&parsed.name, parsed.chains.len()));
        for (read, parsed) in read.chains.iter().zip(&parsed.chains) {
            assert_eq!(read, parsed);
        }
    }
    assert_eq!(ruleset, dump.ruleset);
    assert_eq!(observations, dump.observations);
}

/// A dump of one table with these rules in a chain of it, each with counters of its own.
fn dump(table: &str, chain: &str, rules: &str) -> String {
    let mut text = format!("*{table}\n:{chain} ACCEPT [7:700]\n:EMPTY - [0:0]\n:USER - [0:0]\n:a-z - [0:0]\n");
    for (at, rule) in rules.lines().map(str::trim).filter(|rule| !rule.is_empty()).enumerate() {
        text.push_str(&format!("[{at}:{}] -A {chain} {rule}\n", at * 1000));
    }
    text + "[1:1] -A USER -j RETURN\n[2:2] -A USER -j a-z\nCOMMIT\n"
}

/// Judges rules in one chain of one table.
fn all(family: IpFamily, table: &'static str, chain: &'static str, rules: &'static str) {
    both(family, dump(table, chain, rules));
}

/// Judges a dump in legacy tables, and in nf_tables.
fn both(family: IpFamily, text: String) {
    // What iptables-nft cannot store in this kernel.
    let refused = ["-j QUEUE", "! -s 0.0.0.0/0", "! -s ::/0"];
    let lines = text.lines().filter(|line| !refused.iter().any(|rule| line.ends_with(rule)));
    let nft = lines.flat_map(|line| [line, "\n"]).collect::<String>();
    apart(move || judge(family, &text));
    apart(move || crate::kernel::nft::tests::judge(family, &nft, &[]));
}

/// Dumps of real hosts, without the rules that ask for sets, which are not there.
#[test]
fn dumps_of_real_hosts() {
    for rules in real_hosts(Backend::IptablesLegacy) {
        apart(move || judge(IpFamily::V4, &rules));
    }
}

/// What is read is what was there at one time, or it says that it is not.
#[test]
fn tables_that_change_meanwhile() {
    apart(|| {
        let texts = [k8s::dump(200), k8s::dump(1000)];
        run(&["iptables-legacy-restore"], &texts[0]);
        let changes = std::thread::spawn(move || {
            for turn in 0..30 {
                run(&["iptables-legacy-restore"], &texts[turn % 2]);
            }
        });
        let mut whole = 0;
        while !changes.is_finished() {
            let ipsets = SetNames::none();
            let progress = Progress::default();
            let read =
                read(Path::new("/proc"), IpFamily::V4, &ipsets, &mut Names::default(), &progress).expect("tables");
            if read.missing || read.torn {
                assert_eq!(progress.reached().again, 2);
            } else {
                whole += 1;
                let rules: usize = read.tables.iter().map(|table| table.rules.len()).sum();
                assert!([200, 1000].contains(&rules), "{rules}");
            }
        }
        changes.join().expect("changes");
        assert!(whole > 0, "never was anything read whole");
    });
}

/// What is not understood is kept with its name, revision and bytes, and comes back from its text: here matches of a
/// revision that is not there yet.
#[test]
fn what_is_not_understood_is_kept() {
    for family in [IpFamily::V4, IpFamily::V6] {
        apart(move || {
            let (info, mut bytes) = entries(family);
            for name in [b"comment\0", b"physdev\0"] {
                let places: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(name)).collect();
                places.iter().for_each(|at| bytes[at + 29] = 9);
            }
            let mut names = Names::default();
            let counted =
                table::decode(family, "mangle", (&info, &bytes), &SetNames::none(), &mut names).expect("a table");
            let (mut ruleset, mut observations) = (Ruleset::default(), Observations::default());
            counted.add_to(&mut ruleset, &mut observations);
            let text = iptables::print(&ruleset, None, family, Backend::IptablesLegacy);
            for name in ["-m comment", "-m physdev"] {
                assert!(text.contains(&format!("{name} --revision 9 --bytes ")), "{name}: {text}");
            }
            let again = iptables::parse(&text, &Options { family: Some(family), backend: Backend::IptablesLegacy });
            assert_eq!(again.ruleset, ruleset);
            assert!(again.diagnostics.iter().all(|found| found.kind == crate::syntax::DiagnosticKind::Unknown));
        });
    }
}

/// Without a table that is registered, nothing is asked, and nothing is registered.
#[test]
fn looking_registers_nothing() {
    apart(|| {
        for (family, file) in [(IpFamily::V4, "ip_tables_names"), (IpFamily::V6, "ip6_tables_names")] {
            let registered = || fs::read_to_string(format!("/proc/thread-self/net/{file}")).expect(file);
            assert_eq!(registered(), "");
            assert_eq!(kernel(family), Default::default());
            assert_eq!(registered(), "");
            run(&[&tool(family, "restore")], &dump("raw", "OUTPUT", ""));
            assert_eq!(kernel(family).0.tables.len(), 1);
            assert_eq!(registered(), "raw\n");
        }
    });
    let nowhere =
        read(Path::new("/nonexistent"), IpFamily::V4, &SetNames::none(), &mut Names::default(), &Progress::default());
    assert!(nowhere.is_ok_and(|read| read.tables.is_empty()));
}

/// The entries of a table with one rule of each kind.
fn entries(family: IpFamily) -> (ask::Info, Vec<u8>) {
    run(&[&tool(family, "restore")], &dump("mangle", "FORWARD", rules::MATCHES));
    let socket = ask::Socket::open(family).expect("a socket");
    let info = socket.info("mangle").expect("the table");
    let entries = socket.entries("mangle", info.size).expect("its entries");
    (info, entries)
}

/// Bytes that are cut off or changed are refused or read as something else; nothing panics.
#[test]
fn no_bytes_do_harm() {
    for family in [IpFamily::V4, IpFamily::V6] {
        apart(move || {
            let mut names = Names::default();
            let (info, mut bytes) = entries(family);
            assert!(table::decode(family, "mangle", (&info, &bytes), &SetNames::none(), &mut names).is_some());
            assert_eq!(bytes.len(), info.size as usize);
            for end in 0..bytes.len() {
                table::decode(family, "mangle", (&info, &bytes[..end]), &SetNames::none(), &mut names);
            }
            let mut seed = 0x2545_f491_4f6c_dd1d_u64;
            let mut random = move |below: usize| {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                seed as usize % below
            };
            for _ in 0..3000 {
                let changes: Vec<(usize, u8)> = (0..4).map(|_| (random(bytes.len()), random(256) as u8)).collect();
                let before: Vec<u8> = changes.iter().map(|(at, _)| bytes[*at]).collect();
                changes.iter().for_each(|(at, byte)| bytes[*at] = *byte);
                let mut info = info.clone();
                info.hook_entry[random(5)] = random(bytes.len()) as u32;
                table::decode(family, "mangle", (&info, &bytes), &SetNames::none(), &mut names);
                changes.iter().zip(before).rev().for_each(|((at, _), byte)| bytes[*at] = byte);
            }
        });
    }
}

#[test]
fn a_large_table_is_read_whole() {
    apart(|| judge(IpFamily::V4, &k8s::dump(10_000)));
}

/// The list of tables is root's alone, whatever else one may do.
#[test]
#[allow(unsafe_code, reason = "whose files a thread may open is changed by no safe function that is at hand")]
fn what_may_not_be_read_is_told() {
    use std::os::unix::fs::PermissionsExt as _;
    let proc = std::env::temp_dir().join(format!("whyport-legacy-{}", std::process::id()));
    let list = proc.join("thread-self/net/ip_tables_names");
    fs::create_dir_all(list.parent().expect("a folder")).expect("a folder");
    fs::write(&list, "filter\n").expect("a list");
    // The kernel's own list can be read by root's group too, which a test may belong to.
    fs::set_permissions(&list, fs::Permissions::from_mode(0o000)).expect("permissions");
    let made_up = proc.clone();
    apart(move || {
        // SAFETY: takes a number and touches no memory; it counts for this thread alone, which ends with the test.
        unsafe { libc::setfsuid(65534) };
        let refused = read(&made_up, IpFamily::V4, &SetNames::none(), &mut Names::default(), &Progress::default());
        assert!(matches!(refused, Err(Failure::Forbidden)));
    });
    fs::remove_dir_all(&proc).expect("to clean up");
}
