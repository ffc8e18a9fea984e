# The monitor of a guest.
vmm.folders := boot config devices emulate machine monitor
vmm.sources := $(sort $(wildcard $(addsuffix /*.c,$(addprefix vmm-server/,$(vmm.folders)))))
vmm.includes := $(addprefix vmm-server/,$(vmm.folders))
$(eval $(call server,vmm))
