#!/usr/bin/env python3
"""The house is tidy: what neither the compiler nor clang-format minds.

Each rule is tried on a snippet that breaks it, so that it is a check that can
fail.
"""

import os.path
import re
import unittest
from typing import Iterator

from sources import (CODE, TOP, Fault, Source, code_only, tree,
                     without_comments)

COLUMNS_MAX = 100
FUNCTION_LINES_MAX = 100
FILE_LINES_MAX = 1000

# Functions that may be longer, each with its reason.
LONG_FUNCTIONS: dict[str, str] = {}

# Signature vectors stand there as their sources print them.
UNBREAKABLE = ("tests/upstream/netsuite/vectors.h",)

# Where the daemon may write to its standard output: what `keyturnd init` and a
# wrong command line tell the person at the terminal.
PRINTING = ("daemon/app/main.cc",)

# Spelt so that this file does not break its own rule.
MARKERS = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
MACHINE = re.compile(r"""(?<![\w.}/~*-])/(work|tm""" r"""p|home/\w+)/""")
# A test's own directory, made and removed by the test.
OWN_DIRECTORY = re.compile(r"mkdtemp|mktemp|X{6}|TMPDIR|TempDir")

PRINTS = re.compile(
    r"\b(v?f?printf|v?dprintf|f?puts|putchar|PrintF|FPrintF)\s*\("
    r"|\bstd::(cout|cerr|clog)\b|\bfmt::print\b")
SHOWS_MESSAGE = re.compile(
    r"\b(Utf8|Short)?DebugString\s*\(|\bTextFormat\b"
    r"|\bMessageToJson(String)?\s*\(|\bBinaryToJson(String|Stream)?\s*\(")
# The one place that may show a message; it hides what is secret.
SHOWS_REDACTED = ("daemon/rpc/redact.cc",)

# What makes text for people of what it is given.
TELLS = re.compile(
    r"\blog_?(\.|->)\s*Write\s*\(|\blog_?\s*\(|<<|\w*Error\s*\(|\bAnnotate\s*\("
    r"|\bWithReason\s*\(|\bMistake\s*\(|\bToHex\s*\(|\bFormatLogLine\s*\(")
EXPOSES = re.compile(r"\bExpose(Mutable)?\s*\(\s*\)")


def no_marker_is_left(source: Source) -> Iterator[Fault]:
    for number, line in enumerate(source.lines, 1):
        found = MARKERS.search(line)
        if found:
            yield source.fault(number, f"{found.group(0)} is left")


def lines_are_short(source: Source) -> Iterator[Fault]:
    if source.suffix not in CODE or source.within(*UNBREAKABLE):
        return
    for number, line in enumerate(source.lines, 1):
        if len(line) > COLUMNS_MAX:
            yield source.fault(number, f"{len(line)} columns")


def files_are_short(source: Source) -> Iterator[Fault]:
    if source.suffix not in CODE | {".py"}:
        return
    count = source.text.count("\n")
    if count > FILE_LINES_MAX:
        yield source.fault(count, f"{count} lines")


def functions(text: str) -> Iterator[tuple[int, int, str]]:
    """First line, number of lines and signature of each function of a file.

    Braces are counted, C++ is not parsed: what opens outside of functions,
    after parentheses and without an assignment, is taken for a function.
    """
    code = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*",
                  lambda match: re.sub(r"[^\n]", " ", match.group(0)),
                  code_only(text), flags=re.MULTILINE)
    inside = []  # What each open brace is: "scope", "function" or "block".
    begin = 0
    for match in re.finditer(r"[{};]", code):
        place, mark = match.start(), match.group(0)
        if mark == "{":
            head = code[begin:place]
            inside.append((_kind(head, inside), begin, head))
        elif mark == "}" and inside:
            kind, begun, head = inside.pop()
            if kind == "function":
                first = begun + len(head) - len(head.lstrip())
                line = code.count("\n", 0, first) + 1
                yield (line, code.count("\n", first, place) + 1,
                       " ".join(head.split()))
        if not any(kind != "scope" for kind, _, _ in inside):
            begin = place + 1


