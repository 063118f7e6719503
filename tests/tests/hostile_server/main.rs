//! `framelag serve` under attack, while a publisher and a receiver go on as if nothing happened.
//!
//! What one connection may send in which state is tried exhaustively beside the session's code; here real sockets,
//! real time and other people's streams are what is to survive.

mod budgets;
mod crowds;
mod few_descriptors;
mod half_open;
mod healthy;
mod passwords;
mod publishers;
mod relay;
mod requests;
mod viewer;
