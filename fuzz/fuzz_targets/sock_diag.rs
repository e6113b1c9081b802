//! Any messages make sockets, and those print.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whyport::host::Namespace;
use whyport::kernel::recorded;

fuzz_target!(|messages: &[u8]| {
    if let Ok(sockets) = recorded::sock_diag(messages, &[]) {
        whyport_fuzz::tells(Namespace { sockets, ..Namespace::default() });
    }
});
