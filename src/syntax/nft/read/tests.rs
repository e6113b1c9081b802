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

/// Tables, chains, sets, objects that are written again: with what was added, as nft lists them.
#[test]
fn what_is_written_twice_is_one() {
    let (text, said) = listed(include_str!("../../../../tests/data/native/twice.nft"));
    assert_eq!(said, Vec::<String>::new());
    let expected = "table inet t {
	comment \"one\"
	counter n {
		packets 5 bytes 5
	}

	quota q {
		6 mbytes
	}

	set s {
		type ipv4_addr
		elements = { 1.1.1.1, 1.1.1.2,
			     1.1.1.5 }
	}

	set iv {
		type ipv4_addr
		flags interval
		elements = { 1.1.1.0/25, 1.1.1.128/25 }
	}

	chain a {
		accept
		drop
	}

	chain c {
		type filter hook input priority filter; policy accept;
		ip saddr @s jump a
		tcp dport { 80, 443 } accept
		ip saddr @iv udp dport 1 jump d
	}

	chain e {
		type filter hook output priority filter; policy drop;
	}

	chain d {
		drop
	}
}
table ip t {
	chain c {
		counter packets 3 bytes 4 accept
	}
}
table ip6 t {
}
";
    assert_eq!(text, expected);
}

/// nft refuses it: there is no such set.
#[test]
fn a_set_without_a_type_is_told_once() {
    let (text, said) = listed(
        "table inet t {\n\tset s {\n\t\telements = { 1.1.1.1 }\n\t}\n\n\tmap m {\n\t}\n\n\tchain c {\n\t\taccept\n\t}\n}\n",
    );
    assert_eq!(text, "table inet t {\n\tchain c {\n\t\taccept\n\t}\n}\n");
    assert_eq!(said, ["2: set s: its type is not told", "6: map m: its type is not told"]);
}
