"""Runs clang-tidy on what has changed since it last passed.

usage: tidy.py BUILD_DIR CACHE_DIR
"""

import concurrent.futures
import hashlib
import json
import pathlib
import shlex
import subprocess
import sys

WORKERS = 2
# Rooms that pass; the others join as they do.
ROOMS = ("base", "secret", "migration", "store", "vault", "audit", "access", "upstream")


def commands(build):
    """The compile commands of the checked rooms, by file."""
    top = pathlib.Path.cwd()
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = pathlib.Path(entry["file"])
        if any(path.is_relative_to(top / "daemon" / room) for room in ROOMS):
            yield path, entry["command"], entry["directory"]


def fingerprint(path, command, directory):
    """Changes with anything that clang-tidy's verdict depends on."""
    words = [word for word in shlex.split(command) if word not in ("ccache", "-c")]
    words = words[: words.index("-o")] + ["-E", "-P", "-w", str(path)]
    text = subprocess.run(words, cwd=directory, capture_output=True, check=True).stdout
    rules = pathlib.Path(".clang-tidy").read_bytes()
    version = subprocess.run(["clang-tidy", "--version"], capture_output=True, check=True).stdout
    # -P drops comments: NOLINT lives there, so the file itself counts too.
    parts = [text, path.read_bytes(), rules, version]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def check(build, cache, path, command, directory):
    """Prints what clang-tidy complains about and returns the path, or None."""
    stamp = cache / fingerprint(path, command, directory)
    if stamp.exists():
        return None
    result = subprocess.run(
        ["clang-tidy", "-p", str(build), "--quiet", str(path)],
        capture_output=True,
        text=True,
    )
    if result.returncode != 0:
        print(result.stdout + result.stderr, flush=True)
        return path
    stamp.touch()
    return None


def main():
    build, cache = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    cache.mkdir(parents=True, exist_ok=True)
    work = list(commands(build))
    if not work:
        sys.exit("error: nothing to check; is the compilation database empty?")
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        complaints = list(pool.map(lambda item: check(build, cache, *item), work))
    failed = [path for path in complaints if path]
    print(f"clang-tidy: {len(work)} files checked, {len(failed)} with findings")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
