# The first user program: banner, system suites and fault cases (module `first`).
first.sources := $(wildcard tests/system/*.c tests/system/*.S)
first.includes := ipc/abi tests/system
first.ldscript := tests/system/first.ld
$(eval $(call program,first))
