//! Builds the report from the counters and measurements of a run.

use std::time::Duration;

use clap::ValueEnum;

use crate::load::rate::Rate;
use crate::report::bottleneck::{self, SENDING_LATE_US_MAX, cores_used};
use crate::report::distribution::Distribution;
use crate::report::schema::{
    Distributions, LatencySummary, LatencyTable, LoadSummary, Report, ServerUsage, TesterUsage, Traffic,
    Verdict,
};
use crate::run::Run;
use crate::run::measurements::Measurements;
use crate::run::stats::Stats;

/// Violations that a report lists; the rest is counted.
const VIOLATIONS_LISTED_MAX: usize = 20;

impl Report {
    /// Builds the report. `violations` are all violations.
    pub fn new(run: &Run, stats: Stats, measured: Measurements, mut violations: Vec<String>) -> Self {
        let load = &run.plan.settings.load;
        let idle = load.rate == Rate::Idle;
        let joined = run.progress.counters.joined.get();
        let verified_something = joined > 0 && (idle || stats.deliveries > 0 && stats.acknowledged > 0);
        if !verified_something {
            violations.push("nothing was verified".to_owned());
        }
        let sending = match (measured.first, stats.last) {
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
                deliveries: stats.deliveries,
                acknowledgements: stats.acknowledged,
                lost: faults.lost,
                doubled: faults.doubled,
                disordered: faults.disordered,
                violations: violations.len(),
                first_violations: violations.into_iter().take(VIOLATIONS_LISTED_MAX).collect(),
            },
            joining_s: measured.joining.as_secs_f64(),
            sending_s: sending.as_secs_f64(),
            moved: Traffic {
                acknowledged: stats.acknowledged,
                rejected: stats.rejected,
                unknown: stats.unknown,
                acknowledged_per_s: per_second(stats.acknowledged),
                deliveries: stats.deliveries,
                deliveries_per_s: per_second(stats.deliveries),
                signals: stats.signals,
                bytes: stats.bytes,
                connections: run.progress.counters.connections.get(),
                storms: run.progress.counters.storms.get(),
            },
            server: server(&measured, &stats, idle, joined),
            tester: tester(&measured, &stats, load.rate),
            latency_us: LatencyTable {
                delivery: LatencySummary::from(&stats.delivery),
                acknowledgement: LatencySummary::from(&stats.acknowledgement),
                join: LatencySummary::from(&stats.join),
                join_whole: LatencySummary::from(&stats.join_whole),
                resume: LatencySummary::from(&stats.resume),
                resume_whole: LatencySummary::from(&stats.resume_whole),
                history: LatencySummary::from(&stats.history),
                lag: LatencySummary::from(&stats.lag),
                scheduling: LatencySummary::from(&measured.scheduling),
            },
            distribution: Distributions {
                delivery: Distribution::from(&stats.delivery),
                acknowledgement: Distribution::from(&stats.acknowledgement),
                join: Distribution::from(&stats.join),
                resume: Distribution::from(&stats.resume),
            },
            series: measured.series,
            errors: stats.errors,
        }
    }
}

fn asked(run: &Run) -> LoadSummary {
    let load = &run.plan.settings.load;
    let name = |value: Option<clap::builder::PossibleValue>| value.map(|value| value.get_name().to_owned());
    LoadSummary {
        profile: run.plan.settings.profile.and_then(|profile| name(profile.to_possible_value())),
        target: name(run.plan.settings.target.target.to_possible_value()).unwrap_or_default(),
        url: run.plan.target.bases(),
        readers: load.readers,
        visitors: load.visitors,
        slow_readers: load.slow_readers,
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

fn per_delivery(cpu: Option<Duration>, stats: &Stats) -> Option<f64> {
    cpu.filter(|_| stats.deliveries > 0).map(|cpu| cpu.as_secs_f64() * 1e6 / stats.deliveries as f64)
}

fn server(measured: &Measurements, stats: &Stats, idle: bool, joined: u64) -> ServerUsage {
    let resident = if idle { measured.resident_after } else { measured.resident_joined };
    let added = resident.zip(measured.resident_before).filter(|_| joined > 0);
    ServerUsage {
        cpu_s: measured.server_cpu.map(|cpu| cpu.as_secs_f64()),
        cores: cores_used(measured.server_cpu, measured.loaded),
        cpu_us_per_delivery: per_delivery(measured.server_cpu, stats),
        resident_before: measured.resident_before,
        resident_joined: measured.resident_joined,
        resident_after: measured.resident_after,
        resident_per_reader: added.map(|(now, before)| now.saturating_sub(before) as f64 / joined as f64),
    }
}

fn tester(measured: &Measurements, stats: &Stats, rate: Rate) -> TesterUsage {
    // Without a schedule a message is due when it leaves.
    let sending = Some(&stats.lag).filter(|_| rate != Rate::Max);
    TesterUsage {
        cpu_s: measured.own_cpu.map(|cpu| cpu.as_secs_f64()),
        cores: cores_used(measured.own_cpu, measured.loaded),
        cpu_us_per_delivery: per_delivery(measured.own_cpu, stats),
        was_late: sending.is_some_and(|sending| sending.quantile_us(0.99) > SENDING_LATE_US_MAX),
        bottleneck: bottleneck::reasons(measured, sending),
        machine_was_full: bottleneck::machine_was_full(measured),
    }
}
