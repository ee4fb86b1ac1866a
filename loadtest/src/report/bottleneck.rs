//! Checks whether the figures are the server's: a tester that is short of CPU, or late, measures itself.

use std::time::Duration;

use crate::report::units::time;
use crate::run::measurements::Measurements;
use crate::run::stats::Latencies;

/// Share of its cores above which the tester limits the run.
const OWN_CPU_SHARE_MAX: f64 = 0.9;
/// Timer delay (p99) above which the tester waits for a core, in microseconds.
const SCHEDULING_LATE_US_MAX: u64 = 20_000;
/// Delay of a message after its due time (p99) that counts as the tester's, in microseconds.
pub const SENDING_LATE_US_MAX: u64 = 5_000;
/// Idle share of the machine below which it has no core to spare.
const MACHINE_IDLE_SHARE_MIN: f64 = 0.05;

/// Returns the reasons for which the tester was the bottleneck; empty when it was not. `sending` is the delay
/// of the messages, if they have a schedule.
pub fn reasons(measured: &Measurements, sending: Option<&Latencies>) -> Vec<String> {
    let mut reasons = Vec::new();
    let cores = std::thread::available_parallelism().map_or(1.0, |cores| cores.get() as f64);
    if let Some(used) = cores_used(measured.own_cpu, measured.loaded)
        && used > cores * OWN_CPU_SHARE_MAX
    {
        reasons.push(format!("it used {used:.2} of the {cores} cores that it has"));
    }
    let late = measured.scheduling.quantile_us(0.99);
    if late > SCHEDULING_LATE_US_MAX {
        reasons.push(format!(
            "its own timers were late by {} (p99; the bound is {})",
            time(late),
            time(SCHEDULING_LATE_US_MAX)
        ));
    }
    let late = sending.map_or(0, |sending| sending.quantile_us(0.99));
    if late > SENDING_LATE_US_MAX {
        reasons.push(format!(
            "its messages left later than they were due by {} (p99; the bound is {})",
            time(late),
            time(SENDING_LATE_US_MAX)
        ));
    }
    reasons
}

/// Returns true if server and tester, on one machine, left no core idle: each waited for the other.
pub fn machine_was_full(measured: &Measurements) -> bool {
    measured.server_cpu.is_some() && measured.machine_idle.is_some_and(|idle| idle < MACHINE_IDLE_SHARE_MIN)
}

/// Returns the average number of cores used.
pub fn cores_used(cpu: Option<Duration>, over: Duration) -> Option<f64> {
    Some(cpu?.as_secs_f64() / over.as_secs_f64().max(f64::EPSILON))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn late(micros: u64) -> Latencies {
        let mut latencies = Latencies::default();
        latencies.record(Duration::from_micros(micros));
        latencies
    }

    #[test]
    fn a_tester_that_is_late_or_out_of_cores_says_so_and_another_does_not() {
        let fine = Measurements {
            loaded: Duration::from_secs(1),
            scheduling: late(1_000),
            ..Measurements::default()
        };
        assert_eq!(reasons(&fine, Some(&late(1_000))), Vec::<String>::new());
        assert_eq!(reasons(&fine, Some(&late(SENDING_LATE_US_MAX * 2))).len(), 1);
        let starved = Measurements {
            own_cpu: Some(Duration::from_secs(100_000)),
            scheduling: late(SCHEDULING_LATE_US_MAX * 2),
            ..fine
        };
        assert_eq!(reasons(&starved, None).len(), 2);
    }
}
