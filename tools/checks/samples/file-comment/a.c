/* SPDX-License-Identifier: MIT */
#include "a.h"
