#pragma once

/* Rooms do not log: they return errors and emit trace events through an injected tracer. Only
 * server/ and cli/ write lines; tests read the events. A NULL tracer is legal and drops everything.
 */

#include "base/bytes.h"

enum trace_level { TRACE_DEBUG, TRACE_INFO, TRACE_WARN, TRACE_ERROR };

struct trace_field {
    const char *name;
    struct bytes text; /* base NULL: a number */
    int64_t number;
};

struct trace_event {
    enum trace_level level;
    const char *room;  /* "repl" */
    const char *event; /* "link up": what happened, constant text */
    const struct trace_field *fields;
    size_t n_fields;
};

struct tracer {
    void (*emit)(struct tracer *t, const struct trace_event *ev);
};

#define TRACE_NUM(field_name, value) \
    ((struct trace_field){.name = (field_name), .number = (int64_t)(value)})
#define TRACE_TEXT(field_name, value) ((struct trace_field){.name = (field_name), .text = (value)})

/* TRACE(t, TRACE_INFO, "repl", "link up", TRACE_TEXT("peer", name), TRACE_NUM("rtt_ms", 84)) */
#define TRACE(t, level_, room_, event_, ...)                         \
    do {                                                             \
        struct tracer *trace_to = (t);                               \
        if (trace_to != NULL) {                                      \
            const struct trace_field trace_fields[] = {__VA_ARGS__}; \
            trace_to->emit(                                          \
                trace_to,                                            \
                &(struct trace_event){                               \
                    (level_),                                        \
                    (room_),                                         \
                    (event_),                                        \
                    trace_fields,                                    \
                    sizeof trace_fields / sizeof trace_fields[0]});  \
        }                                                            \
    } while (0)
