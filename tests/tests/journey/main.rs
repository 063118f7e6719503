//! The whole journey with real processes: publisher → server → receiver → report.

mod browser;
mod demo;
mod encodings;
mod footage;
mod interruptions;
mod paths;
mod readers;
mod served;
mod verdicts;
mod wraps;
