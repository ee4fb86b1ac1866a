# Everything a person does here, a line or two each.
.PHONY: run test bench compare loadtest install mutants prove slowest dist ollama cluster

run:
	cargo run --release

# What the tests need and cargo does not bring: a browser with its driver, Node with npm, systemd's tools, and more.
install:
	./verify/install tests

# Most tests wait, so many run at once; those that do not take turns (`server/tests/all/support/turn.rs`).
# Every cargo command that is added here takes the whole workspace: another choice of packages means other features, and
# everything compiled a second time.
test: export RUST_TEST_THREADS ?= 64
test: install
	cargo test --workspace

# The tests that take longest, by a slower run in which few wait for their turn. libtest prints times only if it takes
# its compiler for a nightly one; said to the tests and not to cargo, so that nothing is compiled for it.
slowest: install
	cargo test --workspace --no-fail-fast --tests --config 'target."cfg(all())".runner=["env", "RUSTC_BOOTSTRAP=1"]' \
		-- -Zunstable-options --report-time | sed -n 's/^test \(.*\) <\(.*\)s>$$/\2 s  \1/p' | sort -rn | head -n 30

# Into target/dist: a program that needs no library, a Debian package, their SHA-256; and an image where an engine runs.
dist:
	./verify/install dist
	./verify/dist

# Breaks each guarantee on purpose; each must be noticed. `make mutants ONLY=ring` tries some.
mutants:
	cargo run -q -p millchat-mutants -- $(ONLY)

# The long versions of the tests of what must never happen; writes docs/evidence.md.
prove:
	./verify/prove

# Three NATS servers and three nodes on this machine, to play with, until Ctrl-C.
cluster:
	./verify/cluster

# A real server of language models, for `make prove`. Compiles it once.
ollama:
	./verify/install ollama

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
