"""The examples of deploy/examples against the real daemon. The Python client: a whole
migration, a daemon that is killed, a script that is killed. The pipeline's job."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

import harness

EXAMPLES = pathlib.Path(__file__).parents[2] / 'deploy' / 'examples'
EXAMPLE = EXAMPLES / 'python'
# Debian's, which has Debian's grpcio; the tests' own may be another one.
PYTHON = next((path for path in ('/usr/bin/python3', sys.executable)
               if os.path.exists(path)
               and subprocess.run([path, '-c', 'import grpc'], check=False,
                                  capture_output=True).returncode == 0), None)
ANSWERS = pathlib.Path(__file__).with_name('answer_task.py')


class PipelineTest(harness.EndToEndTest):

    def test_a_job_is_repeated_until_the_migration_is_done(self):
        world = self.world()
        before = world.sandbox.state()
        person = harness.Person(world)
        tools = world.directory / 'tools'
        tools.mkdir()
        (tools / 'keyturn').symlink_to(harness.binary('KEYTURN'))
        codes = []
        # Each run ends at a task, which is then done; four tasks and the end.
        for _ in range(5):
            job = subprocess.run(
                [str(EXAMPLES / 'pipeline' / 'migrate'), str(world.context), str(world.spec()),
                 'pipeline-4711'], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                timeout=harness.MIGRATION_MAX_S, check=False,
                env={**os.environ, 'PATH': f'{tools}:{os.environ["PATH"]}'})
            codes.append(job.returncode)
            for task in world.open_tasks():
                if task['blocking']:
                    self.assertIn(task['title'], job.stdout)
                    person.answer(task)
        self.assertEqual(codes, [harness.WAITS] * 4 + [harness.DONE], job.stdout + job.stderr)
        migrations = world.keyturn('list').json['migrations']
        self.assertEqual(len(migrations), 1)
        self.assert_switched(world, before, world.show(migrations[0]['name'].split('/')[1]))


class PythonClientTest(harness.EndToEndTest):

    def setUp(self):
        self.assertIsNotNone(PYTHON, 'python3-grpcio is not installed')

    def client(self, world):
        """Makes the client and the files that it needs; gives the command."""
        subprocess.run([str(EXAMPLE / 'make-client'), str(world.directory / 'client')], check=True)
        context = world.context.read_text()
        files = {name: self.pem_file(world, name) for name in ('ca', 'certificate', 'key')}
        spec = world.keyturn('plan', '-f', world.spec()).json['spec']
        return [PYTHON, str(EXAMPLE / 'migrate.py'),
                '--server', re.search(r'server: (\S+)', context).group(1),
                '--ca', files['ca'], '--certificate', files['certificate'], '--key', files['key'],
                '--spec', world.file('spec.json', json.dumps(spec))]

    @staticmethod
    def pem_file(world, name):
        """What the context has under `name`, in a file of its own."""
        pem = re.search(rf'^ +{name}: \|\n((?: +[^\s:]+[^\n:]*\n)+)', world.context.read_text(),
                        re.M).group(1)
        return world.file(f'{name}.pem',
                          '\n'.join(line.strip() for line in pem.splitlines()) + '\n')

    def run_client(self, world, command, name, on_task=True):
        command = command + ['--run', name]
        if on_task:
            command += ['--on-task', sys.executable, '-B', str(ANSWERS),
                        str(world.directory / 'sandbox' / 'sandbox.json')]
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, env={**os.environ, 'PYTHONPATH': str(world.directory / 'client'),
                            'PYTHONDONTWRITEBYTECODE': '1'})

    def finish(self, process, expect):
        out, err = process.communicate(timeout=harness.MIGRATION_MAX_S)
        self.assertEqual(process.returncode, expect, out + err)
        return out, err

    def test_starts_watches_answers_and_reports(self):
        world = self.world()
        before = world.sandbox.state()
        command = self.client(world)
        out, err = self.finish(self.run_client(world, command, 'first'), harness.DONE)
        report = json.loads(out)
        self.assertEqual(report['state'], 'SUCCEEDED')
        self.assertEqual(len(report['steps']), 14)
        self.assertTrue(report['leftToDo'])
        self.assertIn('STEP_DONE', err)
        migration = report['migration'].split('/')[1]
        self.assert_switched(world, before, world.show(migration))
        # The same run again finds the same migration and does nothing.
        again, _ = self.finish(self.run_client(world, command, 'first'), harness.DONE)
        self.assertEqual(json.loads(again), report)
        self.assertEqual(len(world.keyturn('list').json['migrations']), 1)
        # Another one is refused, with the reason.
        _, err = self.finish(self.run_client(world, command, 'second'), harness.REFUSED)
        self.assertIn('ALREADY_ON_TOKEN', err)

    def test_goes_on_when_the_daemon_or_the_script_is_killed(self):
        world = self.world()
        before = world.sandbox.state()
        command = self.client(world)
        _, err = self.finish(self.run_client(world, command, 'nightly', on_task=False),
                             harness.WAITS)
        self.assertIn('keyturn task show', err)
        script = self.run_client(world, command, 'nightly')
        world.kill_daemon()
        world.start_daemon()
        script.send_signal(signal.SIGKILL)
        script.communicate()
        out, _ = self.finish(self.run_client(world, command, 'nightly'), harness.DONE)
        migration = json.loads(out)['migration'].split('/')[1]
        self.assert_switched(world, before, world.show(migration))
        self.assertEqual(len(world.keyturn('list').json['migrations']), 1)

    def test_a_stranger_is_told_so(self):
        world = self.world()
        command = self.client(world)
        world.stop_daemon()
        shutil.rmtree(world.data)
        world.context.unlink()
        world.init()
        world.start_daemon()
        command[command.index('--server') + 1] = re.search(
            r'server: (\S+)', world.context.read_text()).group(1)
        command[command.index('--ca') + 1] = self.pem_file(world, 'ca')
        command[1] = str(self.impatient(world))
        process = self.run_client(world, command, 'stranger')
        out, err = process.communicate(timeout=harness.MIGRATION_MAX_S)
        self.assertIn(process.returncode, (7, 8), out + err)
        self.assertEqual(out, '')

    @staticmethod
    def impatient(world):
        """The example, with less patience for a daemon that hangs up."""
        text = (EXAMPLE / 'migrate.py').read_text()
        path = world.directory / 'impatient.py'
        path.write_text(text.replace('UNREACHABLE_MAX_S = 120', 'UNREACHABLE_MAX_S = 2'))
        return path


if __name__ == '__main__':
    harness.main()
