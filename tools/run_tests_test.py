#!/usr/bin/python3
"""The counting of run_tests.py, on what cmocka, pytest and meson really print: nothing that went wrong,
and nothing that did not run, may count as passed."""
import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import run_tests  # noqa: E402


def ran(stdout, result='OK', returncode=0):
    return run_tests.count({'name': 'x', 'stdout': stdout, 'result': result, 'returncode': returncode})


class Counting(unittest.TestCase):
    def test_cmocka_counts_each(self):
        self.assertEqual(ran('1..2\nok 1 - a\nok 2 - b\n# ok - tests\n'), (2, []))

    def test_cmocka_failure_and_skip_are_failures(self):
        passed, failed = ran('1..3\nok 1 - a\nnot ok 2 - b\n# 0x1 != 0x2\nnot ok 3 # SKIP c\n', 'FAIL', 2)
        self.assertEqual((passed, failed), (1, ['x: b', 'x: # SKIP c']))

    def test_cmocka_skip_is_a_failure_even_if_the_program_is_content(self):
        self.assertEqual(ran('1..1\nok 1 # SKIP a\n')[1], ['x: # SKIP a'])

    def test_cmocka_crash_in_the_middle(self):
        passed, failed = ran('1..3\nok 1 - a\n', 'FAIL', -6)
        self.assertEqual((passed, len(failed)), (1, 1))

    def test_cmocka_stopping_early_with_exit_code_zero(self):
        self.assertEqual(len(ran('1..3\nok 1 - a\n')[1]), 1)

    def test_leak_reported_after_the_last_test(self):
        passed, failed = ran('1..1\nok 1 - a\n', 'FAIL', 1)
        self.assertEqual((passed, len(failed)), (1, 1))

    def test_plain_program(self):
        self.assertEqual(ran('500 seeds\n'), (1, []))
        self.assertEqual(ran('', 'FAIL', 1)[0], 0)

    def test_timeout_and_meson_skip_are_failures(self):
        self.assertEqual(len(ran('', 'TIMEOUT', -15)[1]), 1)
        self.assertEqual(len(ran('', 'SKIP', 77)[1]), 1)

    def test_planted_fault(self):
        self.assertEqual(ran('', 'EXPECTEDFAIL', -6), (1, []))
        self.assertEqual(len(ran('', 'UNEXPECTEDPASS', 0)[1]), 1)

    def test_pytest_counts_each(self):
        stdout = ('FAILED a.py::test_bad - assert 0\nERROR a.py::test_err - ValueError\n'
                  '=== 1 failed, 2 passed, 1 skipped, 1 error in 75.31s (0:01:15) ===\n')
        self.assertEqual(ran(stdout, 'FAIL', 1), (2, ['x: a.py::test_bad', 'x: a.py::test_err']))
        self.assertEqual(ran('=== 12 passed, 1 warning in 0.20s ===\n'), (12, []))

    def test_pytest_that_collected_nothing(self):
        self.assertEqual(len(ran('=== no tests ran in 0.01s ===\n', 'FAIL', 5)[1]), 1)


if __name__ == '__main__':
    unittest.main()
