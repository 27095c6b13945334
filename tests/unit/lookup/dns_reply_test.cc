// Replies as servers send them, and as nobody should.
#include "pipeline/lookup/dns_reply.h"

#include <gtest/gtest.h>

#include <tuple>

namespace winnow {
namespace {

constexpr uint16_t kA = 1, kNs = 2, kCname = 5, kSoa = 6, kPtr = 12, kMx = 15, kTxt = 16,
                   kAaaa = 28, kSrv = 33, kTlsa = 52;

using Bytes = std::vector<uint8_t>;

void two(Bytes& to, size_t value) {
  to.push_back(static_cast<uint8_t>(value >> 8));
  to.push_back(static_cast<uint8_t>(value));
}

void four(Bytes& to, size_t value) {
  two(to, value >> 16);
  two(to, value & 0xFFFF);
}

Bytes wire_name(std::string_view name) {
  Bytes out;
  while (!name.empty()) {
    const size_t dot = std::min(name.find('.'), name.size());
    out.push_back(static_cast<uint8_t>(dot));
    out.insert(out.end(), name.begin(), name.begin() + static_cast<ptrdiff_t>(dot));
    name.remove_prefix(std::min(dot + 1, name.size()));
  }
  out.push_back(0);
  return out;
}

Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Bytes text(std::string_view of) {
  Bytes out{static_cast<uint8_t>(of.size())};
  out.insert(out.end(), of.begin(), of.end());
  return out;
}

struct Made {
  Bytes bytes;
  size_t answers = 0, authorities = 0;
  uint16_t flags = 0x8180;

  Made& record(const Bytes& owner, uint16_t type, const Bytes& data, size_t ttl = 300,
               uint16_t klass = 1) {
    Bytes& to = bytes;
    to = to + owner;
    two(to, type);
    two(to, klass);
    four(to, ttl);
    two(to, data.size());
    to = to + data;
    ++(authority_ ? authorities : answers);
    return *this;
  }
  Made& record(std::string_view owner, uint16_t type, const Bytes& data, size_t ttl = 300) {
    return record(wire_name(owner), type, data, ttl);
  }
  Made& authority() {
    authority_ = true;
    return *this;
  }
  Bytes packet(std::string_view name, uint16_t type) const {
    Bytes out;
    two(out, 0x1234);
    two(out, flags);
    two(out, 1);
    two(out, answers);
    two(out, authorities);
    two(out, 0);
    out = out + wire_name(name);
    two(out, type);
    two(out, 1);
    return out + bytes;
  }

