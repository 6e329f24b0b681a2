"""A hundred migrations at once, and the daemon is killed, or stopped and killed, or
stopped and let go on, a hundred times: every migration ends SUCCEEDED on a token
of its own, and what was acknowledged is there once."""

import collections
import os
import random
import signal
import threading
import time

import harness

MIGRATIONS = 100
BLOWS = int(os.environ.get('KEYTURN_KILLS', '0')) or 100
SEED = int(os.environ.get('KEYTURN_KILL_SEED', '0')) or random.SystemRandom().randrange(1, 2**31)
# What is done to the daemon, as often as it stands here.
WAYS = ('kill', 'kill', 'stop and kill', 'stop and continue')
# So long it works between two blows, and stands still, at most.
WORKS_MAX_S = 1.0
STANDS_MAX_S = 0.3
ALL_MAX_S = 300
CLIENTS = 4
# The run book: two tests of a login that got no answer may have been refused.
RETRIED = 'TEST_UNANSWERED'


class Clients:
    """Ask for the migrations, again and again until each is acknowledged, and then
    some once more: the same request gets the same migration."""

    def __init__(self, world):
        self.world = world
        self.acknowledged = {}
        self.wrong = []
        self._left = list(enumerate(world.sandbox.info['connections']))
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._work) for _ in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def join(self):
        for thread in self._threads:
            thread.join()

    def _work(self):
        deadline = time.monotonic() + ALL_MAX_S
        while time.monotonic() < deadline:
            with self._lock:
                if not self._left:
                    return
                number, entry = self._left.pop(0)
            answer = self.world.keyturn('migrate', '-f', entry['spec'], '--yes', '--detach',
                                        '--request-id', f'kill-load-{number}', expect=None)
            self._take(number, entry, answer)

    def _take(self, number, entry, answer):
        with self._lock:
            known = self.acknowledged.get(number)
            if answer.code != harness.DONE:
                if answer.code != harness.UNREACHABLE:
                    self.wrong.append(str(answer))
                self._left.append((number, entry))
            elif known is None:
                self.acknowledged[number] = answer.json['name']
                if number % 4 == 0:
                    self._left.append((number, entry))
            elif known != answer.json['name']:
                self.wrong.append(f'{known} is now {answer}')


class KillLoadTest(harness.EndToEndTest):

    def start(self, world):
        world.start_daemon(wait=False)
        harness.wait_until(
            lambda: world.daemon.poll() is not None or 'msg=ready' in world.log_since_start(),
            'the daemon serves')
        self.assertIsNone(world.daemon.poll(), 'the daemon starts after every kill')

    def strike(self, world, chance):
        time.sleep(chance.uniform(0, WORKS_MAX_S))
        way = chance.choice(WAYS)
        if way != 'kill':
            world.daemon.send_signal(signal.SIGSTOP)
            time.sleep(chance.uniform(0, STANDS_MAX_S))
        if way == 'stop and continue':
            world.daemon.send_signal(signal.SIGCONT)
        else:
            world.kill_daemon()
            self.start(world)
        return way

    def all_at_rest(self, world):
        """Every migration, once all rest; an operator tries again where the run book
        says so."""
        def there():
            migrations = world.keyturn('list').json['migrations']
            moving = [migration for migration in migrations
                      if migration['state'] not in harness.AT_REST]
            for migration in moving:
                if (migration.get('attention') or {}).get('reason') == RETRIED:
                    world.keyturn('retry', migration['name'])
            stuck = [migration for migration in moving if migration['state'] == 'NEEDS_ATTENTION'
                     and migration['attention']['reason'] != RETRIED]
            self.assertEqual(stuck, [])
            return migrations if not moving else None
        return harness.wait_until(there, 'all are at rest', ALL_MAX_S, pause_s=1)

    def test_a_hundred_migrations_survive_a_hundred_kills(self):
        print(f'KEYTURN_KILL_SEED={SEED}')
        chance = random.Random(SEED)
        world = self.world(options=['--seed', 'many', '--connections', str(MIGRATIONS)])
        before = world.sandbox.state()
        world.administrator()
        started = time.monotonic()
        clients = Clients(world)
        try:
            struck = collections.Counter(self.strike(world, chance) for _ in range(BLOWS))
        finally:
            until = time.monotonic()
            changes = world.news()
            clients.join()
        migrations = self.all_at_rest(world)
        print(f'{dict(struck)} in {until - started:.0f} s, all at rest after '
              f'{time.monotonic() - started:.0f} s; {changes} of {world.news()} changes came '
              'before the last of them')
        self.assertEqual(clients.wrong, [])
        self.assertEqual({migration['name'] for migration in migrations},
                         set(clients.acknowledged.values()))
        self.assertEqual(len(migrations), MIGRATIONS, 'each request made one migration')
        for migration in migrations:
            self.assertEqual(migration['state'], 'SUCCEEDED', harness.describe(migration))
        self.assert_all_switched(world, before)
        self.assert_no_gap(world, *clients.acknowledged.values())
        self.assert_trail_intact(world)


if __name__ == '__main__':
    harness.main()
