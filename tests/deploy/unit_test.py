"""The unit file: shut as tight as promised, and the daemon lives under it."""

import ctypes
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / 'tests' / 'e2e'))

import harness  # noqa: E402 (it lies beside its own tests)

UNIT = TOP / 'deploy' / 'systemd' / 'keyturnd.service'
# Tenths, as --threshold wants them: the exposure may be 2.0.
EXPOSURE_MAX = 20
RUN_MAX_S = 60

SECCOMP_EPERM, SECCOMP_ALLOW, UNKNOWN_CALL = 0x00050000 | 1, 0x7fff0000, -1


def analyze(*arguments):
    if shutil.which('systemd-analyze') is None:
        raise unittest.SkipTest('systemd-analyze is not installed')
    return subprocess.run(['systemd-analyze', *map(str, arguments)], capture_output=True,
                          text=True, timeout=RUN_MAX_S, check=False)


def settings(text, key):
    return [line.split('=', 1)[1] for line in text.splitlines() if line.startswith(key + '=')]


def groups():
    """{'@group': its members}, as this systemd knows them."""
    found = {}
    for line in analyze('syscall-filter').stdout.splitlines():
        if line.startswith('@'):
            members = found.setdefault(line.strip(), set())
        elif line.strip() and not line.strip().startswith('#'):
            members.add(line.strip())
    return found


def allowed_calls(text):
    """The names of all system calls that the unit allows."""
    known = groups()

    def expand(name):
        if not name.startswith('@'):
            return {name}
        return set().union(*(expand(member) for member in known[name]))
    allowed = expand('@default')
    for value in settings(text, 'SystemCallFilter'):
        named = set().union(*(expand(name) for name in value.lstrip('~').split()))
        # What is always allowed cannot be taken away.
        allowed = allowed - named | expand('@default') if value.startswith('~') else allowed | named
    return allowed


class Filter:
    """The unit's SystemCallFilter=, as systemd would set it."""

    def __init__(self, allowed):
        try:
            self._seccomp = ctypes.CDLL('libseccomp.so.2', use_errno=True)
        except OSError as error:
            raise unittest.SkipTest(f'no libseccomp: {error}') from None
        self._seccomp.seccomp_init.restype = ctypes.c_void_p
        self._filter = ctypes.c_void_p(self._seccomp.seccomp_init(SECCOMP_EPERM))
        for name in sorted(allowed):
            number = self._seccomp.seccomp_syscall_resolve_name(name.encode())
            if number != UNKNOWN_CALL:
                self._seccomp.seccomp_rule_add(self._filter, SECCOMP_ALLOW, number, 0)

    def load(self):
        """In the process that becomes the daemon."""
        if self._seccomp.seccomp_load(self._filter) != 0:
            os._exit(1)


class UnitTest(harness.EndToEndTest):

    def test_its_exposure_is_low(self):
        done = analyze('security', '--offline=true', f'--threshold={EXPOSURE_MAX}', UNIT)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn('Overall exposure level', done.stdout)

    def test_an_unprotected_unit_would_not_pass(self):
        with tempfile.TemporaryDirectory(prefix='keyturn-') as directory:
            bare = pathlib.Path(directory, 'bare.service')
            bare.write_text('[Service]\nExecStart=/bin/true\n')
            done = analyze('security', '--offline=true', f'--threshold={EXPOSURE_MAX}', bare)
        self.assertNotEqual(done.returncode, 0, done.stdout)

    def test_systemd_understands_it(self):
        with tempfile.TemporaryDirectory(prefix='keyturn-') as directory:
            unit = pathlib.Path(directory, UNIT.name)
            unit.write_text(UNIT.read_text().replace('/usr/local/bin/keyturnd',
                                                     harness.binary('KEYTURND')))
            done = analyze('verify', unit)
        complaints = [line for line in done.stderr.splitlines() if UNIT.name in line]
        self.assertEqual(complaints, [], done.stderr)

    def test_its_lines_of_memory_are_what_the_daemon_asks_for(self):
        text = UNIT.read_text()
        self.assertEqual(settings(text, 'LimitMEMLOCK'), ['64M'])
        self.assertEqual(settings(text, 'LimitCORE'), ['0'])
        self.assertEqual(settings(text, 'MemorySwapMax'), ['0'])
        self.assertEqual(settings(text, 'Type'), ['notify'])

    def test_a_whole_migration_runs_under_its_system_calls(self):
        calls = Filter(allowed_calls(UNIT.read_text()))
        world = self.world(access='tba', before_daemon=calls.load)
        before = world.sandbox.state()
        shown = harness.Person(world).work_to_the_end(world.migrate())
        self.assert_switched(world, before, shown)
        self.assertEqual(world.stop_daemon(), 0)
        ready = [line for line in world.daemon_log.read_text().splitlines() if 'msg=ready' in line]
        self.assertNotIn('secrets=swappable', ready[0])


if __name__ == '__main__':
    harness.main()
