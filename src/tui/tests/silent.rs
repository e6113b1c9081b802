//! No key is silent: one that changes nothing says why.

use super::*;

/// Keys of the panes that may find nothing to do.
const KEYS: [&str; 9] = ["o", "O", "f", "b", "B", "<Down>", "<Enter>", "p", "P"];

#[test]
fn on_a_host_without_ports_each_key_says_that_none_is_selected() {
    let mut explorer =
        Explorer::new(Host { namespaces: vec![Default::default()], ..Host::default() }, None, Look::sixteen());
    for keys in KEYS {
        explorer.press(keys);
        assert!(explorer.bottom().contains("no port is selected"), "{keys}: {}", explorer.text());
    }
}

#[test]
fn a_port_that_is_reached_in_one_way_says_so() {
    let mut explorer = Explorer::on(80);
    for (keys, says) in [
        ("J", "all of the text below can be seen"),
        ("f", "only IPv4 packets come to this port"),
        ("pppppppppp", "the path ends here"),
        ("<Enter>", "there is no more to tell of this row"),
        ("PPPPPPPPPP", "no rule holds before this one"),
    ] {
        explorer.press(keys);
        assert!(explorer.bottom().contains(says), "{keys}: {}", explorer.text());
    }
}

#[test]
fn a_key_that_is_bound_to_nothing_says_so() {
    let mut explorer = Explorer::on(80);
    for (key, says) in
        [("x", "x does nothing here: ? tells every key"), ("<F9>", "F9 does nothing here"), ("0", "0 does")]
    {
        explorer.press(key);
        assert!(explorer.bottom().contains(says), "{}", explorer.bottom());
    }
    explorer.press("<Down>");
    assert!(!explorer.bottom().contains("does nothing"), "{}", explorer.bottom());
}

#[test]
fn a_host_without_ports_says_how_one_is_asked_about() {
    let host = Host { namespaces: vec![Default::default()], ..Host::default() };
    let explorer = Explorer::new(host, None, Look::sixteen());
    assert!(explorer.text().contains("Type a port's number to ask who answers it"), "{}", explorer.text());
}
