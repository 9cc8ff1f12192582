/* Target tracking, one target and one period at a time, as Application Auto Scaling does it for
 * DynamoDB: capacity grows when two periods in a row were above the target, to where the target
 * would have been met; it shrinks when fifteen were well below it. A period is a minute; the shell
 * may shorten it for tests.
 *
 * As in DynamoDB a period in which nothing was used says nothing: capacity stays as it is. */
#include <math.h>

#include "front/dynamo/scaling.h"

/* "Well below": the alarms AWS makes stand 20 points below the target. For low targets, where that
 * would be nothing, half of it. */
static double low_mark(double target)
{
    double twenty = target - 20;
    return twenty > target / 2 ? twenty : target / 2;
}

static uint64_t clamp(const struct scaling_target *t, double units)
{
    double up = ceil(units - 1e-9);
    return up < (double)t->min ? t->min : up > (double)t->max ? t->max : (uint64_t)up;
}

static bool cooled(uint64_t since_ms, uint64_t cooldown_s, uint64_t now_ms)
{
    return since_ms == 0 || now_ms >= since_ms + cooldown_s * 1000;
}

static void observe(
    struct scaling_watch *w, const struct scaling_period *p, double rate, double target)
{
    double use = p->units == 0 ? 0 : 100 * rate / (double)p->units;
    if (p->used <= 0) {
        w->above = 0;
        return;
    }
    if (use > target) {
        w->high[w->above % SCALING_PERIODS_OUT] = rate;
        w->above++;
        w->below = 0;
        return;
    }
    w->above = 0;
    if (use < low_mark(target)) {
        w->low_max = w->below == 0 || rate > w->low_max ? rate : w->low_max;
        w->below++;
    } else {
        w->below = 0;
    }
}

static bool grows(
    struct scaling_watch *w,
    const struct scaling_target *t,
    const struct scaling_period *p,
    double target,
    uint64_t *ret_units)
{
    if (w->above < SCALING_PERIODS_OUT || t->hold_out ||
        !cooled(w->out_ms, t->policy.out_s, p->now_ms)) {
        return false;
    }
    double sum = 0;
    for (size_t i = 0; i < SCALING_PERIODS_OUT; i++) {
        sum += w->high[i];
    }
    *ret_units = clamp(t, sum / SCALING_PERIODS_OUT * 100 / target);
    return *ret_units > p->units;
}

static bool shrinks(
    const struct scaling_watch *w,
    const struct scaling_target *t,
    const struct scaling_period *p,
    double target,
    uint64_t *ret_units)
{
    if (w->below < SCALING_PERIODS_IN || t->hold_in || t->policy.no_scale_in || !p->may_shrink ||
        !cooled(w->in_ms, t->policy.in_s, p->now_ms)) {
        return false;
    }
    *ret_units = clamp(t, w->low_max * 100 / target);
    return *ret_units < p->units;
}

bool scaling_step(
    struct scaling_watch *w,
    const struct scaling_target *t,
    const struct scaling_period *p,
    uint64_t *ret_units,
    enum scaling_cause *ret_cause)
{
    if (p->units < t->min || p->units > t->max) {
        bool below = p->units < t->min;
        if (below ? t->hold_out : t->hold_in) {
            return false;
        }
        *ret_units = below ? t->min : t->max;
        *ret_cause = below ? SCALING_BELOW_MIN : SCALING_ABOVE_MAX;
        return true;
    }
    if (!t->has_policy || t->policy.target_milli == 0) {
        return false;
    }
    double target = (double)t->policy.target_milli / 1000;
    observe(w, p, p->used / p->seconds, target);
    if (grows(w, t, p, target, ret_units)) {
        *ret_cause = SCALING_HIGH;
        w->out_ms = p->now_ms;
        w->above = 0;
        return true;
    }
    if (shrinks(w, t, p, target, ret_units)) {
        *ret_cause = SCALING_LOW;
        w->in_ms = p->now_ms;
        w->below = 0;
        return true;
    }
    return false;
}
