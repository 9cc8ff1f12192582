# Exercise 1: create the table "flights" in two regions and make it a global table.
import time

import boto3

from config import ENDPOINT, HOME_REGION, OTHER_REGION, TABLE


def create_table(region):
    dynamodb = boto3.resource('dynamodb', region_name=region, endpoint_url=ENDPOINT)
    table = dynamodb.create_table(
        TableName=TABLE,
        KeySchema=[
            {'AttributeName': 'flight_id', 'KeyType': 'HASH'},  # Partition key
            {'AttributeName': 'airlines_name', 'KeyType': 'RANGE'}  # Sort key
        ],
        AttributeDefinitions=[
            {'AttributeName': 'flight_id', 'AttributeType': 'N'},
            {'AttributeName': 'airlines_name', 'AttributeType': 'S'},
        ],
        ProvisionedThroughput={'ReadCapacityUnits': 30, 'WriteCapacityUnits': 30},
        StreamSpecification={'StreamEnabled': True, 'StreamViewType': 'NEW_AND_OLD_IMAGES'}
    )
    print("Table status in", region, ":", table.table_status)
    return table


for table in [create_table(HOME_REGION), create_table(OTHER_REGION)]:
    table.meta.client.get_waiter('table_exists').wait(TableName=TABLE)

client = boto3.client('dynamodb', region_name=HOME_REGION, endpoint_url=ENDPOINT)
response = client.create_global_table(
    GlobalTableName=TABLE,
    ReplicationGroup=[{'RegionName': HOME_REGION}, {'RegionName': OTHER_REGION}]
)
print(response['GlobalTableDescription']['GlobalTableStatus'])

status = None
while status != 'ACTIVE':
    time.sleep(0.2)
    status = client.describe_global_table(GlobalTableName=TABLE)['GlobalTableDescription']['GlobalTableStatus']
print("Global table is", status)
