//! Writes `docs/benchmarks.md` and its plots from the figures that the last `cargo bench` has left.
//!
//! Nothing in that page is written by hand but what was tried (`benches/tried.md`): run the benches, run this, and the
//! page says what this machine found.

mod machine;
mod page;
mod plot;

use std::fs;
use std::process::ExitCode;

use millchat_benches::place;
use millchat_benches::results::Found;

/// The benches, in the page's order.
const BENCHES: [&str; 10] = [
    "append",
    "append_http",
    "fanout",
    "http_fanout",
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
        let path = place::figures().join(format!("{bench}.json"));
        match fs::read(&path) {
            Ok(json) => {
                all.push(serde_json::from_slice::<Found>(&json).expect("the benches write what we read"));
            }
            Err(_) => eprintln!("no figures of {bench}: run cargo bench --bench {bench}"),
        }
    }
    if all.is_empty() {
        return ExitCode::FAILURE;
    }
    let docs = place::workspace().join("docs");
    let images = docs.join("img");
    fs::create_dir_all(&images).expect("the docs take directories");
    let mut sections = Vec::new();
    for found in &all {
        let image = plot::draw(found).map(|svg| {
            let name = format!("bench-{}.svg", found.bench);
            fs::write(images.join(&name), svg).expect("the docs take files");
            name
        });
        sections.push(page::section(found, image.as_deref()));
    }
    let tried = fs::read_to_string(place::workspace().join("benches/tried.md")).unwrap_or_default();
    let page = page::page(&machine::describe(), &all, &sections, &tried);
    let path = docs.join("benchmarks.md");
    fs::write(&path, page).expect("the docs take files");
    println!("{} benches in docs/benchmarks.md", all.len());
    ExitCode::SUCCESS
}
