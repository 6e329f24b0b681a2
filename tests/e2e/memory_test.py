"""What is left of a secret in the living daemon's memory.

Root reads /proc/PID/mem from the first byte to the last and searches it for
secrets that were handed in, used and deleted, and for the keys of a daemon that
was sealed. The daemon runs twice: as it is, and without memfd_secret, whose
memory not even root can read.
"""

import ctypes
import json
import os
import pathlib
import re
import secrets
import struct
import sys
import unittest

import harness
import sealed_store

# Read at once, and a needle's length more, so that no border cuts one in two.
CHUNK_BYTES = 1 << 20
# Connections end and buffers are given back a little after the answer.
FORGOTTEN_MAX_S = 30
SHOWN_AROUND = 48

SYS_MEMFD_SECRET = 447
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
BPF_LOAD_NUMBER, BPF_JUMP_IF_EQUAL, BPF_RETURN = 0x20, 0x15, 0x06
SECCOMP_ALLOW, SECCOMP_ENOSYS = 0x7fff0000, 0x00050000 | 38


def without_memfd_secret():
    """In the child, before it becomes the daemon: the kernel knows no memfd_secret."""
    program = b''.join(struct.pack('HBBI', *instruction) for instruction in (
        (BPF_LOAD_NUMBER, 0, 0, 0), (BPF_JUMP_IF_EQUAL, 0, 1, SYS_MEMFD_SECRET),
        (BPF_RETURN, 0, 0, SECCOMP_ENOSYS), (BPF_RETURN, 0, 0, SECCOMP_ALLOW)))
    buffer = ctypes.create_string_buffer(program)
    header = ctypes.create_string_buffer(
        struct.pack('HxxxxxxP', len(program) // 8, ctypes.addressof(buffer)))
    libc = ctypes.CDLL(None, use_errno=True)
    if (libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or
            libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, header, 0, 0)):
        os._exit(1)


class Memory:
    """One look at all of a process's memory."""

    def __init__(self, pid, needles):
        self.found = []
        self.hidden = []
        self.bytes_read = 0
        longest = max(len(needle) for needle in needles.values())
        with open(f'/proc/{pid}/maps', encoding='utf-8') as maps:
            regions = [line.split(maxsplit=5) for line in maps]
        with open(f'/proc/{pid}/mem', 'rb', buffering=0) as memory:
            for region in regions:
                self._search(memory, region, needles, longest)

    def _search(self, memory, region, needles, longest):
        begin, end = (int(text, 16) for text in region[0].split('-'))
        name = region[5].strip() if len(region) > 5 else 'anonymous'
        if 'r' not in region[1] or name in ('[vvar]', '[vvar_vclock]', '[vsyscall]'):
            return
        at = begin
        while at < end:
            try:
                content = os.pread(memory.fileno(), min(CHUNK_BYTES + longest, end - at), at)
            except OSError:
                content = b''
            if not content:
                self.hidden.append(name)
                return
            self.bytes_read += min(len(content), CHUNK_BYTES)
            for secret, needle in needles.items():
                for match in re.finditer(re.escape(needle), content):
                    if match.start() < CHUNK_BYTES:
                        around = content[max(0, match.start() - SHOWN_AROUND):match.end() + 8]
                        self.found.append(f'{secret} in {name} at {at + match.start():#x}: {around}')
            at += CHUNK_BYTES if len(content) > CHUNK_BYTES else len(content)


class MemoryTestCase(harness.EndToEndTest):
    """Worlds whose daemon's memory is looked at."""

    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest('the kernel lets only root read the memory of a process that is '
                          'not dumpable, as the daemon is not')

    def start(self, hidden, **how):
        """A world whose daemon has memfd_secret, or has not."""
        world = self.world(before_daemon=None if hidden else without_memfd_secret, **how)
        ready = re.search(r'msg=ready.* secrets=(\w+) .* seccomp=(\w+)',
                          world.daemon_log.read_text())
        if ready.group(2) == 'off':
            self.skipTest('a build with sanitizers: freed memory is kept by their allocator')
        if hidden and ready.group(1) != 'hidden':
            self.skipTest('this kernel has no memfd_secret; the other case is tested')
        self.assertEqual(ready.group(1), 'hidden' if hidden else 'locked')
        return world

    def look(self, world, needles):
        return Memory(world.daemon.pid, {
            name: value if isinstance(value, bytes) else value.encode()
            for name, value in needles.items()})

    def assert_forgotten(self, world, needles, when):
        """Nothing of `needles` is left; says where, otherwise."""
        try:
            harness.wait_until(lambda: not self.look(world, needles).found, 'all is forgotten',
                               FORGOTTEN_MAX_S, pause_s=0.2)
        except TimeoutError:
            memory = self.look(world, needles)
        else:
            memory = self.look(world, needles)
        print(f'{when}: {memory.bytes_read >> 20} MiB searched, {len(memory.hidden)} regions '
              f'closed to root ({", ".join(sorted(set(memory.hidden))) or "none"}), '
              f'{len(memory.found)} copies found', file=sys.stderr)
        self.assertEqual(memory.found, [], when)


class MemoryTest(MemoryTestCase):

    def hand_in_every_kind(self, world):
        """{what: secret} of one credential of each kind that takes any text."""
        made = {}

        def value(what):
            made[what] = 'canary' + secrets.token_hex(24)
            return made[what]
        for name, kind, content in (
                ('a-token', 'celigo-token', {'token': value('celigo token')}),
                ('a-tba', 'netsuite-tba', {'consumerKey': value('consumer key'),
                                           'consumerSecret': value('consumer secret'),
                                           'tokenId': value('token id'),
                                           'tokenSecret': value('token secret')}),
                ('a-login', 'netsuite-login', {'email': 'jira@example.com',
                                               'password': value('password')})):
            path = world.file(name + '.json', json.dumps(content))
            world.add_credential(name, kind, path)
            world.keyturn('credential', 'rotate', name, '--from-file', path)
            path.unlink()
        return made

    def check_deleted(self, hidden):
        world = self.start(hidden, accounts=False)
        made = self.hand_in_every_kind(world)
        self.assert_forgotten(world, made, 'handed in and sealed')
        for name in ('a-token', 'a-tba', 'a-login'):
            world.keyturn('credential', 'delete', name)
        self.assert_forgotten(world, made, 'deleted')

    def check_used(self, hidden):
        world = self.start(hidden, access='tba', old_login=True)
        info = world.sandbox.info
        tba = json.loads(pathlib.Path(info['netsuite']['tba_file']).read_text())
        person = harness.Person(world)
        shown = person.work_to_the_end(world.migrate())
        self.assertEqual(shown['state'], 'SUCCEEDED', harness.describe(shown))
        world.keyturn('account', 'test', 'acme')
        tokens = harness.live_tokens(world.sandbox.state())
        self.assert_forgotten(world, {'the secret of the new token': tokens[0]['secret']},
                              'a token written to the outside')
        # What is in use is in memory, and only in the arena. (The token's id is
        # sent to NetSuite in clear; it is of no use without the secret.)
        for account in ('acme', *(a['name'] for a in info['netsuite_accounts'])):
            world.keyturn('account', 'remove', account)
        for credential in world.keyturn('credential', 'list').json['credentials']:
            world.keyturn('credential', 'delete', credential['name'].split('/')[1], expect=None)
        self.assert_forgotten(world, {'celigo token': info['celigo_token'],
                                      'consumer secret': tba['consumerSecret'],
                                      'token secret': tba['tokenSecret']},
                              'used and deleted')

    def test_a_deleted_secret_is_gone_from_memory_that_root_reads(self):
        self.check_deleted(hidden=False)

    def test_a_deleted_secret_is_gone_from_memory(self):
        self.check_deleted(hidden=True)

    def test_a_used_secret_is_gone_from_memory_that_root_reads(self):
        self.check_used(hidden=False)

    def test_secrets_in_use_are_where_not_even_root_reads(self):
        world = self.start(True)
        world.keyturn('account', 'test', 'acme')
        memory = self.look(world, {'celigo token': world.sandbox.info['celigo_token']})
        self.assertTrue(memory.hidden, 'the arena is closed to root')
        self.assert_forgotten(world, {'celigo token': world.sandbox.info['celigo_token']},
                              'in use')

    def test_the_search_finds_what_is_there(self):
        world = self.start(False, accounts=False)
        self.assertTrue(self.look(world, {'a host': 'api.integrator.io'}).found)


class SealedMemoryTest(MemoryTestCase):
    """`admin seal` overwrites all that opens the store, and all that was opened."""

    PASSPHRASE = 'canary of a passphrase, six words'

    def keys(self, world, root_key):
        """{what: key} of all that opens the store."""
        found = {'root key': root_key}
        for number, key in enumerate(sealed_store.data_keys(
                world.data / 'store' / 'keyturn.db', root_key)):
            self.assertIsNotNone(key, 'the test opens what the vault has wrapped')
            found[f'data key {number}'] = key
        return found

    def in_use(self, world):
        """{what: secret} of a migration that waits for a person, and of its accounts."""
        tba = json.loads(pathlib.Path(world.sandbox.info['netsuite']['tba_file']).read_text())
        migration = world.migrate(world.spec(name='spec-with-old-login.yaml'))
        harness.Person(world).work_until_asked(migration, 'ISSUE_TOKEN')
        login = json.loads(pathlib.Path(world.sandbox.info['old_login_file']).read_text())
        return {'celigo token': world.sandbox.info['celigo_token'],
                'consumer secret': tba['consumerSecret'], 'token secret': tba['tokenSecret'],
                'password': login['password']}

    def check_sealed(self, hidden):
        world = self.start(hidden, access='tba', old_login=True)
        world.keyturn('admin', 'rotate-key')
        made = self.in_use(world)
        keys = self.keys(world, (world.data / 'root.key').read_bytes())
        self.assertEqual(len(keys), 3, 'a root key and two data keys')
        if not hidden:
            seen = {entry.split(' in ')[0] for entry in self.look(world, {**keys, **made}).found}
            self.assertLessEqual(set(keys) | {'token secret'}, seen,
                                 'what is in use is found, so the search is a search')
        world.keyturn('admin', 'seal')
        self.assert_forgotten(world, {**keys, **made}, 'sealed')
        if not hidden:
            self.tell_what_is_left(world, keys['data key 0'])
        world.keyturn('admin', 'unseal')
        world.keyturn('account', 'test', 'acme')

    def tell_what_is_left(self, world, oldest):
        """SECURITY.md names what a sealed daemon keeps; this is it."""
        keeps = {'row key': sealed_store.row_key(oldest)}
        for name in ('server-key.pem', 'ca-key.pem'):
            keeps[name] = max((world.data / name).read_text().splitlines(), key=len)
        left = {entry.split(' at ')[0] for entry in self.look(world, keeps).found}
        print(f'a sealed daemon keeps: {sorted(left)}', file=sys.stderr)
        self.assertIn('row key', {entry.split(' in ')[0] for entry in left})

    def test_the_keys_are_gone_from_memory_that_root_reads(self):
        self.check_sealed(hidden=False)

    def test_the_keys_are_gone_from_memory(self):
        self.check_sealed(hidden=True)

    def test_the_passphrase_and_its_key_are_gone_from_memory_that_root_reads(self):
        world = self.start(False, passphrase=self.PASSPHRASE)
        wrong = 'canary of another passphrase'
        root_key = sealed_store.root_key_of(self.PASSPHRASE,
                                            (world.data / 'root.scrypt').read_bytes())
        keys = self.keys(world, root_key)
        self.assert_forgotten(world, {'passphrase': self.PASSPHRASE}, 'unsealed')
        self.assertTrue(self.look(world, keys).found, 'an open daemon has its keys')
        world.keyturn('admin', 'seal')
        world.keyturn('admin', 'unseal', text=wrong, expect=None)
        self.assertTrue(world.keyturn('admin', 'status').json['sealed'])
        self.assert_forgotten(world, {'passphrase': self.PASSPHRASE, 'a wrong passphrase': wrong,
                                      **keys}, 'sealed again')


if __name__ == '__main__':
    harness.main()
