//! What a disk may do to a log: lose power, fail, be damaged.

mod damage;
mod faults;
mod power_loss;
mod recovered;
mod storage;
