#include "rules/config/scalar.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace winnow {
namespace {

std::string show(std::string_view text) {
  const Scalar scalar = read_scalar(text);
  switch (scalar.kind) {
    case Scalar::Kind::kString:
      return "string";
    case Scalar::Kind::kNull:
      return "null";
    case Scalar::Kind::kBool:
      return scalar.flag ? "true" : "false";
    case Scalar::Kind::kInt:
      return fmt::format("int {}", scalar.whole);
    case Scalar::Kind::kDouble:
      return fmt::format("double {}", scalar.real);
    case Scalar::Kind::kTime:
      return fmt::format("time {}", scalar.real);
  }
  return {};
}

TEST(Scalar, Rows) {
  const struct {
    std::string_view input, expected;
  } rows[] = {
      {"0", "int 0"},
      {"-1", "int -1"},
      {"00012", "int 12"},
      {"0x1F", "int 31"},
      {"-0x10", "int -16"},
      {"0x", "string"},
      {"0xg", "string"},
      {"1.5", "double 1.5"},
      {"1.", "double 1"},
      {".5", "string"},
      {"+1", "string"},
      {"-", "string"},
      {"1e3", "double 1000"},
      {"1e", "string"},
      {"1e400", "string"},
      {"1k", "int 1000"},
      {"1K", "int 1000"},
      {"10m", "int 10000000"},
      {"1g", "int 1000000000"},
      {"1kb", "int 1024"},
      {"1kB", "int 1024"},
      {"1mb", "int 1048576"},
      {"1gb", "int 1073741824"},
      {"2.5k", "int 2500"},
      {"0.1k", "int 100"},
      {"1.0005k", "double 1000.5"},
      {"-2kb", "int -2048"},
      {"9223372036854775807", "int 9223372036854775807"},
      {"9223372036854775808", "string"},
      {"9223372036854775807k", "double 9.223372036854776e+21"},
      {"1ms", "time 0.001"},
      {"1Ms", "time 0.001"},
      {"1s", "time 1"},
      {"5min", "time 300"},
      {"1Min", "time 60"},
      {"1h", "time 3600"},
      {"1.5h", "time 5400"},
      {"1d", "time 86400"},
      {"1w", "time 604800"},
      {"1y", "time 31536000"},
      {"-5s", "time -5"},
      {"1abc", "string"},
      {"1 k", "string"},
      {"1.2.3.4", "string"},
      {"10/8", "string"},
      {"1-2", "string"},
      {"1_000", "string"},
      {"yes", "true"},
      {"ON", "true"},
      {"True", "true"},
      {"no", "false"},
      {"oFF", "false"},
      {"FALSE", "false"},
      {"yess", "string"},
      {"null", "null"},
      {"Null", "string"},
      {"inf", "double inf"},
      {"-inf", "string"},
      {"nan", "double nan"},
      {"", "string"},
  };
  for (const auto& row : rows) EXPECT_EQ(show(row.input), row.expected) << row.input;
  EXPECT_EQ(show(std::string(1000, '9')), "string");
}

}  // namespace
}  // namespace winnow
