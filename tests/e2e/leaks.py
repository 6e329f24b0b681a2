"""Where a secret could have got to, and the forms in which it could stand there."""

import base64
import json
import os
import pathlib
import threading
import urllib.parse

import harness

SHORTEST = 8
# How often running processes are looked at.
LOOK_AGAIN_S = 0.005
# What belongs to the daemon and nowhere else.
KEY_FILES = ('root.key', 'server-key.pem', 'ca-key.pem')


class ProcessWatcher:
    """Reads cmdline and environ of every process that runs one of our binaries."""

    def __init__(self):
        self.seen = {}
        self._binaries = {os.path.realpath(harness.binary(name))
                          for name in ('KEYTURND', 'KEYTURN', 'KEYTURN_SANDBOX')}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self._over.wait(LOOK_AGAIN_S):
            self.look()

    def look(self):
        for process in pathlib.Path('/proc').iterdir():
            if not process.name.isdigit():
                continue
            try:
                if os.path.realpath(process / 'exe') not in self._binaries:
                    continue
                for what in ('cmdline', 'environ'):
                    self.seen[(process.name, what, (process / what).read_bytes())] = None
            except OSError:
                continue  # It has ended.

    def stop(self):
        self._over.set()
        self._thread.join()

    def texts(self):
        return {f'/proc/{pid}/{what}': content for pid, what, content in self.seen}


def in_base64(raw):
    """As it stands in the middle of more, at each of the three places that it can
    have there, without the characters that its neighbours share."""
    for before, shared in ((0, 0), (1, 2), (2, 3)):
        text = bytes(before) + raw
        whole = base64.b64encode(text)[shared:4 * (len(text) // 3)]
        yield whole
        yield whole.translate(bytes.maketrans(b'+/', b'-_'))


def forms(secret):
    """How a secret could be written down."""
    raw = secret if isinstance(secret, bytes) else secret.encode()
    found = {raw, raw[::-1], raw.hex().encode(), raw.hex().upper().encode(),
             urllib.parse.quote(raw).encode(), urllib.parse.quote(raw, safe='').encode(),
             urllib.parse.quote_plus(raw).encode(), *in_base64(raw)}
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        pass
    else:
        for plain_ascii in (False, True):
            found.add(json.dumps(text, ensure_ascii=plain_ascii)[1:-1].encode())
    # A key in PEM is as good line by line.
    found.update(line for line in raw.splitlines() if not line.startswith(b'-----'))
    return {form for form in found if len(form) >= SHORTEST}


def find(secrets, texts):
    """Where which secret is: 'place: name'."""
    found = []
    for name, secret in secrets.items():
        for form in forms(secret):
            found += [f'{place}: {name}' for place, content in texts.items() if form in content]
    return sorted(set(found))


def texts_of(world):
    """Everything that the daemon or the command line wrote."""
    texts = {}
    own = {world.data / name for name in KEY_FILES}
    for path in list(world.data.rglob('*')) + list(world.directory.glob('*.log')):
        if path.is_file() and path not in own:
            texts[str(path.relative_to(world.directory))] = path.read_bytes()
    for number, output in enumerate(world.outputs):
        texts[f'output {number}'] = output.encode()
    return texts


def key_lines(world):
    """{file: the line of it that is secret} of the daemon's own private keys."""
    return {name: max((world.data / name).read_text().splitlines(), key=len)
            for name in KEY_FILES if name.endswith('.pem')}
