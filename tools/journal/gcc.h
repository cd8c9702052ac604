/* SPDX-License-Identifier: MIT */
/* The compiler's headers, in the only order in which they can be included. */
#pragma once

/* clang-format off */
#include <map>
#include <set>
#include <vector>

#include "gcc-plugin.h"
#include "plugin-version.h"

#include "tree.h"
#include "gimple.h"
#include "tree-pass.h"
#include "context.h"
#include "ssa.h"
#include "cfg.h"
#include "cgraph.h"
#include "cfgloop.h"
#include "dominance.h"
#include "gimple-iterator.h"
#include "gimplify.h"
#include "gimplify-me.h"
#include "stringpool.h"
#include "attribs.h"
#include "fold-const.h"
#include "builtins.h"
#include "tree-affine.h"
#include "tree-dfa.h"
#include "tree-ssa-alias.h"
#include "stor-layout.h"
#include "diagnostic-core.h"
#include "toplev.h"
