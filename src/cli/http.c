/* The HTTP client: libcurl's easy interface, one handle kept for its connections. curl's errors are
 * converted here.
 *
 * libcurl is loaded when the first command needs it, not with the program: it brings some thirty
 * libraries along (Kerberos, LDAP, a second TLS), which would cost every region 4 MB of memory and
 * a third of its start, and regions never use it. */
#include "cli/http.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    TIMEOUT_MS = 30000,
    CONNECT_MS = 3000,
    ANSWER_BYTES_MAX = 256 << 20,
    HEADER_BYTES_MAX = 4096
};

/* The functions in use, as the header declares them. */
struct calls {
    typeof(curl_global_init) *global_init;
    typeof(curl_global_cleanup) *global_cleanup;
    typeof(curl_slist_append) *slist_append;
    typeof(curl_slist_free_all) *slist_free_all;
    typeof(curl_easy_init) *easy_init;
    typeof(curl_easy_cleanup) *easy_cleanup;
    typeof(curl_easy_reset) *easy_reset;
    typeof(curl_easy_setopt) *easy_setopt;
    typeof(curl_easy_getinfo) *easy_getinfo;
    typeof(curl_easy_perform) *easy_perform;
    typeof(curl_easy_strerror) *easy_strerror;
};

struct web {
    void *library; /* NULL: libcurl is not on this machine */
    struct calls f;
    CURL *curl;
    struct buf body;
    char reason[CURL_ERROR_SIZE];
};

/* Finds one function; POSIX lets a data pointer from dlsym() be a function's. */
static bool find(void *library, const char *name, void *ret)
{
    void *at = dlsym(library, name);
    memcpy(ret, &at, sizeof at);
    return at != NULL;
}

static bool find_all(void *library, struct calls *f)
{
    return find(library, "curl_global_init", &f->global_init) &&
           find(library, "curl_global_cleanup", &f->global_cleanup) &&
           find(library, "curl_slist_append", &f->slist_append) &&
           find(library, "curl_slist_free_all", &f->slist_free_all) &&
           find(library, "curl_easy_init", &f->easy_init) &&
           find(library, "curl_easy_cleanup", &f->easy_cleanup) &&
           find(library, "curl_easy_reset", &f->easy_reset) &&
           find(library, "curl_easy_setopt", &f->easy_setopt) &&
           find(library, "curl_easy_getinfo", &f->easy_getinfo) &&
           find(library, "curl_easy_perform", &f->easy_perform) &&
           find(library, "curl_easy_strerror", &f->easy_strerror);
}

struct web *web_new(void)
{
    struct web *w = calloc(1, sizeof *w);
    ASSERT(w != NULL);
    buf_init(&w->body, ANSWER_BYTES_MAX);
    w->library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (w->library == NULL || !find_all(w->library, &w->f)) {
        w->library = NULL;
        return w;
    }
    CURLcode code = w->f.global_init(CURL_GLOBAL_DEFAULT);
    ASSERT(code == CURLE_OK);
    w->curl = w->f.easy_init();
    ASSERT(w->curl != NULL);
    return w;
}

/* The library itself stays loaded: what it made may outlive us, and the process ends soon. */
void web_free(struct web *w)
{
    if (w == NULL) {
        return;
    }
    if (w->library != NULL) {
        w->f.easy_cleanup(w->curl);
        w->f.global_cleanup();
    }
    buf_done(&w->body);
    free(w);
}

static size_t take_body(char *from, size_t size, size_t n, void *arg)
{
    struct buf *body = arg;
    buf_put(body, from, size * n);
    return body->err == OK ? size * n : 0;
}

static struct curl_slist *add_header(
    const struct web *w, struct curl_slist *list, const char *name, const char *value)
{
    char line[HEADER_BYTES_MAX];
    int n = snprintf(line, sizeof line, "%s: %s", name, value);
    ASSERT(n > 0);
    struct curl_slist *longer = w->f.slist_append(list, line);
    ASSERT(longer != NULL);
    return longer;
}

