#pragma once

/* How far apart regions are: realistic one-way delays for development clusters. */

#include <stdbool.h>

/* The one-way delay between two regions in milliseconds, the same both ways. false when the pair is
 * not known. */
bool delay_between(const char *a, const char *b, double *ret_ms);
