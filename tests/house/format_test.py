"""Every C++ file looks as clang-format makes it (Google style, unchanged)."""

import pathlib
import subprocess
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]


def unformatted(paths, style="file"):
    """The files that clang-format would change."""
    result = subprocess.run(
        ["clang-format", "--dry-run", f"--style={style}", *map(str, paths)],
        cwd=TOP,
        capture_output=True,
        text=True,
        check=True,
    )
    return sorted({line.split(":")[0] for line in result.stderr.splitlines() if "clang-format-violations" in line})


class FormatTest(unittest.TestCase):
    def test_every_file_is_formatted(self):
        paths = [
            path
            for room in ("daemon", "cli", "tests")
            for path in sorted((TOP / room).rglob("*"))
            if path.suffix in (".h", ".cc")
        ]
        self.assertGreater(len(paths), 100)
        self.assertEqual(unformatted(paths), [], "run clang-format -i on these files")

    def test_a_file_that_is_not_formatted_is_found(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "crooked.cc"
            path.write_text("int  f( ){return 1 ;}\n")
            self.assertEqual(unformatted([path], "Google"), [str(path)])


if __name__ == "__main__":
    unittest.main()
