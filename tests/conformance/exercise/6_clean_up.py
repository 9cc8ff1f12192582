# Exercise 6: take the global table apart and delete the tables.
import time

import boto3

from config import ENDPOINT, HOME_REGION, OTHER_REGION, TABLE

clients = [boto3.client('dynamodb', region_name=region, endpoint_url=ENDPOINT)
           for region in (HOME_REGION, OTHER_REGION)]

for region in (OTHER_REGION, HOME_REGION):
    clients[0].update_global_table(GlobalTableName=TABLE, ReplicaUpdates=[{'Delete': {'RegionName': region}}])


def still_global(client):
    response = client.list_global_tables()
    return TABLE in [table['GlobalTableName'] for table in response['GlobalTables']]


while any(still_global(client) for client in clients):
    time.sleep(0.2)

for client in clients:
    client.delete_table(TableName=TABLE)
for client in clients:
    client.get_waiter('table_not_exists').wait(TableName=TABLE, WaiterConfig={'Delay': 1, 'MaxAttempts': 60})
print("All deleted")
