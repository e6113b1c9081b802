//! The live host: where its files are, and what is said where its kernel may not be asked.

use std::path::Path;

use super::read::Reading;
use super::refusal::Refusal;
use crate::kernel::{self, Places};

/// What the screen calls it.
const SOURCE: &str = "live";

/// Where this system has its files.
fn places() -> Places<'static> {
    Places { proc: Path::new("/proc"), modules: Path::new("/lib/modules") }
}

/// Reads the network namespace that `netns` names, or that of this process.
pub fn read(netns: Option<&str>) -> Result<Reading, Refusal> {
    let host = kernel::read(&places(), netns).map_err(|error| Refusal::unanswered(error.to_string()))?;
    Ok(Reading { namespace: host.viewed, host, source: SOURCE.to_owned(), notes: Vec::new() })
}

/// Reads every namespace that can be entered.
pub fn read_all(netns: Option<&str>) -> Result<Reading, Refusal> {
    let host = kernel::read_all(&places(), netns).map_err(|error| Refusal::unanswered(error.to_string()))?;
    Ok(Reading { namespace: host.viewed, host, source: SOURCE.to_owned(), notes: Vec::new() })
}
