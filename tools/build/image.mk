# SPDX-License-Identifier: MIT
#
# The boot image: build/initrd.cpio. tools/image/image.py knows what is in it; this file knows what it depends on.

service_confs = $(wildcard $(addsuffix /service.conf,$(service_folders)))
image_sources := $(wildcard tools/image/*.py tools/image/*.lock) $(shell find tools/image/root -type f 2>/dev/null)

$(B)/initrd.cpio: $(service_binaries) $(program_binaries) $(service_confs) boot/services.list $(image_sources)
	$(call say,IMAGE,$@)
	@mkdir -p $(B)
	$(Q)$(PYTHON) tools/image/image.py --output $@ --services boot/services.list \
	    $(addprefix --service ,$(service_binaries)) \
	    $(addprefix --conf ,$(service_confs)) $(addprefix --program ,$(program_installs)) \
	    $(addprefix --linux-test ,$(linux_test_binaries))

.PHONY: initrd
initrd: $(B)/initrd.cpio
