#pragma once

/* What a request may look like, before anybody asks what it means. */

#include "front/dynamo/dynamo_internal.h"

enum shape_kind {
    SHAPE_STRING,
    SHAPE_BOOLEAN,
    SHAPE_INTEGER,
    SHAPE_LONG,
    SHAPE_DOUBLE,
    SHAPE_TIMESTAMP,
    SHAPE_BINARY,
    SHAPE_STRUCT,
    SHAPE_LIST,
    SHAPE_MAP,
};

struct shape_member;

struct shape {
    enum shape_kind kind;
    const char *class;                  /* of a structure */
    const struct shape_member *members; /* n_members, of a structure */
    size_t n_members;
    const struct shape *element; /* of a list or map */
};

struct shape_member {
    const char *name;
    const struct shape *shape;
};

struct shape_op {
    const char *name;
    const struct shape *shape;
};

/* The request of an operation, or NULL. */
const struct shape *shape_of(const char *op_name);
