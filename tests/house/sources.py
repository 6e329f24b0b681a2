"""The source files of the house, and what is code in them and what is not."""

import os
import pathlib
import re
from typing import Iterator, NamedTuple

TOP = pathlib.Path(__file__).resolve().parents[2]

# What a checkout has beside the sources; in a worktree .git is a file.
NOT_OURS = {".git", "build", "__pycache__", ".cache"}
CODE = {".h", ".cc"}
TEXT = CODE | {".proto", ".py", ".cmake", ".txt", ".md", ".yaml", ".yml",
               ".json", ".sh", ".service", ".conf", ".sql", ""}


class Fault(NamedTuple):
    """A rule that a line breaks."""

    path: str
    line: int
    says: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.says}"


class Source(NamedTuple):
    """A file: its path from the top, and its text."""

    path: str
    text: str

    @property
    def lines(self) -> list[str]:
        return self.text.split("\n")

    @property
    def suffix(self) -> str:
        return pathlib.PurePosixPath(self.path).suffix

    @property
    def name(self) -> str:
        return pathlib.PurePosixPath(self.path).name

    def within(self, *folders: str) -> bool:
        """Whether it is one of these files, or in one of these folders."""
        return any(self.path == folder or self.path.startswith(folder + "/")
                   for folder in folders)

    def fault(self, line: int, says: str) -> Fault:
        return Fault(self.path, line, says)


def tree(*folders: str, suffixes: set[str] = TEXT) -> Iterator[Source]:
    """Every source under these folders of the top; all of them if none."""
    for root in [TOP / folder for folder in folders] or [TOP]:
        for folder, folders_below, files in os.walk(root):
            folders_below[:] = sorted(set(folders_below) - NOT_OURS)
            for name in sorted(set(files) - NOT_OURS):
                file = pathlib.Path(folder, name)
                if file.suffix not in suffixes:
                    continue
                try:
                    yield Source(file.relative_to(TOP).as_posix(),
                                 file.read_text("utf-8"))
                except (UnicodeDecodeError, FileNotFoundError):
                    # A binary, or a file that somebody removed meanwhile.
                    continue


_TOKENS = re.compile(
    r"""//[^\n]*
      | /\*.*?\*/
      | R"(?P<mark>[^\s()\\]{0,16})\((?P<raw>.*?)\)(?P=mark)"
      | "(?P<string>(?:[^"\\\n]|\\.)*)"
      | (?<![0-9A-Za-z_])'(?:[^'\\\n]|\\.)+'""",
    re.DOTALL | re.VERBOSE)


def without_comments(text: str) -> str:
    """C++ with its comments blank; no line moves."""
    def blank(match: re.Match) -> str:
        token = match.group(0)
        return _blank(token) if token[:2] in ("//", "/*") else token
    return _TOKENS.sub(blank, text)


def code_only(text: str) -> str:
    """C++ with comments and the insides of strings blank; no line moves."""
    def blank(match: re.Match) -> str:
        token = match.group(0)
        if token[0] in "\"R":
            return '"' + _blank(token[1:-1]) + '"'
        return _blank(token)
    return _TOKENS.sub(blank, text)


def strings(text: str) -> Iterator[tuple[int, str]]:
    """Each string of C++ with its line; neighbours count as one."""
    text = without_comments(text)
    line, joined, end = 0, "", 0
    for match in _TOKENS.finditer(text):
        value = match.group("string")
        value = match.group("raw") if value is None else value
        if value is None:
            continue
        if joined and text[end:match.start()].strip():
            yield line, joined
            joined = ""
        if not joined:
            line = text.count("\n", 0, match.start()) + 1
        joined, end = joined + value, match.end()
    if joined:
        yield line, joined


def _blank(token: str) -> str:
    return re.sub(r"[^\n]", " ", token)
