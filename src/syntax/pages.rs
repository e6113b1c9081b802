//! A long text in pages, each of which can be written by itself: in any order, and by several at once.
//!
//! The text of 100,000 rules takes more room than the rules do: whoever writes it page by page never has all of it.
//! Deliberately knows no threads, and nothing of where the pages go.

/// About how many rules, or elements of sets, stand on a page: some 64 KiB of text.
pub(super) const ROWS: usize = 400;

/// What writes a page: it appends to a text.
type Page<'a> = Box<dyn Fn(&mut String) + Send + Sync + 'a>;

/// A text, as what writes its pages.
#[derive(Default)]
pub struct Pages<'a>(Vec<Page<'a>>);

impl<'a> Pages<'a> {
    /// How many there are. A page may turn out to be empty.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Appends the text of one page; there is none beyond the last.
    pub fn write(&self, page: usize, out: &mut String) {
        if let Some(write) = self.0.get(page) {
            write(out);
        }
    }

    /// The whole text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        self.0.iter().for_each(|write| write(&mut text));
        text
    }

    /// Adds a page at the end.
    pub fn push(&mut self, write: impl Fn(&mut String) + Send + Sync + 'a) {
        self.0.push(Box::new(write));
    }

    /// Adds the pages of another text at the end.
    pub fn extend(&mut self, other: Pages<'a>) {
        self.0.extend(other.0);
    }
}
