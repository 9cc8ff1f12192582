#pragma once

/* ASSERT is for our own mistakes and stays on in release builds: stopping one region beats sending
 * a wrong item to all of them. Bytes from outside (client, peer, disk) are input, never asserted
 * on. ASSERT_SLOW holds checks too dear for production; debug, fuzz and simulator builds turn it
 * on. */

#ifndef static_assert
#define static_assert _Static_assert
#endif

_Noreturn void assert_failed(const char *expr, const char *file, int line);

#define ASSERT(expr)                                  \
    do {                                              \
        if (__builtin_expect(!(expr), 0)) {           \
            assert_failed(#expr, __FILE__, __LINE__); \
        }                                             \
    } while (0)

#ifdef GODWIT_SLOW_CHECKS
#define ASSERT_SLOW(expr) ASSERT(expr)
#else
#define ASSERT_SLOW(expr) ((void)sizeof(expr))
#endif

#define UNREACHABLE() assert_failed("unreachable", __FILE__, __LINE__)
