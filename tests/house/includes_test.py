#!/usr/bin/env python3
"""The house's arrows (README, "The map of the house").

A room stands above all that it includes:

    app > rpc > engine > steps > vault, audit, upstream > store
        > migration, secret > base

Rooms on the same level do not know each other; access stands on secret and
base and is known to rpc and app; cli stands on the public API alone. CMake does
not enforce this, so this test reads the includes.

Each rule is tried on a snippet that breaks it, so that it is a check that can
fail.
"""

import re
import unittest
from typing import Iterator

from sources import CODE, Fault, Source, strings, tree

LEVEL = {
    "app": 7,
    "rpc": 6,
    "engine": 5,
    "steps": 4,
    "vault": 3,
    "audit": 3,
    "upstream": 3,
    "store": 2,
    "migration": 1,
    "secret": 1,
    "base": 0,
}
# Beside the others: what it may include, and who may include it.
ACCESS_BELOW = {"access", "secret", "base"}
ACCESS_ABOVE = {"access", "rpc", "app"}

# Where an include that begins like this may stand.
OUTSIDE = {
    "grpcpp/": ("daemon/rpc", "daemon/app", "cli"),
    "grpc/": ("daemon/rpc", "daemon/app", "cli"),
    "sqlite3": ("daemon/store/sqlite",),
    "curl/": ("daemon/upstream/http",),
    # cli/identity makes its keys itself: they never leave that side.
    "openssl/": ("daemon/secret", "daemon/vault", "daemon/audit",
                 "daemon/access", "daemon/upstream", "cli/identity"),
    # The public API, and what is written to disk, which are never the same.
    "keyturn/v1/": ("daemon/rpc", "daemon/app", "cli"),
    "keyturn/store/v1/": ("daemon/store", "daemon/vault"),
    "CLI/": ("cli", "daemon/app"),
}
# OPENSSL_cleanse: the command line wipes what it read.
OUTSIDE_EXCEPT = {("openssl/crypto.h", "cli")}

# Rooms that do not know that anything runs on a loop.
WITHOUT_ASIO = ("daemon/migration", "daemon/secret", "daemon/vault",
                "daemon/store", "daemon/access")

# First parts of the paths that an include in quotes may name.
QUOTED = ("daemon/", "cli/", "keyturn/", "absl/", "google/")

STATEMENT = re.compile(
    r"\bSELECT\s[^;]*\sFROM\b|\bINSERT\s+(OR\s+\w+\s+)?INTO\b"
    r"|\bDELETE\s+FROM\b|\bUPDATE\s+\w+\s+SET\b|\bCREATE\s+(TABLE|INDEX)\b"
    r"|\bPRAGMA\s+\w+")
# SuiteQL is asked of NetSuite; it is no store of ours.
STATEMENT_ROOMS = ("daemon/store", "daemon/upstream/netsuite")

VENDOR = re.compile(r"celigo|netsuite", re.IGNORECASE)
VENDOR_ROOMS = (
    "daemon/upstream",
    "daemon/steps",
    # The spec.
    "daemon/migration/spec.h",
    "daemon/migration/spec.cc",
    "daemon/migration/model.h",
    # Kinds of accounts and credentials as they are stored.
    "daemon/store/records.h",
    "daemon/store/records.cc",
    "daemon/store/codec.cc",
    # The shape of each kind of credential.
    "daemon/vault/payload.h",
    "daemon/vault/payload.cc",
    # The public API's fields, where they become values and back.
    "daemon/rpc/convert_inventory.cc",
    "daemon/rpc/convert_migration.cc",
    "daemon/rpc/convert_registry.cc",
    # The same fields, and the texts that people read.
    "cli",
)
# Words that may stand anywhere.
VENDOR_NAMES = re.compile("|".join((
    # Fields of the spec.
    r"\bspec\.(celigo|netsuite)\b",
    # Kinds of accounts and credentials, and the types named after them.
    r"\bk?(CeligoToken|NetSuiteTba|NetSuiteM2m|NetSuiteLogin)\b",
    r"\b(AccountKind|Account|Kind)::k(Celigo|NetSuite)\b",
    r"\bCeligoRegion\b",
)))
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.MULTILINE)


