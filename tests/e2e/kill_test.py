"""`kill -9` of the daemon at random moments: after a restart the migration ends
SUCCEEDED, one token was used, nothing was lost."""

import os
import random
import subprocess
import threading
import time

import harness

RUNS = 20
# A migration of the quick start has about this many events; the kills are
# spread over them.
EVENTS = 36
JITTER_MAX_S = 0.03
SEED = int(os.environ.get('KEYTURN_KILL_SEED', '0')) or random.SystemRandom().randrange(1, 2**31)


class Follower:
    """`keyturn migrate --progress json`: counts the events as they come."""

    def __init__(self, world):
        self.process = subprocess.Popen(
            [harness.binary('KEYTURN'), '--config', str(world.context), 'migrate', '-f',
             str(world.spec()), '--yes', '--progress', 'json'],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.lines = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line)

    def end(self):
        """Exit code and error output."""
        try:
            self.process.wait(harness.MIGRATION_MAX_S)
        finally:
            harness.stop(self.process)
            self._reader.join()
            error = self.process.stderr.read()
            self.process.stdout.close()
            self.process.stderr.close()
        return self.process.returncode, error


class KillTest(harness.EndToEndTest):

    def check(self, run):
        number, access, kills = run
        chance = random.Random(SEED * 1000 + number)
        world = self.world(access=access)
        before = world.sandbox.state()
        world.administrator()
        follower = Follower(world)
        try:
            for kill in kills:
                harness.wait_until(
                    lambda: len(follower.lines) >= kill or follower.process.poll() is not None,
                    f'{kill} events', harness.MIGRATION_MAX_S)
                time.sleep(chance.uniform(0, JITTER_MAX_S))
                world.kill_daemon()
                world.start_daemon()
            migrations = world.keyturn('list').json['migrations']
            self.assertEqual(len(migrations), 1, 'the repeated request made one migration')
            shown = world.wait(migrations[0]['name'].split('/')[1])
            code, error = follower.end()
        finally:
            harness.stop(follower.process)
        self.assert_switched(world, before, shown)
        self.assert_one_effect(world, before)
        self.assert_no_gap(world, shown['name'])
        self.assertEqual(code, harness.DONE, f'the command line followed to the end: {error}')

    def test_ends_succeeded_after_a_kill_at_any_moment(self):
        print(f'KEYTURN_KILL_SEED={SEED}')
        chance = random.Random(SEED)
        runs = []
        for number in range(RUNS):
            first = 1 + int((number + chance.random()) * EVENTS / RUNS)
            kills = [first]
            if number % 4 == 3:
                kills.append(first + chance.randrange(1, 8))
            runs.append((number, 'tba' if number % 5 == 4 else None, kills))
        self.each(runs, self.check)


if __name__ == '__main__':
    harness.main()
