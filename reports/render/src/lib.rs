//! The pages of a report, which are made of its other files. `docs/reports.md` describes each.

pub mod html;
mod junit;
pub mod markdown;
mod pages;
pub mod plot;
mod terminal;
#[cfg(test)]
#[path = "../../report/src/testing.rs"]
mod testing;
pub mod words;

pub use pages::{Error, pages, pages_of};
pub use terminal::terminal;
