# Exercise 3: count the flights in the other region, then query some of them.
import time

import boto3
from boto3.dynamodb.conditions import Attr, Key

from config import ENDPOINT, OTHER_REGION, TABLE

dynamodb = boto3.resource('dynamodb', region_name=OTHER_REGION, endpoint_url=ENDPOINT)
table = dynamodb.Table(TABLE)


def count():
    # 2500 small items fit into one page of 1 MB.
    response = table.scan()
    return len(response['Items'])


while count() < 2500:
    print("Waiting for replication ...")
    time.sleep(0.5)
print("Items in", OTHER_REGION, ":", count())

client = boto3.client('dynamodb', region_name=OTHER_REGION, endpoint_url=ENDPOINT)
found = 0
for flight_id in range(1, 11):
    response = client.query(
        TableName=TABLE,
        KeyConditionExpression='flight_id= :pk',
        ExpressionAttributeValues={':pk': {'N': str(flight_id)}}
    )
    for item in response['Items']:
        found += 1
        print(item['flight_id']['N'], ":", item['airlines_name']['S'], item['seats']['N'])
print("Found", found)

response = table.query(KeyConditionExpression=Key('flight_id').eq(7))
print("Flight 7:", response['Count'])

cheap = table.scan(FilterExpression=Attr('price').lt(200) & Attr('origin').eq('DUB'))
print("Cheap flights from Dublin:", cheap['Count'] > 0 and all(item['price'] < 200 for item in cheap['Items']))
