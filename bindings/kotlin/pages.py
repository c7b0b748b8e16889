"""Checks that a shared library can be loaded where memory comes in pages of 16 KB, as on new Android phones.

    python3 bindings/kotlin/pages.py LIBRARY.so...        every LOAD segment of each is aligned to 16 KB or a multiple
    python3 bindings/kotlin/pages.py APP.aar              of each library in an AAR, APK or JAR; 64-bit ones, as Google Play asks

Ends with 0 only if all are; with 2 for what is no such file.
"""

from __future__ import annotations

import io
import pathlib
import struct
import sys
import zipfile

PAGE = 16 * 1024
LOAD = 1
NARROW = ("armeabi-v7a", "x86")


def segments(data: bytes) -> list[tuple[int, int, int]]:
    """The LOAD segments of an ELF file: offset in the file, address, alignment."""
    if data[:4] != b"\x7fELF":
        raise ValueError("no ELF file")
    wide, order = data[4] == 2, "<" if data[5] == 1 else ">"
    table, (size, number) = (
        (struct.unpack_from(order + "Q", data, 32)[0], struct.unpack_from(order + "HH", data, 54))
        if wide
        else (struct.unpack_from(order + "I", data, 28)[0], struct.unpack_from(order + "HH", data, 42))
    )
    found = []
    for at in range(table, table + size * number, size):
        if struct.unpack_from(order + "I", data, at)[0] == LOAD:
            if wide:
                offset, address = struct.unpack_from(order + "QQ", data, at + 8)
                align = struct.unpack_from(order + "Q", data, at + 48)[0]
            else:
                offset, address = struct.unpack_from(order + "II", data, at + 4)
                align = struct.unpack_from(order + "I", data, at + 28)[0]
            found.append((offset, address, align))
    if not found:
        raise ValueError("an ELF file without LOAD segments")
    return found


def faults(data: bytes) -> list[str]:
    """What stands against 16 KB pages."""
    return [
        f"a LOAD segment at {address:#x} is aligned to {align:#x}"
        + ("" if offset % PAGE == address % PAGE else f", and lies at {offset:#x} of the file")
        for offset, address, align in segments(data)
        if align < PAGE or align % PAGE or offset % PAGE != address % PAGE
    ]


def libraries(path: pathlib.Path) -> list[tuple[str, bytes]]:
    data = path.read_bytes()
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return [(str(path), data)]
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = [name for name in archive.namelist() if name.endswith(".so")]
        # Phones of 32 bits have pages of 4 KB and keep them.
        names = [name for name in names if not any(f"/{abi}/" in f"/{name}" for abi in NARROW)]
        if not names:
            raise ValueError("an archive without 64-bit libraries")
        return [(f"{path}!{name}", archive.read(name)) for name in names]


def elf(wide: bool, *loads: tuple[int, int, int]) -> bytes:
    """The smallest file that says of itself what a test needs."""
    head, entry = (64, 56) if wide else (52, 32)
    data = bytearray(head + entry * len(loads))
    data[:7] = b"\x7fELF" + bytes([2 if wide else 1, 1, 1])
    struct.pack_into("<Q" if wide else "<I", data, 32 if wide else 28, head)
    struct.pack_into("<HH", data, 54 if wide else 42, entry, len(loads))
    for number, (offset, address, align) in enumerate(loads):
        at = head + entry * number
        struct.pack_into("<I", data, at, LOAD)
        if wide:
            struct.pack_into("<QQ", data, at + 8, offset, address)
            struct.pack_into("<Q", data, at + 48, align)
        else:
            struct.pack_into("<II", data, at + 4, offset, address)
            struct.pack_into("<I", data, at + 28, align)
    return bytes(data)


def self_test() -> int:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("jni/arm64-v8a/x.so", elf(True, (0, 0, PAGE)))
        made.writestr("jni/x86_64/x.so", elf(True, (0, 0, 4096)))
        made.writestr("jni/x86/x.so", elf(False, (0, 0, 4096)))
    cases = [
        ("16 KB", elf(True, (0, 0, PAGE), (0x5000, 0x9000, PAGE)), 0),
        ("64 KB", elf(True, (0, 0, 4 * PAGE)), 0),
        ("the second segment 4 KB", elf(True, (0, 0, PAGE), (0x4000, 0x8000, 4096)), 1),
        ("an offset that does not fit its address", elf(True, (0x1000, 0x4000, PAGE)), 1),
        ("32 bits, 4 KB", elf(False, (0, 0, 4096)), 1),
        ("32 bits, 16 KB", elf(False, (0, 0, PAGE)), 0),
    ]
    wrong = [name for name, data, number in cases if len(faults(data)) != number]
    for name, data in (("no ELF file", b"PK\3\4 and more"), ("no segments", elf(True))):
        try:
            faults(data)
            wrong.append(name)
        except ValueError:
            pass
    import tempfile

    with tempfile.NamedTemporaryFile(suffix=".aar") as file:
        file.write(archive.getvalue())
        file.flush()
        found = libraries(pathlib.Path(file.name))
        if [len(faults(data)) for _, data in found] != [0, 1]:
            wrong.append("an archive")
    print(f"{len(cases) + 3 - len(wrong)} passed, {len(wrong)} failed: {', '.join(wrong) or 'none'}")
    return 1 if wrong else 0


def main() -> int:
    words = sys.argv[1:]
    if words == ["--self-test"]:
        return self_test()
    if not words:
        print(__doc__, file=sys.stderr)
        return 2
    bad = 0
    for word in words:
        try:
            for name, data in libraries(pathlib.Path(word)):
                found = faults(data)
                bad += bool(found)
                print(f"{'no ' if found else 'yes'}  {name}", *(f"     {fault}" for fault in found), sep="\n")
        except (OSError, ValueError, struct.error) as error:
            print(f"{word}: {error}", file=sys.stderr)
            return 2
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
