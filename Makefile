# Cairn's build. `make help` lists what it does, build/README.md explains how.

MAKEFLAGS += --no-builtin-rules --no-builtin-variables --no-print-directory
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc)
endif
SHELL := /bin/sh
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := build

# Set-up comes before everything else: make builds out/.setup, then reads all makefiles again. It
# names the folders of the fetched sources.
ifneq ($(filter-out help clean distclean,$(or $(MAKECMDGOALS),build)),)
include out/.setup
endif
out/.setup: build/setup build/packages build/sources $(wildcard guests/*/packages)
	@build/setup

# `make clean test` means one after the other.
ifneq ($(filter clean,$(MAKECMDGOALS)),)
.NOTPARALLEL:
endif
ifneq ($(and $(filter distclean,$(MAKECMDGOALS)),$(filter-out distclean,$(MAKECMDGOALS))),)
$(error distclean goes alone: it removes what the other goals need)
endif

# Scripts that call make start from a clean slate: our job server is not theirs.
script := @env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL

include build/toolchain.mk
include build/rules.mk
include $(sort $(wildcard */component.mk */*/component.mk))

all: build

build: $(addprefix $(OUT)/bin/,$(programs))  ## build the system's programs (default)
	@:

# The demonstration's programs and Linux in a virtual machine, unless it is another system or the
# program of the system tests.
vm := $(if $(SYSTEM)$(CMDLINE),$(VM),$(or $(VM),guests/linux/linux.conf))
run: build $(if $(vm),$(linux.output))  ## boot Linux in a VM: PLATFORM= CPUS= MEMORY= VM= SYSTEM= CMDLINE=
	@build/cairn run --build $(BUILD) --compiler $(COMPILER) \
	    $(addprefix --system ,$(or $(SYSTEM),$(if $(CMDLINE),,bootstrap/demo.conf))) \
	    $(addprefix --platform ,$(PLATFORM)) $(addprefix --cpus ,$(CPUS)) \
	    $(addprefix --memory ,$(MEMORY)) \
	    $(if $(CMDLINE),--cmdline '$(CMDLINE)') $(vm)

test: debug release unit fuzz bench-tools guests  ## run all tests; LONG=1: with full counts everywhere
	$(script) LONG='$(LONG)' tests/run

bench: release bench-tools  ## measure; writes out/bench.json; VERBOSE=1: print all of it
	$(script) tests/bench/run $(if $(VERBOSE),--verbose)

iso: release  ## write out/COMPILER-release/cairn.iso, for BIOS and UEFI machines
	@build/cairn iso --compiler $(COMPILER) -o out/$(COMPILER)-release/cairn.iso
	@echo "  ISO     out/$(COMPILER)-release/cairn.iso"

check: debug release unit fuzz bench-tools  ## check layout, code and links of everything in the tree
	$(script) python3 -B build/checks $(COMPILER)

tcb: release  ## print lines of code and bytes of kernel, loader and servers
	$(script) build/tcb $(COMPILER)

reproducible:  ## build twice in different folders and compare the programs
	$(script) COMPILER=$(COMPILER) build/reproducible

coverage: unit  ## measure line coverage of the pure logic by the unit tests
	$(script) tests/coverage

mutations:  ## break the product in known ways; each time a test must fail
	$(script) tests/mutations/run

gate:  ## run everything that must hold before a change is taken
	$(script) .ci/run

clean:  ## remove what was built, keep the fetched sources
	rm -rf $(filter-out out/sources,$(wildcard out/*))

distclean:  ## remove all output, the fetched sources too
	rm -rf out

help:  ## print this table
	@sed -n 's/^\([a-z-]*\):.*  ## \(.*\)/\1|\2/p' Makefile guests/*/component.mk | \
	    awk -F '|' '{ printf "  make %-13s %s\n", $$1, $$2 }'
	@echo
	@echo "COMPILER=gcc|clang and BUILD=debug|release choose the programs, V=1 shows commands."

# Both builds of the programs, whatever BUILD says.
debug release:
	+@$(MAKE) BUILD=$@ build

.PHONY: all build debug release run test bench iso check tcb reproducible coverage mutations \
    gate clean distclean help
