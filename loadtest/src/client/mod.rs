//! The connections of the tester: protocols without I/O, readers under one epoll, and senders.

pub mod end_reason;
pub mod epoll;
pub mod exchange;
pub mod reader;
pub mod readers;
pub mod rest;
pub mod sender_connection;
pub mod socketio;
pub mod websocket;