def _kind(head: str, inside: list) -> str:
    if any(kind != "scope" for kind, _, _ in inside):
        return "block"
    outside = head
    while True:
        fewer = re.sub(r"\([^()]*\)", " ", outside)
        if fewer == outside:
            break
        outside = fewer
    if "(" in head:
        assigned = re.search(r"(?<![=!<>])=(?!=)", outside)
        if assigned and "operator" not in head:
            return "block"
        return "function"
    if re.search(r"\b(namespace|class|struct|union|extern)\b", head):
        return "scope"
    return "block"


def functions_fit_a_screen(source: Source) -> Iterator[Fault]:
    if source.suffix not in CODE or not source.within("daemon", "cli"):
        return
    for line, count, signature in functions(source.text):
        if count > FUNCTION_LINES_MAX and signature not in LONG_FUNCTIONS:
            yield source.fault(line, f"{count} lines: {signature}")


def tests_assert(source: Source) -> Iterator[Fault]:
    if not source.name.endswith("_test.cc"):
        return
    if not re.search(r"\b(EXPECT|ASSERT)_[A-Z]+|\bFAIL\(\)",
                     code_only(source.text)):
        yield source.fault(1, "a test without an assertion")
    for line, count, signature in functions(source.text):
        if re.match(r"TEST(_F|_P)?\b", signature) and count <= 1:
            yield source.fault(line, f"an empty test: {signature}")


def paths_are_everybodys(source: Source) -> Iterator[Fault]:
    for number, line in enumerate(source.lines, 1):
        if not MACHINE.search(line):
            continue
        if source.within("tests", "deploy") and OWN_DIRECTORY.search(line):
            continue
        yield source.fault(number, f"a path of one machine: {line.strip()}")


def the_daemon_prints_nothing(source: Source) -> Iterator[Fault]:
    if source.suffix not in CODE or not source.within("daemon"):
        return
    if source.within(*PRINTING):
        return
    for number, line in enumerate(code_only(source.text).split("\n"), 1):
        found = PRINTS.search(line)
        if found:
            yield source.fault(number, f"prints: {found.group(0)}")


# A message may hold a secret, and protobuf 3.21 ignores debug_redact.
def no_message_is_shown(source: Source) -> Iterator[Fault]:
    if source.suffix not in CODE or not source.within("daemon"):
        return
    if source.within(*SHOWS_REDACTED):
        return
    for number, line in enumerate(code_only(source.text).split("\n"), 1):
        found = SHOWS_MESSAGE.search(line)
        if found:
            yield source.fault(number, f"shows a message: {found.group(0)}")


def statements(code: str) -> Iterator[tuple[int, str]]:
    """Where each statement begins, and its text. Braces within parentheses,
    which make a value or a lambda, do not end one."""
    begin = depth = 0
    for match in re.finditer(r"[(){};]", code):
        mark = match.group(0)
        depth += (mark == "(") - (mark == ")")
        if mark == ";" or (mark in "{}" and depth == 0):
            yield begin, code[begin:match.start()]
            begin = match.end()


def no_secret_is_told(source: Source) -> Iterator[Fault]:
    """No statement both opens a Secret and makes a log line or an error."""
    if source.suffix not in CODE or not source.within("daemon"):
        return
    code = code_only(source.text)
    for begin, statement in statements(code):
        exposed, told = EXPOSES.search(statement), TELLS.search(statement)
        if exposed and told:
            line = code.count("\n", 0, begin + exposed.start()) + 1
            yield source.fault(line, f"tells a secret: {told.group(0)}")


def headers_are_guarded(source: Source) -> Iterator[Fault]:
    if source.suffix != ".h" or not source.within("daemon", "cli"):
        return
    guard = "KEYTURN_" + re.sub(r"[/.]", "_", source.path).upper() + "_"
    text = without_comments(source.text)
    if not re.search(rf"#ifndef {guard}\s+#define {guard}\s", text):
        yield source.fault(1, f"is not guarded by {guard}")


RULES = (no_marker_is_left, lines_are_short, files_are_short,
         functions_fit_a_screen, tests_assert, paths_are_everybodys,
         the_daemon_prints_nothing, no_message_is_shown, no_secret_is_told,
         headers_are_guarded)


