"""Connections as no well-behaved client makes them: bytes and HTTP/2 frames
(RFC 9113) by hand, for callers who mean harm."""

import socket
import ssl
import struct

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, ACK, END_HEADERS = 1, 1, 4
INITIAL_WINDOW_SIZE = 4
PREFACE = b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
FRAME_BYTES_MAX = 16384
WINDOW_BYTES = 65535
PATIENCE_S = 20

# A ClientHello that announces 512 bytes and stops after six of them.
HALF_A_HELLO = b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'


def connect(port, source='127.0.0.1'):
    return socket.create_connection(('127.0.0.1', port), PATIENCE_S, (source, 0))


def frame(kind, flags, stream, payload=b''):
    return struct.pack('>I', len(payload))[1:] + struct.pack('>BBI', kind, flags, stream) + payload


def literal(text):
    """A text of HPACK (RFC 7541), not compressed."""
    length = len(text)
    if length < 127:
        return bytes([length]) + text
    rest, coded = length - 127, b'\x7f'
    while rest >= 128:
        coded, rest = coded + bytes([rest % 128 + 128]), rest // 128
    return coded + bytes([rest]) + text


class Wire:
    """One HTTP/2 connection over TLS. Nothing is read but when it is asked for."""

    def __init__(self, port, tls, source='127.0.0.1'):
        self.socket = tls.wrap_socket(connect(port, source), server_hostname='localhost')
        self.stream = -1
        # What may still be sent, by stream; 0 is all of them.
        self.windows = {0: WINDOW_BYTES}
        # What a new stream may send.
        self.window = WINDOW_BYTES
        self._received = b''
        self.socket.sendall(PREFACE + frame(SETTINGS, 0, 0))

    def begin(self, rpc, headers=()):
        """The number of a new stream that calls `rpc`."""
        self.stream += 2
        self.windows[self.stream] = self.window
        block = b''.join(b'\x00' + literal(name) + literal(value) for name, value in (
            (b':method', b'POST'), (b':scheme', b'https'), (b':path', b'/' + rpc.encode()),
            (b':authority', b'localhost'), (b'content-type', b'application/grpc'),
            (b'te', b'trailers'), *headers))
        self.socket.sendall(frame(HEADERS, END_HEADERS, self.stream, block))
        return self.stream

    def send(self, stream, content, end=False):
        """Waits where the windows are closed. ConnectionError if the stream ends."""
        for at in range(0, len(content), FRAME_BYTES_MAX):
            part = content[at:at + FRAME_BYTES_MAX]
            while min(self.windows[0], self.windows[stream]) < len(part):
                kind, _, of, _ = self.read_frame()
                if of == stream and kind in (HEADERS, RST_STREAM):
                    raise ConnectionError('the server ends the stream')
            self.windows[0] -= len(part)
            self.windows[stream] -= len(part)
            last = end and at + FRAME_BYTES_MAX >= len(content)
            self.socket.sendall(frame(DATA, END_STREAM if last else 0, stream, part))

    def call(self, rpc, message, compressed=False, headers=()):
        stream = self.begin(rpc, headers)
        self.send(stream, struct.pack('>BI', compressed, len(message)) + message, end=True)
        return stream

    def ping(self):
        self.socket.sendall(frame(PING, 0, 0, bytes(8)))

    def read_frame(self):
        """(kind, flags, stream, payload) of the next frame; answers what must be."""
        head = self._read(9)
        size = int.from_bytes(head[:3], 'big')
        kind, flags, stream = struct.unpack('>BBI', head[3:])
        payload = self._read(size)
        if kind == SETTINGS and not flags & ACK:
            self._set(payload)
            self.socket.sendall(frame(SETTINGS, ACK, 0))
        elif kind == PING and not flags & ACK:
            self.socket.sendall(frame(PING, ACK, 0, payload))
        elif kind == WINDOW_UPDATE and stream in self.windows:
            self.windows[stream] += struct.unpack('>I', payload)[0]
        elif kind == GOAWAY:
            raise ConnectionError(f'the server says: {payload[8:]!r}')
        return kind, flags, stream, payload

    def read_end(self, stream):
        """Reads until that stream has ended."""
        while True:
            kind, flags, of, _ = self.read_frame()
            if of == stream and (kind == RST_STREAM or flags & END_STREAM and kind in (DATA, HEADERS)):
                return

    def _set(self, settings):
        for name, value in struct.iter_unpack('>HI', settings):
            if name == INITIAL_WINDOW_SIZE:
                for stream in self.windows.keys() - {0}:
                    self.windows[stream] += value - self.window
                self.window = value

    def _read(self, size):
        while len(self._received) < size:
            part = self.socket.recv(65536)
            if not part:
                raise ConnectionError('the server hung up')
            self._received += part
        result, self._received = self._received[:size], self._received[size:]
        return result

    def close(self):
        self.socket.close()


def tls_context(ca_pem, certificate=None, key=None):
    context = ssl.create_default_context(cadata=ca_pem)
    context.check_hostname = False
    context.set_alpn_protocols(['h2'])
    if certificate:
        context.load_cert_chain(certificate, key)
    return context
