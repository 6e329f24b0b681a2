"""Migrates one connection through Keyturn's API, as an automation service would:
starts it, follows it, has people's tasks answered, and reports.

    make-client client
    PYTHONPATH=client python3 migrate.py --server keyturn.acme.example:7443 \\
        --ca ca.pem --certificate bot.pem --key bot-key.pem \\
        --spec spec.json --run nightly-2026-11-24 --on-task ./ask-somebody

`--spec` is the API's Spec as JSON (see proto/README.md). `--run` names this run:
the same name started again goes on with the same migration, so the script may be
killed and repeated at any moment. `--on-task` is a program that gets each task as
JSON on its standard input and prints {"evidence": "…"} when it was done, or
{"tokenId": "…", "tokenSecret": "…"}; without it the script ends with 4 at the
first task, and people answer it with `keyturn task`.

Ends with what `keyturn migrate` ends with: 0 done, 1 failed, 3 refused, 4 waits
for a person, 5 rolled back, 6 needs attention, 7 not reachable, 8 not permitted.
The report, a JSON object, is its only standard output.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import time

import grpc
from google.protobuf import json_format
from google.rpc import error_details_pb2, status_pb2
from keyturn.v1 import migrations_pb2, migrations_pb2_grpc, tasks_pb2, tasks_pb2_grpc

DONE, FAILED, REFUSED, WAITS, ROLLED_BACK, ATTENTION, UNREACHABLE, NOT_PERMITTED = (
    0, 1, 3, 4, 5, 6, 7, 8)
State = migrations_pb2.Migration.State
ENDS = {State.SUCCEEDED: DONE, State.ROLLED_BACK: ROLLED_BACK, State.CANCELLED: ROLLED_BACK,
        State.NEEDS_ATTENTION: ATTENTION}
CODES = {grpc.StatusCode.UNAVAILABLE: UNREACHABLE,
         grpc.StatusCode.DEADLINE_EXCEEDED: UNREACHABLE,
         grpc.StatusCode.PERMISSION_DENIED: NOT_PERMITTED,
         grpc.StatusCode.UNAUTHENTICATED: NOT_PERMITTED,
         grpc.StatusCode.FAILED_PRECONDITION: REFUSED,
         grpc.StatusCode.ABORTED: REFUSED,
         grpc.StatusCode.ALREADY_EXISTS: REFUSED,
         grpc.StatusCode.NOT_FOUND: REFUSED}
CALL_MAX_S = 60
# A daemon that restarts is back within seconds; one that does not come back
# within this is reported.
UNREACHABLE_MAX_S = 120
PAUSE_S = 1


def reason_of(error):
    """The stable reason of a failed call: every error of the daemon has one."""
    for key, value in error.trailing_metadata() or ():
        if key == 'grpc-status-details-bin':
            for detail in status_pb2.Status.FromString(value).details:
                info = error_details_pb2.ErrorInfo()
                if detail.Unpack(info):
                    return info.reason
    return ''


def say(text):
    print(text, file=sys.stderr, flush=True)


class Run:
    """One run of one migration."""

    def __init__(self, channel, name, on_task):
        self.migrations = migrations_pb2_grpc.MigrationsStub(channel)
        self.tasks = tasks_pb2_grpc.TasksStub(channel)
        self.name = name
        self.on_task = on_task

    def request_id(self, *about):
        """Each change has an id that a repetition of this run makes again, so the
        daemon does it once, however often it is asked."""
        text = '\0'.join((self.name,) + about)
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def call(self, method, request):
        """Repeats what did not reach the daemon; the request id makes that safe."""
        deadline = time.monotonic() + UNREACHABLE_MAX_S
        while True:
            try:
                return method(request, timeout=CALL_MAX_S)
            except grpc.RpcError as error:
                unreachable = (error.code() == grpc.StatusCode.UNAVAILABLE
                               and not reason_of(error).startswith('OUTSIDE_'))
                if not unreachable or time.monotonic() > deadline:
                    raise
                time.sleep(PAUSE_S)

    def create(self, spec):
        return self.call(self.migrations.CreateMigration, migrations_pb2.CreateMigrationRequest(
            spec=spec, start=True, request_id=self.request_id('create')))

    def follow(self, migration):
        """Every event once and in order, across broken connections and restarts of
        the daemon; gives the migration when it is at rest or waits for people."""
        after = 0
        deadline = time.monotonic() + UNREACHABLE_MAX_S
        while True:
            try:
                watch = self.migrations.WatchMigrations(migrations_pb2.WatchMigrationsRequest(
                    name=migration.name, after_sequence=after))
                for item in watch:
                    deadline = time.monotonic() + UNREACHABLE_MAX_S
                    if item.HasField('bookmark'):
                        after = max(after, item.bookmark.sequence)
                        continue
                    after = item.event.sequence
                    say(f'{item.event.kind:17} {item.event.message}')
                    if item.event.state == State.AWAITING_TASK:
                        self.answer_tasks(migration.name)
                    if item.event.state in ENDS:
                        now = self.get(migration.name)
                        # An event of the past may tell of a state that is over.
                        if now.state in ENDS:
                            watch.cancel()
                            return now
                now = self.get(migration.name)
                if now.state in ENDS:
                    return now
            except grpc.RpcError as error:
                if error.code() not in (grpc.StatusCode.UNAVAILABLE,
                                        grpc.StatusCode.RESOURCE_EXHAUSTED):
                    raise
                if time.monotonic() > deadline:
                    raise
                time.sleep(PAUSE_S)

    def get(self, name):
        return self.call(self.migrations.GetMigration,
                         migrations_pb2.GetMigrationRequest(name=name))

    def answer_tasks(self, migration):
        for task in self.call(self.tasks.ListTasks,
                              tasks_pb2.ListTasksRequest(migration=migration)).tasks:
            if task.blocking:
                self.answer(task)

    def answer(self, task):
        if not self.on_task:
            say(f'{task.title}: keyturn task show {task.name}')
            raise SystemExit(WAITS)
        asked = json.dumps(json_format.MessageToDict(task))
        done = subprocess.run(self.on_task, input=asked, stdout=subprocess.PIPE, text=True,
                              check=True)
        answer = json.loads(done.stdout)
        try:
            if 'tokenId' in answer:
                self.call(self.tasks.SubmitTaskSecret, tasks_pb2.SubmitTaskSecretRequest(
                    name=task.name, token_id=answer['tokenId'].encode(),
                    token_secret=answer['tokenSecret'].encode(),
                    request_id=self.request_id('submit', task.name)))
            else:
                self.call(self.tasks.CompleteTask, tasks_pb2.CompleteTaskRequest(
                    name=task.name, evidence=answer.get('evidence', ''),
                    request_id=self.request_id('complete', task.name)))
        except grpc.RpcError as error:
            # Somebody else was quicker: that is as good.
            if reason_of(error) != 'TASK_CLOSED':
                raise

    def report(self, migration):
        return {
            'migration': migration.name,
            'state': State.Name(migration.state),
            'failure': migration.failure,
            'steps': [{'step': migrations_pb2.Step.Name.Name(step.name),
                       'state': migrations_pb2.Step.State.Name(step.state),
                       'message': step.message,
                       'proofs': {proof.what: proof.value for proof in step.proofs}}
                      for step in migration.steps],
            'leftToDo': list(migration.left_to_do),
            'attention': json_format.MessageToDict(migration.attention),
        }


def read(path):
    with open(path, 'rb') as file:
        return file.read()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--server', required=True, metavar='HOST:PORT')
    parser.add_argument('--server-name', default='keyturnd',
                        help='the name in the daemon\'s certificate')
    parser.add_argument('--ca', required=True, metavar='PEM')
    parser.add_argument('--certificate', required=True, metavar='PEM')
    parser.add_argument('--key', required=True, metavar='PEM')
    parser.add_argument('--spec', required=True, metavar='JSON')
    parser.add_argument('--run', required=True, metavar='NAME')
    parser.add_argument('--on-task', nargs=argparse.REMAINDER, metavar='PROGRAM',
                        help='and its arguments; the last option')
    arguments = parser.parse_args()

    credentials = grpc.ssl_channel_credentials(
        read(arguments.ca), read(arguments.key), read(arguments.certificate))
    options = [('grpc.ssl_target_name_override', arguments.server_name)]
    spec = json_format.Parse(read(arguments.spec), migrations_pb2.Spec())
    with grpc.secure_channel(arguments.server, credentials, options) as channel:
        run = Run(channel, arguments.run, arguments.on_task)
        try:
            migration = run.follow(run.create(spec))
        except grpc.RpcError as error:
            say(f'error: {error.details()} ({reason_of(error) or error.code().name})')
            return CODES.get(error.code(), FAILED)
        json.dump(run.report(migration), sys.stdout, indent=2)
        print()
        return ENDS[migration.state]


if __name__ == '__main__':
    sys.exit(main())
