//! Any text is read as each of the files of procfs; sockets print.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use whyport::host::Namespace;
use whyport::kernel::recorded;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    recorded::mountinfo(&text, Path::new("/proc/1"));
    recorded::modules(bytes, bytes, bytes);
    whyport_fuzz::tells(Namespace { sockets: recorded::proc_net(&text), ..Namespace::default() });
});