def is_listed(path: str, lists: dict[str, str]) -> bool:
    """Whether a CMakeLists.txt of its folder or above names the file."""
    folder = os.path.dirname(path)
    while folder:
        listed = lists.get(folder, "")
        name = os.path.relpath(path, folder)
        if re.search(rf"(?<![\w./-]){re.escape(name)}(?![\w.])", listed):
            return True
        folder = os.path.dirname(folder)
    return False


def body(lines: int) -> str:
    return "int F(int a) {\n" + "  a += 1;\n" * (lines - 2) + "}\n"


GUARDED = ("#ifndef KEYTURN_DAEMON_BASE_A_H_\n"
           "#define KEYTURN_DAEMON_BASE_A_H_\n#endif\n")

# Each rule, where it is tried, on what, and whether that breaks it.
TRIALS = (
    (no_marker_is_left, "daemon/base/a.cc", "// TO" "DO(me): later", True),
    (no_marker_is_left, "README.md", "FIX" "ME", True),
    (no_marker_is_left, "daemon/base/a.cc", "// XX" "X", True),
    (no_marker_is_left, "tests/base/a.cc", 'f("keyturn-XXXXXX");', False),
    (lines_are_short, "cli/a.cc", "x" * (COLUMNS_MAX + 1), True),
    (lines_are_short, "cli/a.cc", "x" * COLUMNS_MAX, False),
    (files_are_short, "cli/a.cc", "\n" * (FILE_LINES_MAX + 1), True),
    (files_are_short, "cli/a.cc", "\n" * FILE_LINES_MAX, False),
    (functions_fit_a_screen, "cli/a.cc", body(FUNCTION_LINES_MAX + 1), True),
    (functions_fit_a_screen, "cli/a.cc", body(FUNCTION_LINES_MAX), False),
    (functions_fit_a_screen, "cli/a.cc",
     "namespace a {\nnamespace {\nclass B : public C {\n public:\n  " +
     body(FUNCTION_LINES_MAX + 1) + "};\n}\n}\n", True),
    (functions_fit_a_screen, "cli/a.cc",
     "A::A(int b)\n    : b_(b) {\n  if (b) {\n    c('}', \"}\");  // }\n  }\n" +
     "  x();\n" * FUNCTION_LINES_MAX + "}\n", True),
    (functions_fit_a_screen, "cli/a.cc",
     "#define M(a) \\\n  do { \\\n  } while (a)\nnamespace a {\n" +
     body(40) + body(40) + body(40) + "}\n", False),
    (functions_fit_a_screen, "cli/a.cc",
     "constexpr auto kRows = std::to_array<Row>({\n" +
     "    {1, F(2)},\n" * FUNCTION_LINES_MAX + "});\n", False),
    (tests_assert, "tests/a_test.cc", "TEST(A, B) {\n  Run();\n}\n", True),
    (tests_assert, "tests/a_test.cc", "TEST(A, B) {\n  // EXPECT_EQ\n}", True),
    (tests_assert, "tests/a_test.cc",
     "TEST(A, B) {}\nTEST(A, C) {\n  EXPECT_EQ(1, 1);\n}\n", True),
    (tests_assert, "tests/a_test.cc", "TEST(A, B) {\n  EXPECT_EQ(1, 1);\n}\n",
     False),
    (paths_are_everybodys, "daemon/app/a.cc", 'f("/tm' 'p/keyturn");', True),
    (paths_are_everybodys, "README.md", "see /wo" "rk/shared", True),
    (paths_are_everybodys, "tests/a.cc", 'f("/tm' 'p/keyturn");', True),
    (paths_are_everybodys, "tests/a.cc", 'mkdtemp("/tm' 'p/a.XXXXXX");', False),
    (paths_are_everybodys, "daemon/base/a.cc", "// net/work/a", False),
    (the_daemon_prints_nothing, "daemon/base/a.cc", "std::cout << 1;", True),
    (the_daemon_prints_nothing, "daemon/base/a.cc", "fprintf(stderr, a);", True),
    (the_daemon_prints_nothing, "daemon/base/a.cc", "// printf(1)", False),
    (the_daemon_prints_nothing, "daemon/base/a.cc", "snprintf(a, 2, b);", False),
    (the_daemon_prints_nothing, "cli/a.cc", "std::cout << 1;", False),
    (no_message_is_shown, "daemon/rpc/a.cc", "log(a.DebugString());", True),
    (no_message_is_shown, "daemon/rpc/a.cc", "log(a->ShortDebugString());",
     True),
    (no_message_is_shown, "daemon/rpc/a.cc", "log(a.id());", False),
    (no_message_is_shown, "daemon/app/a.cc",
     "google::protobuf::TextFormat::PrintToString(a, &b);", True),
    (no_message_is_shown, "daemon/app/a.cc", "MessageToJsonString(a, &b);",
     True),
    (no_message_is_shown, "daemon/rpc/redact.cc", "TextFormat::Printer a;",
     False),
    (no_secret_is_told, "daemon/app/a.cc",
     'log_.Write(kInfo, "a", {{"b", std::string(c.Expose())}});', True),
    (no_secret_is_told, "daemon/app/a.cc",
     'log_.Write(kInfo, "a",\n           std::string(c.Expose()));', True),
    (no_secret_is_told, "daemon/app/a.cc", "out << YAML::Value << a.Expose();",
     True),
    (no_secret_is_told, "daemon/vault/a.cc",
     'return absl::InternalError(absl::StrCat("a", b.Expose()));', True),
    (no_secret_is_told, "daemon/vault/a.cc",
     'F(a.Expose());\nreturn absl::InternalError("b");', False),
    (no_secret_is_told, "tests/a.cc", "EXPECT_TRUE(a) << b.Expose();", False),
    (headers_are_guarded, "daemon/base/a.h", "#pragma once\n", True),
    (headers_are_guarded, "daemon/base/b.h", GUARDED, True),
    (headers_are_guarded, "daemon/base/a.h", "// A.\n" + GUARDED, False),
)


