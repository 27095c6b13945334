// One table of magic numbers, tried in order; the first byte's row range is found through an index
// made at compile time, so that a file is compared with a few rows only. Text is looked at last: a
// file without control bytes whose first letters say HTML, XML, a script, a calendar, a card.
#include "engine/content/detect.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "engine/content/containers.h"
#include "engine/text/utf8.h"

namespace winnow {

namespace {

using namespace std::string_view_literals;

struct Magic {
  std::string_view bytes;
  DetectedType type;
};

// At offset 0. Sorted by first byte; within it longer and more special rows first.
constexpr Magic kMagic[] = {
    {"\0\0\1\0"sv, {"image/x-icon", "ico"}},
    {"\0asm"sv, {"application/wasm", "wasm"}},
    {"\0\0\1\xBA"sv, {"video/mpeg", "mpg"}},
    {"\0\0\1\xB3"sv, {"video/mpeg", "mpg"}},
    {"\x04\"M\x18"sv, {"application/x-lz4", "lz4"}},
    {"\x0A\r\r\n"sv, {"application/x-pcapng", "pcapng"}},
    {"\x1A\x45\xDF\xA3"sv, {"video/x-matroska", "mkv"}},
    {"\x1F\x8B"sv, {"application/gzip", "gz"}},
    {"\x1F\x9D"sv, {"application/x-compress", "z"}},
    {"\x1F\xA0"sv, {"application/x-compress", "z"}},
    {"!<arch>\ndebian"sv, {"application/vnd.debian.binary-package", "deb"}},
    {"!<arch>\n"sv, {"application/x-archive", "a"}},
    {"!BDN"sv, {"application/vnd.ms-outlook-pst", "pst"}},
    {"%!PS"sv, {"application/postscript", "ps"}},
    {"%PDF-"sv, {"application/pdf", "pdf"}},
    {"(\xB5/\xFD"sv, {"application/zstd", "zst"}},
    {"-----BEGIN PGP MESSAGE"sv, {"application/pgp-encrypted", "asc"}},
    {"-----BEGIN PGP SIGNATURE"sv, {"application/pgp-signature", "asc"}},
    {"-----BEGIN PGP PUBLIC KEY"sv, {"application/pgp-keys", "asc"}},
    {"0&\xB2u\x8E\x66\xCF\x11"sv, {"video/x-ms-asf", "wmv"}},
    {"7z\xBC\xAF\x27\x1C"sv, {"application/x-7z-compressed", "7z"}},
    {"8BPS"sv, {"image/vnd.adobe.photoshop", "psd"}},
    {"AC10"sv, {"image/vnd.dwg", "dwg"}},
    {"BM"sv, {"image/bmp", "bmp"}},
    {"BZh"sv, {"application/x-bzip2", "bz2"}},
    {"CWS"sv, {"application/x-shockwave-flash", "swf"}},
    {"FWS"sv, {"application/x-shockwave-flash", "swf"}},
    {"FLV\1"sv, {"video/x-flv", "flv"}},
    {"GIF87a"sv, {"image/gif", "gif"}},
    {"GIF89a"sv, {"image/gif", "gif"}},
    {"ID3"sv, {"audio/mpeg", "mp3"}},
    {"II*\0"sv, {"image/tiff", "tif"}},
    {"ITSF"sv, {"application/vnd.ms-htmlhelp", "chm"}},
    {"KDMV"sv, {"application/x-vmdk", "vmdk"}},
    {"L\0\0\0\1\x14\2\0"sv, {"application/x-ms-shortcut", "lnk"}},
    {"LZIP"sv, {"application/x-lzip", "lz"}},
    {"MM\0*"sv, {"image/tiff", "tif"}},
    {"MSCF"sv, {"application/vnd.ms-cab-compressed", "cab"}},
    {"MSWIM\0\0\0"sv, {"application/x-ms-wim", "wim"}},
    {"MThd"sv, {"audio/midi", "mid"}},
    {"OTTO\0"sv, {"font/otf", "otf"}},
    {"OggS"sv, {"application/ogg", "ogg"}},
    {"PAR1"sv, {"application/vnd.apache.parquet", "parquet"}},
    {"QFI\xFB"sv, {"application/x-qemu-disk", "qcow2"}},
    {"Rar!\x1A\7"sv, {"application/x-rar", "rar"}},
    {"SQLite format 3\0"sv, {"application/vnd.sqlite3", "sqlite"}},
    {"SZDD\x88\xF0"sv, {"application/x-ms-compress-szdd", "ex_"}},
    {"ZWS"sv, {"application/x-shockwave-flash", "swf"}},
    {"\x60\xEA"sv, {"application/x-arj", "arj"}},
    {"caff\0"sv, {"audio/x-caf", "caf"}},
    {"conectix"sv, {"application/x-vhd", "vhd"}},
    {"d8:announce"sv, {"application/x-bittorrent", "torrent"}},
    {"fLaC"sv, {"audio/flac", "flac"}},
    {"gimp xcf"sv, {"image/x-xcf", "xcf"}},
    {"regf"sv, {"application/x-ms-registry", "hiv"}},
    {"ttcf\0"sv, {"font/collection", "ttc"}},
    {"vhdxfile"sv, {"application/x-vhdx", "vhdx"}},
    {"wOF2"sv, {"font/woff2", "woff2"}},
    {"wOFF"sv, {"font/woff", "woff"}},
    {"x\x9F>\""sv, {"application/ms-tnef", "tnef"}},
    {"{\\rtf"sv, {"application/rtf", "rtf"}},
    {"\x7F"
     "ELF"sv,
     {"application/x-executable", "elf"}},
    {"\x89PNG\r\n\x1A\n"sv, {"image/png", "png"}},
    {"\xC5\xD0\xD3\xC6"sv, {"application/postscript", "eps"}},
    {"\xCE\xFA\xED\xFE"sv, {"application/x-mach-binary", "macho"}},
    {"\xCF\xFA\xED\xFE"sv, {"application/x-mach-binary", "macho"}},
    {"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"sv, {"application/x-ole-storage", "ole"}},
    {"\xD4\xC3\xB2\xA1"sv, {"application/vnd.tcpdump.pcap", "pcap"}},
    {"\xD7\xCD\xC6\x9A"sv, {"image/wmf", "wmf"}},
    {"\xE4\x52\x5C\x7B\x8C\xD8\xA7\x4D"sv, {"application/onenote", "one"}},
    {"\xED\xAB\xEE\xDB"sv, {"application/x-rpm", "rpm"}},
    {"\xFD"
     "7zXZ\0"sv,
     {"application/x-xz", "xz"}},
    {"\xFE\xED\xFA\xCE"sv, {"application/x-mach-binary", "macho"}},
    {"\xFE\xED\xFA\xCF"sv, {"application/x-mach-binary", "macho"}},
    {"\xFF\xD8\xFF"sv, {"image/jpeg", "jpg"}},
    {"\xFF\x0A"sv, {"image/jxl", "jxl"}},
    {"\xFF\xFB"sv, {"audio/mpeg", "mp3"}},
    {"\xFF\xF3"sv, {"audio/mpeg", "mp3"}},
    {"\xFF\xF1"sv, {"audio/aac", "aac"}},
};

// Row range of each first byte; rows need not be sorted within the table for it to be right.
constexpr auto kFirstBytes = [] {
  std::array<std::array<uint8_t, 2>, 256> ranges{};
  for (size_t i = std::size(kMagic); i-- > 0;) {
    auto& range = ranges[static_cast<uint8_t>(kMagic[i].bytes[0])];
    if (range[1] == 0) range[1] = static_cast<uint8_t>(i + 1);
    range[0] = static_cast<uint8_t>(i);
  }
  return ranges;
}();

// A short magic of letters also starts texts ("BM", "FWS", "ID3"): what follows must be binary.
bool fits(std::string_view bytes, std::string_view magic) {
  if (!bytes.starts_with(magic)) return false;
  if (magic.size() >= 5 || magic == "%!PS") return true;
  const auto binary = [](char c) {
    const auto byte = static_cast<uint8_t>(c);
    return byte >= 0x7F || (byte < 0x20 && (byte < '\t' || byte > '\r'));
  };
  if (std::any_of(magic.begin(), magic.end(), binary)) return true;
  const std::string_view next = bytes.substr(magic.size(), 32);
  return std::any_of(next.begin(), next.end(), binary);
}

bool folded_start(std::string_view text, std::string_view lower) {
  if (text.size() < lower.size()) return false;
  for (size_t i = 0; i < lower.size(); ++i) {
    const char c = text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] | 0x20) : text[i];
    if (c != lower[i]) return false;
  }
  return true;
}
bool folded_equal(std::string_view a, std::string_view lower) {
  return a.size() == lower.size() && folded_start(a, lower);
}

