//! Readers of a silent room: the memory that each costs the server.

use std::thread::sleep;
use std::time::Duration;

use millchat_benches::readers::Readers;
use millchat_benches::server::Server;
use millchat_benches::{Results, Unit, cost, limits};

const ABOUT: &str = "Readers join one room over plain HTTP/1.1, and nothing is said in it. Counted is the \
    anonymous memory of the server's process before and 15 s after they joined, when the allocator has given back what \
    only their requests needed; so what the kernel holds for a socket is not \
    in it. Beside the server as it is: the server with --stream-writer hyper, where hyper serves every stream as \
    it does those that are no plain HTTP/1.1.";
const OURS: &str = "millchat";
const GENERAL: &str = "millchat, by hyper";
const CASES: [usize; 2] = [1_000, 10_000];
const ROUNDS: usize = 3;
/// The allocator keeps unused pages for 10 s.
const QUIET: Duration = Duration::from_secs(15);
/// The goals with 10,000 readers, for each way of serving them.
const BYTES_MAX: [(&str, f64); 2] = [(OURS, 2.5 * 1024.0), (GENERAL, 12.0 * 1024.0)];

fn main() {
    limits::raise_descriptors();
    let results = Results::new("http_idle", "readers that hear nothing", ABOUT, OURS);
    for readers in CASES {
        for _ in 0..ROUNDS {
            for (name, flags) in [(OURS, &[][..]), (GENERAL, &["--stream-writer", "hyper"])] {
                let server = Server::start_with("memory:", flags);
                // The cost of the very first request does not belong to a reader.
                drop(Readers::connect(server.address, 1));
                let before = cost::memory(server.process());
                let _readers = Readers::connect(server.address, readers);
                sleep(QUIET);
                let bytes = cost::memory(server.process()).saturating_sub(before);
                let each = bytes as f64 / readers as f64;
                results.sample(&case(readers), "memory of a reader", Unit::Bytes, name, each);
            }
        }
    }
    for (name, most) in BYTES_MAX {
        let way = if name == OURS { "of plain HTTP/1.1" } else { "by hyper" };
        let wanted = format!("at most {:.1} KiB", most / 1024.0);
        results.goal(&format!("memory of an idle reader {way}"), &wanted, |found| {
            let bytes = found.row(&case(CASES[1]), "memory of a reader", name)?.median();
            Some((Unit::Bytes.show(bytes), bytes <= most))
        });
    }
    results.finish();
}

fn case(readers: usize) -> String {
    format!("{} readers", Unit::Count.show(readers as f64))
}
