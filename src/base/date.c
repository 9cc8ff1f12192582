/* A year that begins in March has its leap day last, and 400 of them, an era, repeat. */
#include "base/date.h"

#include "base/assert.h"

enum { ERA_DAYS = 146097, BEFORE_1970 = 719468 /* days from 0000-03-01 */ };

struct date date_of_days(int64_t days)
{
    int64_t z = days + BEFORE_1970;
    ASSERT(z >= 0);
    int64_t of_era = z % ERA_DAYS;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t march = (5 * of_year + 2) / 153; /* months since March */
    struct date d = {
        .month = (unsigned)(march < 10 ? march + 3 : march - 9),
        .day = (unsigned)(of_year - (153 * march + 2) / 5 + 1),
    };
    d.year = z / ERA_DAYS * 400 + year + (d.month <= 2 ? 1 : 0);
    return d;
}

int64_t days_of_date(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year - BEFORE_1970;
}
