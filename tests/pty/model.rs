//! What the screen of the demo should be: the explorer's state without a program around it.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use whyport::tui::key::Key;
use whyport::tui::{Event, Look, Signs, Source, State, view};
use whyport::{shot, snapshot};

use crate::settled::{settle, told};

pub struct Model {
    pub state: State,
    size: (u16, u16),
}

impl Model {
    pub fn demo(size: (u16, u16)) -> Model {
        Model::drawn(size, Signs::All)
    }

    /// The same, on a terminal that has these signs.
    pub fn drawn(size: (u16, u16), signs: Signs) -> Model {
        let name = snapshot::demo_names()[0];
        let host = Arc::new(snapshot::parse(snapshot::demo(name).unwrap()).host);
        let at = host.viewed;
        let source = Source::Demo(name.to_owned());
        let mut model =
            Model { state: State::new(host, at, source, None, Look::default().with_signs(signs).into(), size), size };
        model.take(Event::Started);
        model
    }

    pub fn press(&mut self, key: Key) {
        self.take(Event::Key(key.event()));
    }

    /// Takes an event, and all that the explorer asks of its host.
    pub fn take(&mut self, event: Event) {
        if let Event::Resized(columns, rows) = event {
            self.size = (columns, rows);
        }
        settle(&mut self.state, event, told);
    }

    pub fn screen(&self) -> String {
        let area = Rect::new(0, 0, self.size.0, self.size.1);
        let mut buffer = Buffer::empty(area);
        view(&self.state, &mut buffer, area);
        shot::text(&buffer)
    }
}
