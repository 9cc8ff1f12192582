/* The shapes of all requests of the API, as its model gives them: which members there are, and of
 * which JSON types. Operations that are not served are here too. */
#include "front/dynamo/shape.h"

static const struct shape string = {.kind = SHAPE_STRING};
static const struct shape boolean = {.kind = SHAPE_BOOLEAN};
static const struct shape integer = {.kind = SHAPE_INTEGER};
static const struct shape whole = {.kind = SHAPE_LONG};
static const struct shape fraction = {.kind = SHAPE_DOUBLE};
static const struct shape timestamp = {.kind = SHAPE_TIMESTAMP};
static const struct shape binary = {.kind = SHAPE_BINARY};

#define STRUCT(id, name, ...)                                        \
    static const struct shape_member id##_members[] = {__VA_ARGS__}; \
    static const struct shape id = {                                 \
        .kind = SHAPE_STRUCT,                                        \
        .class = name,                                               \
        .members = id##_members,                                     \
        .n_members = sizeof id##_members / sizeof id##_members[0]}

/* Values hold lists and maps of values. */
static const struct shape value;
static const struct shape list_of_binary = {.kind = SHAPE_LIST, .element = &binary};
static const struct shape list_of_value = {.kind = SHAPE_LIST, .element = &value};
STRUCT(
    batch_statement_request,
    "BatchStatementRequest",
    {"Statement", &string},
    {"Parameters", &list_of_value},
    {"ConsistentRead", &boolean},
    {"ReturnValuesOnConditionCheckFailure", &string});
static const struct shape list_of_batch_statement_request = {
    .kind = SHAPE_LIST, .element = &batch_statement_request};
STRUCT(
    batch_execute_statement_input,
    "BatchExecuteStatementInput",
    {"Statements", &list_of_batch_statement_request},
    {"ReturnConsumedCapacity", &string});
static const struct shape map_of_value = {.kind = SHAPE_MAP, .element = &value};
static const struct shape list_of_map_of_value = {.kind = SHAPE_LIST, .element = &map_of_value};
static const struct shape list_of_string = {.kind = SHAPE_LIST, .element = &string};
static const struct shape map_of_string = {.kind = SHAPE_MAP, .element = &string};
STRUCT(
    keys_and_attributes,
    "KeysAndAttributes",
    {"Keys", &list_of_map_of_value},
    {"AttributesToGet", &list_of_string},
    {"ConsistentRead", &boolean},
    {"ProjectionExpression", &string},
    {"ExpressionAttributeNames", &map_of_string});
static const struct shape map_of_keys_and_attributes = {
    .kind = SHAPE_MAP, .element = &keys_and_attributes};
STRUCT(
    batch_get_item_input,
    "BatchGetItemInput",
    {"RequestItems", &map_of_keys_and_attributes},
    {"ReturnConsumedCapacity", &string});
STRUCT(put_request, "PutRequest", {"Item", &map_of_value});
STRUCT(delete_request, "DeleteRequest", {"Key", &map_of_value});
STRUCT(
    write_request,
    "WriteRequest",
    {"PutRequest", &put_request},
    {"DeleteRequest", &delete_request});
static const struct shape list_of_write_request = {.kind = SHAPE_LIST, .element = &write_request};
static const struct shape map_of_list_of_write_request = {
    .kind = SHAPE_MAP, .element = &list_of_write_request};
STRUCT(
    batch_write_item_input,
    "BatchWriteItemInput",
    {"RequestItems", &map_of_list_of_write_request},
    {"ReturnConsumedCapacity", &string},
    {"ReturnItemCollectionMetrics", &string});
STRUCT(create_backup_input, "CreateBackupInput", {"TableName", &string}, {"BackupName", &string});
STRUCT(replica, "Replica", {"RegionName", &string});
static const struct shape list_of_replica = {.kind = SHAPE_LIST, .element = &replica};
STRUCT(
    create_global_table_input,
    "CreateGlobalTableInput",
    {"GlobalTableName", &string},
    {"ReplicationGroup", &list_of_replica});
STRUCT(
    attribute_definition,
    "AttributeDefinition",
    {"AttributeName", &string},
    {"AttributeType", &string});
static const struct shape list_of_attribute_definition = {
    .kind = SHAPE_LIST, .element = &attribute_definition};
STRUCT(key_schema_element, "KeySchemaElement", {"AttributeName", &string}, {"KeyType", &string});
static const struct shape list_of_key_schema_element = {
    .kind = SHAPE_LIST, .element = &key_schema_element};
STRUCT(
    projection, "Projection", {"ProjectionType", &string}, {"NonKeyAttributes", &list_of_string});
STRUCT(
    local_secondary_index,
    "LocalSecondaryIndex",
    {"IndexName", &string},
    {"KeySchema", &list_of_key_schema_element},
    {"Projection", &projection});
static const struct shape list_of_local_secondary_index = {
    .kind = SHAPE_LIST, .element = &local_secondary_index};
STRUCT(
    provisioned_throughput,
    "ProvisionedThroughput",
    {"ReadCapacityUnits", &whole},
    {"WriteCapacityUnits", &whole});
STRUCT(
    on_demand_throughput,
    "OnDemandThroughput",
    {"MaxReadRequestUnits", &whole},
    {"MaxWriteRequestUnits", &whole});
STRUCT(
    warm_throughput,
    "WarmThroughput",
    {"ReadUnitsPerSecond", &whole},
    {"WriteUnitsPerSecond", &whole});
STRUCT(
    global_secondary_index,
    "GlobalSecondaryIndex",
    {"IndexName", &string},
    {"KeySchema", &list_of_key_schema_element},
    {"Projection", &projection},
    {"ProvisionedThroughput", &provisioned_throughput},
    {"OnDemandThroughput", &on_demand_throughput},
    {"WarmThroughput", &warm_throughput});
static const struct shape list_of_global_secondary_index = {
    .kind = SHAPE_LIST, .element = &global_secondary_index};
STRUCT(
    stream_specification,
    "StreamSpecification",
    {"StreamEnabled", &boolean},
    {"StreamViewType", &string});
STRUCT(
    sse_specification,
    "SSESpecification",
    {"Enabled", &boolean},
    {"SSEType", &string},
    {"KMSMasterKeyId", &string});
STRUCT(tag, "Tag", {"Key", &string}, {"Value", &string});
static const struct shape list_of_tag = {.kind = SHAPE_LIST, .element = &tag};
STRUCT(vector_attribute_definition, "VectorAttributeDefinition", {"AttributeName", &string});
STRUCT(
    search_schema_element,
    "SearchSchemaElement",
    {"AttributeName", &string},
    {"SearchSchemaElementType", &string});
static const struct shape list_of_search_schema_element = {
    .kind = SHAPE_LIST, .element = &search_schema_element};
STRUCT(
    vector_index,
    "VectorIndex",
    {"IndexName", &string},
    {"VectorAttribute", &vector_attribute_definition},
    {"SearchSchema", &list_of_search_schema_element},
    {"Projection", &projection},
    {"Dimensions", &integer},
    {"DistanceFunction", &string});
static const struct shape list_of_vector_index = {.kind = SHAPE_LIST, .element = &vector_index};
STRUCT(
    create_table_input,
    "CreateTableInput",
    {"AttributeDefinitions", &list_of_attribute_definition},
    {"TableName", &string},
    {"KeySchema", &list_of_key_schema_element},
    {"LocalSecondaryIndexes", &list_of_local_secondary_index},
    {"GlobalSecondaryIndexes", &list_of_global_secondary_index},
    {"BillingMode", &string},
    {"ProvisionedThroughput", &provisioned_throughput},
    {"StreamSpecification", &stream_specification},
    {"SSESpecification", &sse_specification},
    {"Tags", &list_of_tag},
    {"TableClass", &string},
    {"DeletionProtectionEnabled", &boolean},
    {"WarmThroughput", &warm_throughput},
    {"ResourcePolicy", &string},
    {"OnDemandThroughput", &on_demand_throughput},
    {"GlobalTableSourceArn", &string},
    {"GlobalTableSettingsReplicationMode", &string},
    {"VectorIndexes", &list_of_vector_index});
STRUCT(delete_backup_input, "DeleteBackupInput", {"BackupArn", &string});
STRUCT(
    expected_attribute_value,
    "ExpectedAttributeValue",
    {"Value", &value},
    {"Exists", &boolean},
    {"ComparisonOperator", &string},
    {"AttributeValueList", &list_of_value});
static const struct shape map_of_expected_attribute_value = {
    .kind = SHAPE_MAP, .element = &expected_attribute_value};
STRUCT(
    delete_item_input,
    "DeleteItemInput",
    {"TableName", &string},
    {"Key", &map_of_value},
    {"Expected", &map_of_expected_attribute_value},
    {"ConditionalOperator", &string},
    {"ReturnValues", &string},
    {"ReturnConsumedCapacity", &string},
    {"ReturnItemCollectionMetrics", &string},
    {"ConditionExpression", &string},
    {"ExpressionAttributeNames", &map_of_string},
    {"ExpressionAttributeValues", &map_of_value},
    {"ReturnValuesOnConditionCheckFailure", &string});
STRUCT(
    delete_resource_policy_input,
    "DeleteResourcePolicyInput",
    {"ResourceArn", &string},
    {"ExpectedRevisionId", &string});
STRUCT(delete_table_input, "DeleteTableInput", {"TableName", &string});
STRUCT(describe_backup_input, "DescribeBackupInput", {"BackupArn", &string});
STRUCT(describe_continuous_backups_input, "DescribeContinuousBackupsInput", {"TableName", &string});
STRUCT(
    describe_contributor_insights_input,
    "DescribeContributorInsightsInput",
    {"TableName", &string},
    {"IndexName", &string});
static const struct shape describe_endpoints_request = {
    .kind = SHAPE_STRUCT, .class = "DescribeEndpointsRequest"};
STRUCT(describe_export_input, "DescribeExportInput", {"ExportArn", &string});
STRUCT(describe_global_table_input, "DescribeGlobalTableInput", {"GlobalTableName", &string});
STRUCT(
    describe_global_table_settings_input,
    "DescribeGlobalTableSettingsInput",
    {"GlobalTableName", &string});
STRUCT(describe_import_input, "DescribeImportInput", {"ImportArn", &string});
STRUCT(
    describe_kinesis_streaming_destination_input,
    "DescribeKinesisStreamingDestinationInput",
    {"TableName", &string});
static const struct shape describe_limits_input = {
    .kind = SHAPE_STRUCT, .class = "DescribeLimitsInput"};
STRUCT(describe_table_input, "DescribeTableInput", {"TableName", &string});
STRUCT(
    describe_table_replica_auto_scaling_input,
    "DescribeTableReplicaAutoScalingInput",
    {"TableName", &string});
STRUCT(describe_time_to_live_input, "DescribeTimeToLiveInput", {"TableName", &string});
STRUCT(
    enable_kinesis_streaming_configuration,
    "EnableKinesisStreamingConfiguration",
    {"ApproximateCreationDateTimePrecision", &string});
STRUCT(
    kinesis_streaming_destination_input,
    "KinesisStreamingDestinationInput",
    {"TableName", &string},
    {"StreamArn", &string},
    {"EnableKinesisStreamingConfiguration", &enable_kinesis_streaming_configuration});
STRUCT(
    execute_statement_input,
    "ExecuteStatementInput",
    {"Statement", &string},
    {"Parameters", &list_of_value},
    {"ConsistentRead", &boolean},
    {"NextToken", &string},
    {"ReturnConsumedCapacity", &string},
    {"Limit", &integer},
    {"ReturnValuesOnConditionCheckFailure", &string});
STRUCT(
    parameterized_statement,
    "ParameterizedStatement",
    {"Statement", &string},
    {"Parameters", &list_of_value},
    {"ReturnValuesOnConditionCheckFailure", &string});
static const struct shape list_of_parameterized_statement = {
    .kind = SHAPE_LIST, .element = &parameterized_statement};
STRUCT(
    execute_transaction_input,
    "ExecuteTransactionInput",
    {"TransactStatements", &list_of_parameterized_statement},
    {"ClientRequestToken", &string},
    {"ReturnConsumedCapacity", &string});
STRUCT(
    incremental_export_specification,
    "IncrementalExportSpecification",
    {"ExportFromTime", &timestamp},
    {"ExportToTime", &timestamp},
    {"ExportViewType", &string});
STRUCT(
    filter_specification,
    "FilterSpecification",
    {"FilterExpression", &string},
    {"ProjectionExpression", &string},
    {"KeyConditionExpression", &string},
    {"ExpressionAttributeNames", &map_of_string},
    {"ExpressionAttributeValues", &map_of_value});
STRUCT(
    export_table_to_point_in_time_input,
    "ExportTableToPointInTimeInput",
    {"TableArn", &string},
    {"ExportTime", &timestamp},
    {"ClientToken", &string},
    {"S3Bucket", &string},
    {"S3BucketOwner", &string},
    {"S3Prefix", &string},
    {"S3SseAlgorithm", &string},
    {"S3SseKmsKeyId", &string},
    {"ExportFormat", &string},
    {"ExportType", &string},
    {"IncrementalExportSpecification", &incremental_export_specification},
    {"FilterSpecification", &filter_specification});
STRUCT(
    get_item_input,
    "GetItemInput",
    {"TableName", &string},
    {"Key", &map_of_value},
    {"AttributesToGet", &list_of_string},
    {"ConsistentRead", &boolean},
    {"ReturnConsumedCapacity", &string},
    {"ProjectionExpression", &string},
    {"ExpressionAttributeNames", &map_of_string});
STRUCT(get_resource_policy_input, "GetResourcePolicyInput", {"ResourceArn", &string});
STRUCT(
    s3_bucket_source,
    "S3BucketSource",
    {"S3BucketOwner", &string},
    {"S3Bucket", &string},
    {"S3KeyPrefix", &string});
STRUCT(csv_options, "CsvOptions", {"Delimiter", &string}, {"HeaderList", &list_of_string});
STRUCT(input_format_options, "InputFormatOptions", {"Csv", &csv_options});
STRUCT(
    table_creation_parameters,
    "TableCreationParameters",
    {"TableName", &string},
    {"AttributeDefinitions", &list_of_attribute_definition},
    {"KeySchema", &list_of_key_schema_element},
    {"BillingMode", &string},
    {"ProvisionedThroughput", &provisioned_throughput},
    {"OnDemandThroughput", &on_demand_throughput},
    {"SSESpecification", &sse_specification},
    {"GlobalSecondaryIndexes", &list_of_global_secondary_index},
    {"VectorIndexes", &list_of_vector_index});
STRUCT(
    import_table_input,
    "ImportTableInput",
    {"ClientToken", &string},
    {"S3BucketSource", &s3_bucket_source},
    {"InputFormat", &string},
    {"InputFormatOptions", &input_format_options},
    {"InputCompressionType", &string},
    {"TableCreationParameters", &table_creation_parameters});
STRUCT(
    list_backups_input,
    "ListBackupsInput",
    {"TableName", &string},
    {"Limit", &integer},
    {"TimeRangeLowerBound", &timestamp},
    {"TimeRangeUpperBound", &timestamp},
    {"ExclusiveStartBackupArn", &string},
    {"BackupType", &string});
STRUCT(
    list_contributor_insights_input,
    "ListContributorInsightsInput",
    {"TableName", &string},
    {"NextToken", &string},
    {"MaxResults", &integer});
STRUCT(
    list_exports_input,
    "ListExportsInput",
    {"TableArn", &string},
    {"MaxResults", &integer},
    {"NextToken", &string});
STRUCT(
    list_global_tables_input,
    "ListGlobalTablesInput",
    {"ExclusiveStartGlobalTableName", &string},
    {"Limit", &integer},
    {"RegionName", &string});
STRUCT(
    list_imports_input,
    "ListImportsInput",
    {"TableArn", &string},
    {"PageSize", &integer},
    {"NextToken", &string});
STRUCT(
    list_tables_input,
    "ListTablesInput",
    {"ExclusiveStartTableName", &string},
    {"Limit", &integer});
STRUCT(
    list_tags_of_resource_input,
    "ListTagsOfResourceInput",
    {"ResourceArn", &string},
    {"NextToken", &string});
STRUCT(
    put_item_input,
    "PutItemInput",
    {"TableName", &string},
    {"Item", &map_of_value},
    {"Expected", &map_of_expected_attribute_value},
    {"ReturnValues", &string},
    {"ReturnConsumedCapacity", &string},
    {"ReturnItemCollectionMetrics", &string},
    {"ConditionalOperator", &string},
    {"ConditionExpression", &string},
    {"ExpressionAttributeNames", &map_of_string},
    {"ExpressionAttributeValues", &map_of_value},
    {"ReturnValuesOnConditionCheckFailure", &string});
STRUCT(
    put_resource_policy_input,
    "PutResourcePolicyInput",
    {"ResourceArn", &string},
    {"Policy", &string},
    {"ExpectedRevisionId", &string},
    {"ConfirmRemoveSelfResourceAccess", &boolean});
STRUCT(
    condition,
    "Condition",
    {"AttributeValueList", &list_of_value},
    {"ComparisonOperator", &string});
static const struct shape map_of_condition = {.kind = SHAPE_MAP, .element = &condition};
STRUCT(
    query_input,
    "QueryInput",
    {"TableName", &string},
    {"IndexName", &string},
    {"Select", &string},
    {"AttributesToGet", &list_of_string},
    {"Limit", &integer},
    {"ConsistentRead", &boolean},
    {"KeyConditions", &map_of_condition},
    {"QueryFilter", &map_of_condition},
    {"ConditionalOperator", &string},
    {"ScanIndexForward", &boolean},
    {"ExclusiveStartKey", &map_of_value},
    {"ReturnConsumedCapacity", &string},
    {"ProjectionExpression", &string},
    {"FilterExpression", &string},
    {"KeyConditionExpression", &string},
    {"ExpressionAttributeNames", &map_of_string},
    {"ExpressionAttributeValues", &map_of_value});
STRUCT(
    restore_table_from_backup_input,
    "RestoreTableFromBackupInput",
    {"TargetTableName", &string},
    {"BackupArn", &string},
    {"BillingModeOverride", &string},
    {"GlobalSecondaryIndexOverride", &list_of_global_secondary_index},
    {"LocalSecondaryIndexOverride", &list_of_local_secondary_index},
    {"ProvisionedThroughputOverride", &provisioned_throughput},
    {"OnDemandThroughputOverride", &on_demand_throughput},
    {"SSESpecificationOverride", &sse_specification},
    {"VectorIndexOverride", &list_of_vector_index});
STRUCT(
    restore_table_to_point_in_time_input,
    "RestoreTableToPointInTimeInput",
    {"SourceTableArn", &string},
    {"SourceTableName", &string},
    {"TargetTableName", &string},
    {"UseLatestRestorableTime", &boolean},
    {"RestoreDateTime", &timestamp},
    {"BillingModeOverride", &string},
    {"GlobalSecondaryIndexOverride", &list_of_global_secondary_index},
    {"LocalSecondaryIndexOverride", &list_of_local_secondary_index},
    {"ProvisionedThroughputOverride", &provisioned_throughput},
    {"OnDemandThroughputOverride", &on_demand_throughput},
    {"SSESpecificationOverride", &sse_specification},
    {"VectorIndexOverride", &list_of_vector_index});
STRUCT(
    scan_input,
    "ScanInput",
    {"TableName", &string},
    {"IndexName", &string},
    {"AttributesToGet", &list_of_string},
    {"Limit", &integer},
    {"Select", &string},
    {"ScanFilter", &map_of_condition},
    {"ConditionalOperator", &string},
    {"ExclusiveStartKey", &map_of_value},
    {"ReturnConsumedCapacity", &string},
    {"TotalSegments", &integer},
    {"Segment", &integer},
    {"ProjectionExpression", &string},
    {"FilterExpression", &string},
    {"ExpressionAttributeNames", &map_of_string},
    {"ExpressionAttributeValues", &map_of_value},
    {"ConsistentRead", &boolean});
STRUCT(tag_resource_input, "TagResourceInput", {"ResourceArn", &string}, {"Tags", &list_of_tag});
STRUCT(
    get,
    "Get",
    {"Key", &map_of_value},
    {"TableName", &string},
    {"ProjectionExpression", &string},
    {"ExpressionAttributeNames", &map_of_string});
STRUCT(transact_get_item, "TransactGetItem", {"Get", &get});
static const struct shape list_of_transact_get_item = {
    .kind = SHAPE_LIST, .element = &transact_get_item};
STRUCT(
    transact_get_items_input,
    "TransactGetItemsInput",
    {"TransactItems", &list_of_transact_get_item},
    {"ReturnConsumedCapacity", &string});
STRUCT(
    condition_check,
    "ConditionCheck",
    {"Key", &map_of_value},
    {"TableName", &string},
    {"ConditionExpression", &string},
    {"ExpressionAttributeNames", &map_of_string},
    {"ExpressionAttributeValues", &map_of_value},
    {"ReturnValuesOnConditionCheckFailure", &string});
STRUCT(
    put,
    "Put",
    {"Item", &map_of_value},
    {"TableName", &string},
    {"ConditionExpression", &string},
    {"ExpressionAttributeNames", &map_of_string},
    {"ExpressionAttributeValues", &map_of_value},
    {"ReturnValuesOnConditionCheckFailure", &string});
STRUCT(
    delete,
    "Delete",
    {"Key", &map_of_value},
    {"TableName", &string},
    {"ConditionExpression", &string},
    {"ExpressionAttributeNames", &map_of_string},
    {"ExpressionAttributeValues", &map_of_value},
    {"ReturnValuesOnConditionCheckFailure", &string});
STRUCT(
    update,
    "Update",
    {"Key", &map_of_value},
    {"UpdateExpression", &string},
    {"TableName", &string},
    {"ConditionExpression", &string},
    {"ExpressionAttributeNames", &map_of_string},
    {"ExpressionAttributeValues", &map_of_value},
    {"ReturnValuesOnConditionCheckFailure", &string});
STRUCT(
    transact_write_item,
    "TransactWriteItem",
    {"ConditionCheck", &condition_check},
    {"Put", &put},
    {"Delete", &delete},
    {"Update", &update});
static const struct shape list_of_transact_write_item = {
    .kind = SHAPE_LIST, .element = &transact_write_item};
STRUCT(
    transact_write_items_input,
    "TransactWriteItemsInput",
    {"TransactItems", &list_of_transact_write_item},
    {"ReturnConsumedCapacity", &string},
    {"ReturnItemCollectionMetrics", &string},
    {"ClientRequestToken", &string});
STRUCT(
    untag_resource_input,
    "UntagResourceInput",
    {"ResourceArn", &string},
    {"TagKeys", &list_of_string});
STRUCT(
    point_in_time_recovery_specification,
    "PointInTimeRecoverySpecification",
    {"PointInTimeRecoveryEnabled", &boolean},
    {"RecoveryPeriodInDays", &integer});
STRUCT(
    update_continuous_backups_input,
    "UpdateContinuousBackupsInput",
    {"TableName", &string},
    {"PointInTimeRecoverySpecification", &point_in_time_recovery_specification});
STRUCT(
    update_contributor_insights_input,
    "UpdateContributorInsightsInput",
    {"TableName", &string},
    {"IndexName", &string},
    {"ContributorInsightsAction", &string},
    {"ContributorInsightsMode", &string});
STRUCT(create_replica_action, "CreateReplicaAction", {"RegionName", &string});
STRUCT(delete_replica_action, "DeleteReplicaAction", {"RegionName", &string});
STRUCT(
    replica_update,
    "ReplicaUpdate",
    {"Create", &create_replica_action},
    {"Delete", &delete_replica_action});
static const struct shape list_of_replica_update = {.kind = SHAPE_LIST, .element = &replica_update};
STRUCT(
    update_global_table_input,
    "UpdateGlobalTableInput",
    {"GlobalTableName", &string},
    {"ReplicaUpdates", &list_of_replica_update});
STRUCT(
    auto_scaling_target_tracking_scaling_policy_configuration_update,
    "AutoScalingTargetTrackingScalingPolicyConfigurationUpdate",
    {"DisableScaleIn", &boolean},
    {"ScaleInCooldown", &integer},
    {"ScaleOutCooldown", &integer},
    {"TargetValue", &fraction});
STRUCT(
    auto_scaling_policy_update,
    "AutoScalingPolicyUpdate",
    {"PolicyName", &string},
    {"TargetTrackingScalingPolicyConfiguration",
     &auto_scaling_target_tracking_scaling_policy_configuration_update});
STRUCT(
    auto_scaling_settings_update,
    "AutoScalingSettingsUpdate",
    {"MinimumUnits", &whole},
    {"MaximumUnits", &whole},
    {"AutoScalingDisabled", &boolean},
    {"AutoScalingRoleArn", &string},
    {"ScalingPolicyUpdate", &auto_scaling_policy_update});
STRUCT(
    global_table_global_secondary_index_settings_update,
    "GlobalTableGlobalSecondaryIndexSettingsUpdate",
    {"IndexName", &string},
    {"ProvisionedWriteCapacityUnits", &whole},
    {"ProvisionedWriteCapacityAutoScalingSettingsUpdate", &auto_scaling_settings_update});
static const struct shape list_of_global_table_global_secondary_index_settings_update = {
    .kind = SHAPE_LIST, .element = &global_table_global_secondary_index_settings_update};
STRUCT(
    replica_global_secondary_index_settings_update,
    "ReplicaGlobalSecondaryIndexSettingsUpdate",
    {"IndexName", &string},
    {"ProvisionedReadCapacityUnits", &whole},
    {"ProvisionedReadCapacityAutoScalingSettingsUpdate", &auto_scaling_settings_update});
static const struct shape list_of_replica_global_secondary_index_settings_update = {
    .kind = SHAPE_LIST, .element = &replica_global_secondary_index_settings_update};
STRUCT(
    replica_settings_update,
    "ReplicaSettingsUpdate",
    {"RegionName", &string},
    {"ReplicaProvisionedReadCapacityUnits", &whole},
    {"ReplicaProvisionedReadCapacityAutoScalingSettingsUpdate", &auto_scaling_settings_update},
    {"ReplicaGlobalSecondaryIndexSettingsUpdate",
     &list_of_replica_global_secondary_index_settings_update},
    {"ReplicaTableClass", &string});
static const struct shape list_of_replica_settings_update = {
    .kind = SHAPE_LIST, .element = &replica_settings_update};
STRUCT(
    update_global_table_settings_input,
    "UpdateGlobalTableSettingsInput",
    {"GlobalTableName", &string},
    {"GlobalTableBillingMode", &string},
    {"GlobalTableProvisionedWriteCapacityUnits", &whole},
    {"GlobalTableProvisionedWriteCapacityAutoScalingSettingsUpdate", &auto_scaling_settings_update},
    {"GlobalTableGlobalSecondaryIndexSettingsUpdate",
     &list_of_global_table_global_secondary_index_settings_update},
    {"ReplicaSettingsUpdate", &list_of_replica_settings_update});
STRUCT(attribute_value_update, "AttributeValueUpdate", {"Value", &value}, {"Action", &string});
static const struct shape map_of_attribute_value_update = {
    .kind = SHAPE_MAP, .element = &attribute_value_update};
STRUCT(
    update_item_input,
    "UpdateItemInput",
    {"TableName", &string},
    {"Key", &map_of_value},
    {"AttributeUpdates", &map_of_attribute_value_update},
    {"Expected", &map_of_expected_attribute_value},
    {"ConditionalOperator", &string},
    {"ReturnValues", &string},
    {"ReturnConsumedCapacity", &string},
    {"ReturnItemCollectionMetrics", &string},
    {"UpdateExpression", &string},
    {"ConditionExpression", &string},
    {"ExpressionAttributeNames", &map_of_string},
    {"ExpressionAttributeValues", &map_of_value},
    {"ReturnValuesOnConditionCheckFailure", &string});
STRUCT(
    update_kinesis_streaming_configuration,
    "UpdateKinesisStreamingConfiguration",
    {"ApproximateCreationDateTimePrecision", &string});
STRUCT(
    update_kinesis_streaming_destination_input,
    "UpdateKinesisStreamingDestinationInput",
    {"TableName", &string},
    {"StreamArn", &string},
    {"UpdateKinesisStreamingConfiguration", &update_kinesis_streaming_configuration});
STRUCT(
    update_global_secondary_index_action,
    "UpdateGlobalSecondaryIndexAction",
    {"IndexName", &string},
    {"ProvisionedThroughput", &provisioned_throughput},
    {"OnDemandThroughput", &on_demand_throughput},
    {"WarmThroughput", &warm_throughput});
STRUCT(
    create_global_secondary_index_action,
    "CreateGlobalSecondaryIndexAction",
    {"IndexName", &string},
    {"KeySchema", &list_of_key_schema_element},
    {"Projection", &projection},
    {"ProvisionedThroughput", &provisioned_throughput},
    {"OnDemandThroughput", &on_demand_throughput},
    {"WarmThroughput", &warm_throughput});
STRUCT(
    delete_global_secondary_index_action,
    "DeleteGlobalSecondaryIndexAction",
    {"IndexName", &string});
STRUCT(
    global_secondary_index_update,
    "GlobalSecondaryIndexUpdate",
    {"Update", &update_global_secondary_index_action},
    {"Create", &create_global_secondary_index_action},
    {"Delete", &delete_global_secondary_index_action});
static const struct shape list_of_global_secondary_index_update = {
    .kind = SHAPE_LIST, .element = &global_secondary_index_update};
STRUCT(
    provisioned_throughput_override,
    "ProvisionedThroughputOverride",
    {"ReadCapacityUnits", &whole});
STRUCT(
    on_demand_throughput_override, "OnDemandThroughputOverride", {"MaxReadRequestUnits", &whole});
STRUCT(
    replica_global_secondary_index,
    "ReplicaGlobalSecondaryIndex",
    {"IndexName", &string},
    {"ProvisionedThroughputOverride", &provisioned_throughput_override},
    {"OnDemandThroughputOverride", &on_demand_throughput_override});
static const struct shape list_of_replica_global_secondary_index = {
    .kind = SHAPE_LIST, .element = &replica_global_secondary_index};
STRUCT(
    create_replication_group_member_action,
    "CreateReplicationGroupMemberAction",
    {"RegionName", &string},
    {"KMSMasterKeyId", &string},
    {"ProvisionedThroughputOverride", &provisioned_throughput_override},
    {"OnDemandThroughputOverride", &on_demand_throughput_override},
    {"GlobalSecondaryIndexes", &list_of_replica_global_secondary_index},
    {"TableClassOverride", &string});
STRUCT(
    update_replication_group_member_action,
    "UpdateReplicationGroupMemberAction",
    {"RegionName", &string},
    {"KMSMasterKeyId", &string},
    {"ProvisionedThroughputOverride", &provisioned_throughput_override},
    {"OnDemandThroughputOverride", &on_demand_throughput_override},
    {"GlobalSecondaryIndexes", &list_of_replica_global_secondary_index},
    {"TableClassOverride", &string});
STRUCT(
    delete_replication_group_member_action,
    "DeleteReplicationGroupMemberAction",
    {"RegionName", &string});
STRUCT(
    disassociate_replication_group_member_action,
    "DisassociateReplicationGroupMemberAction",
    {"RegionName", &string},
    {"DisassociationMode", &string});
STRUCT(
    replication_group_update,
    "ReplicationGroupUpdate",
    {"Create", &create_replication_group_member_action},
    {"Update", &update_replication_group_member_action},
    {"Delete", &delete_replication_group_member_action},
    {"Disassociate", &disassociate_replication_group_member_action});
static const struct shape list_of_replication_group_update = {
    .kind = SHAPE_LIST, .element = &replication_group_update};
STRUCT(
    create_global_table_witness_group_member_action,
    "CreateGlobalTableWitnessGroupMemberAction",
    {"RegionName", &string});
STRUCT(
    delete_global_table_witness_group_member_action,
    "DeleteGlobalTableWitnessGroupMemberAction",
    {"RegionName", &string});
STRUCT(
    global_table_witness_group_update,
    "GlobalTableWitnessGroupUpdate",
    {"Create", &create_global_table_witness_group_member_action},
    {"Delete", &delete_global_table_witness_group_member_action});
static const struct shape list_of_global_table_witness_group_update = {
    .kind = SHAPE_LIST, .element = &global_table_witness_group_update};
STRUCT(delete_vector_index_action, "DeleteVectorIndexAction", {"IndexName", &string});
STRUCT(
    vector_index_update,
    "VectorIndexUpdate",
    {"Create", &vector_index},
    {"Delete", &delete_vector_index_action});
static const struct shape list_of_vector_index_update = {
    .kind = SHAPE_LIST, .element = &vector_index_update};
STRUCT(
    update_table_input,
    "UpdateTableInput",
    {"AttributeDefinitions", &list_of_attribute_definition},
    {"TableName", &string},
    {"BillingMode", &string},
    {"ProvisionedThroughput", &provisioned_throughput},
    {"GlobalSecondaryIndexUpdates", &list_of_global_secondary_index_update},
    {"StreamSpecification", &stream_specification},
    {"SSESpecification", &sse_specification},
    {"ReplicaUpdates", &list_of_replication_group_update},
    {"TableClass", &string},
    {"DeletionProtectionEnabled", &boolean},
    {"MultiRegionConsistency", &string},
    {"GlobalTableWitnessUpdates", &list_of_global_table_witness_group_update},
    {"OnDemandThroughput", &on_demand_throughput},
    {"WarmThroughput", &warm_throughput},
    {"GlobalTableSettingsReplicationMode", &string},
    {"DisassociationProtectionEnabled", &boolean},
    {"VectorIndexUpdates", &list_of_vector_index_update});
STRUCT(
    global_secondary_index_auto_scaling_update,
    "GlobalSecondaryIndexAutoScalingUpdate",
    {"IndexName", &string},
    {"ProvisionedWriteCapacityAutoScalingUpdate", &auto_scaling_settings_update});
static const struct shape list_of_global_secondary_index_auto_scaling_update = {
    .kind = SHAPE_LIST, .element = &global_secondary_index_auto_scaling_update};
STRUCT(
    replica_global_secondary_index_auto_scaling_update,
    "ReplicaGlobalSecondaryIndexAutoScalingUpdate",
    {"IndexName", &string},
    {"ProvisionedReadCapacityAutoScalingUpdate", &auto_scaling_settings_update});
static const struct shape list_of_replica_global_secondary_index_auto_scaling_update = {
    .kind = SHAPE_LIST, .element = &replica_global_secondary_index_auto_scaling_update};
STRUCT(
    replica_auto_scaling_update,
    "ReplicaAutoScalingUpdate",
    {"RegionName", &string},
    {"ReplicaGlobalSecondaryIndexUpdates",
     &list_of_replica_global_secondary_index_auto_scaling_update},
    {"ReplicaProvisionedReadCapacityAutoScalingUpdate", &auto_scaling_settings_update});
static const struct shape list_of_replica_auto_scaling_update = {
    .kind = SHAPE_LIST, .element = &replica_auto_scaling_update};
STRUCT(
    update_table_replica_auto_scaling_input,
    "UpdateTableReplicaAutoScalingInput",
    {"GlobalSecondaryIndexUpdates", &list_of_global_secondary_index_auto_scaling_update},
    {"TableName", &string},
    {"ProvisionedWriteCapacityAutoScalingUpdate", &auto_scaling_settings_update},
    {"ReplicaUpdates", &list_of_replica_auto_scaling_update});
STRUCT(
    time_to_live_specification,
    "TimeToLiveSpecification",
    {"Enabled", &boolean},
    {"AttributeName", &string});
STRUCT(
    update_time_to_live_input,
    "UpdateTimeToLiveInput",
    {"TableName", &string},
    {"TimeToLiveSpecification", &time_to_live_specification});

static const struct shape_member value_members[] = {
    {"S", &string},
    {"N", &string},
    {"B", &binary},
    {"SS", &list_of_string},
    {"NS", &list_of_string},
    {"BS", &list_of_binary},
    {"M", &map_of_value},
    {"L", &list_of_value},
    {"NULL", &boolean},
    {"BOOL", &boolean}};
static const struct shape value = {
    .kind = SHAPE_STRUCT,
    .class = "AttributeValue",
    .members = value_members,
    .n_members = sizeof value_members / sizeof value_members[0],
};

STRUCT(bulk_operation_input, "DescribeBulkOperationInput", {"BulkOperationArn", &string});
STRUCT(
    list_bulk_operations_input,
    "ListBulkOperationsInput",
    {"MaxResults", &integer},
    {"NextToken", &string});
STRUCT(
    input_s3_configuration,
    "InputS3Configuration",
    {"S3BucketOwner", &string},
    {"S3Bucket", &string},
    {"S3KeyPrefix", &string},
    {"InputFormat", &string},
    {"InputCompressionType", &string});
STRUCT(
    output_s3_configuration,
    "OutputS3Configuration",
    {"S3BucketOwner", &string},
    {"S3Bucket", &string},
    {"S3KeyPrefix", &string},
    {"S3SseAlgorithm", &string},
    {"S3SseKmsKeyId", &string},
    {"OutputType", &list_of_string});
STRUCT(
    start_bulk_put_items_input,
    "StartBulkPutItemsInput",
    {"ClientToken", &string},
    {"InputS3Configuration", &input_s3_configuration},
    {"OutputS3Configuration", &output_s3_configuration},
    {"TableName", &string},
    {"MaxWriteRequestUnits", &whole},
    {"PerformanceTier", &string});
STRUCT(
    search_vectors_input,
    "SearchVectorsInput",
    {"TableName", &string},
    {"IndexName", &string},
    {"ReturnConsumedCapacity", &string},
    {"ExpressionAttributeNames", &map_of_string},
    {"ExpressionAttributeValues", &map_of_value},
    {"ProjectionExpression", &string},
    {"SearchVector", &list_of_value},
    {"SearchConditionExpression", &string},
    {"TopK", &integer});
static const struct shape_op ops[] = {
    {"BatchExecuteStatement", &batch_execute_statement_input},
    {"BatchGetItem", &batch_get_item_input},
    {"BatchWriteItem", &batch_write_item_input},
    {"CancelBulkOperation", &bulk_operation_input},
    {"CreateBackup", &create_backup_input},
    {"CreateGlobalTable", &create_global_table_input},
    {"CreateTable", &create_table_input},
    {"DeleteBackup", &delete_backup_input},
    {"DeleteItem", &delete_item_input},
    {"DeleteResourcePolicy", &delete_resource_policy_input},
    {"DeleteTable", &delete_table_input},
    {"DescribeBackup", &describe_backup_input},
    {"DescribeBulkOperation", &bulk_operation_input},
    {"DescribeContinuousBackups", &describe_continuous_backups_input},
    {"DescribeContributorInsights", &describe_contributor_insights_input},
    {"DescribeEndpoints", &describe_endpoints_request},
    {"DescribeExport", &describe_export_input},
    {"DescribeGlobalTable", &describe_global_table_input},
    {"DescribeGlobalTableSettings", &describe_global_table_settings_input},
    {"DescribeImport", &describe_import_input},
    {"DescribeKinesisStreamingDestination", &describe_kinesis_streaming_destination_input},
    {"DescribeLimits", &describe_limits_input},
    {"DescribeTable", &describe_table_input},
    {"DescribeTableReplicaAutoScaling", &describe_table_replica_auto_scaling_input},
    {"DescribeTimeToLive", &describe_time_to_live_input},
    {"DisableKinesisStreamingDestination", &kinesis_streaming_destination_input},
    {"EnableKinesisStreamingDestination", &kinesis_streaming_destination_input},
    {"ExecuteStatement", &execute_statement_input},
    {"ExecuteTransaction", &execute_transaction_input},
    {"ExportTableToPointInTime", &export_table_to_point_in_time_input},
    {"GetItem", &get_item_input},
    {"GetResourcePolicy", &get_resource_policy_input},
    {"ImportTable", &import_table_input},
    {"ListBackups", &list_backups_input},
    {"ListBulkOperations", &list_bulk_operations_input},
    {"ListContributorInsights", &list_contributor_insights_input},
    {"ListExports", &list_exports_input},
    {"ListGlobalTables", &list_global_tables_input},
    {"ListImports", &list_imports_input},
    {"ListTables", &list_tables_input},
    {"ListTagsOfResource", &list_tags_of_resource_input},
    {"PutItem", &put_item_input},
    {"PutResourcePolicy", &put_resource_policy_input},
    {"Query", &query_input},
    {"RestoreTableFromBackup", &restore_table_from_backup_input},
    {"RestoreTableToPointInTime", &restore_table_to_point_in_time_input},
    {"Scan", &scan_input},
    {"SearchVectors", &search_vectors_input},
    {"StartBulkPutItems", &start_bulk_put_items_input},
    {"TagResource", &tag_resource_input},
    {"TransactGetItems", &transact_get_items_input},
    {"TransactWriteItems", &transact_write_items_input},
    {"UntagResource", &untag_resource_input},
    {"UpdateContinuousBackups", &update_continuous_backups_input},
    {"UpdateContributorInsights", &update_contributor_insights_input},
    {"UpdateGlobalTable", &update_global_table_input},
    {"UpdateGlobalTableSettings", &update_global_table_settings_input},
    {"UpdateItem", &update_item_input},
    {"UpdateKinesisStreamingDestination", &update_kinesis_streaming_destination_input},
    {"UpdateTable", &update_table_input},
    {"UpdateTableReplicaAutoScaling", &update_table_replica_auto_scaling_input},
    {"UpdateTimeToLive", &update_time_to_live_input},
};

const struct shape *shape_of(const char *op_name)
{
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        if (strcmp(op_name, ops[i].name) == 0) {
            return ops[i].shape;
        }
    }
    return NULL;
}
