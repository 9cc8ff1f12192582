#pragma once

/* What the files of this room share and nobody else may see. */

#include "doc/doc.h"

/* Decimal digits in a coefficient; 0 for zero. Coefficients up to 39 digits are legal here. */
int decimal_coef_len(unsigned __int128 coef);
/* Writes the digits (no NUL) of a coefficient of at most 38 digits and returns their number; 0 for
 * zero. */
int decimal_coef_digits(unsigned __int128 coef, char to[DOC_DECIMAL_DIGITS_MAX]);
/* Whether a nonzero normal-form number's magnitude lies in the supported range; zero does. */
bool decimal_in_range(const struct decimal *d);

/* utf8_valid() with a fast path for ASCII, which most names and strings are. */
bool text_valid(struct bytes b);
