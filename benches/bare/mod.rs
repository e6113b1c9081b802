//! The rules of every chain, or the elements of every set, dumped and not decoded: what the kernel's part in reading them takes,
//! on one thread.

mod netlink;

use netlink_sys::protocols::NETLINK_NETFILTER;

/// What is dumped of nf_tables one by one: the message that lists what holds it, which attribute names that, and the message that
/// asks for what one of them holds.
pub struct Dump {
    list: u16,
    name: u16,
    each: u16,
    /// What is dumped, in words.
    pub what: &'static str,
}

/// The rules of each chain.
pub const CHAINS: Dump = Dump { list: 10 << 8 | 4, name: 3, each: 10 << 8 | 7, what: "bare dump of each chain" };
/// The elements of each set.
pub const SETS: Dump = Dump { list: 10 << 8 | 10, name: 2, each: 10 << 8 | 13, what: "bare dump of each set" };

impl Dump {
    /// Asks for all of it, and looks at nothing but where messages end. How many bytes came.
    pub fn run(&self) -> usize {
        let socket = netlink::open(NETLINK_NETFILTER);
        let mut requests = Vec::new();
        let is_listed = netlink::dump(&socket, self.list, &[0; 4], |message| {
            let mut body = vec![message[16], 0, 0, 0];
            let attributes = netlink::attributes(&message[20..]);
            for (of, told) in [(1, 1), (self.name, 2)] {
                let (_, name) = attributes.iter().find(|(kind, _)| *kind == of).expect("a name");
                netlink::push_attribute(&mut body, told, name);
            }
            requests.push(body);
        });
        assert!(is_listed, "the kernel refuses to list");
        let mut bytes = 0;
        for body in requests {
            assert!(netlink::dump(&socket, self.each, &body, |message| bytes += message.len()), "the kernel refuses");
        }
        bytes
    }
}
