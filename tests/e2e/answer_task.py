"""Plays the administrator for one task: reads it from standard input, acts in the
sandbox, prints the answer as deploy/examples/python/migrate.py wants it.

    answer_task.py SANDBOX_JSON < task.json
"""

import json
import pathlib
import sys
import threading
import urllib.parse
import ssl

import harness


class Sandbox(harness.Sandbox):
    """One that somebody else has started."""

    def __init__(self, path):  # pylint: disable=super-init-not-called
        self.info = json.loads(pathlib.Path(path).read_text())
        self._address = urllib.parse.urlparse(self.info['base_url'])
        self._tls = ssl.create_default_context(cafile=self.info['ca_file'])
        self._lock = threading.Lock()
        self._connection = None


class World:
    """What a Person needs: hears the answer instead of giving it to the daemon."""

    def __init__(self, path):
        self.sandbox = Sandbox(path)
        self.answer = {'evidence': 'done as the task says'}

    def keyturn(self, *_, text=None, **__):
        if text:
            self.answer = json.loads(text)


def main():
    world = World(sys.argv[1])
    task = json.load(sys.stdin)
    # proto3's JSON leaves out what is empty.
    for name in ('problem', 'tokenName'):
        task.setdefault(name, '')
    task.setdefault('blocking', False)
    person = harness.Person(world)
    if task['step'] == 'ISSUE_TOKEN' and task['blocking']:
        world.answer = person.token(task)
    else:
        person.answer(task)
    json.dump(world.answer, sys.stdout)


if __name__ == '__main__':
    main()
