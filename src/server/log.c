/* One event, one line, key=value, on standard error. A line goes out in one write, so threads do
 * not mix. */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "server/inside.h"

static const char *const level_words[] = {"debug", "info", "warn", "error"};

static void put_text_value(struct buf *b, struct bytes text)
{
    bool plain = text.len > 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.base[i];
        plain = plain && c > ' ' && c != '"' && c != '=' && c < 0x7f;
    }
    if (plain) {
        buf_put_bytes(b, text);
    } else {
        json_put_string(b, text);
    }
}

static void emit(struct tracer *t, const struct trace_event *ev)
{
    struct logger *l = (struct logger *)t;
    if (ev->level < l->level) {
        return;
    }
    struct io_clock clock = {0};
    uint64_t now_ms = io_clock_now_ms(&clock);
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm tm;
    char when[32] = "?";
    if (gmtime_r(&seconds, &tm) != NULL) {
        (void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
    }
    struct buf b;
    buf_init(&b, 8192);
    buf_putf(
        &b,
        "time=%s.%03uZ level=%s region=",
        when,
        (unsigned)(now_ms % 1000),
        level_words[ev->level]);
    put_text_value(&b, l->region);
    buf_putf(&b, " room=%s event=", ev->room);
    put_text_value(&b, bytes_str(ev->event));
    for (size_t i = 0; i < ev->n_fields; i++) {
        buf_putf(&b, " %s=", ev->fields[i].name);
        if (ev->fields[i].text.base != NULL) {
            put_text_value(&b, ev->fields[i].text);
        } else {
            buf_putf(&b, "%lld", (long long)ev->fields[i].number);
        }
    }
    buf_put_str(&b, "\n");
    if (b.err == OK) {
        (void)!write(STDERR_FILENO, b.base, b.len); /* nobody to tell that the log is gone */
    }
    buf_done(&b);
}

void logger_init(struct logger *l, enum trace_level level, struct bytes region)
{
    *l = (struct logger){.tracer = {.emit = emit}, .level = level, .region = region};
}
