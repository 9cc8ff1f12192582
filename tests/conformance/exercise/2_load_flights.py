# Exercise 2: load 2500 flights in the home region, one by one and in batches.
import random
from decimal import Decimal

import boto3

from config import ENDPOINT, HOME_REGION, TABLE

dynamodb = boto3.resource('dynamodb', region_name=HOME_REGION, endpoint_url=ENDPOINT)
table = dynamodb.Table(TABLE)
random.seed(1)

airlines = ['Delta', 'United', 'Lufthansa', 'Iberia', 'KLM']


def make_flight(flight_id):
    return {
        'flight_id': flight_id,
        'airlines_name': random.choice(airlines),
        'origin': random.choice(['CMH', 'DUB', 'JFK']),
        'destination': random.choice(['SIN', 'LHR', 'FRA']),
        'seats': random.randint(50, 300),
        'price': Decimal(str(round(random.uniform(80, 900), 2))),
    }


for flight_id in range(1, 101):
    flight = make_flight(flight_id)
    table.put_item(Item=flight)
    if flight_id % 50 == 0:
        print("PutItem succeeded:", flight_id)

with table.batch_writer() as batch:
    for flight_id in range(101, 2501):
        batch.put_item(Item=make_flight(flight_id))

print("Loaded", 2500)
