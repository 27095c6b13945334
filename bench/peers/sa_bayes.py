"""SpamAssassin's Bayes alone: spamd with no rules but its own, taught by TELL."""
import pathlib
import re
import shutil

import engines


class SpamAssassinBayes(engines.SpamAssassin):
    """Statistics in a folder of its own; a new instance has learnt nothing."""

    def __init__(self, work, min_learns=10):
        self.min_learns = min_learns
        super().__init__(work)

    def options(self):
        return ["--allow-tell", f"--configpath={self.rules_folder()}"]

    def rules_folder(self):
        to = self.work / "rules"
        to.mkdir()
        for name in ("20_aux_tlds.cf", "23_bayes.cf"):
            for folder in ("/var/lib/spamassassin", "/usr/share/spamassassin"):
                found = sorted(pathlib.Path(folder).rglob(name))
                if found:
                    shutil.copy(found[0], to)
                    break
        return to

    def preferences(self):
        self.work.chmod(0o777)  # spamd becomes nobody before it learns
        return ("use_auto_whitelist 0\nrequired_score 5\ndns_available no\nuse_bayes 1\n"
                f"bayes_path {self.work}/bayes\nbayes_auto_learn 0\nbayes_auto_expire 0\n"
                "bayes_learn_to_journal 0\nadd_header all Bayes _BAYES_\n"
                f"bayes_min_spam_num {self.min_learns}\nbayes_min_ham_num {self.min_learns}\n")

    def learn(self, spam, mail):
        self.ask(b"TELL SPAMC/1.5\r\nMessage-class: %s\r\nSet: local\r\nContent-length: %d\r\n\r\n" %
                 (b"spam" if spam else b"ham", len(mail)) + mail)

    def probability(self, mail):
        answer = self.ask(b"HEADERS SPAMC/1.5\r\nContent-length: %d\r\n\r\n" % len(mail) + mail)
        found = re.search(rb"^X-Spam-Bayes: ([0-9.]+)", answer, re.MULTILINE)
        return float(found[1]) if found else None
