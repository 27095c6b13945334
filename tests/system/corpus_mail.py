"""The shared corpus of real mail, which is no part of the repository."""

import os
import subprocess
import tarfile
from pathlib import Path


def shared_archive(source):
    """Where it is, if it is."""
    return Path(os.environ.get("WINNOW_SHARED", source.parent / "shared")) / "corpus/mail-train.tar.zst"


def unpack(archive, folder, every=1):
    """Unpacks one message of `every`; the number of files."""
    count = 0
    with subprocess.Popen(["zstd", "-dcq", str(archive)], stdout=subprocess.PIPE) as source:
        with tarfile.open(fileobj=source.stdout, mode="r|") as tar:
            seen = 0
            for member in tar:
                if not member.isfile():
                    continue
                seen += 1
                if seen % every:
                    continue
                place = folder / f"{seen:06}"
                place.write_bytes(tar.extractfile(member).read())
                count += 1
    return count
