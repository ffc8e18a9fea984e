# The console server.
console.sources := $(wildcard device-servers/console/*.c) ipc/runtime/service.c
console.includes := device-servers/console
$(eval $(call server,console))
