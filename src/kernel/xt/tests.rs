//! Bytes in, matches and targets out.
