# `make run` and `make test` do all the set-up by themselves, on a fresh Debian with a Swift toolchain.
SHELL := /bin/bash
VAULT ?= build/clinic.vault
# Without run-time checks of exclusive access, which cost the server a tenth of its lookups (0.85 of Redis with them, 0.94
# without). The debug build, in which all tests run, keeps them.
BUILD := swift build -c release --static-swift-stdlib -Xswiftc -enforce-exclusivity=unchecked --product vaultdb

.PHONY: run test build bench format lint clean setup

run: build ## Builds, imports the sample contacts and shows a resolved one.
	@scripts/demo "$$($(BUILD) --show-bin-path)/vaultdb" "$(VAULT)"

test: ## Runs all tests.
	@scripts/setup --tests
	swift build --build-tests
	@# By turns: tests that fork, or look at what their process holds, share it with no others; and those that wait for
	@# sockets and programs block threads, which a server within the tests would need.
	@set -e; for tests in LMDBTests VaultDBTests VaultServerTests CLITests; do swift test --skip-build --filter "$$tests"; done

build: setup ## Builds the command in release.
	$(BUILD)

bench: ## Measures against bare LMDB, SQLite, Redis and PostgreSQL. QUICK=1 takes under three minutes.
	@scripts/setup --bench
	scripts/bench $(if $(QUICK),--quick)

format: ## Formats all Swift code in place.
	swift format --in-place --parallel --recursive Package.swift Sources Tests benchmarks/Package.swift benchmarks/Sources

lint: ## Fails on code that is not formatted.
	swift format lint --strict --parallel --recursive Package.swift Sources Tests benchmarks/Package.swift benchmarks/Sources

clean: ## Removes what was built, and the sample vault.
	rm -rf .build benchmarks/.build build

setup:
	@scripts/setup
