# A mail that goes out of Junk was called good by its reader; but not one that is thrown away.
require ["vnd.dovecot.pipe", "copy", "imapsieve", "environment", "variables"];

if environment :matches "imap.mailbox" "Trash" { stop; }
if environment :matches "imap.user" "*" { set "user" "${1}"; }
pipe :copy :try "winnow-learn" ["ham", "${user}"];
