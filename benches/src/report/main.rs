//! Writes `docs/benchmarks.md` and its plots from the figures of the last `cargo bench` and the last `make
//! compare`.
//!
//! Only the list of experiments (`benches/tried.md`) and what follows from growth (`benches/growth.md`) are written by
//! hand: run the benches, run this, and the page shows the figures of this machine.

mod comparison;
mod growth;
mod machine;
mod page;
mod plot;

use std::fs;
use std::process::ExitCode;

use millchat_benches::comparison::Comparison;
use millchat_benches::growth::{Curve, Growth};
use millchat_benches::paths;
use millchat_benches::results::Figures;

/// The benches, in the page's order.
const BENCHES: [&str; 19] = [
    "append",
    "append_http",
    "cluster",
    "fanout",
    "http_bots",
    "http_fanout",
    "http_full_speed",
    "http_idle",
    "http_large",
    "http_page",
    "http_panel",
    "http_presence",
    "http_tls",
    "join",
    "resume",
    "no_loss_join",
    "encode",
    "open",
    "rooms",
];

fn main() -> ExitCode {
    let mut all = Vec::new();
    for bench in BENCHES {
        let path = paths::figures().join(format!("{bench}.json"));
        match fs::read(&path) {
            Ok(json) => {
                all.push(serde_json::from_slice::<Figures>(&json).expect("the benches write what we read"));
            }
            Err(_) => eprintln!("no figures of {bench}: run cargo bench --bench {bench}"),
        }
    }
    let compared = fs::read(paths::figures().join("compare.json")).ok();
    let compared = compared
        .map(|json| serde_json::from_slice::<Comparison>(&json).expect("`compare` writes what we read"));
    let grown = fs::read(paths::figures().join("growth.json")).ok();
    let grown =
        grown.map(|json| serde_json::from_slice::<Growth>(&json).expect("the bench writes what we read"));
    if all.is_empty() && compared.is_none() && grown.is_none() {
        return ExitCode::FAILURE;
    }
    let docs = paths::workspace().join("docs");
    let images = docs.join("img");
    fs::create_dir_all(&images).expect("the docs take directories");
    let keep = |svg: Option<String>, name: String| {
        fs::write(images.join(&name), svg?).expect("the docs take files");
        Some(name)
    };
    let draw = |found: &Figures, name: String| keep(plot::draw(found), name);
    let by_hand =
        |name: &str| fs::read_to_string(paths::workspace().join("benches").join(name)).unwrap_or_default();
    let mut sections = Vec::new();
    if let Some(comparison) = compared {
        let pictures = comparison::pictures(&comparison.found).into_iter().zip(["load", "rest"]);
        let images: Vec<String> =
            pictures.filter_map(|(found, what)| draw(&found, format!("bench-compare-{what}.svg"))).collect();
        sections.push(comparison::section(&comparison, &images));
        all.insert(0, comparison.found);
    } else {
        eprintln!("no figures of others: run make compare");
    }
    if let Some(growth) = grown {
        let draw = |curve: &Curve| {
            let svg = plot::draw_curve(&growth::picture(curve, &growth.found));
            keep(svg, format!("bench-growth-{}.svg", curve.of))
        };
        let images: Vec<_> = growth.curves.iter().map(draw).collect();
        sections.push(growth::section(&growth, &images, &by_hand("growth.md")));
        all.push(growth.found);
    } else {
        eprintln!("no figures of growth: run cargo bench --bench growth");
    }
    for found in all.iter().filter(|found| BENCHES.contains(&found.bench.as_str())) {
        let image = draw(found, format!("bench-{}.svg", found.bench));
        sections.push(page::section(found, image.as_deref()));
    }
    let page = page::page(&machine::describe(), &all, &sections, &by_hand("tried.md"));
    let path = docs.join("benchmarks.md");
    fs::write(&path, page).expect("the docs take files");
    println!("{} benches in docs/benchmarks.md", all.len());
    ExitCode::SUCCESS
}