 private:
  bool authority_ = false;
};

std::string joined(const DnsReply& reply) {
  std::string out;
  for (const std::string& value : reply.values) out += (out.empty() ? "" : "|") + value;
  return out;
}

constexpr std::string_view kName = "a.example";

DnsReply read(const Made& made, uint16_t type) {
  return read_dns_reply(made.packet(kName, type), kName, type);
}

TEST(DnsReply, every_type_in_presentation_form) {
  Bytes mx, srv, soa = wire_name("ns.Example") + wire_name("root.example");
  two(mx, 10);
  for (const size_t number : {1u, 2u, 25u}) two(srv, number);
  for (const size_t number : std::initializer_list<size_t>{2026, 2, 3, 4, 4'000'000'000})
    four(soa, number);
  const std::tuple<uint16_t, Bytes, std::string> rows[] = {
      {kA, {192, 0, 2, 1}, "192.0.2.1"},
      {kAaaa, {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, "2001:db8::1"},
      {kPtr, wire_name("Mail.EXAMPLE.org"), "mail.example.org"},
      {kNs, wire_name("ns.example"), "ns.example"},
      {kCname, wire_name("b.example"), "b.example"},
      {kMx, mx + wire_name("mx.example"), "10 mx.example"},
      {kSrv, srv + wire_name("host.example"), "1 2 25 host.example"},
      {kSoa, soa, "ns.example root.example 2026 2 3 4 4000000000"},
      {kTxt, text("v=spf1 ") + text("") + text("-all"), "v=spf1 -all"},
      {kTlsa, {3, 1, 1, 0xAB}, "\\# 4 030101ab"},
  };
  for (const auto& [type, data, expected] : rows) {
    const DnsReply reply = read(Made().record(kName, type, data), type);
    EXPECT_EQ(reply.outcome, DnsOutcome::kValue) << type;
    EXPECT_EQ(joined(reply), expected);
    EXPECT_EQ(reply.ttl_s, 300u);
    EXPECT_FALSE(reply.authentic);
  }
}

TEST(DnsReply, a_dot_within_a_label_is_none_between_labels) {
  const Bytes odd = {4, 'a', '.', 'b', ' ', 3, 'c', '\\', 1, 0};
  EXPECT_EQ(joined(read(Made().record(kName, kPtr, odd), kPtr)), "a\\046b\\032.c\\092\\001");
}

TEST(DnsReply, records_of_the_name_alone_and_the_least_ttl) {
  Made made;
  made.record("other.example", kA, {6, 6, 6, 6}, 1)
      .record("A.Example", kA, {1, 1, 1, 1}, 90)
      .record(wire_name(kName), kA, {7, 7, 7, 7}, 1, 3)  // another class
      .record(Bytes{0xC0, 12}, kA, {2, 2, 2, 2}, 60);    // by a pointer
  made.flags |= 0x20;
  const DnsReply reply = read(made, kA);
  EXPECT_EQ(joined(reply), "1.1.1.1|2.2.2.2");
  EXPECT_EQ(reply.ttl_s, 60u);
  EXPECT_TRUE(reply.authentic);
}

TEST(DnsReply, a_ttl_with_its_highest_bit_set_is_zero) {
  EXPECT_EQ(read(Made().record(kName, kA, {1, 1, 1, 1}, 0x80000000), kA).ttl_s, 0u);
}

TEST(DnsReply, aliases_are_followed_in_any_order_up_to_their_limit) {
  for (unsigned hops = 0; hops <= kDnsAliasesMax + 2; ++hops) {
    const auto name = [](unsigned i) { return i ? "h" + std::to_string(i) : std::string(kName); };
    Made made;
    made.record(name(hops), kA, {1, 2, 3, 4}, 900);
    for (unsigned i = hops; i > 0; --i)
      made.record(name(i - 1), kCname, wire_name(name(i)), 100 + i);
    const DnsReply reply = read(made, kA);
    if (hops > kDnsAliasesMax) {
      EXPECT_EQ(reply.outcome, DnsOutcome::kBroken) << hops;
      continue;
    }
    EXPECT_EQ(joined(reply), "1.2.3.4") << hops;
    EXPECT_EQ(reply.ttl_s, hops ? 101u : 900u);
  }
}

TEST(DnsReply, an_alias_that_leads_out_of_the_reply) {
  const DnsReply reply = read(Made().record(kName, kCname, wire_name("b.example"), 70), kA);
  EXPECT_EQ(reply.outcome, DnsOutcome::kAlias);
  EXPECT_EQ(reply.alias, "b.example");
  EXPECT_EQ(reply.ttl_s, 70u);
  // Where the question is for the alias itself it is a value.
  EXPECT_EQ(read(Made().record(kName, kCname, wire_name("b.example")), kCname).outcome,
            DnsOutcome::kValue);
}

TEST(DnsReply, an_alias_of_the_root_leads_to_nothing) {
  const DnsReply reply = read(Made().record(kName, kCname, wire_name(""), 70), kA);
  EXPECT_EQ(reply.outcome, DnsOutcome::kNoData);
  EXPECT_EQ(reply.alias, "");
}

TEST(DnsReply, a_ring_of_aliases_is_broken) {
  Made made;
  made.record(kName, kCname, wire_name("b.example")).record("b.example", kCname, wire_name(kName));
  EXPECT_EQ(read(made, kA).outcome, DnsOutcome::kBroken);
}

TEST(DnsReply, none_holds_as_long_as_its_zone_says) {
  Bytes soa = wire_name("ns.example") + wire_name("root.example");
  for (const size_t number : {1u, 2u, 3u, 4u, 60u}) four(soa, number);
  struct Row {
    uint16_t rcode;
    size_t ttl;
    DnsOutcome outcome;
    uint32_t expected;
  };
  for (const Row& row :
       {Row{3, 120, DnsOutcome::kNoName, 60}, Row{0, 30, DnsOutcome::kNoData, 30}}) {
    Made made;
    made.flags |= row.rcode;
    made.authority().record("example", kSoa, soa, row.ttl);
    const DnsReply reply = read(made, kA);
    EXPECT_EQ(reply.outcome, row.outcome);
    EXPECT_EQ(reply.ttl_s, row.expected);
    EXPECT_TRUE(reply.values.empty());
  }
  EXPECT_EQ(read(Made(), kA).ttl_s, 0u);  // no SOA: not to be kept
}

TEST(DnsReply, what_the_server_says_of_itself) {
  const std::pair<uint16_t, DnsOutcome> rows[] = {{1, DnsOutcome::kBroken},
                                                  {2, DnsOutcome::kServerFailure},
                                                  {4, DnsOutcome::kBroken},
                                                  {5, DnsOutcome::kRefused},
                                                  {9, DnsOutcome::kServerFailure}};
  for (const auto& [rcode, outcome] : rows) {
    Made made;
    made.flags |= rcode;
    made.record(kName, kA, {1, 2, 3, 4});  // is not believed
    EXPECT_EQ(read(made, kA).outcome, outcome) << rcode;
    EXPECT_TRUE(read(made, kA).values.empty());
  }
}

TEST(DnsReply, a_reply_to_another_question_is_broken) {
  const Made made = Made().record(kName, kA, {1, 2, 3, 4});
  EXPECT_EQ(read_dns_reply(made.packet("b.example", kA), kName, kA).outcome, DnsOutcome::kBroken);
  EXPECT_EQ(read_dns_reply(made.packet(kName, kTxt), kName, kA).outcome, DnsOutcome::kBroken);
  Made query = made;
  query.flags = 0x0100;  // a question, not a reply
  EXPECT_EQ(read(query, kA).outcome, DnsOutcome::kBroken);
}

TEST(DnsReply, cut_anywhere_it_never_has_a_value) {
  Bytes soa = wire_name("ns.example") + wire_name("root.example");
  for (int i = 0; i < 5; ++i) four(soa, 1);
  const Bytes whole = Made().record(kName, kSoa, soa).packet(kName, kSoa);
  for (size_t size = 0; size < whole.size(); ++size) {
    const DnsReply reply = read_dns_reply(std::span(whole).first(size), kName, kSoa);
    EXPECT_EQ(reply.outcome, DnsOutcome::kBroken) << size;
    EXPECT_TRUE(reply.values.empty());
  }
}

TEST(DnsReply, data_shorter_or_longer_than_its_type) {
  const std::pair<uint16_t, Bytes> rows[] = {
      {kA, {1, 2, 3}},   {kA, {1, 2, 3, 4, 5}},  {kAaaa, {1}},
      {kMx, {0}},        {kMx, {0, 10}},         {kPtr, wire_name("a") + Bytes{0}},
      {kTxt, {5, 'a'}},  {kSoa, wire_name("a")}, {kSrv, {0, 1, 0, 1}},
      {kPtr, {64, 'a'}}, {kPtr, {0x80, 'a'}},
  };
  for (const auto& [type, data] : rows)
    EXPECT_EQ(read(Made().record(kName, type, data), type).outcome, DnsOutcome::kBroken) << type;
}

TEST(DnsReply, pointers_go_back_only) {
  const size_t first = 12 + wire_name(kName).size() + 4;
  const auto pointer = [](size_t to) {
    return Bytes{static_cast<uint8_t>(0xC0 | to >> 8), static_cast<uint8_t>(to)};
  };
  EXPECT_EQ(joined(read(Made().record(pointer(12), kA, {1, 2, 3, 4}), kA)), "1.2.3.4");
  for (const size_t to : {first, first + 2, size_t{0x3FFF}})
    EXPECT_EQ(read(Made().record(pointer(to), kA, {1, 2, 3, 4}), kA).outcome, DnsOutcome::kBroken)
        << to;
  // A label, then a pointer to that label.
  EXPECT_EQ(read(Made().record(Bytes{1, 'a'} + pointer(first), kA, {1, 2, 3, 4}), kA).outcome,
            DnsOutcome::kBroken);
}

TEST(DnsReply, names_of_255_bytes_and_not_one_more) {
  for (const size_t last : {size_t{61}, size_t{62}}) {
    Bytes name;
    for (const size_t length : {size_t{63}, size_t{63}, size_t{63}, last}) {
      name.push_back(static_cast<uint8_t>(length));
      name.insert(name.end(), length, 'x');
    }
    name.push_back(0);
    EXPECT_EQ(read(Made().record(kName, kPtr, name), kPtr).outcome,
              last == 61 ? DnsOutcome::kValue : DnsOutcome::kBroken);
  }
}

TEST(DnsReply, values_up_to_their_bytes_and_records_up_to_their_number) {
  Bytes long_text;
  for (int i = 0; i < 250; ++i) long_text = long_text + text(std::string(255, 'v'));
  EXPECT_EQ(joined(read(Made().record(kName, kTxt, long_text), kTxt)).size(), 250u * 255);
  // A packet whose data is shared by no pointer cannot hold more: names can.
  Made names;
  const Bytes far = wire_name(std::string(60, 'a') + "." + std::string(60, 'b'));
  names.record(kName, kPtr, far);
  const size_t at = names.packet(kName, kPtr).size() - far.size();
  for (int i = 0; i < 900; ++i)
    names.record(Bytes{0xC0, 12}, kPtr,
                 Bytes{static_cast<uint8_t>(0xC0 | at >> 8), static_cast<uint8_t>(at)});
  EXPECT_EQ(read(names, kPtr).outcome, DnsOutcome::kBroken);

  Made many;
  for (size_t i = 0; i < kDnsRecordsMax + 5; ++i)
    many.record(Bytes{0xC0, 12}, kA, {1, 2, static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i)});
  EXPECT_EQ(read(many, kA).values.size(), kDnsRecordsMax);
}

}  // namespace
}  // namespace winnow
