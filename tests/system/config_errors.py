"""Wrong configurations, one folder each in tests/config/errors: NAME/ is laid out as a site's
directory, NAME/expected holds what `winnow configtest --strict` says of it and its exit code.
`--update` writes those files anew: read the difference before committing it."""

import shutil
from concurrent.futures import ThreadPoolExecutor

from checking import Checking


def say(test, folder, *options):
    """What configtest prints, with paths as the site's folder has them."""
    done = test.run("configtest", "--config", "./rspamd.conf", *options, cwd=folder)
    lines = done.stderr.decode().replace("././", "").replace("./", "").splitlines()
    return [line.removeprefix("winnow configtest: ") for line in lines], done.returncode


def main():
    test = Checking(__doc__, [("--update", {"action": "store_true"})])
    errors = test.source / "tests" / "config" / "errors"
    cases = sorted(path for path in errors.iterdir() if path.is_dir())
    site = test.folder / "errors"
    shutil.copytree(errors, site, ignore=shutil.ignore_patterns("expected"))
    for case in cases:
        (site / case.name / "rspamd.conf").touch()

    def run(case):
        lines, code = say(test, site / case.name, "--strict")
        return case, "".join(line + "\n" for line in lines) + f"exit {code}\n"

    run(cases[0])  # fills the cache of patterns
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(run, cases))
    for case, got in results:
        expected = case / "expected"
        if test.options.update:
            expected.write_text(got)
        else:
            test.equal(case.name, expected.read_text() if expected.exists() else "", got)
    test.check(len(cases) >= 40, f"only {len(cases)} wrong configurations")

    # Without --strict what is only a warning fails nothing; what stops the start still does.
    for name, code in (("unknown_key", 0), ("unclosed_brace", 2), ("winnow_unknown_key", 2)):
        got = say(test, site / name)[1]
        test.check(got == code, f"{name}: exit code {got}, not {code}")
    test.finish()


main()
