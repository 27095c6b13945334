#!/usr/bin/env python3
"""Writes entity_table.inc: the named character references of HTML, from Python's copy of the
list in the HTML standard (html.entities.html5).

  python3 engine/html/make_entity_table.py > engine/html/entity_table.inc

Names are stored without '&' and ';'. The names that also work without a semicolon are marked.
Slots are an open-addressing table over the hash of entities.cc.
"""
import html.entities

SLOTS = 4096


def hash_name(name):
    value = 0
    for byte in name.encode():
        value = (value * 31 + byte) & 0xFFFFFFFF
    return ((value * 0x9E3779B1) & 0xFFFFFFFF) >> 20


def packed(items, width=99):
    line = ""
    for item in items:
        if line and len(line) + len(item) > width:
            yield line
            line = ""
        line += item
    if line:
        yield line


def main():
    values = {}
    legacy = set()
    for name, text in html.entities.html5.items():
        if name.endswith(";"):
            values[name[:-1]] = text
        else:
            legacy.add(name)
    names = sorted(values)
    pool = ""
    rows = []
    slots = [0] * SLOTS
    for index, name in enumerate(names):
        points = [ord(c) for c in values[name]] + [0]
        bare = 1 if name in legacy else 0
        rows.append("{%d,%d,%d,%d,%d}," % (len(pool), len(name), bare, points[0], points[1]))
        pool += name
        slot = hash_name(name)
        while slots[slot]:
            slot = (slot + 1) % SLOTS
        slots[slot] = index + 1
    print("// Made by make_entity_table.py; do not edit. clang-format off")
    print("constexpr char kEntityNames[] =")
    for start in range(0, len(pool), 96):
        print('"%s"' % pool[start:start + 96])
    print(";")
    print("constexpr EntityRow kEntityRows[] = {")
    print("\n".join(packed(rows)))
    print("};")
    print("constexpr uint16_t kEntitySlots[%d] = {" % SLOTS)
    print("\n".join(packed("%d," % slot for slot in slots)))
    print("};")


main()
