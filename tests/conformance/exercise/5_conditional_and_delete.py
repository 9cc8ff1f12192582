# Exercise 5: conditional updates, atomic counters, deletes.
import time

import boto3
from botocore.exceptions import ClientError

from config import ENDPOINT, HOME_REGION, OTHER_REGION, TABLE

dynamodb = boto3.resource('dynamodb', region_name=HOME_REGION, endpoint_url=ENDPOINT)
table = dynamodb.Table(TABLE)
key = {'flight_id': 9001, 'airlines_name': 'Exercise Air'}

table.put_item(Item={**key, 'seats': 2, 'passengers': []})
for passenger in ['Ada', 'Grace', 'Edsger']:
    try:
        table.update_item(
            Key=key,
            UpdateExpression="set seats = seats - :one, passengers = list_append(passengers, :p)",
            ConditionExpression="seats >= :one",
            ExpressionAttributeValues={':one': 1, ':p': [passenger]},
            ReturnValues="UPDATED_NEW"
        )
        print("Booked:", passenger)
    except ClientError as e:
        if e.response['Error']['Code'] != "ConditionalCheckFailedException":
            raise
        print("No seat for", passenger, "-", e.response['Error']['Message'])

item = table.get_item(Key=key)['Item']
print("Seats left:", item['seats'], "passengers:", item['passengers'])

other = boto3.resource('dynamodb', region_name=OTHER_REGION, endpoint_url=ENDPOINT).Table(TABLE)
while other.get_item(Key=key).get('Item') != item:
    time.sleep(0.05)
response = other.delete_item(Key=key, ConditionExpression="seats < :one", ExpressionAttributeValues={':one': 1},
                             ReturnValues="ALL_OLD")
print("Deleted:", response['Attributes']['flight_id'])
while 'Item' in table.get_item(Key=key):
    time.sleep(0.05)
print("Gone in both regions")
