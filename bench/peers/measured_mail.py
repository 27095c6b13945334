"""Mail that engines are measured on."""
import io
import os
import pathlib
import subprocess
import sys
import tarfile


def add_corpus(parser):
    """The argument `corpus` of a tool that measures on mail."""
    shared = os.environ.get("WINNOW_SHARED",
                            str(pathlib.Path(__file__).resolve().parents[2].parent / "shared"))
    parser.add_argument("corpus", nargs="?", default=shared + "/corpus/mail-train.tar.zst",
                        help="directory or tar (.zst) of messages")


def require_corpus(corpus):
    if not os.path.exists(corpus):
        sys.exit(f"{pathlib.Path(sys.argv[0]).stem}: there is no corpus at {corpus}; name a directory "
                 "or a tar of mail")


def load_messages(corpus, sample):
    """[(name, bytes)] of a directory or tar, every k-th message so that all folders take part."""
    out = []
    path = pathlib.Path(corpus)
    if path.is_dir():
        for file in sorted(p for p in path.rglob("*") if p.is_file()):
            out.append((str(file.relative_to(path)), file.read_bytes()))
    else:
        raw = subprocess.run(["zstd", "-dc", str(path)], stdout=subprocess.PIPE, check=True).stdout \
            if path.suffix == ".zst" else path.read_bytes()
        with tarfile.open(fileobj=io.BytesIO(raw)) as tar:
            for member in tar:
                if member.isfile():
                    out.append((member.name, tar.extractfile(member).read()))
        out.sort()
    if sample and sample < len(out):
        out = [out[i * len(out) // sample] for i in range(sample)]
    return out


def write_messages(messages, folder):
    """The folder, with a file for each message."""
    for name, raw in messages:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(raw)
    return folder