def includes(source: Source) -> Iterator[tuple[int, str, bool]]:
    """Line, path, and whether it stands in quotes."""
    for match in INCLUDE.finditer(source.text):
        # A newline may come before the `#`.
        line = source.text.count("\n", 0, match.start(1)) + 1
        yield line, match.group(2), match.group(1) == '"'


def room_of(path: str) -> str:
    parts = path.split("/")
    return parts[1] if parts[0] == "daemon" and len(parts) > 2 else parts[0]


def may_include(room: str, other: str) -> bool:
    if room == other:
        return True
    if room == "access":
        return other in ACCESS_BELOW
    if other == "access":
        return room in ACCESS_ABOVE
    return LEVEL.get(room, -1) > LEVEL.get(other, len(LEVEL))


def rooms_are_known(source: Source) -> Iterator[Fault]:
    if not source.within("daemon"):
        return
    room = room_of(source.path)
    if room not in LEVEL and room != "access":
        yield source.fault(1, f"room {room} is not on the map of the house")


def arrows_run_down(source: Source) -> Iterator[Fault]:
    room = room_of(source.path)
    for line, path, _ in includes(source):
        if path.startswith("daemon/"):
            if source.within("cli"):
                yield source.fault(line, f"cli stands on the API, not on {path}")
            elif not may_include(room, room_of(path)):
                yield source.fault(line, f"{room} may not include {path}")
        elif path.startswith("cli/") and not source.within("cli"):
            yield source.fault(line, f"{room} may not include {path}")
        elif path.startswith("tests/"):
            yield source.fault(line, f"{path} is for tests")


def vendors_do_not_meet(source: Source) -> Iterator[Fault]:
    parts = source.path.split("/")
    if parts[:2] != ["daemon", "upstream"] or len(parts) < 4:
        return
    allowed = {parts[2], "http"}
    for line, path, _ in includes(source):
        other = path.split("/")
        if other[:2] == ["daemon", "upstream"] and other[2] not in allowed:
            yield source.fault(line, f"upstream/{parts[2]} may not include {path}")


def outside_stays_in_its_rooms(source: Source) -> Iterator[Fault]:
    for line, path, _ in includes(source):
        for begin, rooms in OUTSIDE.items():
            excepted = (path, source.path.split("/")[0]) in OUTSIDE_EXCEPT
            if path.startswith(begin) and not source.within(*rooms):
                if not excepted:
                    yield source.fault(
                        line, f"{path} belongs in {', '.join(rooms)}")
        if path.startswith("asio") and source.within(*WITHOUT_ASIO):
            yield source.fault(line, f"{path}: this room knows no loop")


def the_core_is_pure(source: Source) -> Iterator[Fault]:
    if not source.within("daemon/migration"):
        return
    for line, path, quoted in includes(source):
        standard = not quoted and re.fullmatch(r"[a-z_]+", path)
        ours = path.startswith(("absl/", "daemon/base/", "daemon/migration/"))
        clock = path in ("absl/time/clock.h", "daemon/base/clock.h",
                         "chrono", "ctime", "thread", "mutex", "random",
                         "fstream", "iostream")
        if clock or not (standard or ours):
            yield source.fault(line, f"{path}: the core is pure")


def quotes_name_from_the_top(source: Source) -> Iterator[Fault]:
    for line, path, quoted in includes(source):
        if quoted and not path.startswith(QUOTED):
            yield source.fault(line, f'"{path}" is not written from the top')
        if not quoted and path.startswith(("daemon/", "cli/", "keyturn/")):
            yield source.fault(line, f"<{path}> is ours: write it in quotes")


def sql_stays_in_the_store(source: Source) -> Iterator[Fault]:
    if source.within(*STATEMENT_ROOMS):
        return
    for line, value in strings(source.text):
        if STATEMENT.search(value):
            yield source.fault(line, f"a statement outside of store: {value}")


def vendor_words_stay_in_their_rooms(source: Source) -> Iterator[Fault]:
    if source.within(*VENDOR_ROOMS):
        return
    for number, text in enumerate(source.lines, 1):
        if INCLUDE.match(text):
            continue
        found = VENDOR.search(VENDOR_NAMES.sub("", text))
        if found:
            yield source.fault(
                number, f"'{found.group(0)}' belongs in upstream, steps and "
                f"the spec: {text.strip()}")