std::string_view extension_of_name(std::string_view name) {
  const size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
}

// Magic that does not stand at the start, or needs more than a prefix.
DetectedType detect_special(std::string_view bytes) {
  const auto at = [&](size_t offset, std::string_view want) {
    return bytes.size() > offset && bytes.substr(offset).starts_with(want);
  };
  if (bytes.starts_with("MZ")) {
    if (bytes.size() < 64) return {"application/x-dosexec", "exe"};
    const auto* const b = reinterpret_cast<const uint8_t*>(bytes.data());
    const size_t pe = b[60] | b[61] << 8 | static_cast<size_t>(b[62]) << 16;
    if (!at(pe, "PE\0\0"sv) || pe + 24 > bytes.size()) return {"application/x-dosexec", "exe"};
    const bool dll = b[pe + 23] & 0x20;
    return {"application/x-msdownload", dll ? "dll" : "exe"};
  }
  if (bytes.starts_with("\xCA\xFE\xBA\xBE") && bytes.size() > 8) {
    // A class file's major version is at least 45; a universal Mach-O has few architectures.
    const auto* const b = reinterpret_cast<const uint8_t*>(bytes.data());
    if ((b[6] << 8 | b[7]) >= 45) return {"application/java-vm", "class"};
    return {"application/x-mach-binary", "macho"};
  }
  if (bytes.starts_with("RIFF")) {
    if (at(8, "WEBP")) return {"image/webp", "webp"};
    if (at(8, "AVI ")) return {"video/x-msvideo", "avi"};
    if (at(8, "WAVE")) return {"audio/x-wav", "wav"};
    if (at(8, "ACON")) return {"application/x-navi-animation", "ani"};
  }
  if (bytes.starts_with("FORM") && (at(8, "AIFF") || at(8, "AIFC")))
    return {"audio/x-aiff", "aiff"};
  if (at(4, "ftyp")) {
    if (at(8, "avif")) return {"image/avif", "avif"};
    if (at(8, "hei") || at(8, "mif1")) return {"image/heic", "heic"};
    if (at(8, "qt  ")) return {"video/quicktime", "mov"};
    if (at(8, "M4A")) return {"audio/mp4", "m4a"};
    if (at(8, "3gp")) return {"video/3gpp", "3gp"};
    return {"video/mp4", "mp4"};
  }
  if (at(4, "moov") || at(4, "mdat")) return {"video/quicktime", "mov"};
  if (at(2, "-lh") && at(6, "-")) return {"application/x-lzh-compressed", "lzh"};
  if (at(4, "Standard Jet DB") || at(4, "Standard ACE DB"))
    return {"application/x-msaccess", "mdb"};
  if (bytes.starts_with("\1\0\0\0") && at(40, " EMF")) return {"image/emf", "emf"};
  if (bytes.starts_with("\0\1\0\0\0"sv) && bytes.size() > 12) return {"font/ttf", "ttf"};
  if (at(7, "**ACE**")) return {"application/x-ace-compressed", "ace"};
  if (at(257, "ustar")) return {"application/x-tar", "tar"};
  if (at(32769, "CD001") || at(32769, "BEA01")) return {"application/x-iso9660-image", "iso"};
  if (bytes.size() > 1024 && bytes.substr(bytes.size() - 512).starts_with("conectix")) {
    return {"application/x-vhd", "vhd"};
  }
  if (at(510, "\x55\xAA"sv) && (at(54, "FAT") || at(82, "FAT32") || at(3, "NTFS"))) {
    return {"application/x-raw-disk-image", "img"};
  }
  // PKCS #7 (RFC 2315 14): SEQUENCE { OID 1.2.840.113549.1.7.2 signedData or .3 envelopedData ...
  if (bytes[0] == '\x30') {
    const std::string_view head = bytes.substr(0, 32);
    const size_t oid = head.find("\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x07"sv);
    if (oid != std::string_view::npos && oid + 10 < head.size()) {
      if (head[oid + 10] == 2) return {"application/pkcs7-signature", "p7s"};
      if (head[oid + 10] == 3) return {"application/pkcs7-mime", "p7m"};
    }
  }
  // Readers accept a PDF whose header stands within the first kilobyte.
  if (bytes.substr(0, 1024).find("%PDF-") != std::string_view::npos)
    return {"application/pdf", "pdf"};
  return {};
}

