# Each target installs what it needs (Debian packages, where missing) before it builds: on a fresh machine with Rust,
# `make demo` and `make test` are all there is to type.

TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)

.DEFAULT_GOAL := help
.PHONY: help demo test test-tools check bench fuzz build

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## See how old the picture is: server, publisher and receiver for ten seconds
	@scripts/install-build.sh
	@scripts/install-demo.sh
	@scripts/footage.sh || echo "no footage: the demo shows a camera or the test pattern instead" >&2
	cargo build --release --workspace --bins
	$(TARGET_DIR)/release/framelag demo

build: ## Build the binaries, optimised, into target/release
	@scripts/install-build.sh
	cargo build --release --workspace --bins

test: test-tools ## Run every test, those against real peers, cameras and windows too
	cargo build --workspace --bins
	cargo test --workspace --no-fail-fast

test-tools: ## Install and make what the tests need: packages, footage, RTSP peers, readers of report files, the camera VM's kernel
	@scripts/install-build.sh
	@scripts/install-demo.sh
	@scripts/install-test.sh
	@scripts/footage.sh
	@scripts/junit-schema.sh
	@scripts/build-peers.sh
	@scripts/ci-tools.sh
	@scripts/outsiders.sh
	@tests/camera-vm/prepare.sh

check: ## Formatting, lints, documentation, licences and advisories
	@scripts/install-build.sh
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps
	@scripts/deny.sh

bench: ## Time the steps of a frame's journey with criterion (paint, read, packetize, parse, relay)
	@scripts/install-build.sh
	cargo bench --workspace --benches

fuzz: ## Fuzz every parser for a minute each (needs a nightly toolchain)
	@scripts/fuzz.sh
