"""Where the exercise runs. For AWS itself, set ENDPOINT to None."""
import os

ENDPOINT = os.environ.get('AWS_ENDPOINT_URL', 'http://localhost:8000')
HOME_REGION = 'us-east-2'
OTHER_REGION = 'eu-west-1'
TABLE = 'flights'
