#pragma once

/* Where a SELECT goes on, as a token for its client. */

#include "front/dynamo/statement.h"

struct statement_at {
    size_t read;        /* which of the statement's reads */
    bool has_after;     /* behind an item of it */
    struct value after; /* its key attributes */
};

void statement_token_put(struct buf *to, const struct statement *s, const struct statement_at *at);
/* Reads a token that was made for this statement with these parameters. */
bool statement_token_read(
    struct dynamo_call *c, const struct statement *s, struct bytes text, struct statement_at *ret);
