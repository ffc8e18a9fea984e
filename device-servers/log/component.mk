# The log server.
log.sources := $(wildcard device-servers/log/*.c) ipc/runtime/service.c
log.includes := device-servers/log
$(eval $(call server,log))
