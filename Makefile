# Everything a person does here, a line or two each.
.PHONY: run test bench compare loadtest install mutants prove

run:
	cargo run --release

# What the tests need and cargo does not bring: a browser with its driver, Node with npm and curl.
install:
	./verify/install tests

# All by the way out that the server chooses itself; what streams must do by the two others again.
test: install
	cargo test --workspace
	MILLCHAT_TEST_WAY=write cargo test -p millchat-server --test all -- $(STREAMS)
	MILLCHAT_TEST_WAY=hyper cargo test -p millchat-server --test all -- $(STREAMS)
STREAMS = leaving:: process:: slow:: storm:: stream::

# Breaks each guarantee on purpose; each must be noticed. `make mutants ONLY=ring` tries some.
mutants:
	cargo run -q -p millchat-mutants -- $(ONLY)

# The long versions of the tests of what must never happen; writes docs/evidence.md.
prove:
	./verify/prove

# Ends by writing docs/benchmarks.md and its plots.
bench:
	cargo bench
	cargo run --release -p millchat-benches --bin report

# Installs the others, runs them and ours under the same load, and writes docs/benchmarks.md. MERCURE_BIN and
# WATERMILLCHAT_BIN name programs that are in no package manager; `make compare ONLY=nchan` shows one and writes nothing.
compare:
	cargo run --release -p millchat-benches --bin compare $(ONLY)
	$(if $(ONLY),,cargo run --release -p millchat-benches --bin report)

loadtest:
	cargo build --release -p millchat-server -p millchat-loadtest
	./target/release/millchat-loadtest
