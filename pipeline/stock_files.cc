#include "pipeline/stock_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include "engine/crypt/digest.h"
#include "pipeline/disk_files.h"
#include "rules/config/dump.h"
#include "rules/config/layers.h"

namespace winnow {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPackage = "/etc/rspamd/";
// More changed files than that were not edited: they are of another version.
constexpr size_t kEditedMax = 12;
constexpr size_t kValuesShown = 3;

// Digests of the package's files, by path below the folder (deb-conffiles(5), dpkg's status file).
std::map<std::string, std::string> packaged(const std::string& status) {
  std::map<std::string, std::string> out;
  std::ifstream in(status);
  bool ours = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("Package: ")) ours = line == "Package: rspamd";
    if (!ours || !line.starts_with(" ")) continue;
    const std::string_view text = std::string_view(line).substr(1);
    const size_t blank = text.find(' ');
    if (blank == std::string_view::npos || !text.starts_with(kPackage)) continue;
    out.emplace(text.substr(kPackage.size(), blank - kPackage.size()),
                text.substr(blank + 1, text.find(' ', blank + 1) - blank - 1));
  }
  return out;
}

// Nothing but blanks and comments.
bool is_blank(std::string_view text) {
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    line.remove_prefix(std::min(line.size(), line.find_first_not_of(" \t\r")));
    if (!line.empty() && line[0] != '#') return false;
  }
  return true;
}

struct StockFile {
  std::string name;  // below the folder
  std::string bytes;
};

std::vector<StockFile> stock_files(const fs::path& main) {
  DiskFiles disk;
  const std::string folder = main.parent_path().string() + "/";
  std::vector<StockFile> out;
  for (const char* const pattern :
       {"*.conf", "*.inc", "modules.d/*.conf", "scores.d/*.conf", "maps.d/*.inc"})
    for (const std::string& path : disk.glob(folder + pattern))
      if (Result<std::string> bytes = disk.read(path); bytes && !is_blank(*bytes))
        out.push_back({path.substr(folder.size()), std::move(*bytes)});
  return out;
}

// Where a change of that file belongs.
std::string place_of_change(const std::string& name) {
  if (name == "rspamd.conf") return "rspamd.conf.local";
  const bool flat = name.starts_with("modules.d/") || name.starts_with("scores.d/");
  return "local.d/" + (flat ? name.substr(name.find('/') + 1) : name);
}

// The section that a stock file fills; empty for those that name their sections themselves.
std::string section_of(const std::string& name) {
  const std::string stem = fs::path(name).stem().string();
  if (name.starts_with("scores.d/"))
    return "group." + stem.substr(0, std::min(stem.size(), stem.rfind("_group")));
  for (const char* const whole : {"actions", "options", "logging", "composites", "settings"})
    if (name.find('/') == std::string::npos && stem == whole) return stem;
  return {};
}

// Values that the file and the policy both have, and differently: "reject = 11 (here 15)".
void compare(const UclObject& theirs, const UclObject& ours, const std::string& path,
             std::vector<std::string>& out) {
  for (const UclObject& value : theirs.children()) {
    const UclObject* const own = ours.find(value.key());
    if (!own || value.is_array() || own->is_array()) continue;
    const std::string name = (path.empty() ? "" : path + ".") + std::string(value.key());
    if (value.is_object()) {
      if (own->is_object()) compare(value, *own, name, out);
      continue;
    }
    if (own->is_object() || value.text() == own->text()) continue;
    const std::optional<double> a = value.as_number(), b = own->as_number();
    if (a && b && *a == *b) continue;
    out.push_back(fmt::format("{} = {} (here {})", name, dump_scalar(value, DumpFormat::kUcl),
                              dump_scalar(*own, DumpFormat::kUcl)));
  }
}

std::vector<std::string> other_values(const StockFile& file, const UclObject& policy) {
  MemoryFiles nothing;
  UclOptions options;
  options.files = &nothing;
  std::vector<std::string> out;
  const Result<UclResult> parsed = parse_ucl(file.bytes, file.name, options);
  const std::string section = section_of(file.name);
  const UclObject* const own = section.empty() ? &policy : policy.get(section);
  if (parsed && own) compare(parsed->document->root(), *own, "", out);
  return out;
}

}  // namespace

std::vector<Warning> edited_stock_files(const std::string& config, const std::string& dpkg_status) {
  std::vector<Warning> out;
  if (config.empty()) return out;
  std::error_code error;
  fs::path path(config);
  if (fs::is_directory(path, error)) path /= "rspamd.conf";
  if (path.parent_path().empty()) path = "." / path;
  const std::vector<StockFile> files = stock_files(path);
  const auto name_of = [&](const StockFile& file) { return path.parent_path() / file.name; };
  const std::map<std::string, std::string> shipped = packaged(dpkg_status);
  for (const StockFile& file : files) {
    const auto known = shipped.find(file.name);
    const bool same = known != shipped.end() &&
                      write_digest(Digest(DigestKind::kMd5, file.bytes).view(), DigestForm::kHex) ==
                          known->second;
    // Others may put what they like beside a main file, but not among the package's own.
    if (known == shipped.end() && file.name.find('/') == std::string::npos &&
        file.name != path.filename())
      continue;
    if (!same)
      out.push_back({.file = name_of(file).string(),
                     .what = known == shipped.end()
                                 ? "Nothing reads this file."
                                 : "This stock file was changed, and it is not read.",
                     .advice = "What is to hold belongs into " + place_of_change(file.name) + "."});
  }
  if (!shipped.empty() && out.size() <= kEditedMax) return out;
  out.clear();
  const Result<Config> policy = [] {
    DiskFiles disk;
    return load_config(disk, {});
  }();
  if (!policy) return out;
  for (const StockFile& file : files) {
    const std::vector<std::string> values = other_values(file, policy->root());
    if (values.empty()) continue;
    std::string text;
    for (size_t i = 0; i < std::min(values.size(), kValuesShown); ++i)
      text += (i ? ", " : "") + values[i];
    if (values.size() > kValuesShown)
      text += fmt::format(" and {} more", values.size() - kValuesShown);
    out.push_back({.file = name_of(file).string(),
                   .what = "Stock files are not read, and this one says otherwise: " + text + ".",
                   .advice = "What is to hold belongs into " + place_of_change(file.name) + "."});
  }
  return out;
}

}  // namespace winnow
