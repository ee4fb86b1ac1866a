//! The profile `greedy`: innocent clients at a steady pace, and one greedy attacker after the other beside
//! them.
//!
//! For each attack a server of its own: it is prepared without limits (attackers are patient), started again
//! with limits, and used by the innocents. First the attackers send to a process that only accepts: the
//! baseline. Then the same attackers send the same to the server. The table compares the innocents' latencies
//! of both.

pub mod attacker;
pub mod attacks;
pub mod book;
pub mod child;
pub mod innocents;
pub mod profile;
pub mod requests;
pub mod round;
pub mod settings;
pub mod sink;
pub mod site;
pub mod table;
pub mod wire;
