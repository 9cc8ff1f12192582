"""A skipped test has proved nothing, so it fails; unless its reason says "announced: " and why."""
import pytest


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.skipped and not hasattr(report, 'wasxfail') and 'announced: ' not in str(report.longrepr):
        report.outcome = 'failed'
        report.longrepr = f'{item.nodeid} was skipped without announcement: {report.longrepr}'
