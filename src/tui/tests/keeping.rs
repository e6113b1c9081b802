//! What is kept: names of files are typed, what comes of it is said.

use super::super::{Keep, Unkept};
use super::*;

fn pressed(explorer: &mut Explorer, keys: &str) -> Vec<Effect> {
    let keys = key::sequence(keys).expect("keys");
    keys.into_iter().flat_map(|key| update(&mut explorer.state, Event::Key(key.event()))).collect()
}

#[test]
fn a_picture_gets_the_name_that_is_typed() {
    let mut explorer = Explorer::on(80);
    assert_eq!(pressed(&mut explorer, "s"), []);
    assert!(explorer.bottom().starts_with(" screen to whyport-tcp-80.svg▏"), "{}", explorer.bottom());
    let typed = pressed(&mut explorer, "<BS><BS><BS>txt<Enter>");
    assert_eq!(typed, [Effect::Keep(Keep::Screen, "whyport-tcp-80.txt".to_owned())]);
    assert!(!explorer.text().contains("whyport-tcp-80"), "the picture says nothing of itself");
    explorer.take(Event::Kept(Keep::Screen, "whyport-tcp-80.txt".to_owned(), Ok(())));
    assert!(explorer.bottom().contains("whyport-tcp-80.txt is written"));
}

#[test]
fn a_name_that_will_not_do_can_be_mended() {
    let mut explorer = Explorer::on(80);
    let typed = pressed(&mut explorer, "S<C-u>a.whyport<Enter>");
    assert_eq!(typed, [Effect::Keep(Keep::Host, "a.whyport".to_owned())]);
    explorer.take(Event::Kept(
        Keep::Host,
        "a.whyport".to_owned(),
        Err(failed("it could not be written: no room", false)),
    ));
    assert!(explorer.bottom().contains("a.whyport▏  it could not be written"), "{}", explorer.bottom());
    let typed = pressed(&mut explorer, "<BS><BS><BS><BS><BS><BS><BS><BS>2.whyport<Enter>");
    assert_eq!(typed, [Effect::Keep(Keep::Host, "a2.whyport".to_owned())]);
    assert_eq!(pressed(&mut explorer, "s<Esc>"), []);
    assert!(explorer.state.keeping.is_none());
}

#[test]
fn a_name_that_a_file_has_is_not_proposed() {
    let mut explorer = Explorer::on(80);
    let keep = |explorer: &mut Explorer, keys: &str, written: Result<(), Unkept>| {
        let [Effect::Keep(what, name)] = &pressed(explorer, keys)[..] else { panic!("{}", explorer.bottom()) };
        explorer.take(Event::Kept(*what, name.clone(), written));
        name.clone()
    };
    assert_eq!(keep(&mut explorer, "s<Enter>", Ok(())), "whyport-tcp-80.svg");
    let there = || Err(failed("is there already", true));
    assert_eq!(keep(&mut explorer, "s<Enter>", there()), "whyport-tcp-80-2.svg", "the first is written");
    let bottom = explorer.bottom();
    assert!(bottom.contains("whyport-tcp-80-3.svg▏  whyport-tcp-80-2.svg is there already"), "{bottom}");
    assert_eq!(keep(&mut explorer, "<C-u>a<Enter>", there()), "a");
    assert_eq!(keep(&mut explorer, "<Enter>", Ok(())), "a-2");
    assert_eq!(keep(&mut explorer, "s<Enter>", Ok(())), "whyport-tcp-80-3.svg");
}

fn failed(why: &str, taken: bool) -> Unkept {
    Unkept { why: why.to_owned(), taken }
}

#[test]
fn the_rule_or_the_explanation_is_copied() {
    let mut explorer = Explorer::on(80);
    let [Effect::Copy(text)] = &pressed(&mut explorer, "y")[..] else { panic!("something is copied") };
    assert!(text.contains("nginx"), "{text}");
    explorer.press("<Right>");
    let [Effect::Copy(text)] = &pressed(&mut explorer, "y")[..] else { panic!("something is copied") };
    assert!(text.starts_with("-A "), "{text}");
}

#[test]
fn a_name_that_is_proposed_gives_way_to_one_that_is_typed_or_is_edited() {
    for (keys, name) in [
        ("sa.txt", "a.txt"),
        ("s<BS><BS><BS>txt", "whyport-tcp-80.txt"),
        ("s<Home>a-", "a-▏whyport-tcp-80.svg"),
        ("s<C-u>b.svg", "b.svg"),
    ] {
        let mut explorer = Explorer::on(80);
        explorer.press(keys);
        assert!(explorer.bottom().starts_with(&format!(" screen to {name}")), "{keys}: {}", explorer.bottom());
    }
}
