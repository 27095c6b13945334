# A mail that comes into Junk was called spam by its reader.
require ["vnd.dovecot.pipe", "copy", "imapsieve", "environment", "variables"];

if environment :matches "imap.user" "*" { set "user" "${1}"; }
pipe :copy :try "winnow-learn" ["spam", "${user}"];
