"""The unit file: shut as tight as promised, and the daemon lives under it."""

import ctypes
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / 'tests' / 'e2e'))

import harness  # noqa: E402 (it lies beside its own tests)

UNIT = TOP / 'deploy' / 'systemd' / 'keyturnd.service'
EXIT_CODES = TOP / 'daemon' / 'app' / 'exit_codes.h'
# What `systemd-analyze security` would have and a daemon that serves callers and
# calls others cannot give: sockets, the host's network, other hosts' addresses.
# DeviceAllow is counted since ProtectClock= allows reading the clock.
NOT_SHUT = {'RootDirectoryOrRootImage', 'PrivateNetwork', 'IPAddressDeny', 'DeviceAllow',
            'RestrictAddressFamilies_AF_UNIX', 'RestrictAddressFamilies_AF_INET_INET6'}
# What it does not look at.
WANTED = {'Type': 'notify', 'LimitMEMLOCK': '64M', 'MemorySwapMax': '0', 'LimitCORE': '0',
          'LimitNOFILE': '65536', 'TasksMax': '512', 'StateDirectoryMode': '0700',
          'PrivateIPC': 'yes', 'DevicePolicy': 'closed', 'NoExecPaths': '/', 'ExecPaths': '/usr',
          'SystemCallErrorNumber': 'EPERM', 'User': 'keyturn', 'Group': 'keyturn'}
# What systemd does by itself, or does because of another line of the unit:
# PrivateMounts= follows from ProtectSystem=, the others are its defaults.
IMPLIED = {'AmbientCapabilities', 'KeyringMode', 'PrivateMounts'}
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


def openings(text):
    """What of the unit `text` is less shut than ours is to be."""
    with tempfile.TemporaryDirectory(prefix='keyturn-') as directory:
        unit = pathlib.Path(directory, UNIT.name)
        unit.write_text(text)
        done = analyze('security', '--offline=true', '--json=short', unit)
    open_now = {check['json_field'] for check in json.loads(done.stdout) if not check['set']}
    return sorted(open_now - NOT_SHUT) + [
        key for key, value in WANTED.items() if settings(text, key) != [value]]


def shutting_lines(text):
    """The settings below "Secrets:", all of which shut something."""
    start = text.index('# Secrets: ')
    return [line for line in text[start:text.index('[Install]')].splitlines()
            if re.match(r'[A-Z]\w+=', line)]


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

    def test_it_is_shut_as_far_as_it_can_be(self):
        self.assertEqual(openings(UNIT.read_text()), [])

    def test_each_of_its_lines_counts(self):
        text = UNIT.read_text()
        lines = shutting_lines(text)
        self.assertGreater(len(lines), 30)
        for line in lines:
            if line.split('=', 1)[0] not in IMPLIED:
                with self.subTest(line=line):
                    self.assertNotEqual(openings(text.replace(f'{line}\n', '')), [])

    def test_it_is_not_started_again_where_a_person_must_look_first(self):
        codes = dict(re.findall(r'(k\w+) = (\d+),', EXIT_CODES.read_text()))
        # Those after which another start can go well by itself.
        for name in ('kStopped', 'kFailed'):
            del codes[name]
        self.assertGreater(len(codes), 4)
        self.assertEqual(settings(UNIT.read_text(), 'RestartPreventExitStatus'),
                         [' '.join(codes.values())])

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
