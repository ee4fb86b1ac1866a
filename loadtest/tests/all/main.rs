//! The load tester as a process: against the real server, and against servers and proxies that break one
//! promise each.
//!
//! One binary, since nearly all of its time is the tester's own waiting for what never comes.

mod breaking;
mod broken;
mod nginx;
mod real;
mod socketio;
mod tester;

mod another_chat;
mod behind_nginx;
mod greedy;
mod nodes;
mod page_stream;
mod proxy;
mod smoke;
mod socket_io;
mod verification;
