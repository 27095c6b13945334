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
    {"text/x-chdr", -1},
    {"text/x-c++src", -1},
    {"text/x-c++hdr", -1},
    {"text/x-java", -1},
    {"text/x-perl", -1},
    {"text/x-tex", -1},
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

// Extensions that open as programs or carry such, 1 to 4 (never honest): those that Outlook refuses
// to open (Microsoft, "Blocked attachments in Outlook"), kinds that came up since, and disk images,
// which hide from it. Weights of those that Rspamd knows are its.
struct ExtensionWeight {
  std::string_view extension;
  double weight;
};
constexpr ExtensionWeight kBadExtensions[] = {
    {"ace", 4},     {"ade", 2},        {"adp", 2},    {"app", 2},     {"application", 2},
    {"appx", 2},    {"appxbundle", 2}, {"arj", 2},    {"asp", 2},     {"bas", 2},
    {"bat", 2},     {"cab", 3},        {"chm", 2},    {"cmd", 2},     {"cnt", 2},
    {"com", 2},     {"cpl", 2},        {"csh", 2},    {"diagcab", 2}, {"dll", 2},
    {"exe", 1},     {"fxp", 2},        {"gadget", 2}, {"grp", 2},     {"hlp", 2},
    {"hpj", 2},     {"hta", 2},        {"img", 4},    {"inf", 2},     {"ins", 2},
    {"iqy", 2},     {"iso", 4},        {"isp", 2},    {"its", 2},     {"jar", 2},
    {"jnlp", 2},    {"js", 2},         {"jse", 2},    {"ksh", 2},     {"lnk", 4},
    {"mad", 2},     {"maf", 2},        {"mag", 2},    {"mam", 2},     {"maq", 2},
    {"mar", 2},     {"mas", 2},        {"mat", 2},    {"mau", 2},     {"mav", 2},
    {"maw", 2},     {"mcf", 2},        {"mda", 2},    {"mdb", 2},     {"mde", 2},
    {"mdt", 2},     {"mdw", 2},        {"mdz", 2},    {"msc", 2},     {"msh", 2},
    {"msh1", 2},    {"msh1xml", 2},    {"msh2", 2},   {"msh2xml", 2}, {"mshxml", 2},
    {"msi", 2},     {"msix", 2},       {"msp", 2},    {"mst", 2},     {"msu", 2},
    {"one", 2},     {"ops", 2},        {"osd", 2},    {"pcd", 2},     {"pif", 2},
    {"pl", 2},      {"plg", 2},        {"prf", 2},    {"prg", 2},     {"printerexport", 2},
    {"ps1", 2},     {"ps1xml", 2},     {"ps2", 2},    {"ps2xml", 2},  {"psc1", 2},
    {"psc2", 2},    {"psd1", 2},       {"psdm1", 2},  {"pst", 2},     {"reg", 2},
    {"scf", 2},     {"scr", 4},        {"sct", 2},    {"shb", 2},     {"shs", 2},
    {"slk", 2},     {"sys", 2},        {"theme", 2},  {"udf", 4},     {"url", 2},
    {"vb", 2},      {"vbe", 2},        {"vbp", 2},    {"vbs", 2},     {"vhd", 4},
    {"vhdx", 4},    {"vsmacros", 2},   {"vsw", 2},    {"vxd", 2},     {"webpnp", 2},
    {"website", 2}, {"wim", 2},        {"wll", 2},    {"ws", 2},      {"wsc", 2},
    {"wsf", 2},     {"wsh", 2},        {"xbap", 2},   {"xll", 2},     {"xnk", 2},
    {"xqy", 2},
};
// The same for the only file of an archive: documents that are dangerous enough to be wrapped.
constexpr ExtensionWeight kBadArchived[] = {
    {"hta", 4},    {"wsf", 4},    {"jar", 3},    {"js", 0.5},
    {"docx", 0.1}, {"xlsx", 0.1}, {"pptx", 0.1}, {"pdf", 0.1},
};

// Archives that nobody wraps into another: what they hold is to be hidden. Tar and gzip are, for
// source code.
constexpr std::string_view kWrappedArchives[] = {"7z",  "ace", "alz", "arj", "bz2", "cab",
                                                 "egg", "lz",  "rar", "xz",  "zip"};

}  // namespace winnow