RULES = (rooms_are_known, arrows_run_down, vendors_do_not_meet,
         outside_stays_in_its_rooms, the_core_is_pure, quotes_name_from_the_top,
         sql_stays_in_the_store, vendor_words_stay_in_their_rooms)

# Each rule, where it is tried, on what, and whether that breaks it.
TRIALS = (
    (rooms_are_known, "daemon/attic/a.h", "", True),
    (rooms_are_known, "daemon/a.h", "", True),
    (rooms_are_known, "daemon/store/sqlite/a.h", "", False),
    (arrows_run_down, "daemon/store/a.h", '#include "daemon/vault/v.h"', True),
    (arrows_run_down, "daemon/vault/a.h", '#include "daemon/store/s.h"', False),
    (arrows_run_down, "daemon/vault/a.h", '#include "daemon/upstream/http/c.h"',
     True),
    (arrows_run_down, "daemon/migration/a.h", '#include "daemon/secret/s.h"',
     True),
    (arrows_run_down, "daemon/secret/a.h", '#include "daemon/migration/m.h"',
     True),
    (arrows_run_down, "daemon/base/a.h", '\n#  include "daemon/secret/s.h"',
     True),
    (arrows_run_down, "daemon/engine/a.cc", '#include "daemon/rpc/r.h"', True),
    (arrows_run_down, "daemon/app/a.cc", '#include "daemon/base/b.h"', False),
    (arrows_run_down, "daemon/access/a.cc", '#include "daemon/store/s.h"', True),
    (arrows_run_down, "daemon/engine/a.cc", '#include "daemon/access/p.h"',
     True),
    (arrows_run_down, "daemon/rpc/a.cc", '#include "daemon/access/p.h"', False),
    (arrows_run_down, "cli/a.cc", '#include "daemon/base/b.h"', True),
    (arrows_run_down, "cli/output/a.cc", '#include <daemon/base/b.h>', True),
    (arrows_run_down, "cli/a.cc", '#include "cli/output/b.h"', False),
    (arrows_run_down, "daemon/app/a.cc", '#include "cli/run.h"', True),
    (arrows_run_down, "daemon/app/a.cc", '#include "tests/support/f.h"', True),
    (vendors_do_not_meet, "daemon/upstream/celigo/a.cc",
     '#include "daemon/upstream/netsuite/n.h"', True),
    (vendors_do_not_meet, "daemon/upstream/http/a.cc",
     '#include "daemon/upstream/celigo/n.h"', True),
    (vendors_do_not_meet, "daemon/upstream/celigo/a.cc",
     '#include "daemon/upstream/http/n.h"', False),
    (outside_stays_in_its_rooms, "daemon/engine/a.h",
     "#include <grpcpp/server.h>", True),
    (outside_stays_in_its_rooms, "daemon/rpc/a.h", "#include <grpcpp/server.h>",
     False),
    (outside_stays_in_its_rooms, "daemon/vault/a.h", "#include <sqlite3.h>",
     True),
    (outside_stays_in_its_rooms, "daemon/store/a.h", "#include <sqlite3.h>",
     True),
    (outside_stays_in_its_rooms, "daemon/steps/a.h", "#include <curl/curl.h>",
     True),
    (outside_stays_in_its_rooms, "daemon/store/a.h", "#include <openssl/evp.h>",
     True),
    (outside_stays_in_its_rooms, "cli/a.h", "#include <openssl/evp.h>", True),
    (outside_stays_in_its_rooms, "cli/identity/a.h",
     "#include <openssl/evp.h>", False),
    (outside_stays_in_its_rooms, "cli/a.h", "#include <openssl/crypto.h>",
     False),
    (outside_stays_in_its_rooms, "daemon/rpc/a.h",
     '#include "keyturn/store/v1/r.pb.h"', True),
    (outside_stays_in_its_rooms, "cli/a.h", '#include "keyturn/store/v1/r.pb.h"',
     True),
    (outside_stays_in_its_rooms, "daemon/vault/a.h",
     '#include "keyturn/store/v1/r.pb.h"', False),
    (outside_stays_in_its_rooms, "daemon/store/a.h",
     '#include "keyturn/v1/tasks.pb.h"', True),
    (outside_stays_in_its_rooms, "daemon/vault/a.h", "#include <asio.hpp>",
     True),
    (outside_stays_in_its_rooms, "daemon/store/store.h",
     "#include <asio/post.hpp>", True),
    (outside_stays_in_its_rooms, "daemon/engine/a.h", "#include <asio/post.hpp>",
     False),
    (the_core_is_pure, "daemon/migration/a.h", "#include <unistd.h>", True),
    (the_core_is_pure, "daemon/migration/a.h", "#include <thread>", True),
    (the_core_is_pure, "daemon/migration/a.h", '#include "daemon/base/clock.h"',
     True),
    (the_core_is_pure, "daemon/migration/a.h", "#include <nlohmann/json.hpp>",
     True),
    (the_core_is_pure, "daemon/migration/a.h", "#include <string_view>", False),
    (the_core_is_pure, "daemon/migration/a.h", '#include "absl/time/time.h"',
     False),
    (quotes_name_from_the_top, "daemon/base/a.cc", '#include "status.h"', True),
    (quotes_name_from_the_top, "daemon/base/a.cc", '#include "../secret/s.h"',
     True),
    (quotes_name_from_the_top, "cli/a.cc", "#include <cli/run.h>", True),
    (quotes_name_from_the_top, "cli/a.cc", '#include "cli/run.h"', False),
    (sql_stays_in_the_store, "daemon/engine/a.cc",
     'f("SELECT id "\n  "FROM migrations");', True),
    (sql_stays_in_the_store, "daemon/vault/a.cc", 'f("INSERT INTO x");', True),
    (sql_stays_in_the_store, "daemon/vault/a.cc", 'f(R"(DELETE FROM x)");', True),
    (sql_stays_in_the_store, "daemon/vault/a.cc", "// SELECT a FROM b", False),
    (sql_stays_in_the_store, "cli/a.cc", 'f("Select one from the list");',
     False),
    (sql_stays_in_the_store, "daemon/upstream/netsuite/a.cc",
     'f("SELECT id FROM role");', False),
    (vendor_words_stay_in_their_rooms, "daemon/engine/a.cc",
     "// Celigo answers 204.", True),
    (vendor_words_stay_in_their_rooms, "daemon/engine/a.cc",
     'f("netsuite");', True),
    (vendor_words_stay_in_their_rooms, "daemon/migration/transition.cc",
     "void OnCeligo();", True),
    (vendor_words_stay_in_their_rooms, "daemon/engine/a.cc",
     "f(spec.celigo.account, spec.netsuite.user);", False),
    (vendor_words_stay_in_their_rooms, "daemon/rpc/a.cc",
     "out->mutable_celigo()->set_tile(in.celigo().tile());", True),
    (vendor_words_stay_in_their_rooms, "daemon/rpc/convert_migration.cc",
     "out->mutable_celigo()->set_tile(in.celigo().tile());", False),
    (vendor_words_stay_in_their_rooms, "daemon/engine/a.cc",
     "if (kind == CredentialKind::kNetSuiteTba) return;", False),
    (vendor_words_stay_in_their_rooms, "daemon/steps/a.cc", "// Celigo", False),
)


class HouseTest(unittest.TestCase):
    def test_each_rule_catches_what_breaks_it_and_nothing_else(self):
        for rule, path, text, breaks in TRIALS:
            with self.subTest(rule=rule.__name__, path=path, text=text):
                self.assertEqual(bool(list(rule(Source(path, text)))), breaks)

    def test_each_rule_has_been_tried_both_ways(self):
        for rule in RULES:
            tried = {breaks for tried, _, _, breaks in TRIALS if tried is rule}
            self.assertEqual(tried, {True, False}, rule.__name__)

    def test_there_is_a_house(self):
        self.assertGreater(len(list(tree("daemon", suffixes=CODE))), 50)

    def test_the_house_stands(self):
        faults = [fault for source in tree("daemon", "cli", suffixes=CODE)
                  for rule in RULES for fault in rule(source)]
        self.assertFalse(faults, "\n" + "\n".join(map(str, faults)))


if __name__ == "__main__":
    unittest.main()
