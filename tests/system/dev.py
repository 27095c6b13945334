"""What ./dev does, with stand-ins for the package manager, CMake and the binary."""

import os
import shutil
import subprocess

from checking import Checking

ECHO = '#!/bin/sh\necho "$(basename "$0")" "$@" "in $PWD"\n'


def main():
    checking = Checking(__doc__)
    top, bin_folder, elsewhere = (checking.folder / name for name in ("top", "bin", "elsewhere"))
    for folder in (top / ".ci", top / "build/release", bin_folder, elsewhere):
        folder.mkdir(parents=True)
    shutil.copy(checking.source / "dev", top / "dev")
    shutil.copy(checking.source / ".ci/packages", top / ".ci/packages")

    def program(path, text):
        path.write_text(text)
        path.chmod(0o755)

    program(bin_folder / "dpkg-query", "#!/bin/sh\necho install ok installed\n")
    program(bin_folder / "cmake", ECHO)
    program(top / "build/release/winnow", ECHO)

    def dev(*words):
        done = subprocess.run([str(top / "dev"), *words], cwd=elsewhere, text=True, timeout=60,
                              capture_output=True,
                              env=dict(os.environ, PATH=f"{bin_folder}:{os.environ['PATH']}"))
        return done.returncode, done.stdout, done.stderr

    # The caller's own arguments, in the folder that he is in.
    code, out, err = dev("run", "scan", "a b.mbox")
    checking.equal("run scan", f"winnow scan a b.mbox in {elsewhere}\n", out)
    checking.check(code == 0 and f"--build build/release --target winnow in {top}" in err,
                   f"run scan: {code} {err}")
    # Without any, the sample of the repository, and what is next.
    code, out, err = dev("run")
    checking.check(code == 0 and out.startswith(f"winnow scan tests/mail/sample.mbox in {top}\n")
                   and "\nNext: " in out, f"run: {code} {out}{err}")
    # A build that fails is no run.
    program(bin_folder / "cmake", "#!/bin/sh\nexit 1\n")
    (top / "build/release/build.ninja").touch()
    code, out, err = dev("run", "scan", "x")
    checking.check(code == 2 and out == "" and "the build fails" in err, f"broken: {code} {out}{err}")
    code, out, err = dev("nothing")
    checking.check(code == 2 and out == "" and "no such command: nothing" in err, f"nothing: {err}")
    for words in ((), ("help",), ("--help",)):
        code, out, err = dev(*words)
        checking.check(code == 0 and "./dev run" in out and not err, f"{words}: {code} {err}")
    checking.finish()


main()
