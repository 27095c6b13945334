// Pages of well-known sites that open what their query says, for UrlPlan: link checkers of mail
// services, and the way out of sites where people write. A link through one of them that shows
// where it leads is no phishing. Only pages whose owner alone decides what they open: not
// google.com as a whole, where anybody has pages. Pages that write the target in a code of their
// own (urldefense.proofpoint.com/v2/url) name none that can be read.
#pragma once

#include <array>
#include <string_view>

namespace winnow {

inline constexpr std::array<std::string_view, 24> kRedirectors{
    ".safelinks.protection.outlook.com",
    "away.vk.com/away.php",
    "clicktime.symantec.com",
    "deref-gmx.net",
    "deref-mail.com",
    "deref-web.de",
    "duckduckgo.com/l/",
    "l.facebook.com/l.php",
    "l.instagram.com",
    "l.messenger.com/l.php",
    "l.threads.com",
    "linkprotect.cudasvc.com/url",
    "lm.facebook.com/l.php",
    "out.reddit.com",
    "slack-redir.net/link",
    "steamcommunity.com/linkfilter/",
    "t.umblr.com/redirect",
    "urldefense.proofpoint.com/v1/url",
    "vk.com/away.php",
    "www.google.*/url",
    "www.google.com/url",
    "www.linkedin.com/redir/redirect",
    "www.youtube.com/redirect",
};

}  // namespace winnow
