//! The section about the comparison: a table of the load, a table of the guarantees, the metrics in which
//! others are ahead, and two pictures.

use std::fmt::Write as _;

use millchat_benches::comparison::{
    self, CPU, Comparison, CompetitorResult, DELIVERIES, LOST, MEMORY, Outcome, P50, P99, TRIED, ratio, row,
};
use millchat_benches::results::Figures;

use crate::page::{TAKES_ALL, wrapped};

/// The columns: the metrics, and their names in the head of the table.
const COLUMNS: [(&str, &str); 6] = [
    (CPU, "CPU per delivery"),
    (P50, "p50"),
    (P99, "p99"),
    (DELIVERIES, "full speed"),
    (LOST, "lost"),
    (MEMORY, "memory per idle reader"),
];
const HOW: &str = "The figure in brackets is how many times Millchat's it is, the median of the rounds' \
    ratios: the table is about the others. CPU per delivery, p50 and p99 are those of the steady pace, from \
    when a message was due to when a reader has it; at full speed it is deliveries a second, and how many of \
    those that were due never came.";

/// Renders the section. `images` are the files of the pictures.
pub fn section(comparison: &Comparison, images: &[String]) -> String {
    let Comparison { found, competitors } = comparison;
    let mut out = format!("## `compare`: {}\n\n{}\n\n{}\n", found.title, wrapped(&found.about), wrapped(HOW));
    for image in images {
        writeln!(out, "\n![{}](img/{image})", found.title).expect(TAKES_ALL);
    }
    out.push_str("\n| |");
    for (_, head) in COLUMNS {
        write!(out, " {head} |").expect(TAKES_ALL);
    }
    writeln!(out, "\n|---|{}", "--:|".repeat(COLUMNS.len())).expect(TAKES_ALL);
    for CompetitorResult { name, outcome } in competitors {
        write!(out, "| {name} |").expect(TAKES_ALL);
        match outcome {
            Ok(_) => figures(found, name, &mut out),
            Err(why) => write!(out, " not run: {why} |{}", " |".repeat(COLUMNS.len() - 1)).expect(TAKES_ALL),
        }
        out.push('\n');
    }
    let names = || competitors.iter().map(|competitor| competitor.name.as_str());
    for limit in
        found.each(|row| &row.competitor).into_iter().filter(|name| names().all(|known| known != *name))
    {
        write!(out, "| *the limit:* {limit} |").expect(TAKES_ALL);
        figures(found, limit, &mut out);
        out.push('\n');
    }
    let ahead = names().filter_map(|name| ahead(found, name)).collect::<Vec<_>>();
    let words = if ahead.is_empty() {
        format!("None of those that ran is ahead of {} in any of it.", found.ours)
    } else {
        ahead.join(" ")
    };
    writeln!(out, "\n{}", wrapped(&words)).expect(TAKES_ALL);
    out.push_str(
        "\n| | version | set up | an acknowledgement means | after `kill -9` |\n|---|---|---|---|---|\n",
    );
    for CompetitorResult { name, outcome } in competitors {
        let Ok(Outcome { version, settings, acknowledged, survived, .. }) = outcome else { continue };
        let survived = match survived {
            None => "nothing, there is no history".to_owned(),
            Some((before, after)) => format!("{after} of {before} messages are there"),
        };
        writeln!(out, "| {name} | {version} | {settings} | {acknowledged} | {survived} |").expect(TAKES_ALL);
    }
    let rounds = found.rows.iter().map(|row| row.samples.len()).max().unwrap_or_default();
    let last = format!(
        "The last column was tried: {TRIED} messages were acknowledged, the server was killed, started again \
         on what it had left, and asked for its history. {} Medians of {rounds} rounds; `make compare`.",
        bottleneck(competitors)
    );
    writeln!(out, "\n{}", wrapped(&last)).expect(TAKES_ALL);
    out
}

/// Writes the cells of one row.
fn figures(found: &Figures, name: &str, out: &mut String) {
    for (metric, _) in COLUMNS {
        let Some(row) = row(found, metric, name) else {
            out.push_str(" |");
            continue;
        };
        write!(out, " {}", row.unit.show(row.median())).expect(TAKES_ALL);
        if let Some(ratio) = ratio(found, row).filter(|_| name != found.ours) {
            write!(out, " ({ratio:.2})").expect(TAKES_ALL);
        }
        out.push_str(" |");
    }
}

