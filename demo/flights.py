"""Flights to load: always the same ones, plausible enough to read."""
import datetime
import decimal
import random

AIRLINES = ('Air Cormorant', 'Bluethroat Airways', 'Curlew Air', 'Dunlin Express', 'Northern Plover',
            'Redshank Airlines', 'Sandpiper Air', 'Tern Atlantic', 'Whimbrel Wings')
# Airport, its hours from UTC, and its place (degrees).
AIRPORTS = {
    'AMS': (1, 52.3, 4.8), 'ATL': (-5, 33.6, -84.4), 'BKK': (7, 13.7, 100.7), 'CMH': (-5, 40.0, -82.9),
    'DUB': (0, 53.4, -6.3), 'FRA': (1, 50.0, 8.6), 'GRU': (-3, -23.4, -46.5), 'JFK': (-5, 40.6, -73.8),
    'LHR': (0, 51.5, -0.5), 'NRT': (9, 35.8, 140.4), 'ORD': (-6, 42.0, -87.9), 'SFO': (-8, 37.6, -122.4),
    'SIN': (8, 1.4, 104.0), 'SYD': (10, -33.9, 151.2),
}
AIRCRAFT = {'A220-300': 140, 'A320neo': 180, 'A350-900': 325, '787-9': 296, '737-8': 178, 'E195-E2': 132}
KM_PER_HOUR = 850


def distance_km(one, other):
    """Along the great circle."""
    import math
    (_, lat1, lon1), (_, lat2, lon2) = AIRPORTS[one], AIRPORTS[other]
    lat1, lat2, turn = math.radians(lat1), math.radians(lat2), math.radians(lon2 - lon1)
    return 6371 * math.acos(min(1, math.sin(lat1) * math.sin(lat2) + math.cos(lat1) * math.cos(lat2) * math.cos(turn)))


def flight(number):
    """Flight `number` as a boto3 resource takes it."""
    dice = random.Random(number)
    origin, destination = dice.sample(sorted(AIRPORTS), 2)
    km = distance_km(origin, destination)
    aircraft = dice.choice(('A350-900', '787-9') if km > 5000 else ('A220-300', 'A320neo', '737-8', 'E195-E2'))
    capacity = AIRCRAFT[aircraft]
    departure = datetime.datetime(2026, 12, 1, 5) + datetime.timedelta(minutes=5 * dice.randrange(30 * 216))
    arrival = departure + datetime.timedelta(minutes=int(40 + km / KM_PER_HOUR * 60),
                                             hours=AIRPORTS[destination][0] - AIRPORTS[origin][0])
    price = decimal.Decimal(int(29 + km * dice.uniform(0.05, 0.14))) + decimal.Decimal('0.99')
    return {
        'flight_id': number,
        'airlines_name': dice.choice(AIRLINES),
        'origin': origin,
        'destination': destination,
        'departure': departure.isoformat(timespec='minutes'),
        'arrival': arrival.isoformat(timespec='minutes'),
        'aircraft': aircraft,
        'seats': dice.randrange(capacity // 3, capacity),
        'capacity': capacity,
        'price': price,
        'currency': 'USD',
        'refundable': dice.random() < 0.3,
        'meals': dice.sample(('halal', 'kosher', 'standard', 'vegan', 'vegetarian'), dice.randrange(1, 4)),
    }


def flights(count):
    return [flight(number) for number in range(1, count + 1)]
