#pragma once

/* Private to io: compression of a link's frames. The two directions are one stream each over the
 * life of the connection, so that a frame is described by what went before it: keys, attribute
 * names and positions cost a few bytes, and a large item of which a little changed costs what
 * changed, as long as its last version lies within the window of 1 MiB. */

#include "base/base.h"

struct squeeze;

struct squeeze *squeeze_new(void);
/* NULL is legal. */
void squeeze_free(struct squeeze *s);
/* Appends what stands for `frame`, which the other end must take in the same order. */
void squeeze_put(struct squeeze *s, struct bytes frame, struct buf *to);
/* Appends the frame that `in` stands for. OK; ERR_CORRUPT (not made by squeeze_put(), or out of
 * order); ERR_TOO_BIG (it would pass the cap of `to`). After an error the stream is of no more use.
 */
MUST_CHECK enum err squeeze_take(struct squeeze *s, struct bytes in, struct buf *to);
