#!/usr/bin/env python3
"""Writes charset_tables.inc: the upper halves of the one-byte charsets, from Python's codecs.

Run it by hand when a charset is added: ./make_charset_tables.py > charset_tables.inc
Bytes 0x80-0x9f that a set leaves open become C1 controls, as the WHATWG tables do; other open
bytes are 0 (they do not fit the charset).
"""
SETS = [
    "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258",
    "cp874", "iso8859_2", "iso8859_3", "iso8859_4", "iso8859_5", "iso8859_6", "iso8859_7",
    "iso8859_8", "iso8859_10", "iso8859_13", "iso8859_14", "iso8859_15", "iso8859_16",
    "koi8_r", "koi8_t", "koi8_u", "mac_roman", "mac_cyrillic", "mac_greek", "mac_turkish",
    "mac_latin2",
    "cp437", "cp850", "cp852", "cp855", "cp857", "cp858", "cp860", "cp861", "cp862", "cp863",
    "cp865", "cp866", "cp737", "cp775", "cp1125", "ptcp154", "kz1048", "hp_roman8",
]
print("// Made by make_charset_tables.py: code points of bytes 0x80-0xff; 0 = no such character.")
for name in SETS:
    row = []
    for byte in range(128, 256):
        try:
            point = ord(bytes([byte]).decode(name))
        except UnicodeDecodeError:
            point = byte if byte < 160 else 0
        row.append(point)
    print(f"constexpr uint16_t k_{name}[128] = {{")
    for at in range(0, 128, 12):
        print("    " + ", ".join(f"0x{p:04x}" for p in row[at:at + 12]) + ",")
    print("};")
