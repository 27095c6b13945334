// Pages of well-known sites that open what their query says, for UrlPlan: link checkers of mail
// services, and the way out of sites where people write. A link through one of them that shows
// where it leads is no phishing. Only pages whose owner alone decides what they open: not
// google.com as a whole, where anybody has pages.
#pragma once

#include <array>
#include <string_view>

namespace winnow {

inline constexpr std::array<std::string_view, 18> kRedirectors{
    ".safelinks.protection.outlook.com",
    "away.vk.com/away.php",
    "clicktime.symantec.com",
    "deref-gmx.net",
    "deref-mail.com",
    "deref-web.de",
    "duckduckgo.com/l/",
    "l.facebook.com/l.php",
    "l.instagram.com",
    "linkprotect.cudasvc.com/url",
    "lm.facebook.com/l.php",
    "out.reddit.com",
    "slack-redir.net/link",
    "steamcommunity.com/linkfilter/",
    "t.umblr.com/redirect",
    "vk.com/away.php",
    "www.google.com/url",
    "www.youtube.com/redirect",
};

}  // namespace winnow
