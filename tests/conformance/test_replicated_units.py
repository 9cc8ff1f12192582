"""Replicated write units: what writes to global tables cost in every region, as CloudWatch counts them."""
import boto3
import pytest
from conftest import make_table, wait_active
from devcluster import REGIONS, wait_until
from expect import s
from test_cloudwatch import total
from test_global_2017 import STREAM, group, replicas, seen
from test_global_2019 import states

US, EU, AP = REGIONS
BY_G = [{'IndexName': 'by_g', 'KeySchema': [{'AttributeName': 'g', 'KeyType': 'HASH'}],
         'Projection': {'ProjectionType': 'ALL'}}]
PAD = s('x' * 1000)  # with its key and name below 1 KB


@pytest.fixture(scope='module')
def meters(service):
    return {region: boto3.session.Session().client('cloudwatch', **service.how(region)) for region in REGIONS}


def units(meters, table, wanted, **more):
    """Each region comes to have consumed so many write units."""
    for region, number in zip(REGIONS, wanted):
        def consumed(region=region):
            return total(meters[region], 'ConsumedWriteCapacityUnits', TableName=table, **more) or 0
        try:
            wait_until(f'{number} units in {region}', lambda consumed=consumed, n=number: consumed() >= n, 20)
        finally:
            assert consumed() == number, region


@pytest.fixture
def current(regions, tables, unique):
    """A 2019.11.21 global table of three regions, with an index."""
    tables(unique, 'p:S|g:S', region=US, StreamSpecification=STREAM, GlobalSecondaryIndexes=BY_G)
    for region in (EU, AP):
        tables.adopt(region, unique)
        wait_active(regions[US], unique)
        regions[US].update_table(TableName=unique, ReplicaUpdates=[{'Create': {'RegionName': region}}])
        wait_until('the replica', lambda region=region: states(regions[US], unique).get(region) == 'ACTIVE', 30)
    for region in REGIONS:
        wait_active(regions[region], unique)
    return unique


# Ten writes of 1 KB are ten units in each of the three regions; an index's are its own, everywhere.
def test_current(regions, meters, current):
    us, eu = regions[US], regions[EU]
    for i in range(9):
        us.put_item(TableName=current, Item={'p': s(f'{i}'), 'v': PAD})
    answer = us.put_item(TableName=current, Item={'p': s('9'), 'g': s('g'), 'v': PAD},
                         ReturnConsumedCapacity='INDEXES')['ConsumedCapacity']
    assert answer['Table'] == {'CapacityUnits': 1.0}  # what is told is what it costs here
    assert answer['GlobalSecondaryIndexes'] == {'by_g': {'CapacityUnits': 1.0}}
    units(meters, current, (10, 10, 10))
    units(meters, current, (1, 1, 1), GlobalSecondaryIndexName='by_g')
    for region in (EU, AP):
        seen(regions[region], current, {'p': s('9')}, {'p': s('9'), 'g': s('g'), 'v': PAD})
    eu.update_item(TableName=current, Key={'p': s('9')}, UpdateExpression='SET g = :h',
                   ExpressionAttributeValues={':h': s('h')})
    eu.delete_item(TableName=current, Key={'p': s('0')})
    units(meters, current, (12, 12, 12))
    units(meters, current, (3, 3, 3), GlobalSecondaryIndexName='by_g')


# In version 2017.11.29 the write of aws:rep:* doubles that: for a put everywhere, for an update of what is there in its
# own region, for a deletion in the others.
def test_legacy(regions, meters, unique, tables):
    for region in REGIONS:
        make_table(regions[region], unique, StreamSpecification=STREAM)
        tables.adopt(region, unique)
    regions[US].create_global_table(GlobalTableName=unique, ReplicationGroup=group(*REGIONS))
    for region in REGIONS:
        replicas(regions[region], unique, REGIONS)
    for i in range(10):
        answer = regions[US].put_item(TableName=unique, Item={'p': s(f'{i}'), 'v': PAD},
                                      ReturnConsumedCapacity='TOTAL')['ConsumedCapacity']
        assert answer['CapacityUnits'] == 1
    units(meters, unique, (20, 20, 20))
    regions[US].update_item(TableName=unique, Key={'p': s('1')}, UpdateExpression='SET v = :v',
                            ExpressionAttributeValues={':v': s('y')})
    units(meters, unique, (22, 21, 21))
    regions[US].delete_item(TableName=unique, Key={'p': s('1')})
    units(meters, unique, (23, 23, 23))
    regions[US].update_global_table(GlobalTableName=unique, ReplicaUpdates=[
        {'Delete': {'RegionName': region}} for region in REGIONS])
    for region in REGIONS:
        def gone(client=regions[region]):
            try:
                client.describe_global_table(GlobalTableName=unique)
            except client.exceptions.GlobalTableNotFoundException:
                return True
        wait_until('the end of the group', gone, 20)
