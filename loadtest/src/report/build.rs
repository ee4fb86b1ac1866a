//! From what was counted and measured to the report.

use std::time::Duration;

use clap::ValueEnum;

use crate::load::rate::Rate;
use crate::report::bottleneck::{self, SENDING_LATE_US_MAX, cores_used};
use crate::report::distribution::Distribution;
use crate::report::schema::{Asked, Distributions, Moved, Report, Row, Server, Table, Tester, Verdict};
use crate::run::Run;
use crate::run::measured::Measured;
use crate::run::stats::Tally;

/// Violations that a report lists; the rest is counted.
const VIOLATIONS_LISTED_MAX: usize = 20;

impl Report {
    /// Puts the numbers together. `violations` is all that was wrong.
    pub fn new(run: &Run, tally: Tally, measured: Measured, mut violations: Vec<String>) -> Self {
        let load = &run.plan.settings.load;
        let idle = load.rate == Rate::Idle;
        let joined = run.progress.counts.joined.get();
        let verified_something = joined > 0 && (idle || tally.deliveries > 0 && tally.acknowledged > 0);
        if !verified_something {
            violations.push("nothing was verified".to_owned());
        }
        let sending = match (measured.first, tally.last) {
            (Some(first), Some(last)) => last.saturating_duration_since(first),
            _ => load.duration,
        };
        let per_second = |count: u64| count as f64 / sending.as_secs_f64().max(f64::EPSILON);
        let faults = run.findings.faults();
        Self {
            asked: asked(run),
            verdict: Verdict {
                passed: violations.is_empty(),
                joined,
                deliveries: tally.deliveries,
                acknowledgements: tally.acknowledged,
                lost: faults.lost,
                doubled: faults.doubled,
                disordered: faults.disordered,
                violations: violations.len(),
                first_violations: violations.into_iter().take(VIOLATIONS_LISTED_MAX).collect(),
            },
            joining_s: measured.joining.as_secs_f64(),
            sending_s: sending.as_secs_f64(),
            moved: Moved {
                acknowledged: tally.acknowledged,
                rejected: tally.rejected,
                unknown: tally.unknown,
                acknowledged_per_s: per_second(tally.acknowledged),
                deliveries: tally.deliveries,
                deliveries_per_s: per_second(tally.deliveries),
                signals: tally.signals,
                bytes: tally.bytes,
                connections: run.progress.counts.connections.get(),
                storms: run.progress.counts.storms.get(),
            },
            server: server(&measured, &tally, idle, joined),
            tester: tester(&measured, &tally, load.rate),
            latency_us: Table {
                delivery: Row::from(&tally.delivery),
                acknowledgement: Row::from(&tally.acknowledgement),
                join: Row::from(&tally.join),
                join_whole: Row::from(&tally.join_whole),
                resume: Row::from(&tally.resume),
                resume_whole: Row::from(&tally.resume_whole),
                history: Row::from(&tally.history),
                lag: Row::from(&tally.lag),
                scheduling: Row::from(&measured.scheduling),
            },
            distribution: Distributions {
                delivery: Distribution::from(&tally.delivery),
                acknowledgement: Distribution::from(&tally.acknowledgement),
                join: Distribution::from(&tally.join),
                resume: Distribution::from(&tally.resume),
            },
            series: measured.series,
            errors: tally.errors,
        }
    }
}

fn asked(run: &Run) -> Asked {
    let load = &run.plan.settings.load;
    let name = |value: Option<clap::builder::PossibleValue>| value.map(|value| value.get_name().to_owned());
    Asked {
        profile: run.plan.settings.profile.and_then(|profile| name(profile.to_possible_value())),
        target: name(run.plan.settings.target.target.to_possible_value()).unwrap_or_default(),
        url: run.plan.target.base.clone(),
        readers: load.readers,
        visitors: load.visitors,
        laggards: load.laggards,
        storm_every_s: load.storm_every.map(|every| every.as_secs_f64()),
        rooms: load.rooms,
        spread: name(load.spread.to_possible_value()).unwrap_or_default(),
        senders: run.plan.senders(),
        rate: match load.rate {
            Rate::Idle => Some(0.0),
            Rate::PerSecond(rate) => Some(rate),
            Rate::Max => None,
        },
        duration_s: load.duration.as_secs_f64(),
        size: load.size,
    }
}

fn per_delivery(cpu: Option<Duration>, tally: &Tally) -> Option<f64> {
    cpu.filter(|_| tally.deliveries > 0).map(|cpu| cpu.as_secs_f64() * 1e6 / tally.deliveries as f64)
}

fn server(measured: &Measured, tally: &Tally, idle: bool, joined: u64) -> Server {
    let resident = if idle { measured.resident_after } else { measured.resident_joined };
    let added = resident.zip(measured.resident_before).filter(|_| joined > 0);
    Server {
        cpu_s: measured.server_cpu.map(|cpu| cpu.as_secs_f64()),
        cores: cores_used(measured.server_cpu, measured.loaded),
        cpu_us_per_delivery: per_delivery(measured.server_cpu, tally),
        resident_before: measured.resident_before,
        resident_joined: measured.resident_joined,
        resident_after: measured.resident_after,
        resident_per_reader: added.map(|(now, before)| now.saturating_sub(before) as f64 / joined as f64),
    }
}

fn tester(measured: &Measured, tally: &Tally, rate: Rate) -> Tester {
    // Without a schedule a message is due when it leaves.
    let sending = Some(&tally.lag).filter(|_| rate != Rate::Max);
    Tester {
        cpu_s: measured.own_cpu.map(|cpu| cpu.as_secs_f64()),
        cores: cores_used(measured.own_cpu, measured.loaded),
        cpu_us_per_delivery: per_delivery(measured.own_cpu, tally),
        was_late: sending.is_some_and(|sending| sending.quantile_us(0.99) > SENDING_LATE_US_MAX),
        bottleneck: bottleneck::reasons(measured, sending),
        machine_was_full: bottleneck::machine_was_full(measured),
    }
}
