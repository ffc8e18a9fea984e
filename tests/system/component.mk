# The first user program: banner, system suites and fault cases (module `first`).
first.sources := $(wildcard tests/system/*.c tests/system/*.S ipc/runtime/*.c ipc/runtime/*.S \
    guests/tiny/*.S)
first.includes := ipc/abi ipc/protocol ipc/runtime guests/tiny tests/system
first.ldscript := tests/system/first.ld
$(eval $(call program,first))