struct TextStart {
  std::string_view lower;
  DetectedType type;
};
constexpr TextStart kTextStarts[] = {
    {"<!doctype html", {"text/html", "html"}},
    {"<html", {"text/html", "html"}},
    {"<head", {"text/html", "html"}},
    {"<body", {"text/html", "html"}},
    {"<script", {"text/html", "html"}},
    {"<style", {"text/html", "html"}},
    {"<meta", {"text/html", "html"}},
    {"<title", {"text/html", "html"}},
    {"<table", {"text/html", "html"}},
    {"<div", {"text/html", "html"}},
    {"<center", {"text/html", "html"}},
    {"<svg", {"image/svg+xml", "svg"}},
    {"<hta:", {"application/hta", "hta"}},
    {"begin:vcalendar", {"text/calendar", "ics"}},
    {"begin:vcard", {"text/vcard", "vcf"}},
    {"#!/bin/sh", {"text/x-shellscript", "sh"}},
    {"#!/bin/bash", {"text/x-shellscript", "sh"}},
    {"#!/usr/bin/env python", {"text/x-python", "py"}},
    {"#!/usr/bin/python", {"text/x-python", "py"}},
    {"#!/usr/bin/perl", {"text/x-perl", "pl"}},
    {"#!/usr/bin/env ", {"text/x-script", "sh"}},
    {"#!/", {"text/x-script", "sh"}},
    {"@echo off", {"text/x-msdos-batch", "bat"}},
    {"<?php", {"text/x-php", "php"}},
    {"[internetshortcut]", {"application/x-mswinurl", "url"}},
    {"[default]\r\nbaseurl=", {"application/x-mswinurl", "url"}},
    {"[default]\nbaseurl=", {"application/x-mswinurl", "url"}},
    {"windows registry editor", {"text/x-ms-regedit", "reg"}},
    {"regedit4", {"text/x-ms-regedit", "reg"}},
};

