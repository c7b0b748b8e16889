"""Tells the size of a library for Android, how its segments are aligned, and what takes the room in it.

    python3 bindings/cross/measure.py LIBRARY [--map FILE] [--goal BYTES] [--top N]

LIBRARY is an ELF file for a 64-bit processor, FILE the link map that lld wrote with it (-Map). Android devices with
pages of 16 KiB load no library of which a segment is aligned to less: then this ends with 1. A size over the goal is
told and is no failure.
"""

from __future__ import annotations

import argparse
import collections
import gzip
import pathlib
import re
import struct
import sys

# What a section is called for, before the name of what lies in it.
KINDS = re.compile(r"^\.(text|rodata|data\.rel\.ro|data|bss|gcc_except_table)(\.(unlikely|hot|startup))?\.")
PAGE = 16 * 1024
LOAD = 1


def segments(content: bytes) -> list[tuple[int, int]]:
    """Returns alignment and file size of each segment that is loaded."""
    if content[:4] != b"\x7fELF" or content[4] != 2 or content[5] != 1:
        raise ValueError("no ELF file for a 64-bit little-endian processor")
    (table,) = struct.unpack_from("<Q", content, 32)
    size, count = struct.unpack_from("<HH", content, 54)
    found = []
    for at in range(table, table + size * count, size):
        kind, _, _, _, _, in_file, _, align = struct.unpack_from("<IIQQQQQQ", content, at)
        if kind == LOAD:
            found.append((align, in_file))
    return found


def sections(content: bytes) -> dict[str, int]:
    """Returns the size in the file of each section, by name."""
    (table,) = struct.unpack_from("<Q", content, 40)
    size, count, names_at = struct.unpack_from("<HHH", content, 58)
    heads = [struct.unpack_from("<IIQQQQ", content, table + size * number) for number in range(count)]
    names = content[heads[names_at][4] :] if count else b""
    # Type 8 takes no room in the file.
    return {names[head[0] :].split(b"\0", 1)[0].decode(): head[5] for head in heads if head[1] != 8 and head[5]}


def crate(symbol: str) -> str | None:
    """Returns the crate of a mangled name of Rust; none for what is no such name."""
    # v0: the crate is the first identifier with a disambiguator, `C` … or `Cs…_`.
    if symbol.startswith("_R"):
        found = re.search(r"C(?:s[0-9a-zA-Z]*_)?(\d+)_?", symbol)
        return symbol[found.end() : found.end() + int(found.group(1))] if found else None
    if not symbol.startswith("_ZN"):
        return None
    parts, at = [], 3
    while found := re.compile(r"(\d+)").match(symbol, at):
        length = int(found.group(1))
        parts.append(symbol[found.end() : found.end() + length])
        at = found.end() + length
    first = parts[0] if parts else ""
    # `<a::B as c::D>` and `<&a::B>` are of the crate that has the type.
    inside = re.match(r"_?(?:\$(?:LT|RF|u\w+)\$|mut\$u20\$|dyn\$u20\$|[\[(&*])*([A-Za-z0-9_]+)", first)
    return inside.group(1) if first.startswith("_$") and inside else first or None


def by_part(link_map: pathlib.Path) -> dict[str, collections.Counter[str]]:
    """Returns bytes of code and of data by crate or, for C, by archive and object."""
    told: dict[str, collections.Counter[str]] = {}
    line_of = re.compile(r"\s*[0-9a-f]+\s+[0-9a-f]+\s+([0-9a-f]+)\s+\d+\s(\s*)(\S.*)$")
    output = ""
    for line in link_map.read_text(encoding="utf-8", errors="replace").splitlines():
        found = line_of.match(line)
        if not found:
            continue
        size, depth, what = int(found.group(1), 16), len(found.group(2)), found.group(3)
        if depth == 0:
            output = what
        elif depth == 8 and ":(" in what:
            file, section = what.rsplit(":(", 1)
            part = crate(KINDS.sub("", section[:-1])) or source(file)
            told.setdefault(output, collections.Counter())[part] += size
    return told


def source(file: str) -> str:
    """Returns what an object file belongs to, where its sections do not say."""
    archive = re.search(r"lib([A-Za-z0-9_]+?)(?:-[0-9a-f]{16})?\.(?:rlib|a)", file)
    return f"{archive.group(1)}, in C or unnamed" if archive else "Rust, unnamed"


def table(title: str, counts: collections.Counter[str], top: int) -> None:
    total = sum(counts.values())
    print(f"{title}: {total:,} bytes")
    for name, size in counts.most_common(top):
        print(f"  {size:>10,}  {100 * size / total:4.1f} %  {name}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("library", type=pathlib.Path)
    parser.add_argument("--map", type=pathlib.Path, help="lld's link map of it")
    parser.add_argument("--goal", type=int, default=0, metavar="BYTES")
    parser.add_argument("--top", type=int, default=16, metavar="N")
    words = parser.parse_args()
    content = words.library.read_bytes()
    loaded = segments(content)
    print(f"{words.library.name}: {len(content):,} bytes, {len(gzip.compress(content, 9)):,} with gzip")
    for name, size in sorted(sections(content).items(), key=lambda one: -one[1])[:8]:
        print(f"  {size:>10,}  {name}")
    if words.map:
        parts = by_part(words.map)
        for output in (".text", ".rodata", ".data.rel.ro", ".gcc_except_table"):
            if output in parts:
                table(output, parts[output], words.top)
    if words.goal:
        below = len(content) <= words.goal
        print(f"{'below' if below else 'OVER'} the goal of {words.goal:,} bytes by {abs(words.goal - len(content)):,}")
    wrong = [align for align, _ in loaded if align < PAGE or align % PAGE]
    if wrong or not loaded:
        print(f"FAILED: segments that are aligned to {[hex(align) for align in wrong]}, not to 0x4000", file=sys.stderr)
        return 1
    print(f"ok: all {len(loaded)} segments that are loaded are aligned to 16 KiB or a multiple of it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
