#pragma once

/* The words every room shares: errors, assertions, arenas, bytes, codecs, dates, hashes, maps,
 * randomness, traces. */

#include "base/arena.h"
#include "base/assert.h"
#include "base/bucket.h"
#include "base/bytes.h"
#include "base/codec.h"
#include "base/date.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/prng.h"
#include "base/text.h"
#include "base/trace.h"
