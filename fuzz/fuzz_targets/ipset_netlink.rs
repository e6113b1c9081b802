//! Any messages make sets, and those print to a text; what is read of that prints the same again. Bytes that no kernel gives (a
//! set of addresses without their family, a type with a blank in its name) may lose something the first time.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whyport::kernel::recorded;
use whyport::syntax::ipset::{Form, parse, print};
use whyport_fuzz::same;

fuzz_target!(|messages: &[u8]| {
    let Ok((sets, seen)) = recorded::ipset(messages) else { return };
    print(&sets, &seen, Form::Tool);
    let again = |text: &str| {
        let read = parse(text);
        print(&read.sets, &read.seen, Form::Whole)
    };
    let printed = again(&print(&sets, &seen, Form::Whole));
    same(&again(&printed), &printed);
});
