//! The files of a report folder, as text. `docs/reports.md` describes each file and column.

pub mod csv;
pub mod hgrm;
pub mod hlog;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod openmetrics;
mod pages;
pub(crate) mod words;

pub use pages::{Error, pages};
pub(crate) use pages::{pages_of, remove};

#[cfg(test)]
mod tests;
