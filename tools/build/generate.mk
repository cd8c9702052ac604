# SPDX-License-Identifier: MIT
#
# Code generated from abi/ by tools/idlc and tools/syscalls, into build/generated. build/generated/stamp.mk is an included makefile: make
# brings it up to date first and then starts over, so that every rule sees the generated files as they are. The generators write
# only what changed.

G := $(B)/generated
IDLC := $(PYTHON) tools/idlc/idlc.py
SYSCALLS := $(PYTHON) tools/syscalls/syscalls.py
idl_files := $(sort $(wildcard abi/protocols/*.idl))
generator_sources := $(wildcard tools/idlc/*.py tools/syscalls/*.py) abi/errors.def abi/linux/syscalls.tbl

# The generated server half of a protocol: P_server for the service named like its protocol, and for kernel and libraries.
# $(call server_half,folder,protocol)
server_half = $(if $(filter service,$(kind/$(1))),$(if $(filter $(2),$(name/$(1))),$(2),$(name/$(1))_$(2)),$(2))_server

# $(call server_command,folder,protocol)
server_command = $(IDLC) server $(if $(filter $(2)_server,$(call server_half,$(1),$(2))),,--service $(name/$(1))) \
    -o $(G)/protocols abi/protocols/$(2).idl

define new_line


endef

$(G)/stamp.mk: $(idl_files) $(generator_sources) $(module_files) tools/build/generate.mk
	$(call say,GENERATE,$(G))
	@mkdir -p $(G)/protocols
	$(Q)$(IDLC) check $(idl_files)
	$(Q)$(IDLC) errors -o $(G)
	$(Q)$(IDLC) headers -o $(G)/protocols $(idl_files)
	$(Q)$(IDLC) client -o $(G)/protocols $(idl_files)
	$(Q)$(IDLC) trace -o $(G)/protocols $(idl_files)
	$(Q)$(IDLC) recovery -o $(G) $(idl_files)
	$(Q)$(SYSCALLS) check
	$(Q)$(SYSCALLS) code -o $(G)
	$(foreach m,$(modules),$(foreach p,$(serves/$(m)),$(Q)$(call server_command,$(m),$(p))$(new_line)	))
	$(Q)touch $@

ifeq ($(filter clean help,$(MAKECMDGOALS)),)
include $(G)/stamp.mk
endif

.PHONY: generated docs golden
generated: $(G)/stamp.mk

docs:
	@mkdir -p docs/generated
	$(Q)$(IDLC) docs -o docs/generated $(idl_files)
	$(Q)$(SYSCALLS) docs -o docs/generated
	$(Q)$(PYTHON) tools/checks/behaviour.py docs/generated
	$(Q)$(PYTHON) tools/checks/trusted_base.py docs/generated

# Accepts the current wire layouts as the reviewed ones.
golden:
	$(Q)$(IDLC) golden -o abi/golden/protocols $(idl_files)
