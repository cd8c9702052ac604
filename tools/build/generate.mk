# SPDX-License-Identifier: MIT
#
# Code generated from abi/ by tools/idlc and tools/syscalls. Filled in below as these tools exist.

generated_stamps :=
.PHONY: generated
generated: $(generated_stamps)
