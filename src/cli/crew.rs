//! Threads that write the pages of a long text at once, in their order.
//!
//! Knows nothing of what stands on a page. No more than a few pages are ready ahead of the one that is wanted, so that a slow reader does
//! not fill the memory.

use std::ops::ControlFlow;
use std::sync::mpsc::sync_channel;
use std::thread;

use crate::syntax::Pages;

/// How many write at once, at most: the reader of the pages has something to do too.
const HANDS: usize = 4;
/// How many pages each of them is ahead, at most.
const AHEAD: usize = 2;

/// Hands over the pages of a text in their order, until whoever takes them has enough.
pub fn write<T>(pages: &Pages<'_>, mut each: impl FnMut(&str) -> ControlFlow<T>) -> ControlFlow<T> {
    let hands = thread::available_parallelism().map_or(1, usize::from).min(HANDS).min(pages.len());
    if hands < 2 {
        let mut text = String::new();
        return (0..pages.len()).try_for_each(|page| {
            text.clear();
            pages.write(page, &mut text);
            each(&text)
        });
    }
    thread::scope(|scope| {
        let hand = |first: usize| {
            let (ready, taken) = sync_channel(AHEAD);
            scope.spawn(move || {
                for page in (first..pages.len()).step_by(hands) {
                    let mut text = String::new();
                    pages.write(page, &mut text);
                    // Whoever has enough takes no more.
                    if ready.send(text).is_err() {
                        break;
                    }
                }
            });
            taken
        };
        let taken: Vec<_> = (0..hands).map(hand).collect();
        // A hand that is gone before its last page has panicked, and the scope says so.
        (0..pages.len()).map_while(|page| taken[page % hands].recv().ok()).try_for_each(|text| each(&text))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize) -> Pages<'static> {
        let mut pages = Pages::default();
        (0..count).for_each(|number| pages.push(move |out| out.push_str(&format!("{number} "))));
        pages
    }

    #[test]
    fn pages_come_in_their_order() {
        for count in [0, 1, 2, 3, 50] {
            let (pages, mut text) = (numbers(count), String::new());
            let done = write(&pages, |page| {
                text.push_str(page);
                ControlFlow::<()>::Continue(())
            });
            assert_eq!((done, text), (ControlFlow::Continue(()), pages.text()));
        }
    }

    #[test]
    fn whoever_has_enough_gets_no_more() {
        let mut taken = 0;
        let done = write(&numbers(1000), |page| {
            taken += 1;
            if page == "5 " { ControlFlow::Break("enough") } else { ControlFlow::Continue(()) }
        });
        assert_eq!((done, taken), (ControlFlow::Break("enough"), 6));
    }
}
