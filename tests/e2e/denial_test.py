"""Callers who would use the daemon up: its memory stays within a bound that is
named here, others are served meanwhile, and the log says what happened a few times
instead of a million."""

import gzip
import re
import resource
import struct

import harness
import wire

# What the daemon's resident memory may grow by, at its peak, in KiB.
SILENT_KIB_MAX = 48 << 10
TLS_KIB_MAX = 224 << 10
HALF_SENT_KIB_MAX = 128 << 10
# The refusals of calls that were begun are not read either.
BEGUN_KIB_MAX = 224 << 10
ENDLESS_KIB_MAX = 224 << 10
# gRPC's quota does not count answers; as many as one caller may leave unread.
UNREAD_KIB_MAX = 192 << 10
SMALL_KIB_MAX = 96 << 10

SILENT_ONES = 10000
# Descriptors of this test, and as many of the daemon.
DESCRIPTORS = 12000
# Lines of one kind: twenty at once, then one every ten seconds.
LINES_MAX = 40
# More than the daemon takes.
TLS_ONES = 2300
ENDLESS_BYTES, PIECE = 512 << 20, b'a' * (1 << 20)
# Of callers without certificates: connections, calls of each, what each announces
# and all but sends.
HALF_SENDERS, HALF_SENT_CALLS, ANNOUNCED_BYTES = 60, 16, 4 << 20
HALF_A_REQUEST = struct.pack('>BI', 0, ANNOUNCED_BYTES) + b'a' * (ANNOUNCED_BYTES - 1)
BEGINNERS, BEGUN_CALLS = 40, 4000
LARGE_HEADERS = ((b'x-more', b'a' * 12000),)
# More than a caller may send whom nobody knows.
LARGE_REQUESTS, LARGE_BYTES = 12, 200 << 10
# What one connection without a certificate may do.
CALLS_OF_ONE = 3
ENROLMENTS = 2000
BOMBS, BOMB_BYTES = 40, 64 << 20
UNREAD = 1500
# One who waits for the windows to open.
HALF_SENDER_PATIENCE_S = 1

ENROLL = 'keyturn.v1.Access/Enroll'
# Of five machines, as far as the daemon can tell.
SOURCES = [f'127.0.0.{last}' for last in range(1, 6)]
# Not those of the caller who is to be served.
OTHERS = tuple(SOURCES[1:])


def field(number, content):
    """A field of a message, with its length."""
    length, coded = len(content), b''
    while length >= 128:
        coded, length = coded + bytes([length % 128 + 128]), length // 128
    return bytes([number << 3 | 2]) + coded + bytes([length]) + content


