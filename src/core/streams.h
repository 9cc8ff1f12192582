#pragma once

/* Notes about streams, inside the room: their names and bytes. docs/formats/feed.md. */

#include "core/core.h"

#define CORE_STREAM_NOTES "stream/" /* then TABLE/LABEL, the label as 16 hex digits */
#define CORE_FEED_NOTE    "feed"

/* base NULL at the arena's cap. */
struct bytes stream_note_name(struct arena *a, struct bytes table, uint64_t created_ms);
void stream_put(struct buf *b, const struct core_stream *s);
/* OK; ERR_CORRUPT; ERR_FORMAT; ERR_TOO_BIG. Nothing of the result borrows from `in`. */
MUST_CHECK enum err stream_get(struct arena *a, struct bytes in, struct core_stream *ret);
void feed_put(struct buf *b, const struct core_feed *f);
/* OK; ERR_CORRUPT; ERR_FORMAT. */
MUST_CHECK enum err feed_get(struct bytes in, struct core_feed *ret);
