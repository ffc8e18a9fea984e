# Programs that root starts, for tests.
bare.sources := tests/programs/bare.c ipc/runtime/session.c ipc/runtime/service.c \
    bootstrap/loader/string.c
bare.includes := bootstrap/loader/shims ipc/abi ipc/protocol ipc/runtime
bare.cflags := $(module.frames)
bare.strip := $(module.strip)
bare.ldscript := tests/programs/program.ld
$(eval $(call program,bare))

hello.sources := tests/programs/hello.c
$(eval $(call server,hello))

# What the C library does for a program, a matter each.
musl_tests := calls cancel clocks condition exits files locks memory memory_out stdio \
    terminal threads tls
define musl_test
test.$(1).sources := tests/programs/$(1).c
test.$(1).includes := tests/programs
test.$(1).cflags := -I$(OUT)/obj/port/generated
$$(eval $$(call server,test.$(1)))
endef
$(foreach test,$(musl_tests),$(eval $(call musl_test,$(test))))

# Those of the demonstration system, which tests use too.
prober.sources := tests/programs/prober.c
$(eval $(call server,prober))
load.sources := tests/programs/load.c
$(eval $(call server,load))

# Large pages.
large.sources := tests/programs/large.c
large.includes := bootstrap/musl/port
$(eval $(call server,large))

# Ends of sessions, honest and hostile.
talker.sources := tests/programs/talker.c ipc/runtime/service.c
$(eval $(call server,talker))
