# Compilers and flags. Nothing here names a component; components add their own flags.
#
# COMPILER  gcc (default) or clang
# BUILD     debug (default; CAIRN_DEBUG is 1) or release (CAIRN_DEBUG is 0)

COMPILER ?= gcc
BUILD    ?= debug

ifeq ($(filter $(COMPILER),gcc clang),)
$(error COMPILER is '$(COMPILER)', expected gcc or clang)
endif
ifeq ($(filter $(BUILD),debug release),)
$(error BUILD is '$(BUILD)', expected debug or release)
endif

OUT := out/$(COMPILER)-$(BUILD)

CC      := $(COMPILER)
LD      := ld
OBJCOPY := objcopy

# Our own code compiles without a warning under these, with both compilers.
warnings := -Wall -Wextra -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes \
            -Wmissing-prototypes -Wundef -Wvla -Werror

debug.cflags   := -DCAIRN_DEBUG=1
release.cflags := -DCAIRN_DEBUG=0

# In a debug build root says by which calls a program came to where it crashed: its boot module
# keeps its names, and its functions have frames.
debug.strip    := --strip-debug
release.strip  := --strip-all
module.strip   := $($(BUILD).strip)
debug.frames   := -fno-omit-frame-pointer -mno-omit-leaf-frame-pointer
release.frames :=
module.frames  := $($(BUILD).frames)

# Names in debug information must not depend on where the tree lies (make reproducible). clang's
# assembler does not map the folder that it runs in.
clang.cflags := -fdebug-compilation-dir=.
common.cflags := -std=gnu17 -O2 -g '-ffile-prefix-map=$(CURDIR)=.' $($(COMPILER).cflags) \
    $($(BUILD).cflags)

# What runs on the machine: no C library, no vector registers, no code nobody calls.
freestanding.cflags := $(common.cflags) -ffreestanding -fno-stack-protector -fno-pic -fno-pie \
    -mno-red-zone -mgeneral-regs-only -fno-asynchronous-unwind-tables -fno-strict-aliasing \
    -ffunction-sections -fdata-sections -fcf-protection=none -fno-common

# ld warns of a segment that is writable and executable; that is an error here.
freestanding.ldflags := -nostdlib -static --gc-sections --build-id=none --fatal-warnings \
    -z noexecstack -z max-page-size=4096
