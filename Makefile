# "go run . demo" needs none of this. "make test" on a fresh Debian or Ubuntu
# with Go installs what it lacks and runs everything.

# Packages with goroutines of their own run under the race detector.
RACE := . ./demo/... ./handlers/... ./imapsession/... ./login/...
PLAIN = $(filter-out $(shell go list $(RACE)),$(shell go list ./...))

# Dovecot is in a folder that is not on everybody's path. With ORIEL_TESTS=all a
# test that lacks its server or browser fails instead of being skipped.
export PATH := $(PATH):/usr/sbin
TEST := ORIEL_TESTS=all go test
T := ./scripts/timed

.PHONY: run demo test deps check plain race browser generate bench long image clean

.NOTPARALLEL:

run: demo

demo:
	go run . demo

test: deps check plain race browser

deps:
	@$(T) deps ./scripts/install-test-deps

check:
	@$(T) generate ./scripts/generate --check
	@$(T) format ./scripts/unformatted
	@$(T) vet go vet ./...

plain:
	@$(T) plain env $(TEST) $(PLAIN)

race:
	@$(T) race env $(TEST) -race $(RACE)

browser:
	@$(T) browser env -C tests/browser $(TEST) ./...

generate:
	./scripts/generate

# OpenSessions alone takes minutes: a thousand users on a Dovecot of their own.
bench:
	$(TEST) -run '^$$' -bench . -benchmem -timeout 60m ./...
	env -C tests/browser $(TEST) -run '^$$' -bench . ./...

# Every fuzz target for half a minute; more with FUZZTIME=10m.
long:
	./scripts/fuzz $(or $(FUZZTIME),30s)

image:
	./scripts/prove-image

clean:
	rm -f oriel coverage.out
