//! The server as its users meet it: a process, real sockets, `kill -9`, a real browser.
//!
//! One binary, because each links everything. A test starts a server of its own with a log of its own, waits
//! for things and never for a time, and leaves no process behind. The bounds on waiting (`PATIENCE`) only
//! turn a hang into a failure; no test passes or fails by how fast this machine is.

mod support;

mod access;
mod address_bans;
mod admin_listener;
mod api;
mod bot;
mod browser;
mod clock;
mod cluster;
mod commands;
mod cookies;
mod crash;
mod credentials;
mod damage;
mod disk;
mod draining;
mod embed;
mod environment;
mod flood;
mod greedy;
mod half_close;
mod input;
mod kept_values;
mod leaving;
mod links;
mod moderation;
mod packages;
mod people;
mod probe;
mod process;
mod programs;
mod proxy;
mod rate;
mod reload;
mod restore;
mod room_list;
mod service;
mod several;
mod sign_in;
mod slow;
mod slowloris;
mod stderr;
mod storm;
mod stream;
mod tls;
mod upgrade;
mod watch;
mod ways;
mod webhooks;
