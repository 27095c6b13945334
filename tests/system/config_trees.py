"""Reads tests/config/blocks: see tests/config/README.md."""

EXPECTATIONS = ("dump", "groups", "modules", "verdict", "says", "notes", "runs")


def read_blocks(path):
    """[(title, {file: text}, {expectation: [line]})]"""
    blocks, into = [], None
    for line in path.read_text().splitlines():
        if line.startswith("=== "):
            blocks.append((f"{path.stem}: {line[4:]}", {}, {}))
            into = None
        elif line.startswith("--- "):
            name = line[4:]
            into = []
            blocks[-1][2 if name in EXPECTATIONS else 1][name] = into
        elif into is not None:
            into.append(line)
    return [(title, {name: "\n".join(lines) for name, lines in files.items()},
             {name: [line for line in lines if line.strip()] for name, lines in wanted.items()})
            for title, files, wanted in blocks]
