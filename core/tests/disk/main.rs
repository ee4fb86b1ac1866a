//! Disks that lose power, fail or are damaged, under a log.

mod damage;
mod faults;
mod power_loss;
mod recovered;
mod storage;
