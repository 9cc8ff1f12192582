/* The metrics of AWS/DynamoDB: names, units, dimensions.
 *
 * Source: "DynamoDB metrics and dimensions" in the developer guide. */
#include "front/cloudwatch/cloudwatch.h"

static const struct cw_metric_row rows[CW_METRICS] = {
    [CW_CONSUMED_READ] = {"ConsumedReadCapacityUnits", "Count", true, CW_PART_INDEX, false, false},
    [CW_CONSUMED_WRITE] =
        {"ConsumedWriteCapacityUnits", "Count", true, CW_PART_INDEX, false, false},
    [CW_PROVISIONED_READ] =
        {"ProvisionedReadCapacityUnits", "Count", true, CW_PART_INDEX, false, true},
    [CW_PROVISIONED_WRITE] =
        {"ProvisionedWriteCapacityUnits", "Count", true, CW_PART_INDEX, false, true},
    [CW_LATENCY] =
        {"SuccessfulRequestLatency", "Milliseconds", true, CW_PART_OPERATION, true, false},
    [CW_RETURNED_ITEMS] = {"ReturnedItemCount", "Count", true, CW_PART_OPERATION, true, false},
    [CW_THROTTLED_REQUESTS] = {"ThrottledRequests", "Count", true, CW_PART_OPERATION, true, false},
    [CW_READ_THROTTLES] = {"ReadThrottleEvents", "Count", true, CW_PART_INDEX, false, false},
    [CW_WRITE_THROTTLES] = {"WriteThrottleEvents", "Count", true, CW_PART_INDEX, false, false},
    [CW_READ_PROVISIONED_THROTTLES] =
        {"ReadProvisionedThroughputThrottleEvents", "Count", true, CW_PART_INDEX, false, false},
    [CW_WRITE_PROVISIONED_THROTTLES] =
        {"WriteProvisionedThroughputThrottleEvents", "Count", true, CW_PART_INDEX, false, false},
    [CW_READ_ON_DEMAND_THROTTLES] =
        {"ReadMaxOnDemandThroughputThrottleEvents", "Count", true, CW_PART_INDEX, false, false},
    [CW_WRITE_ON_DEMAND_THROTTLES] =
        {"WriteMaxOnDemandThroughputThrottleEvents", "Count", true, CW_PART_INDEX, false, false},
    [CW_ON_DEMAND_READ_MAX] =
        {"OnDemandMaxReadRequestUnits", "Count", true, CW_PART_INDEX, false, true},
    [CW_ON_DEMAND_WRITE_MAX] =
        {"OnDemandMaxWriteRequestUnits", "Count", true, CW_PART_INDEX, false, true},
    [CW_USER_ERRORS] = {"UserErrors", "Count", false, CW_PART_NONE, false, false},
    [CW_SYSTEM_ERRORS] = {"SystemErrors", "Count", true, CW_PART_OPERATION, true, false},
    [CW_CONDITIONAL_CHECKS] =
        {"ConditionalCheckFailedRequests", "Count", true, CW_PART_NONE, false, false},
    [CW_TRANSACTION_CONFLICTS] = {"TransactionConflict", "Count", true, CW_PART_NONE, false, false},
    [CW_TTL_DELETES] = {"TimeToLiveDeletedItemCount", "Count", true, CW_PART_NONE, false, false},
    [CW_REPLICATION_LATENCY] =
        {"ReplicationLatency", "Milliseconds", true, CW_PART_RECEIVER, true, false},
    [CW_PENDING_REPLICATION] =
        {"PendingReplicationCount", "Count", true, CW_PART_RECEIVER, true, false},
};

const struct cw_metric_row *cw_metric_row(enum cw_metric m)
{
    ASSERT(m < CW_METRICS);
    return &rows[m];
}

bool cw_metric_find(struct bytes name, enum cw_metric *ret)
{
    for (unsigned i = 0; i < CW_METRICS; i++) {
        if (bytes_eq_str(name, rows[i].name)) {
            *ret = (enum cw_metric)i;
            return true;
        }
    }
    return false;
}

void cw_stat_add(struct cw_stat *to, const struct cw_stat *more)
{
    if (more->n <= 0) {
        return;
    }
    bool first = to->n <= 0;
    to->min = first || more->min < to->min ? more->min : to->min;
    to->max = first || more->max > to->max ? more->max : to->max;
    to->n += more->n;
    to->sum += more->sum;
}
