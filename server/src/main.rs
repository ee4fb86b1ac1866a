//! The binary: see the library beside it, which is all of the server. And the allocator, which a process chooses.

use tikv_jemallocator::Jemalloc;

/// It gives the pages that thousands of requests at one time needed back to the system.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> std::process::ExitCode {
    // Also while nothing is allocated. Where it cannot, memory goes back as the server allocates.
    let _ = tikv_jemalloc_ctl::background_thread::write(true);
    millchat_server::main()
}