// Text of these extensions is what its extension says: scripts have no magic.
constexpr std::string_view kTextExtensions[] = {"js",  "jse", "vbs",  "vbe", "wsf", "wsh", "ps1",
                                                "bat", "cmd", "hta",  "py",  "sh",  "pl",  "php",
                                                "css", "csv", "json", "eml", "iqy", "slk"};

DetectedType detect_text(std::string_view bytes, std::string_view filename) {
  constexpr size_t kLookedAt = 1024;
  std::string_view head = bytes.substr(0, kLookedAt);
  if (head.starts_with("\xFF\xFE") || head.starts_with("\xFE\xFF")) return {"text/plain", "txt"};
  if (head.starts_with("\xEF\xBB\xBF")) head.remove_prefix(3);
  size_t odd = 0;
  for (const char c : head) {
    const auto byte = static_cast<uint8_t>(c);
    odd += byte < 0x20 && (byte < '\t' || byte > '\r') && byte != 0x1B;
  }
  if (head.find('\0') != std::string_view::npos) return {};
  if (odd * 50 > head.size()) return {};
  const size_t start = std::min(head.find_first_not_of(" \t\r\n"), head.size());
  const std::string_view text = head.substr(start);
  for (const TextStart& row : kTextStarts) {
    if (folded_start(text, row.lower)) return row.type;
  }
  if (folded_start(text, "<?xml")) {
    if (text.find("<svg") != std::string_view::npos) return {"image/svg+xml", "svg"};
    if (text.find("<html") != std::string_view::npos) return {"text/html", "html"};
    return {"text/xml", "xml"};
  }
  const std::string_view extension = extension_of_name(filename);
  for (const std::string_view known : kTextExtensions) {
    if (folded_equal(extension, known)) return {type_of_extension(known), known};
  }
  // Bytes over 127 that are no UTF-8 may be a one-byte charset; binaries fail the test above.
  return {"text/plain", "txt"};
}

struct TagWeight {
  std::string_view lower;
  int weight;  // of kHtmlWeight
};
constexpr int kHtmlWeight = 60;
constexpr TagWeight kTagWeights[] = {
    {"html", 45}, {"!doctype html", 45}, {"body", 30}, {"table", 30}, {"script", 30}, {"a", 15},
    {"p", 15},    {"div", 15},           {"span", 15},
};

}  // namespace

bool looks_like_html(std::string_view text) {
  constexpr size_t kLookedAt = 4096;
  text = text.substr(0, kLookedAt);
  int weight = 0;
  for (size_t at = text.find('<'); at != std::string_view::npos; at = text.find('<', at + 1)) {
    const std::string_view rest = text.substr(at + 1);
    for (const TagWeight& tag : kTagWeights) {
      if (!folded_start(rest, tag.lower) || rest.size() == tag.lower.size()) continue;
      const char next = rest[tag.lower.size()];
      if (next == '>' || next == '/' || next == ' ' || (next >= '\t' && next <= '\r'))
        weight += tag.weight;
    }
    if (weight >= kHtmlWeight) return true;
  }
  return false;
}

DetectedType detect_type(std::string_view bytes, std::string_view filename) {
  if (bytes.empty()) return {};
  if (bytes.starts_with("PK\3\4") || bytes.starts_with("PK\5\6")) return detect_zip(bytes);
  const auto [first, last] = kFirstBytes[static_cast<uint8_t>(bytes[0])];
  for (size_t i = first; i < last; ++i) {
    if (!fits(bytes, kMagic[i].bytes)) continue;
    if (kMagic[i].type.extension == "ole") return detect_ole(bytes);
    return kMagic[i].type;
  }
  if (const DetectedType special = detect_special(bytes); !special.type.empty()) return special;
  return detect_text(bytes, filename);
}

}  // namespace winnow
