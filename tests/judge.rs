//! The kernel is the judge: what whyport says a packet does is held against what the kernel does with it.
//!
//! Each test builds network namespaces of its own, loads rules with the admin's own tools, sends one packet, and reads the
//! kernel's trace by netlink. The same namespace is recorded as a snapshot, read, and walked: both paths must be the same,
//! rule by rule. Needs root and the tools; nothing leaves the namespaces, and nothing of them stays behind.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "judge/case.rs"]
mod case;
#[path = "judge/netlink.rs"]
mod netlink;
#[path = "judge/packet.rs"]
mod packet;
#[path = "judge/path.rs"]
mod path;
#[path = "judge/record.rs"]
mod record;
#[path = "judge/rules.rs"]
mod rules;
#[path = "judge/walked.rs"]
mod walked;
#[path = "judge/witness.rs"]
mod witness;
#[path = "judge/world.rs"]
mod world;

macro_rules! cases {
    ($($name:ident $file:literal $plan:expr;)*) => {
        $(#[test]
        fn $name() {
            case::check($file, &$plan);
        })*

        #[test]
        fn every_case_is_played() {
            assert_eq!(case::all(), { let mut names = vec![$($file),*]; names.sort(); names });
        }
    };
}

cases! {
    jump_goto_return "jump-goto-return" case::TWO_LEGS;
}