class DenialTest(harness.EndToEndTest):

    def setUp(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY and hard < DESCRIPTORS:
            self.skipTest(f'RLIMIT_NOFILE: {DESCRIPTORS} descriptors are needed, the hard limit '
                          f'is {hard}')
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, DESCRIPTORS), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        self.w = self.world(accounts=False)
        self.port = int(re.search(r'tcp: \S+:(\d+)',
                                  (self.w.data / 'keyturnd.yaml').read_text()).group(1))
        self.anonymous = wire.tls_context((self.w.data / 'ca.pem').read_text())
        self.before = self.memory()['VmRSS']

    def memory(self):
        """{'VmRSS', 'VmHWM': KiB} of the daemon: now, and at most so far."""
        with open(f'/proc/{self.w.daemon.pid}/status', encoding='utf-8') as status:
            return {key: int(value) for key, value in
                    re.findall(r'^(VmRSS|VmHWM):\s+(\d+) kB', status.read(), re.MULTILINE)}

    def assert_bounded(self, kib_max):
        grown = self.memory()['VmHWM'] - self.before
        print(f'{self.id().rpartition(".")[2]}: grew by {grown >> 10} MiB at most', flush=True)
        self.assertLessEqual(grown, kib_max)

    def assert_served(self):
        self.assertEqual(self.w.keyturn('whoami').json['identity'], 'admin')

    def lines(self, text):
        return self.w.daemon_log.read_text().count(text)

    def assert_told(self, text):
        """The log says so, and not for ever."""
        harness.wait_until(lambda: self.lines(text), f'the log says: {text}')
        self.assertLessEqual(self.lines(text), LINES_MAX)

    def keep(self, connection):
        self.addCleanup(connection.close)
        return connection

    def wires(self, count, tls=None, sources=tuple(SOURCES)):
        return [self.keep(wire.Wire(self.port, tls or self.anonymous,
                                    sources[number % len(sources)])) for number in range(count)]

    def insider(self):
        """As the administrator, whose certificate is in the context."""
        context = self.w.context.read_text()
        found = re.findall(r'( *-----BEGIN ([A-Z ]+)-----.*?-----END \2-----)', context, re.DOTALL)
        parts = {kind: '\n'.join(line.strip() for line in pem.splitlines()) + '\n'
                 for pem, kind in reversed(found)}
        key = next(kind for kind in parts if 'PRIVATE' in kind)
        own = [pem for pem, kind in found if kind == 'CERTIFICATE']
        for pem in own:
            text = '\n'.join(line.strip() for line in pem.splitlines()) + '\n'
            if text.strip() != (self.w.data / 'ca.pem').read_text().strip():
                certificate = self.w.file('caller.pem', text)
        return wire.tls_context((self.w.data / 'ca.pem').read_text(), certificate,
                                self.w.file('caller-key.pem', parts[key]))

    # ---- Connections. ----

    def test_ten_thousand_that_say_nothing_or_half_a_hello(self):
        for number in range(SILENT_ONES):
            connection = self.keep(wire.connect(self.port, SOURCES[number % len(SOURCES)]))
            if number % 2:
                connection.send(wire.HALF_A_HELLO)
        self.assert_served()
        self.assert_told('connections that did not begin TLS within')
        self.assert_served()
        self.assert_bounded(SILENT_KIB_MAX)

    def test_more_that_begin_tls_and_then_are_idle(self):
        # Of machines other than the one whose caller is to be served.
        begun = 0
        for number in range(TLS_ONES):
            try:
                self.wires(1, sources=(OTHERS[number % len(OTHERS)],))
                begun += 1
            except OSError:
                continue  # Hung up on for the next one.
        self.assertGreater(begun, 1000)
        self.assert_served()
        self.assert_told('hung up on a connection for the sake of others')
        self.assert_bounded(TLS_KIB_MAX)

    # ---- Requests. ----

    def test_a_request_without_end(self):
        # Of somebody who is known: a stranger does not get that far.
        connection = self.wires(1, tls=self.insider())[0]
        connection.read_end(connection.call('keyturn.v1.Access/WhoAmI', b''))
        stream = connection.begin('keyturn.v1.Accounts/CreateAccount')
        with self.assertRaises(OSError):
            connection.send(stream, struct.pack('>BI', 0, ENDLESS_BYTES))
            for _ in range(ENDLESS_BYTES // len(PIECE)):
                connection.send(stream, PIECE)
        self.assert_served()
        self.assert_bounded(ENDLESS_KIB_MAX)

    def watch(self):
        """A watcher's connection, and its stream that has begun."""
        watcher = self.wires(1, tls=self.insider())[0]
        stream = watcher.call('keyturn.v1.Migrations/WatchMigrations', field(1, b'migrations/-'))
        while watcher.read_frame()[:3:2] != (wire.HEADERS, stream):
            pass
        return watcher, stream

    def assert_watches(self, watcher, stream):
        watcher.ping()
        kind = flags = 0
        while kind != wire.PING or not flags & wire.ACK:
            kind, flags, of, _ = watcher.read_frame()
            self.assertFalse(of == stream and (kind == wire.RST_STREAM or
                                               flags & wire.END_STREAM), 'the watch has ended')

    def test_requests_that_are_half_sent(self):
        watcher, stream = self.watch()
        for number in range(HALF_SENDERS):
            connection = self.wires(1, sources=(OTHERS[number % len(OTHERS)],))[0]
            connection.socket.settimeout(HALF_SENDER_PATIENCE_S)
            try:
                for _ in range(HALF_SENT_CALLS):
                    connection.send(connection.begin(ENROLL), HALF_A_REQUEST)
            except OSError:
                continue  # Hung up on, or held off.
        self.assert_served()
        self.send_large_requests()
        self.assert_watches(watcher, stream)
        self.assert_told('hung up on a caller whom nobody knows')
        self.assert_bounded(HALF_SENT_KIB_MAX)

    def test_calls_that_are_begun_and_never_sent(self):
        watcher, stream = self.watch()
        for number in range(BEGINNERS):
            connection = self.wires(1, sources=(OTHERS[number % len(OTHERS)],))[0]
            connection.socket.settimeout(HALF_SENDER_PATIENCE_S)
            try:
                for _ in range(BEGUN_CALLS):
                    connection.begin(ENROLL)
            except OSError:
                continue
        self.assert_served()
        self.assert_watches(watcher, stream)
        self.assert_told('refused a call without a certificate')
        self.assert_bounded(BEGUN_KIB_MAX)

    def send_large_requests(self):
        """Over one connection, as somebody who may."""
        connection = self.wires(1, tls=self.insider())[0]
        for _ in range(LARGE_REQUESTS):
            connection.read_end(connection.call('keyturn.v1.Accounts/CreateAccount',
                                                field(1, b'a' * LARGE_BYTES)))

    def test_who_is_known_may_send_much(self):
        self.send_large_requests()

    def refused(self, message, count, **how):
        for _ in range(count // CALLS_OF_ONE):
            connection = self.wires(1)[0]
            for _ in range(CALLS_OF_ONE):
                connection.read_end(connection.call(ENROLL, message, **how))
            connection.close()
        self.assert_served()

    def test_messages_and_headers_that_are_too_large(self):
        self.refused(b'a' * (257 << 10), 50)
        for connection in self.wires(50):
            try:
                connection.read_end(connection.call(ENROLL, b'', headers=LARGE_HEADERS))
            except OSError:
                continue  # gRPC may give up the whole connection.
        self.assert_served()
        self.assert_bounded(SMALL_KIB_MAX)

    def test_messages_that_unpack_to_much_more(self):
        self.refused(gzip.compress(bytes(BOMB_BYTES)), BOMBS, compressed=True,
                     headers=[(b'grpc-encoding', b'gzip')])
        self.assert_bounded(SMALL_KIB_MAX)

    def test_messages_that_nest_deeply(self):
        for message in (b'\x7b' * 60000, b'\x7b' * 90 + b'\x7c' * 90,
                        (b'\x7b' * 90 + b'\x7c' * 90) * 300):
            self.refused(message, 50)
        self.assert_bounded(SMALL_KIB_MAX)

    def test_a_flood_of_enrolments(self):
        self.refused(b'\x0a\x05guess\x12\x01a', ENROLMENTS)
        self.assert_told('reason=INVITATION_REFUSED')
        self.assert_told('reason=TOO_MANY_REFUSALS')
        self.assert_bounded(SMALL_KIB_MAX)

    # ---- Answers. ----

    def test_answers_that_nobody_reads(self):
        self.w.enroll('ann', self.w.keyturn('identity', 'invite', 'ann', '--role',
                                            'reader').json['token'])
        connection = self.wires(1, tls=self.insider())[0]
        connection.socket.settimeout(2)
        try:
            for _ in range(UNREAD):
                connection.call('keyturn.v1.Admin/GetSupportBundle', b'')
        except OSError:
            pass  # It hung up, or reads no more.
        self.assertEqual(self.w.as_person('ann', 'whoami').json['identity'], 'ann')
        self.assert_told('reason=TOO_MANY_CALLS')
        self.assert_bounded(UNREAD_KIB_MAX)


if __name__ == '__main__':
    harness.main()
