"""Scripts of a course on global tables, as their readers write and run them: against one endpoint, in order."""
import pathlib
import re
import subprocess

import pytest

FOLDER = pathlib.Path(__file__).parent / 'exercise'
# What each script must say, besides ending well.
SAYS = {
    '1_create_tables.py': ['Table status in us-east-2 : CREATING', 'Table status in eu-west-1 : CREATING',
                           'Global table is ACTIVE'],
    '2_load_flights.py': ['PutItem succeeded: 100', 'Loaded 2500'],
    '3_count_and_query.py': ['Items in eu-west-1 : 2500', 'Found 10', 'Flight 7: 1',
                             'Cheap flights from Dublin: True'],
    '4_update_seats.py': [r"UpdateItem succeeded: {'seats': Decimal\('11'\)}", 'Other region sees 33',
                          'Both regions agree on 200'],
    '5_conditional_and_delete.py': ['Booked: Ada', 'Booked: Grace',
                                    'No seat for Edsger - The conditional request failed',
                                    r"Seats left: 0 passengers: \['Ada', 'Grace'\]", 'Deleted: 9001',
                                    'Gone in both regions'],
    '6_clean_up.py': ['All deleted'],
}


@pytest.mark.parametrize('script', sorted(SAYS))
def test_script(service, script):
    env = dict(service.environment)
    if service.endpoint:
        env['AWS_ENDPOINT_URL'] = service.endpoint
    done = subprocess.run(['/usr/bin/python3', '-B', script], cwd=FOLDER, env=env, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-1000:]
    for line in SAYS[script]:
        assert re.search(f'^{line}$', done.stdout, re.M), done.stdout
