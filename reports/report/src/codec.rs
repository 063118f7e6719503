//! The data files of a report folder, as text. `docs/reports.md` describes each file and column.

pub mod csv;
pub mod hgrm;
pub mod hlog;
pub mod json;
pub mod lines;
pub(crate) mod rows;

#[cfg(test)]
mod tests;
