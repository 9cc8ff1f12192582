#pragma once

/* The closed list of what can go wrong, shared by every room. Rooms return `enum err`; a front owns
 * the one table that turns these into its protocol's names. OK is 0. Texts follow the house rule:
 * lower case, no full stop, past tense when a retry may work and present tense when it never will.
 */

#define MUST_CHECK __attribute__((warn_unused_result))

#define ERR_LIST(X)                                                     \
    X(OK, "success")                                                    \
    X(ERR_INVALID, "the input is not valid")                            \
    X(ERR_SYNTAX, "the input does not parse")                           \
    X(ERR_TOO_BIG, "the input exceeds a size limit")                    \
    X(ERR_LIMIT, "a configured limit was reached")                      \
    X(ERR_NOT_FOUND, "not found")                                       \
    X(ERR_EXISTS, "already exists")                                     \
    X(ERR_IN_USE, "the resource is in use")                             \
    X(ERR_CONDITION, "the condition did not hold")                      \
    X(ERR_CANCELLED, "the transaction was cancelled")                   \
    X(ERR_CONFLICT, "the transaction met a conflicting one")            \
    X(ERR_BUSY, "too much work is waiting, could not take more")        \
    X(ERR_AGAIN, "not ready yet")                                       \
    X(ERR_TIMEOUT, "the deadline passed")                               \
    X(ERR_UNAVAILABLE, "could not reach the region")                    \
    X(ERR_AUTH, "the credentials do not prove the caller")              \
    X(ERR_IO, "an input or output operation failed")                    \
    X(ERR_CORRUPT, "stored or received bytes fail their checks")        \
    X(ERR_FORMAT, "the format version is not known here")               \
    X(ERR_CLOCK_DRIFT, "a stamp lies too far ahead of the local clock") \
    X(ERR_GAP, "records are missing before this one")                   \
    X(ERR_FENCED, "the log no longer reaches back that far")            \
    X(ERR_FAILED, "the writer stopped after an engine error and refuses work")

#define ERR_ENUM(name, text) name,
enum err { ERR_LIST(ERR_ENUM) };
#undef ERR_ENUM

/* The text of `e`, a constant that nobody frees. */
const char *err_text(enum err e);

/* The symbolic name of `e` ("ERR_NOT_FOUND"), for traces and logs. */
const char *err_name(enum err e);
