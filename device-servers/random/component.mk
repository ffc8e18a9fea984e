# The server of random numbers.
random.sources := $(wildcard device-servers/random/*.c) ipc/runtime/service.c
$(eval $(call server,random))
