//! Any text makes sets, and those print to a text that is read as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whyport::syntax::ipset::{Form, element_text, options_text, parse, print};
use whyport_fuzz::same;

fuzz_target!(|text: &str| {
    let read = parse(text);
    for set in &read.sets {
        options_text(set);
        set.elements.iter().for_each(|element| drop(element_text(element)));
    }
    print(&read.sets, &read.seen, Form::Tool);
    let printed = print(&read.sets, &read.seen, Form::Whole);
    let again = parse(&printed);
    same(&print(&again.sets, &again.seen, Form::Whole), &printed);
});
