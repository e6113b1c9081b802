//! A network namespace of its own for a test: tools run in it, and whyport reads it.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sched::{CloneFlags, unshare};
use whyport::host::Namespace;
use whyport::kernel::{self, Places};

/// Runs a test on a thread of its own, in a network namespace of its own.
pub fn apart(test: impl FnOnce() + Send + 'static) {
    assert!(nix::unistd::geteuid().is_root(), "the kernel is asked as root: run these tests as root");
    let all = move || {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        test();
    };
    let thread = std::thread::Builder::new().name(std::thread::current().name().unwrap_or("apart").to_owned());
    if let Err(panic) = thread.spawn(all).unwrap().join() {
        std::panic::resume_unwind(panic);
    }
}

/// Runs a tool in the namespace of this thread and returns what it printed.
///
/// # Panics
/// If it fails, with what it said.
pub fn run(command: &[&str], input: &str) -> String {
    let path = format!("{}:/usr/sbin:/sbin:/usr/bin:/bin", std::env::var("PATH").unwrap_or_default());
    let mut child = Command::new(command[0])
        .args(&command[1..])
        .env("PATH", path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}, which this test needs: {error}", command[0]));
    let mut stdin = child.stdin.take().unwrap();
    // A tool that ends early tells why on its own.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{command:?}: {}\n{input}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What whyport reads of the namespace of this thread.
pub fn read() -> Namespace {
    let places = Places { proc: Path::new("/proc"), modules: Path::new("/lib/modules") };
    let mut host = kernel::read(&places, None, &Default::default()).unwrap();
    host.namespaces.swap_remove(0)
}
