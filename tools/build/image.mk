# SPDX-License-Identifier: MIT
#
# The boot image: build/initrd.cpio. tools/image/image.py knows what is in it; this file knows what it depends on.

service_confs = $(wildcard $(addsuffix /service.conf,$(service_folders)))
image_sources := $(wildcard tools/image/*.py tools/image/*.lock) $(shell find tools/image/root -type f 2>/dev/null)

# Nothing goes into an image before the manifests, the callers that the IDL allows and what the binaries call have been compared.
$(B)/policy.stamp: $(service_binaries) $(service_confs) $(idl_files) $(tool_binaries) tools/manifest/policy.py
	$(call say,POLICY,$@)
	$(Q)$(PYTHON) tools/manifest/policy.py --tool $(B)/tool/manifest $(addprefix --conf ,$(service_confs)) $(addprefix --idl ,$(idl_files)) \
	    $(addprefix --service ,$(service_binaries))
	$(Q)touch $@

$(B)/initrd.cpio: $(B)/policy.stamp $(service_binaries) $(program_binaries) $(service_confs) boot/services.list $(image_sources)
	$(call say,IMAGE,$@)
	@mkdir -p $(B)
	$(Q)$(PYTHON) tools/image/image.py --output $@ --services boot/services.list \
	    $(addprefix --service ,$(service_binaries)) \
	    $(addprefix --conf ,$(service_confs)) $(addprefix --program ,$(program_installs)) \
	    $(addprefix --linux-test ,$(linux_test_binaries))

.PHONY: initrd
initrd: $(B)/initrd.cpio
