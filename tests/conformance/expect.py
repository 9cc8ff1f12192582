"""Words for expectations about answers and refusals."""
import re

import pytest
from botocore.exceptions import ClientError

INVALID = 'ValidationException'
# What PutItem and UpdateItem put before the faults of a request itself, before they look at tables and items.
FRAME = '1 validation error detected: '


def refused(code, message, call, *args, status=400, **params):
    """The call is refused with exactly this code, message and HTTP status. A compiled pattern must match the whole
    message; None takes any. Returns the answer."""
    with pytest.raises(ClientError) as caught:
        call(*args, **params)
    answer = caught.value.response
    said = answer['Error'].get('Message', '')
    assert answer['Error']['Code'] == code, said
    if isinstance(message, re.Pattern):
        assert message.fullmatch(said), said
    elif message is not None:
        assert said == message
    assert answer['ResponseMetadata']['HTTPStatusCode'] == status
    return answer


def invalid(message, call, *args, **params):
    return refused(INVALID, message, call, *args, **params)


def constraint(value, at, rule):
    return f"1 validation error detected: Value '{value}' at '{at}' failed to satisfy constraint: {rule}"


def s(text):
    return {'S': text}


def n(number):
    return {'N': str(number)}


def keys_of(items, *names):
    return [tuple(list(item[name].values())[0] for name in names) for item in items]
