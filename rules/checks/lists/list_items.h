// What of a message lists are asked about: addresses, host names, URLs, mail addresses.
//
// content() packs each item into the option of a fact that never shows, so that ask() and judge()
// read the same whether the batch is still there, the case waited, or its evidence was recorded:
//
//   f,IP            the client                 h,NAME   HELO            n,NAME   the client's name
//   r,POS,COUNT,FLAGS,IP     a hop: 1 = topmost of COUNT, ReceivedFlag bits
//   u,KINDS,HOST,DOMAIN      a URL's host: UrlKind bits, organisational domain
//   e,HOST,DOMAIN,USER       an address in the text;   p,… the first of Reply-To
//   s,SELECTOR,VALUE         a value of a selector: its text's hash in hex
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/arena.h"
#include "engine/batch.h"

namespace winnow {

enum class ItemKind : char {
  kFrom = 'f',
  kHelo = 'h',
  kRdns = 'n',
  kReceived = 'r',
  kUrl = 'u',
  kEmail = 'e',
  kReplyTo = 'p',
  kSelector = 's',
  kDkim = 'd',  // never packed: judge() makes it of DKIM_TRACE
};

enum class UrlKind : uint8_t {
  kPlain = 1,    // in text or HTML
  kContent = 2,  // in other content, as attachments
  kImage = 4,
  kNumeric = 8,  // the host is an IP address; beside one of the others
};

struct ListItem {
  ItemKind kind = ItemKind::kFrom;
  IpAddress ip;             // of kFrom, kReceived and of URLs with a numeric host
  std::string_view host;    // name, host, or value of a selector
  std::string_view domain;  // organisational
  std::string_view user;    // of an address: lower case, without aliases
  uint8_t urls = 0;         // UrlKind bits
  uint32_t position = 0, count = 0;
  uint8_t flags = 0;
  uint32_t selector = 0;  // hash of its text
};

std::string_view pack_item(const ListItem& item, Arena& arena);
// Views into `text`. nullopt: not written by pack_item().
std::optional<ListItem> unpack_item(std::string_view text);

// The address without what its provider does not look at: "+tag" everywhere, dots and the other
// name of the domain at Gmail. Lower case, in the arena.
void remove_aliases(std::string_view& user, std::string_view& host, Arena& arena);

}  // namespace winnow
