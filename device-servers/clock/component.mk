# The clock server.
clock.sources := $(wildcard device-servers/clock/*.c) ipc/runtime/service.c
clock.includes := device-servers/clock
$(eval $(call server,clock))
