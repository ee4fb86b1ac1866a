# Everything a person does here, a line or two each.
.PHONY: run test bench loadtest install

run:
	cargo run --release

# What the tests need and cargo does not bring: a browser with its driver, Node with npm and curl.
install:
	./server/tests/install

test: install
	cargo test --workspace

bench:
	cargo bench

loadtest:
	cargo build --release -p millchat-server -p millchat-loadtest
	./target/release/millchat-loadtest
