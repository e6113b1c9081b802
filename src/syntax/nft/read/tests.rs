//! Texts that `nft -f` takes, and what nft lists of them.

use crate::syntax::nft::{Listing, list, parse};

/// How the tables that are read of a text are listed, and what there is to say about it.
fn listed(text: &str) -> (String, Vec<String>) {
    let dump = parse(text, &[]);
    let (ruleset, observations) = (&dump.ruleset, &dump.observations);
    let text = list(Listing { ruleset, links: &[], observations, handles: false });
    (text, dump.diagnostics.iter().map(|said| format!("{}: {}", said.line, said.text)).collect())
}

#[track_caller]
fn same(text: &str) {
    assert_eq!(listed(text), (text.to_owned(), Vec::new()));
}

/// What a synproxy is told stands on its line in a rule, and on a line each in an object.
#[test]
fn a_synproxy_ends_with_its_line() {
    same(
        "table inet t {
	synproxy s {
		mss 1460
		wscale 7
		timestamp sack-perm
	}

	chain c {
		synproxy
		synproxy mss 1460 wscale 7
		accept
	}

	chain d {
		synproxy timestamp sack-perm
	}
}
",
    );
}

#[test]
fn a_place_may_have_no_port() {
    same(
        "table inet t {
	chain c {
		meta l4proto tcp tproxy ip to 10.0.0.1
		meta l4proto tcp tproxy ip6 to [::1]
		meta l4proto tcp tproxy ip6 to [::1]:80
		meta l4proto tcp tproxy to :80
		drop
	}
}
table ip6 t {
	chain c {
		meta l4proto udp tproxy to [::1]
		dnat to fe80::1-fe80::5
	}
}
",
    );
    let dnat = listed("table ip6 t {\n\tchain c {\n\t\tdnat to [fe80::1]-[fe80::5]\n\t\tsnat to [::1]\n\t}\n}\n");
    assert_eq!(
        dnat,
        ("table ip6 t {\n\tchain c {\n\t\tdnat to fe80::1-fe80::5\n\t\tsnat to ::1\n\t}\n}\n".to_owned(), vec![])
    );
}
