# SPDX-License-Identifier: MIT
#
# Reads every module.mk and makes its rules. A module.mk sets: name, kind (kernel, service, library, program, tests, core) and, where
# the default does not do: sources, depends, cflags, serves, calls, linux, generated, boots, install, script,
# test_sources, test_depends, test_generated; reads: libraries of which it uses headers only, because it looks into the memory of who links them.

module_variables := name kind sources borrows depends cflags serves calls linux generated boots install script journal copy reads test_sources test_depends test_generated
module_files := $(sort $(wildcard */module.mk */*/module.mk */*/*/module.mk))

kernel_modules :=
service_binaries :=
program_binaries :=
variant_binaries :=
test_binaries :=
all_dependency_files :=
modules :=

# $(call objects,flavour,sources)
objects = $(patsubst %,$(B)/obj/$(1)/%.o,$(basename $(2)))
# A module's depends, and what these depend on, each once; nearest first, so that static linking order does not matter (we link objects).
closure = $(sort $(1) $(foreach d,$(1),$(if $(deps/$(d)),$(call closure,$(deps/$(d))))))
# $(call library_objects,flavour,modules)
library_objects = $(foreach d,$(call closure,$(2)),$(call objects,$(1),$(srcs/$(d))))

define read_module
$(foreach v,$(module_variables),$(eval $(v) :=))
$(eval dir := $(patsubst %/module.mk,%,$(1)))
$(eval include $(1))
$(if $(filter kernel library service program tests core tool,$(kind)),,$(error $(1): kind must be kernel, library, service, program, tests, core or tool, not '$(kind)'))
$(eval modules += $(dir))
$(foreach v,$(module_variables),$(eval $(v)/$(dir) := $($(v))))
$(eval deps/$(dir) := $(depends))
$(eval srcs/$(dir) := $(if $(sources),$(addprefix $(dir)/,$(sources)),$(call default_sources_$(kind),$(dir))))
endef

flat_sources = $(sort $(wildcard $(1)/*.c $(1)/*.S))
deep_sources = $(sort $(shell find $(1) \( -name '*.c' -o -name '*.S' \) -not -path '*/test/*'))
default_sources_library = $(call flat_sources,$(1))
default_sources_service = $(call flat_sources,$(1))
default_sources_program = $(call flat_sources,$(1))
default_sources_tests = $(call flat_sources,$(1))
default_sources_core = $(call flat_sources,$(1))
default_sources_tool = $(call flat_sources,$(1))
default_sources_kernel = $(call deep_sources,$(1))

# Generated sources that a folder and the libraries below it ask for: server halves, client stubs, Linux dispatch, tables.
generated_of_one = $(foreach p,$(serves/$(1)),protocols/$(call server_half,$(1),$(p))) $(foreach p,$(calls/$(1)),protocols/$(p)_client) \
    $(foreach o,$(linux/$(1)),linux_$(o)_dispatch) $(generated/$(1))
# $(call generated_objects,flavour,folder)
generated_objects = $(sort $(foreach m,$(2) $(call closure,$(deps/$(2))),$(foreach g,$(call generated_of_one,$(m)),$(B)/obj/$(1)/$(B)/generated/$(g).o)))

comma := ,
# ---- rules per kind; $(1) is the folder ------------------------------------------------------------------------------

define module_library
endef

define module_kernel
kernel_modules += $(1)
kernel_objects := $(call objects,kernel,$(srcs/$(1))) $(call library_objects,kernel,$(deps/$(1))) \
    $(call generated_objects,kernel,$(1))
kernel_script := $(or $(script/$(1)),kernel/arch/x86_64/kernel.ld)
endef

# build/service/LABEL, linked at the address that boot/services.list gives to LABEL; twice, because the description of its state (tools/layout) is
# made from the first link.
define module_service
service_binaries += $(B)/service/$(name/$(1))
service_folders += $(1)
$(call link_of_service,$(1),service)
$(if $(filter servers/% fs/% drivers/%,$(1)),$(call variant_of_service,$(1)))
$(call replay_of_service,$(1))
endef

# The whole service on the host, under the sanitizers (tools/replay): build/replay/LABEL, made when it is asked for.
define replay_of_service
$(B)/replay/$(name/$(1)): $(call objects,replay,$(filter %.c,$(srcs/$(1))) $(wildcard tools/replay/*.c)) \
    $(foreach d,$(call closure,$(deps/$(1))),$(call objects,replay,$(filter %.c,$(srcs/$(d))))) $(call generated_objects,replay,$(1))
	$$(call say,LINK,$$@)
	@mkdir -p $$(@D)
	$(Q)$(CC) $$(flags_replay) -no-pie -o $$@ $$^

endef

# The same with another layout of its state (lib/sys/variant.h), for the tests of live update: build/variant/LABEL.
define variant_of_service
variant_binaries += $(B)/variant/$(name/$(1))
$(call link_of_service,$(1),variant)
endef

# $(call link_of_service,folder,flavour); libraries and generated sources are the same in both flavours.
define link_of_service
objects_$(2)_$(name/$(1)) := $(call objects,$(2),$(srcs/$(1))) $(call library_objects,service,$(deps/$(1))) \
    $(call generated_objects,service,$(1))
$(B)/$(2)/$(name/$(1)): $$(objects_$(2)_$(name/$(1))) $(or $(script/$(1)),lib/sys/service.ld) boot/services.list tools/layout/layout.py tools/layout/seal.py
	$$(call say,LINK,$$@)
	@mkdir -p $$(@D)
	$(Q)base=$$$$(awk '$$$$1 == "$(name/$(1))" {print $$$$2}' boot/services.list); \
	if [ -z "$$$$base" ]; then echo '$(1): boot/services.list has no line for $(name/$(1))' >&2; exit 1; fi; \
	link="$(CC) $(link_service) -Wl,--defsym=service_base=$$$$base -Wl,-T,$(or $(script/$(1)),lib/sys/service.ld)"; \
	layout=$(B)/obj/$(2)/$(name/$(1)).layout; \
	$$$$link -o $$$$layout.pass1 $$(objects_$(2)_$(name/$(1))) -lgcc && \
	$(PYTHON) tools/layout/layout.py $$$$layout.pass1 -o $$$$layout.S && $(CC) -c -o $$$$layout.o $$$$layout.S && rm -f $$$$layout.pass1 && \
	$$$$link -o $$@ $$(objects_$(2)_$(name/$(1))) $$$$layout.o -lgcc && $(PYTHON) tools/layout/seal.py $$@$(if $(filter variant,$(2)), && strip --strip-debug $$@)
endef

# tests/core: the kernel and one test service, booted alone: build/core/NAME.cpio. It takes the place of rs and vm (or those in `boots`, with commas).
define module_core
core_images += $(B)/core/$(name/$(1)).cpio
objects_core_$(name/$(1)) := $(call objects,service,$(srcs/$(1))) $(call library_objects,service,$(deps/$(1))) \
    $(call generated_objects,service,$(1))
$(B)/core/$(name/$(1)): $$(objects_core_$(name/$(1))) $(or $(script/$(1)),lib/sys/service.ld)
	$$(call say,LINK,$$@)
	@mkdir -p $$(@D)
	$(Q)$(CC) $(link_service) -Wl,--defsym=service_base=0x40000000 -Wl,-T,$(or $(script/$(1)),lib/sys/service.ld) \
	    -o $$@ $$(objects_core_$(name/$(1))) -lgcc
$(B)/core/$(name/$(1)).cpio: $(B)/core/$(name/$(1)) tools/image/image.py
	$(Q)$(PYTHON) tools/image/image.py --output $$@ --only $(B)/core/$(name/$(1)):$(or $(boots/$(1)),rs$(comma)vm)
endef

# A program for the host that makes the image or checks it: build/tool/NAME. `borrows`: sources of a service that it shares with it.
define module_tool
tool_binaries += $(B)/tool/$(name/$(1))
$(B)/tool/$(name/$(1)): $(call objects,host,$(srcs/$(1)) $(borrows/$(1))) $(call host_library_objects,$(deps/$(1))) \
    $(call generated_objects,host,$(1))
	$$(call say,LINK,$$@)
	@mkdir -p $$(@D)
	$(Q)$(CC) $(flags_host) -o $$@ $$^
endef

define module_program
program_binaries += $(B)/program/$(name/$(1))
program_installs += $(B)/program/$(name/$(1)):$(or $(install/$(1)),/usr/bin/$(name/$(1)))
objects_program_$(name/$(1)) := $(call objects,program,$(srcs/$(1))) $(call library_objects,program,$(deps/$(1))) \
    $(call generated_objects,program,$(1))
$(B)/program/$(name/$(1)): $$(objects_program_$(name/$(1)))
	$$(call say,LINK,$$@)
	@mkdir -p $$(@D)
	$(Q)$(MUSL_CC) -static -Wl,--build-id=none -o $$@ $$^
endef

# A folder of stand-alone Linux test programs: each source is one static binary, run on the host first, then in the guest.
define module_tests
$(foreach s,$(srcs/$(1)),$(call one_test_program,$(1),$(s)))
endef
define one_test_program
program_binaries += $(B)/program/$(notdir $(1))/$(basename $(notdir $(2)))
linux_test_binaries += $(B)/program/$(notdir $(1))/$(basename $(notdir $(2)))
$(B)/program/$(notdir $(1))/$(basename $(notdir $(2))): $(call objects,program,$(2)) $(call library_objects,program,$(deps/$(1))) \
    $(call generated_objects,program,$(1))
	$$(call say,LINK,$$@)
	@mkdir -p $$(@D)
	$(Q)$(MUSL_CC) -static -Wl,--build-id=none -o $$@ $$^ -lpthread

endef

# Host unit tests of any module: each FOLDER/test/*.c is one binary, linked with test_sources of the module (default: all its sources for a
# library, none otherwise) and lib/testing.
define module_host_tests
$(foreach t,$(wildcard $(1)/test/*.c),$(call one_host_test,$(1),$(t)))
endef
host_test_sources = $(if $(test_sources/$(1)),$(addprefix $(1)/,$(filter-out none,$(test_sources/$(1)))),$(if $(filter library,$(kind/$(1))),$(filter %.c,$(srcs/$(1)))))
define one_host_test
test_binaries += $(B)/test/$(1)/$(basename $(notdir $(2)))
$(B)/test/$(1)/$(basename $(notdir $(2))): $(sort $(call objects,host,$(2) $(call host_test_sources,$(1))) \
    $(call host_library_objects,$(filter-out $(1),$(test_depends/$(1)) $(if $(filter none,$(test_depends/$(1))),,$(filter-out lib/sys,$(deps/$(1)))))) \
    $(addprefix $(B)/obj/host/$(B)/generated/,$(addsuffix .o,$(test_generated/$(1)))) $(call objects,host,$(wildcard lib/testing/*.c)))
	$$(call say,LINK,$$@)
	@mkdir -p $$(@D)
	$(Q)$(CC) $(flags_host) -o $$@ $$^

endef
host_library_objects = $(foreach d,$(call closure,$(filter-out none,$(1))),$(call objects,host,$(filter %.c,$(srcs/$(d)))))

# ---- compile rules ----------------------------------------------------------------------------------------------------

define flavour_rules
$(B)/obj/$(1)/%.o: %.c tools/build/flags.mk
	$$(call say,CC,$$<)
	@mkdir -p $$(@D)
	$(Q)$(2) $$(flags_$(1)) $$(journal_cflags) $$(module_cflags) -c -o $$@ $$<
$(B)/obj/$(1)/%.o: %.S tools/build/flags.mk
	$$(call say,AS,$$<)
	@mkdir -p $$(@D)
	$(Q)$(2) $$(flags_$(1)) $$(module_cflags) -D__ASSEMBLER__ -c -o $$@ $$<
endef
$(eval $(call flavour_rules,kernel,$(CC)))
$(eval $(call flavour_rules,service,$(CC)))
$(eval $(call flavour_rules,variant,$(CC)))
$(eval $(call flavour_rules,program,$(MUSL_CC)))
$(eval $(call flavour_rules,host,$(CC)))
$(eval $(call flavour_rules,replay,$(CC)))
# The library's start-up waits for RS; replay.c has another one.
$(B)/obj/replay/lib/sys/sef.o: replay_cflags := -Dsef_startup=sef_startup_in_guest

$(foreach m,$(module_files),$(call read_module,$(m)))
include tools/build/generate.mk
$(foreach m,$(modules),$(eval $(call module_$(kind/$(m)),$(m))))
$(foreach m,$(modules),$(eval $(call module_host_tests,$(m))))

# cflags of a module hold for its own objects in every flavour.
define module_flag_rule
$(foreach f,kernel service variant program host replay,$(call objects,$(f),$(srcs/$(1)))): module_cflags := $(cflags/$(1))
endef
$(foreach m,$(modules),$(if $(cflags/$(m)),$(eval $(call module_flag_rule,$(m)))))

# A service's own stores go through the journal (lib/sys/journal.h), unless its module.mk says journal := no. A copy follows its state (lib/sys/mirror.h),
# unless it says copy := no: if nearly all of the state is in arenas, which have none, and there are very many commits.
define module_journal_rule
$(call objects,service,$(2)) $(call objects,variant,$(2)): journal_cflags := $(flags_journal) $(3)
ifneq ($(flags_journal),)
$(call objects,service,$(2)) $(call objects,variant,$(2)): $(journal_plugin)
endif
endef
$(foreach m,$(modules),$(if $(filter service,$(kind/$(m))),$(if $(filter no,$(journal/$(m))),,$(eval $(call module_journal_rule,$(m),$(srcs/$(m)),$(if $(filter no,$(copy/$(m))),$(flags_journal_no_copy),$(flags_journal_copy)))))))
# In libraries only those of the sources that it names.
$(foreach m,$(modules),$(if $(filter library,$(kind/$(m))),$(if $(journal/$(m)),$(eval $(call module_journal_rule,$(m),$(addprefix $(m)/,$(journal/$(m))))))))

# The compiler's plugin (tools/journal).
journal_sources := $(wildcard tools/journal/*.cc)
$(journal_plugin): $(journal_sources) $(wildcard tools/journal/*.h)
	$(call say,CXX,tools/journal)
	@mkdir -p $(@D)
	$(Q)$(CXX) -std=gnu++17 -O1 -shared -fPIC -fno-rtti -Wall -Wextra -Werror -isystem $$($(CC) -print-file-name=plugin)/include -o $@ $(journal_sources)

all_dependency_files := $(shell find $(B)/obj -name '*.d' 2>/dev/null)

# ---- the kernel: linked twice, because the symbol table for backtraces is made from the first link -----------------------------

ifneq ($(kernel_modules),)
$(B)/kernel.elf: $(kernel_objects) $(kernel_script) tools/build/symbols.py
	$(call say,LINK,$@)
	@mkdir -p $(B)/obj
	$(Q)$(CC) $(link_kernel) -Wl,-T,$(kernel_script) -o $(B)/kernel.pass1.elf $(kernel_objects) -lgcc
	$(Q)nm -n $(B)/kernel.pass1.elf | $(PYTHON) tools/build/symbols.py > $(B)/kernel_symbols.S
	$(Q)$(CC) -c -o $(B)/kernel_symbols.o $(B)/kernel_symbols.S
	$(Q)$(CC) $(link_kernel) -Wl,-T,$(kernel_script) -o $(B)/kernel.pass2.elf $(kernel_objects) $(B)/kernel_symbols.o -lgcc
	$(Q)nm -n $(B)/kernel.pass2.elf | $(PYTHON) tools/build/symbols.py > $(B)/kernel_symbols.S
	$(Q)$(CC) -c -o $(B)/kernel_symbols.o $(B)/kernel_symbols.S
	$(Q)$(CC) $(link_kernel) -Wl,-T,$(kernel_script) -o $@ $(kernel_objects) $(B)/kernel_symbols.o -lgcc
	@rm -f $(B)/kernel.pass1.elf $(B)/kernel.pass2.elf
endif
