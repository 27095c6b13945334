// What mime_types thinks of types and of the extensions of file names. Written by us; a site adds
// to it by options.
#pragma once

#include <string_view>

namespace winnow {

// Declared or detected types: below 0 good, 0 usual, above 0 bad.
struct TypeWeight {
  std::string_view type;  // "text/plain", or "image/*"
  double weight;
};
constexpr TypeWeight kTypeWeights[] = {
    {"text/plain", -1},
    {"multipart/alternative", -1},
    {"multipart/mixed", -1},
    {"multipart/related", -1},
    {"multipart/signed", -1},
    {"multipart/report", -1},
    {"multipart/encrypted", -1},
    {"text/x-patch", -1},
    {"text/x-diff", -1},
    {"text/x-python", -1},
    {"text/x-csrc", -1},
    {"text/html", 0},
    {"text/calendar", 0},
    {"text/csv", 0},
    {"text/css", 0},
    {"text/enriched", 0},
    {"text/markdown", 0},
    {"text/richtext", 0},
    {"text/rtf", 0},
    {"text/vcard", 0},
    {"text/x-vcard", 0},
    {"text/directory", 0},
    {"text/x-amp-html", 0},
    {"text/xml", 0},
    {"text/rfc822-headers", 0},
    {"message/*", 0},
    {"image/*", 0},
    {"audio/*", 0},
    {"video/*", 0},
    {"font/*", 0},
    {"model/*", 0},
    {"application/octet-stream", 0},
    {"application/pdf", 0},
    {"application/json", 0},
    {"application/xml", 0},
    {"application/rtf", 0},
    {"application/ics", 0},
    {"application/zip", 0},
    {"application/gzip", 0},
    {"application/x-gzip", 0},
    {"application/x-tar", 0},
    {"application/x-bzip2", 0},
    {"application/x-xz", 0},
    {"application/x-7z-compressed", 0},
    {"application/x-zip-compressed", 0},
    {"application/ms-tnef", 0},
    {"application/vnd.ms-tnef", 0},
    {"application/msword", 0},
    {"application/postscript", 0},
    {"application/pgp-encrypted", 0},
    {"application/pgp-keys", 0},
    {"application/pgp-signature", 0},
    {"application/pkcs7-mime", 0},
    {"application/pkcs7-signature", 0},
    {"application/x-pkcs7-mime", 0},
    {"application/x-pkcs7-signature", 0},
    {"application/x-patch", 0},
    {"application/mac-binhex40", 0},
    {"application/applefile", 0},
    {"application/epub+zip", 0},
    {"application/vnd.ms-excel", 0},
    {"application/vnd.ms-excel.sheet.macroenabled.12", 0.5},
    {"application/vnd.ms-word.document.macroenabled.12", 0.5},
    {"application/vnd.ms-powerpoint", 0},
    {"application/vnd.ms-outlook", 0},
    {"application/vnd.oasis.opendocument.*", 0},
    {"application/vnd.openxmlformats-officedocument.*", 0},
    {"application/vnd.rar", 0},
    {"application/x-rar", 0},
    {"application/x-compressed", 1},
    {"application/x-iso9660-image", 1},
    {"application/javascript", 2},
    {"application/x-javascript", 2},
    {"text/javascript", 2},
    {"application/hta", 4},
    {"application/x-ms-shortcut", 4},
    {"application/x-msdownload", 4},
    {"application/x-msdos-program", 4},
    {"application/x-dosexec", 4},
    {"application/vnd.microsoft.portable-executable", 4},
    {"application/x-executable", 2},
    {"application/x-msi", 4},
    {"application/x-bat", 4},
    {"application/x-vbs", 4},
    {"application/java-archive", 2},
    {"application/x-java-archive", 2},
    {"application/vnd.android.package-archive", 2},
    {"application/x-shellscript", 1},
};

// Extensions that open as programs or carry such, 1 (odd in mail) to 4 (never honest).
struct ExtensionWeight {
  std::string_view extension;
  double weight;
};
constexpr ExtensionWeight kBadExtensions[] = {
    {"bat", 4}, {"cmd", 4},    {"com", 4},         {"cpl", 4},  {"exe", 4},        {"hta", 4},
    {"lnk", 4}, {"pif", 4},    {"scr", 4},         {"vbe", 4},  {"vbs", 4},        {"wsf", 4},
    {"wsh", 4}, {"jse", 4},    {"ps1", 4},         {"msi", 4},  {"msp", 4},        {"mst", 4},
    {"shb", 4}, {"shs", 4},    {"scf", 4},         {"reg", 4},  {"inf", 2},        {"js", 2},
    {"jar", 2}, {"ace", 4},    {"arj", 2},         {"cab", 3},  {"iso", 4},        {"img", 4},
    {"vhd", 4}, {"vhdx", 4},   {"udf", 4},         {"wim", 2},  {"one", 2},        {"chm", 4},
    {"hlp", 2}, {"ade", 3},    {"adp", 3},         {"mdb", 2},  {"mde", 3},        {"msc", 4},
    {"mht", 1}, {"url", 3},    {"xll", 4},         {"wll", 4},  {"slk", 2},        {"iqy", 4},
    {"app", 2}, {"gadget", 4}, {"application", 4}, {"appx", 4}, {"appxbundle", 4}, {"msix", 4},
    {"xqy", 4}, {"ws", 4},     {"vb", 4},          {"sct", 4},  {"psc1", 4},       {"psc2", 4},
    {"dll", 4}, {"sys", 3},    {"uue", 1},         {"z", 1},    {"xxe", 1},
};
// The same for the only file of an archive: documents that are dangerous enough to be wrapped.
constexpr ExtensionWeight kBadArchived[] = {
    {"docm", 2}, {"xlsm", 2}, {"pptm", 2},  {"dotm", 2},  {"xlam", 3}, {"xlsb", 2},
    {"ppam", 3}, {"js", 4},   {"html", 2},  {"htm", 2},   {"svg", 1},  {"jar", 4},
    {"one", 4},  {"url", 4},  {"doc", 0.1}, {"pdf", 0.1},
};

// Documents whose format is a ZIP: never an archive in an archive.
constexpr std::string_view kArchiveDocuments[] = {"docx", "odp",  "ods", "odt",
                                                  "pptx", "vsdx", "xlsx"};

}  // namespace winnow
