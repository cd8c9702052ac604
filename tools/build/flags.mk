# SPDX-License-Identifier: MIT
#
# Compiler and linker flags, one block per flavour. A flavour is "for whom an object is compiled": kernel, service, program
# (Linux ABI, musl) or host (unit tests). A library is compiled once for each flavour that uses it.

warnings := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wimplicit-fallthrough -Wundef \
            -Wold-style-definition -Wpointer-arith -Wwrite-strings

common := -std=gnu17 -O2 -g -MMD -MP -fno-common -fno-omit-frame-pointer -fno-strict-aliasing $(warnings) \
          -Iabi -Ilib -I$(B)/generated -I$(B)/generated/protocols
ifeq ($(SLOW_ASSERTS),1)
  common += -DASSERT_SLOW
endif

# No SSE in kernel and services: the FPU belongs to Linux programs, so a switch between services need not save it.
freestanding := -ffreestanding -nostdlib -mgeneral-regs-only -fno-stack-protector -fcf-protection=none \
                -fno-asynchronous-unwind-tables -fno-unwind-tables -ffunction-sections -fdata-sections

# The top 2 GB of the address space; an interrupt may use the stack below rsp, so no red zone.
flags_kernel := $(common) $(freestanding) -mcmodel=kernel -mno-red-zone -fno-pic -fno-pie -DPLANARIA_KERNEL \
                -Ikernel -I.
ifeq ($(SANITIZE),1)
  flags_kernel += -fsanitize=undefined -fsanitize-undefined-trap-on-error
endif

# Position-independent code, linked at an address of its own per service (boot/services.list).
flags_service := $(common) $(freestanding) -fPIE -fvisibility=hidden -DPLANARIA_SERVICE

# The journal of services: a plugin of ours makes the compiler put the logging of the old value before each store to memory that is
# not a local variable. DEBUG_JOURNAL=1 has each service prove at its commits that nothing was written without an entry. JOURNAL=off
# builds a system without it, only to measure what it costs. Both want a build folder of their own: B=build/...
JOURNAL ?= on
journal_plugin := $(B)/tool/journal.so
ifeq ($(JOURNAL),off)
  flags_service += -DJOURNAL_OFF
else
  ifeq ($(DEBUG_JOURNAL),1)
    flags_service += -DDEBUG_JOURNAL
  endif
  flags_journal_copy := -DJOURNAL_MARK=JOURNALED_WITH_COPY
  flags_journal_no_copy := -DJOURNAL_MARK=JOURNALED_WITHOUT_COPY -fplugin-arg-journal-no-copy
  flags_journal := -fplugin=$(journal_plugin) -DJOURNALED
endif

# The same services with another layout of their state (lib/sys/variant.h).
flags_variant := $(flags_service) -DPLANARIA_LAYOUT_VARIANT

flags_program := $(common) -DPLANARIA_PROGRAM -D_GNU_SOURCE

flags_host := $(common) -DPLANARIA_HOST -D_GNU_SOURCE -fsanitize=address,undefined -fno-sanitize-recover=undefined -Og

# A whole service on the host, for `planaria replay`: its main() is called by tools/replay/replay.c, which is its kernel.
flags_replay = $(flags_host) -fno-pie -Wno-array-bounds -Wno-missing-prototypes -Dmain=service_main $(replay_cflags)

link_kernel := -nostdlib -static -no-pie -Wl,-z,noexecstack -Wl,-z,max-page-size=4096 -Wl,--build-id=none \
               -Wl,--no-warn-rwx-segments
link_service := -nostdlib -static -no-pie -Wl,--no-relax -Wl,-z,noexecstack -Wl,-z,max-page-size=4096 -Wl,-z,norelro \
                -Wl,--build-id=sha1 -Wl,--gc-sections -Wl,--no-relax -Wl,--orphan-handling=place
