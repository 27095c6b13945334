"""The tables of differences.md: what differs must stand there, and what stands there must occur."""
import pathlib
from fnmatch import fnmatchcase

PAGE = pathlib.Path(__file__).resolve().parent / "differences.md"


def rows(section):
    """The cells of each row of a section's table, its head apart."""
    text = PAGE.read_text().split(f"\n## {section}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def unexplained(found, listed):
    """Prints which keys of `found` ({key: what is said of it}) no key of `listed` stands for, and which
    of those stand for none; returns how many. Keys are tuples; those listed are of shell patterns."""
    bad, used = 0, set()
    for key, text in sorted(found.items()):
        known = {row for row in listed
                 if all(fnmatchcase(part, pattern) for part, pattern in zip(key, row))}
        used |= known
        if not known:
            bad += 1
            print("FAILED:", ": ".join(key), text)
    for row in sorted(set(listed) - used):
        bad += 1
        print("FAILED:", ": ".join(row), "is listed and no longer differs")
    return bad
