//! Live metrics of a real run, read by programs that did not come from us, and compared with what the report says.

mod clients;
mod documented;
mod otlp;
mod prometheus;