class TidyTest(unittest.TestCase):
    def test_each_rule_catches_what_breaks_it_and_nothing_else(self):
        for rule, path, text, breaks in TRIALS:
            with self.subTest(rule=rule.__name__, path=path, text=text[:200]):
                self.assertEqual(bool(list(rule(Source(path, text)))), breaks)

    def test_each_rule_has_been_tried_both_ways(self):
        for rule in RULES:
            tried = {breaks for tried, _, _, breaks in TRIALS if tried is rule}
            self.assertEqual(tried, {True, False}, rule.__name__)

    def test_a_source_is_listed_by_its_path_in_its_folder_or_above(self):
        lists = {"cli": "SOURCES\n  run.cc\n  output/text.cc\n"}
        self.assertTrue(is_listed("cli/run.cc", lists))
        self.assertTrue(is_listed("cli/output/text.cc", lists))
        self.assertFalse(is_listed("cli/text.cc", lists))
        self.assertFalse(is_listed("cli/output/run.cc", lists))
        self.assertFalse(is_listed("cli/un.cc", lists))
        self.assertFalse(is_listed("daemon/run.cc", lists))

    def test_every_long_function_that_is_allowed_is_still_there(self):
        there = {signature
                 for source in tree("daemon", "cli", suffixes=CODE)
                 for _, _, signature in functions(source.text)}
        self.assertLessEqual(set(LONG_FUNCTIONS), there)

    def test_the_functions_are_found(self):
        source = (TOP / "daemon/migration/outcomes.cc").read_text("utf-8")
        found = [signature for _, _, signature in functions(source)]
        self.assertTrue(any("OnUndone(" in name for name in found), found)
        self.assertGreater(len(found), 15)

    def test_the_house_is_tidy(self):
        faults = [fault for source in tree()
                  for rule in RULES for fault in rule(source)]
        self.assertFalse(faults, "\n" + "\n".join(map(str, faults)))

    def test_every_source_is_built(self):
        lists = {os.path.dirname(source.path): source.text
                 for source in tree("daemon", "cli", "tests", suffixes={".txt"})
                 if source.name == "CMakeLists.txt"}
        faults = [source.fault(1, "is in no CMakeLists.txt")
                  for source in tree("daemon", "cli", "tests", suffixes={".cc"})
                  if not is_listed(source.path, lists)]
        self.assertFalse(faults, "\n" + "\n".join(map(str, faults)))


if __name__ == "__main__":
    unittest.main()