/// Returns a sentence about the metrics in which a competitor is ahead of ours; `None` when there are none.
fn ahead(found: &Figures, name: &str) -> Option<String> {
    let metrics = COLUMNS.map(|(metric, _)| metric);
    let wins: Vec<String> = comparison::ahead(found, name, &metrics)
        .into_iter()
        .map(|(metric, ratio)| format!("{metric} ({ratio:.2})"))
        .collect();
    (!wins.is_empty()).then(|| format!("**{name} is ahead of {} in {}.**", found.ours, wins.join(", ")))
}

/// Returns a sentence about the competitors whose runs had the tester as the bottleneck.
fn bottleneck(competitors: &[CompetitorResult]) -> String {
    let late: Vec<String> = competitors
        .iter()
        .filter_map(|competitor| {
            let (late, all) = competitor.outcome.as_ref().ok()?.tester_was_late;
            (late > 0).then(|| format!("{} ({late} of {all} runs)", competitor.name))
        })
        .collect();
    if late.is_empty() {
        return "In no run did the tester find itself to be the bottleneck.".to_owned();
    }
    format!(
        "The tester found itself to be the bottleneck with {}: there the server may be able to do more.",
        late.join(", ")
    )
}

/// Returns the figures as the pictures need them: a line for each competitor, and a dot in the colour of its
/// group. The first picture has the metrics of the steady pace, the second the rest.
pub fn pictures(found: &Figures) -> [Figures; 2] {
    [&[CPU, P50, P99][..], &[DELIVERIES, MEMORY]].map(|metrics| {
        let rows = found.rows.iter().filter(|row| metrics.contains(&row.metric.as_str())).map(|row| {
            let mut row = row.clone();
            row.case = std::mem::replace(&mut row.competitor, "others".to_owned());
            if row.case == found.ours {
                row.competitor.clone_from(&found.ours);
            } else if row.case == "write(2)" {
                "the limit".clone_into(&mut row.competitor);
            }
            row
        });
        Figures { rows: rows.collect(), ..found.clone() }
    })
}

#[cfg(test)]
mod tests {
    use millchat_benches::Unit;
    use millchat_benches::results::Row;

    use super::*;

    fn found() -> Figures {
        let row = |metric: &str, unit, competitor: &str, samples: &[f64]| Row {
            case: "case".into(),
            metric: metric.into(),
            unit,
            competitor: competitor.into(),
            samples: samples.to_vec(),
        };
        Figures {
            bench: "compare".into(),
            title: "t".into(),
            about: "a".into(),
            ours: "Millchat".into(),
            took_s: 0.0,
            rows: vec![
                row(CPU, Unit::Nanoseconds, "write(2)", &[1000.0, 1000.0, 1000.0]),
                row(CPU, Unit::Nanoseconds, "Millchat", &[2000.0, 4000.0, 2000.0]),
                row(DELIVERIES, Unit::PerSecond, "Millchat", &[10.0, 10.0, 10.0]),
                row(CPU, Unit::Nanoseconds, "other", &[3000.0, 2000.0, 3000.0]),
                row(DELIVERIES, Unit::PerSecond, "other", &[20.0, 5.0, 20.0]),
            ],
            goals: Vec::new(),
        }
    }

    #[test]
    fn a_ratio_is_the_median_of_the_rounds_and_who_is_ahead_is_said() {
        let outcome = |survived| {
            Ok(Outcome {
                version: "1".into(),
                settings: "s".into(),
                acknowledged: "a".into(),
                survived,
                tester_was_late: (1, 6),
            })
        };
        let competitors = [
            ("Millchat", outcome(Some((100, 100)))),
            ("other", outcome(None)),
            ("gone", Err("no Go".into())),
        ]
        .map(|(name, outcome)| CompetitorResult { name: name.into(), outcome });
        let page = section(&Comparison { found: found(), competitors: competitors.into() }, &[]);
        assert!(page.contains("| other | 3.00 µs (1.50) | | | 20/s (2.00) | | |"), "{page}");
        assert!(page.contains("| gone | not run: no Go | | | | | |"), "{page}");
        assert!(page.contains("| *the limit:* write(2) | 1.00 µs (0.50) |"), "{page}");
        assert!(
            page.contains("**other is ahead of Millchat in deliveries at full speed (2.00).**"),
            "{page}"
        );
        assert!(page.contains("100 of 100 messages are there"), "{page}");
        assert!(page.contains("nothing, there is no history"), "{page}");
    }

    #[test]
    fn a_picture_has_a_line_for_each_and_a_colour_for_ours_the_others_and_the_limit() {
        let [steady, _] = pictures(&found());
        assert_eq!(steady.each(|row| &row.case), ["write(2)", "Millchat", "other"]);
        assert_eq!(steady.each(|row| &row.competitor), ["the limit", "Millchat", "others"]);
    }
}
