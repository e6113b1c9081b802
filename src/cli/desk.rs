//! Somebody who is asked about a host, on a thread of their own: what they prepare for it is there for the next question.
//!
//! Deliberately does not know what is asked.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use super::listen::{Message, Watch};
use crate::host::Host;
use crate::tui::Event;

/// A desk, with somebody at it as long as there is something to ask.
pub(super) struct Desk<T>(Option<(Arc<Host>, Sender<T>)>);

impl<T> Default for Desk<T> {
    fn default() -> Desk<T> {
        Desk(None)
    }
}

impl<T: Send + 'static> Desk<T> {
    /// Asks about a host. Where nobody has prepared for it yet, `serve` does, and answers all that is asked about it.
    pub(super) fn ask(
        &mut self,
        host: &Arc<Host>,
        question: T,
        sender: &Sender<Message>,
        serve: impl FnOnce(&Host, Receiver<T>, &dyn Fn(Event)) + Send + 'static,
    ) {
        self.keep_if(|known| Arc::ptr_eq(known, host));
        let (_, asking) = self.0.get_or_insert_with(|| {
            let (asking, asked) = mpsc::channel();
            let (about, sender) = (Arc::clone(host), sender.clone());
            thread::spawn(move || {
                let _watch = Watch(&sender);
                serve(&about, asked, &|event| drop(sender.send(Message::Event(event))));
            });
            (Arc::clone(host), asking)
        });
        let _ = asking.send(question);
    }

    /// Sends whoever is there away, with all that was prepared, unless that is about a host that is wanted still.
    pub(super) fn keep_if(&mut self, is_wanted: impl FnOnce(&Arc<Host>) -> bool) {
        self.0 = self.0.take().filter(|(host, _)| is_wanted(host));
    }
}
