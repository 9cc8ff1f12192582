#pragma once

/* Dates of the Gregorian calendar, without the C library's: the pure rooms have no time zone and no
 * locale. Source: Hinnant, "chrono-Compatible Low-Level Date Algorithms" (howardhinnant.github.io,
 * 2021). */

#include <stdint.h>

struct date {
    int64_t year;
    unsigned month; /* 1 to 12 */
    unsigned day;   /* 1 to 31 */
};

/* The date so many days after 1970-01-01; from March 0000 on, which is asserted. */
struct date date_of_days(int64_t days);
/* And back. A date that is none (February 30th) gives the day that lies as far behind the month's
 * first. */
int64_t days_of_date(int64_t year, int64_t month, int64_t day);
