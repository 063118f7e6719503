# Each target installs what it needs (Debian packages, where missing) before it builds: on a fresh machine with Rust,
# `make demo` and `make test` are all there is to type.

TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)

# Before each script that installs or makes something: one at a time on this machine, where two suites would write the same files
# and ask apt at once. The lock is a folder's, which every user can open, and flock's alone: no service that starts keeps it.
ALONE = $(shell command -v flock >/dev/null && mkdir -p /tmp/framelag-scripts && echo flock --close /tmp/framelag-scripts)

# A build can do without what comes from npm.
WEB = $(ALONE) scripts/web.sh || echo "no hls.js and dash.js in this build: once scripts/web.sh succeeds, build again" >&2

.DEFAULT_GOAL := help
.PHONY: help demo quick test test-tools check bench fuzz build proof

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## See how old the picture is: server, publisher and receiver for ten seconds
	@$(ALONE) scripts/install-build.sh
	@$(ALONE) scripts/install-demo.sh
	@$(ALONE) scripts/footage.sh || echo "no footage: the demo shows a camera or the test pattern instead" >&2
	@$(WEB)
	cargo build --release --workspace --bins
	$(TARGET_DIR)/release/framelag demo

build: ## Build the binaries, optimised, into target/release
	@$(ALONE) scripts/install-build.sh
	@$(WEB)
	cargo build --release --workspace --bins

test: test-tools ## Run every test, those against real peers, cameras and windows too
	cargo build --workspace --bins
	cargo test --workspace --no-fail-fast

# The test programs of `tests` that start no process of another project's, open no device and leave this machine's loopback alone.
QUICK := clock_virtual clocks corner_code fuzz_corpus gate injected model relay_frames rules schema virtual_time

quick: ## Run the tests that need no peer, device, browser or network: for daily work, some three minutes after the build
	@$(ALONE) scripts/install-build.sh
	cargo test --workspace --lib --bins $(QUICK:%=--test %)

test-tools: ## Install and make what the tests need: packages, footage, RTSP peers, Node, readers of report files, the camera VM's kernel
	@$(ALONE) scripts/install-build.sh
	@$(ALONE) scripts/install-demo.sh
	@$(ALONE) scripts/install-test.sh
	@$(ALONE) scripts/footage.sh
	@$(ALONE) scripts/web.sh
	@$(ALONE) scripts/junit-schema.sh
	@$(ALONE) scripts/build-peers.sh
	@$(ALONE) scripts/ci-tools.sh
	@$(ALONE) scripts/outsiders.sh
	@$(ALONE) tests/camera-vm/prepare.sh

check: ## Formatting, lints, types of web/, documentation, licences and advisories
	@$(ALONE) scripts/install-build.sh
	@$(ALONE) scripts/web.sh
	scripts/web.sh run check
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS=-Dwarnings cargo doc --workspace --no-deps
	@scripts/deny.sh

bench: ## Time the steps of a frame's journey with criterion (paint, read, packetize, parse, relay)
	@$(ALONE) scripts/install-build.sh
	cargo bench --workspace --benches

proof: build ## Measure each way into a browser for real, beside MediaMTX where there is one, and write docs/browser-results.md (75 minutes)
	cargo build --release -p framelag-tests --example viewers
	python3 scripts/proof.py

fuzz: ## Fuzz every parser for a minute each (needs a nightly toolchain)
	@scripts/fuzz.sh
