/* The HTTP client: libcurl's easy interface, one handle kept for its connections. curl's errors are
 * converted here. */
#include "cli/http.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    TIMEOUT_MS = 30000,
    CONNECT_MS = 3000,
    ANSWER_BYTES_MAX = 256 << 20,
    HEADER_BYTES_MAX = 4096
};

struct web {
    CURL *curl;
    struct buf body;
    char reason[CURL_ERROR_SIZE];
};

struct web *web_new(void)
{
    CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
    ASSERT(code == CURLE_OK);
    struct web *w = calloc(1, sizeof *w);
    ASSERT(w != NULL);
    w->curl = curl_easy_init();
    ASSERT(w->curl != NULL);
    buf_init(&w->body, ANSWER_BYTES_MAX);
    return w;
}

void web_free(struct web *w)
{
    if (w == NULL) {
        return;
    }
    curl_easy_cleanup(w->curl);
    buf_done(&w->body);
    free(w);
    curl_global_cleanup();
}

static size_t take_body(char *from, size_t size, size_t n, void *arg)
{
    struct buf *body = arg;
    buf_put(body, from, size * n);
    return body->err == OK ? size * n : 0;
}

static struct curl_slist *add_header(struct curl_slist *list, const char *name, const char *value)
{
    char line[HEADER_BYTES_MAX];
    int n = snprintf(line, sizeof line, "%s: %s", name, value);
    ASSERT(n > 0);
    struct curl_slist *longer = curl_slist_append(list, line);
    ASSERT(longer != NULL);
    return longer;
}

static struct curl_slist *headers_of(const struct web_ask *ask)
{
    /* Without this line curl asks for permission before it sends a longer body, and waits a second
     * for it. */
    struct curl_slist *list = add_header(NULL, "Expect", "");
    if (ask->target != NULL) {
        list = add_header(list, "Content-Type", "application/x-amz-json-1.0");
        list = add_header(list, "X-Amz-Target", ask->target);
    } else if (ask->body.len > 0) {
        list = add_header(list, "Content-Type", "application/json");
    }
    if (ask->bearer != NULL) {
        char value[HEADER_BYTES_MAX];
        (void)snprintf(
            value,
            sizeof value,
            "Bearer %s",
            ask->bearer); /* a cut token is refused by the region */
        list = add_header(list, "Authorization", value);
    }
    return list;
}

/* Options fail only for want of memory or a libcurl built without the feature; the exchange then
 * fails and says so. */
#define SET(curl, option, value) ((void)curl_easy_setopt((curl), (option), (value)))

static void set_options(struct web *w, const struct web_ask *ask, struct curl_slist *headers)
{
    CURL *c = w->curl;
    curl_easy_reset(c);
    SET(c, CURLOPT_URL, ask->url);
    SET(c, CURLOPT_PROTOCOLS_STR, "http,https");
    SET(c, CURLOPT_PROXY, "");
    SET(c, CURLOPT_NOSIGNAL, 1L);
    SET(c, CURLOPT_TCP_NODELAY, 1L);
    SET(c, CURLOPT_ERRORBUFFER, w->reason);
    SET(c, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    SET(c, CURLOPT_TIMEOUT_MS, ask->timeout_ms != 0 ? (long)ask->timeout_ms : (long)TIMEOUT_MS);
    SET(c, CURLOPT_HTTPHEADER, headers);
    SET(c, CURLOPT_WRITEFUNCTION, take_body);
    SET(c, CURLOPT_WRITEDATA, &w->body);
    if (ask->body.len > 0 || strcmp(ask->method, "POST") == 0) {
        SET(c, CURLOPT_POST, 1L);
        SET(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)ask->body.len);
        SET(c, CURLOPT_POSTFIELDS, ask->body.len > 0 ? (const char *)ask->body.base : "");
    }
    SET(c, CURLOPT_CUSTOMREQUEST, ask->method);
}

static void set_signature(
    struct web *w, const struct web_ask *ask, char *scope, char *user, size_t size)
{
    int n = snprintf(scope, size, "aws:amz:%s:dynamodb", ask->region);
    ASSERT(n > 0);
    n = snprintf(user, size, "%s:%s", ask->access_key, ask->secret_key);
    ASSERT(n > 0);
    SET(w->curl, CURLOPT_AWS_SIGV4, scope);
    SET(w->curl, CURLOPT_USERPWD, user);
}

static enum err err_of_curl(CURLcode code)
{
    switch ((int)code) {
    case CURLE_OK:
        return OK;
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return ERR_UNAVAILABLE;
    case CURLE_OPERATION_TIMEDOUT:
        return ERR_TIMEOUT;
    case CURLE_WRITE_ERROR:
        return ERR_TOO_BIG;
    }
    return ERR_IO;
}

enum err web_ask(struct web *w, struct arena *a, const struct web_ask *ask, struct web_answer *ret)
{
    char scope[HEADER_BYTES_MAX];
    char user[HEADER_BYTES_MAX];
    struct curl_slist *headers = headers_of(ask);
    buf_clear(&w->body);
    w->reason[0] = '\0';
    set_options(w, ask, headers);
    if (ask->target != NULL) {
        set_signature(w, ask, scope, user, sizeof scope);
    }
    CURLcode code = curl_easy_perform(w->curl);
    curl_slist_free_all(headers);
    *ret =
        (struct web_answer){.reason = w->reason[0] != '\0' ? w->reason : curl_easy_strerror(code)};
    if (code != CURLE_OK) {
        return err_of_curl(code);
    }
    (void)curl_easy_getinfo(
        w->curl, CURLINFO_RESPONSE_CODE, &ret->status); /* stays 0: no status we know */
    ret->body = bytes_dup(a, buf_bytes(&w->body));
    return ret->body.base == NULL && w->body.len > 0 ? ERR_TOO_BIG : OK;
}
