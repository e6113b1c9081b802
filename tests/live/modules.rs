//! On a kernel that loads modules, what is not loaded is not asked: a message to it would load it.
//!
//! This kernel may have everything built in, so the root of procfs is made up, and a filter of system calls (seccomp(2))
//! refuses the sockets that nobody may open.

#![allow(unsafe_code, reason = "prctl(2) takes the filter")]

use std::fs;
use std::path::PathBuf;

use nix::libc;
use whyport::host::{Namespace, What};
use whyport::kernel::{self, Places};

use crate::node::{NGINX, build};
use crate::world::apart;

/// `socket()` fails with this: nothing else does.
const REFUSED: i32 = libc::ENOTUNIQ;

/// From now on, this thread and those it makes get no netlink socket of these protocols.
fn refuse_netlink(protocols: [u32; 2]) {
    let jump = |code: u32, jt: u8, jf: u8, k: u32| libc::sock_filter { code: code as u16, jt, jf, k };
    // Offsets into struct seccomp_data: the number of the call, then its arguments (the low half of each comes first).
    let load = |offset: u32| jump(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, offset);
    let is = |value: u32, yes: u8, no: u8| jump(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, yes, no, value);
    let end = |value: u32| jump(libc::BPF_RET | libc::BPF_K, 0, 0, value);
    let mut filter = [
        load(0),
        is(libc::SYS_socket as u32, 0, 5),
        load(16),
        is(libc::AF_NETLINK as u32, 0, 3),
        load(32),
        is(protocols[0], 2, 0),
        is(protocols[1], 1, 0),
        end(libc::SECCOMP_RET_ALLOW),
        end(libc::SECCOMP_RET_ERRNO | REFUSED as u32),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: `program` and the filter it points to live until the kernel has copied them; no other memory is named.
    let set = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program) == 0
    };
    assert!(set, "{}", std::io::Error::last_os_error());
}

/// A root of procfs on which /proc/modules is there and lists nothing; gone when dropped.
struct Made(PathBuf);

impl Made {
    fn up() -> Made {
        let folder = std::env::temp_dir().join(format!("whyport-modules-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        let tcp = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   0: \
                   00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 \
                   0000000000000000 100 0 0 10 0\n";
        for (name, text) in [
            ("modules", ""),
            ("kallsyms", ""),
            ("sys/kernel/osrelease", "6.1.0-0-made-up\n"),
            ("sys/kernel/hostname", "made-up\n"),
            ("thread-self/net/tcp", tcp),
            ("thread-self/net/ip_tables_names", "filter\n"),
        ] {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Made(folder)
    }

    fn read(&self) -> Namespace {
        read(Places { proc: &self.0, modules: &self.0.join("lib/modules") })
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn read(places: Places<'_>) -> Namespace {
    kernel::read(&places, None, &Default::default()).unwrap().namespaces.remove(0)
}

#[test]
fn what_is_not_loaded_is_not_asked() {
    apart(|| {
        let _world = build(&NGINX);
        let made = Made::up();
        refuse_netlink([libc::NETLINK_NETFILTER as u32, libc::NETLINK_SOCK_DIAG as u32]);
        let ns = made.read();
        let ports: Vec<(u16, u64)> = ns.sockets.iter().map(|socket| (socket.port, socket.inode)).collect();
        assert_eq!(ports, [(8080, 4711)], "sockets are those of the text, not the kernel's");
        assert!(ns.is_read(What::Sockets), "{:?}", ns.unread);
        assert!(ns.ruleset.tables.is_empty(), "what is not loaded has no rules");
        assert!(ns.ipsets.is_empty() && ns.is_read(What::IpSets), "nor sets");
        assert!(ns.links.iter().any(|link| link.name == "cni0"), "rtnetlink is always there");
        let refused = std::io::Error::from_raw_os_error(REFUSED).to_string();
        assert!(!ns.unread.iter().any(|unread| unread.needs.contains(&refused)), "{:?}", ns.unread);
    });
}

/// The filter of the test above does catch one who asks.
#[test]
fn who_asks_is_refused() {
    apart(|| {
        let _world = build(&NGINX);
        refuse_netlink([libc::NETLINK_NETFILTER as u32, libc::NETLINK_SOCK_DIAG as u32]);
        let real = Places { proc: "/proc".as_ref(), modules: "/lib/modules".as_ref() };
        let ns = read(real);
        let refused = std::io::Error::from_raw_os_error(REFUSED).to_string();
        for what in [What::NfTables, What::IpSets, What::Sockets] {
            let unread = ns.unread(what).expect("it asked, and was refused");
            assert!(unread.needs.contains(&refused), "{unread:?}");
        }
    });
}
