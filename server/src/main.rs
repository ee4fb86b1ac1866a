//! The binary: see the library beside it, which is all of the server.

fn main() -> std::process::ExitCode {
    millchat_server::main()
}
