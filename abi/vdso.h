/* SPDX-License-Identifier: MIT */
/*
 * Where VM maps the vDSO in each program, so that PM can give AT_SYSINFO_EHDR and the vDSO finds its data: the time page stands directly before it.
 * Only if machine_info.vdso_base is not 0.
 */
#pragma once

#define VDSO_ADDRESS   0x7ffff0000000ull
#define VDSO_TIME_PAGE (VDSO_ADDRESS - 0x1000)
