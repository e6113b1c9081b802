//! No tool is run: every command is traced, and whoever executes another program is caught.

#![allow(unsafe_code, reason = "a child asks to be traced before it becomes the program")]

use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use nix::errno::Errno;
use nix::libc::PTRACE_EVENT_EXEC;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::node::{NGINX, build, whyport};
use crate::world::apart;

/// Runs a program to its end, it and all that come of it traced: how often one of them became another program, and the
/// exit status of the first.
#[allow(clippy::zombie_processes, reason = "waitpid below waits for it")]
fn watch(mut command: Command) -> (usize, i32) {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    // SAFETY: ptrace(2) may be called between fork and exec.
    unsafe { command.pre_exec(|| Ok(ptrace::traceme()?)) };
    let child = command.spawn().unwrap();
    let first = Pid::from_raw(child.id() as i32);
    assert_eq!(waitpid(first, None).unwrap(), WaitStatus::Stopped(first, Signal::SIGTRAP), "it became the program");
    let all = Options::PTRACE_O_TRACEEXEC
        | Options::PTRACE_O_TRACEFORK
        | Options::PTRACE_O_TRACEVFORK
        | Options::PTRACE_O_TRACECLONE
        | Options::PTRACE_O_EXITKILL;
    ptrace::setoptions(first, all).unwrap();
    ptrace::cont(first, None).unwrap();
    let (mut executed, mut status) = (0, -1);
    // Children of other tests belong to other threads.
    let mine = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
    loop {
        let (pid, signal) = match waitpid(None, Some(mine)) {
            Err(Errno::ECHILD) => return (executed, status),
            Err(error) => panic!("{error}"),
            Ok(WaitStatus::Exited(pid, code)) => {
                if pid == first {
                    status = code;
                }
                continue;
            }
            Ok(WaitStatus::PtraceEvent(pid, _, event)) => {
                executed += usize::from(event == PTRACE_EVENT_EXEC);
                (pid, None)
            }
            // What begins to be traced stops once.
            Ok(WaitStatus::Stopped(pid, Signal::SIGSTOP)) => (pid, None),
            Ok(WaitStatus::Stopped(pid, signal)) => (pid, Some(signal)),
            Ok(_) => continue,
        };
        // One that was killed meanwhile is told by the next wait.
        let _ = ptrace::cont(pid, signal);
    }
}

#[test]
fn the_watcher_catches_who_runs_a_tool() {
    apart(|| {
        let shell = |script: &str| {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", script]);
            watch(command)
        };
        assert_eq!(shell("exit 3"), (0, 3));
        assert_eq!(shell("/bin/true; exit 4"), (1, 4));
        assert_eq!(shell("(exec /bin/true) & wait; /bin/true; exec /bin/false"), (3, 1));
    });
}

#[test]
fn no_command_runs_a_tool() {
    apart(|| {
        let _world = build(&NGINX);
        let picture = std::env::temp_dir().join(format!("whyport-watch-{}.txt", std::process::id()));
        for arguments in [
            &["ports"][..],
            &["trace", "80"],
            &["trace", "80", "--origin", "local", "--json"],
            &["rules"],
            &["rules", "--as", "iptables-nft-save"],
            &["record"],
            &["shot", "-o", picture.to_str().unwrap(), "--keys", "down r"],
            &["80"],
        ] {
            assert_eq!(watch(whyport(arguments)), (0, 0), "{arguments:?}");
        }
        let _ = std::fs::remove_file(picture);
    });
}
