# Exercise 4: book seats in one region and see them in the other.
import time

import boto3

from config import ENDPOINT, HOME_REGION, OTHER_REGION, TABLE


def table_in(region):
    return boto3.resource('dynamodb', region_name=region, endpoint_url=ENDPOINT).Table(TABLE)


home, other = table_in(HOME_REGION), table_in(OTHER_REGION)


def key_of(flight_id):
    client = boto3.client('dynamodb', region_name=HOME_REGION, endpoint_url=ENDPOINT)
    response = client.query(TableName=TABLE, KeyConditionExpression='flight_id= :pk',
                            ExpressionAttributeValues={':pk': {'N': str(flight_id)}})
    item = response['Items'][0]
    return {'flight_id': int(item['flight_id']['N']), 'airlines_name': item['airlines_name']['S']}


for flight_id, seats in [(1, 11), (2, 22), (3, 33)]:
    response = home.update_item(
        Key=key_of(flight_id),
        UpdateExpression="set seats = :s",
        ExpressionAttributeValues={':s': seats},
        ReturnValues="UPDATED_NEW"
    )
    print("UpdateItem succeeded:", response['Attributes'])

key = key_of(3)
while other.get_item(Key=key)['Item']['seats'] != 33:
    time.sleep(0.05)
print("Other region sees", other.get_item(Key=key)['Item']['seats'])

# Both regions book the same flight at the same time: the last writer wins everywhere.
key = key_of(4)
home.update_item(Key=key, UpdateExpression="set seats = :s", ExpressionAttributeValues={':s': 100})
other.update_item(Key=key, UpdateExpression="set seats = :s", ExpressionAttributeValues={':s': 200})
while True:
    here, there = home.get_item(Key=key)['Item']['seats'], other.get_item(Key=key)['Item']['seats']
    if here == there:
        break
    time.sleep(0.05)
print("Both regions agree on", here)