static struct curl_slist *headers_of(const struct web *w, const struct web_ask *ask)
{
    /* Without this line curl asks for permission before it sends a longer body, and waits a second
     * for it. */
    struct curl_slist *list = add_header(w, NULL, "Expect", "");
    if (ask->target != NULL) {
        list = add_header(w, list, "Content-Type", "application/x-amz-json-1.0");
        list = add_header(w, list, "X-Amz-Target", ask->target);
    } else if (ask->body.len > 0) {
        list = add_header(w, list, "Content-Type", "application/json");
    }
    if (ask->bearer != NULL) {
        char value[HEADER_BYTES_MAX];
        (void)snprintf(
            value,
            sizeof value,
            "Bearer %s",
            ask->bearer); /* a cut token is refused by the region */
        list = add_header(w, list, "Authorization", value);
    }
    return list;
}

/* Options fail only for want of memory or a libcurl built without the feature; the exchange then
 * fails and says so. */
#define SET(w, option, value) ((void)(w)->f.easy_setopt((w)->curl, (option), (value)))

static void set_options(struct web *w, const struct web_ask *ask, struct curl_slist *headers)
{
    w->f.easy_reset(w->curl);
    SET(w, CURLOPT_URL, ask->url);
    SET(w, CURLOPT_PROTOCOLS_STR, "http,https");
    SET(w, CURLOPT_PROXY, "");
    SET(w, CURLOPT_NOSIGNAL, 1L);
    SET(w, CURLOPT_TCP_NODELAY, 1L);
    SET(w, CURLOPT_ERRORBUFFER, w->reason);
    SET(w, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    SET(w, CURLOPT_TIMEOUT_MS, ask->timeout_ms != 0 ? (long)ask->timeout_ms : (long)TIMEOUT_MS);
    SET(w, CURLOPT_HTTPHEADER, headers);
    SET(w, CURLOPT_WRITEFUNCTION, take_body);
    SET(w, CURLOPT_WRITEDATA, &w->body);
    if (ask->body.len > 0 || strcmp(ask->method, "POST") == 0) {
        SET(w, CURLOPT_POST, 1L);
        SET(w, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)ask->body.len);
        SET(w, CURLOPT_POSTFIELDS, ask->body.len > 0 ? (const char *)ask->body.base : "");
    }
    SET(w, CURLOPT_CUSTOMREQUEST, ask->method);
}

static void set_signature(
    struct web *w, const struct web_ask *ask, char *scope, char *user, size_t size)
{
    int n = snprintf(scope, size, "aws:amz:%s:dynamodb", ask->region);
    ASSERT(n > 0);
    n = snprintf(user, size, "%s:%s", ask->access_key, ask->secret_key);
    ASSERT(n > 0);
    SET(w, CURLOPT_AWS_SIGV4, scope);
    SET(w, CURLOPT_USERPWD, user);
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
    if (w->library == NULL) {
        *ret = (struct web_answer){.reason = "this machine has no libcurl.so.4"};
        return ERR_UNAVAILABLE;
    }
    struct curl_slist *headers = headers_of(w, ask);
    buf_clear(&w->body);
    w->reason[0] = '\0';
    set_options(w, ask, headers);
    if (ask->target != NULL) {
        set_signature(w, ask, scope, user, sizeof scope);
    }
    CURLcode code = w->f.easy_perform(w->curl);
    w->f.slist_free_all(headers);
    *ret =
        (struct web_answer){.reason = w->reason[0] != '\0' ? w->reason : w->f.easy_strerror(code)};
    if (code != CURLE_OK) {
        return err_of_curl(code);
    }
    (void)w->f.easy_getinfo(
        w->curl, CURLINFO_RESPONSE_CODE, &ret->status); /* stays 0: no status we know */
    ret->body = bytes_dup(a, buf_bytes(&w->body));
    return ret->body.base == NULL && w->body.len > 0 ? ERR_TOO_BIG : OK;
}
