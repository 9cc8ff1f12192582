/* The one file that sees simdjson, and the only C++ here. It uses simdjson's first stage alone (the
 * vector scan that validates UTF-8 and finds structure, picked for the processor at run time);
 * json.c walks the result, because it must keep numbers as text, duplicates in order, and a depth
 * limit of its own.
 *
 * No exception leaves this file: failing to get memory stops the process, as everywhere in this
 * program. */
#include <cstdlib>
#include <memory>
#include <simdjson.h>

#include "doc/json_index.h"

static_assert(JSON_PADDING >= simdjson::SIMDJSON_PADDING, "simdjson reads this far past a text");

namespace {

constexpr size_t capacity_first = 16 * 1024;
/* simdjson takes 4 bytes of scratch per byte of text. */
constexpr size_t capacity_kept = 1024 * 1024 / sizeof(uint32_t);

} // namespace

struct json_index {
    std::unique_ptr<simdjson::internal::dom_parser_implementation> scanner;
};

/* Makes the scanner fit for texts of `len` bytes. */
static simdjson::error_code fit(json_index *x, size_t len)
{
    size_t capacity = capacity_first;
    while (capacity < len) {
        capacity *= 2;
    }
    if (!x->scanner) {
        return simdjson::get_active_implementation()->create_dom_parser_implementation(
            capacity,
            /* max_depth= */ 1,
            x->scanner);
    }
    return capacity > x->scanner->capacity() ? x->scanner->allocate(capacity, /* max_depth= */ 1)
                                             : simdjson::SUCCESS;
}

static enum err scan(
    json_index *x, const uint8_t *text, size_t len, const uint32_t **ret_at, size_t *ret_n)
{
    if (len >= simdjson::SIMDJSON_MAXSIZE_BYTES / 2) {
        return ERR_TOO_BIG;
    }
    if (len == 0) {
        return ERR_SYNTAX;
    }
    simdjson::error_code e = fit(x, len);
    if (e != simdjson::SUCCESS) {
        std::abort();
    }
    e = x->scanner->stage1(text, len, simdjson::stage1_mode::regular);
    if (e != simdjson::SUCCESS) {
        return ERR_SYNTAX;
    }
    *ret_at = x->scanner->structural_indexes.get();
    *ret_n = x->scanner->n_structural_indexes;
    return OK;
}

extern "C" {

struct json_index *json_index_new(void)
{
    try {
        return new json_index();
    } catch (...) {
        std::abort();
    }
}

void json_index_free(struct json_index *x)
{
    delete x;
}

enum err json_index_scan(
    struct json_index *x, const uint8_t *text, size_t len, const uint32_t **ret_at, size_t *ret_n)
{
    try {
        return scan(x, text, len, ret_at, ret_n);
    } catch (...) {
        std::abort();
    }
}

void json_index_shrink(struct json_index *x)
{
    if (x->scanner && x->scanner->capacity() > capacity_kept) {
        x->scanner.reset();
    }
}
}
