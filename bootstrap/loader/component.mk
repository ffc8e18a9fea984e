# The loader: a Multiboot image. 64-bit code in an ELF32 container, because Multiboot 1 loaders
# refuse ELF64. lz4 comes from the source package that the set-up unpacks.
loader.lz4 := $(lz4.dir)/lib

loader.sources := $(wildcard bootstrap/loader/*.c bootstrap/loader/*.S)
loader.vendor := $(addprefix $(loader.lz4)/,lz4.c lz4frame.c xxhash.c)
loader.includes := bootstrap/loader bootstrap/loader/shims ipc/abi $(loader.lz4)
loader.vendor.cflags := -DXXH_NAMESPACE=LZ4_
loader.ldscript := bootstrap/loader/loader.ld
loader.objcopy := -O elf32-i386
$(eval $(call program,loader))
