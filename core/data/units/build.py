#!/usr/bin/env python3
"""Builds units.bin, the administrative units in force since 1 July 2025 and those they came from.

Reads the wheel of the public package named in PACKAGE (MIT), checks everything that can be checked
without the signed decision, and writes a compact file whose form core/src/checklist/units/file.rs
reads. The same wheel gives the same body; see README.md for how to run it.
"""

import argparse
import hashlib
import json
import re
import runpy
import sqlite3
import struct
import sys
import tempfile
import unicodedata
import zipfile
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent

# The one input. Another version is another input: look at what it prints, then write it here.
PACKAGE = {
    "name": "vietnamadminunits",
    "version": "1.0.4",
    "file": "vietnamadminunits-1.0.4-py3-none-any.whl",
    "sha256": "737ee3662e877290386c1c45ed4d71f2e5fae34ab6fb9c64bfb4cb74b216ea35",
    "licence": "MIT",
    "copyright": "Copyright (c) 2025 Tran Ngoc Minh Hieu",
}
FORMAT = 2
EFFECTIVE_FROM = "2025-07-01"
SOURCE = (
    "Quyết định 19/2025/QĐ-TTg và các nghị quyết của UBTVQH về sắp xếp đơn vị hành chính năm 2025, "
    "lấy từ bộ dữ liệu công khai vietnamadminunits 1.0.4; chưa đối chiếu từng dòng với bản ký."
)

# What the law names; a build that differs is refused.
PROVINCES = 34
COMMUNES = {"xã": 2621, "phường": 687, "đặc khu": 13}
FORMER = {"provinces": 63, "districts": 696, "communes": 10035}

# Kinds of unit; the number is what the file holds. Never renumber, only append.
KINDS = ["tỉnh", "thành phố", "xã", "phường", "đặc khu", "quận", "huyện", "thị xã", "thị trấn"]
DISPUTED = 0x80  # Added to a former commune's kind: the two public data sets map it differently.
NOWHERE = 0xFFFF  # A district that has communes has no successor of its own.
SEVERAL = 0x8000  # Added to a place in the list of several successors.
NAME_BYTES_MAX = 255
HEADER_BYTES_MAX = 4096  # As in file.rs.


def fail(what):
    sys.exit(f"build.py: {what}")


def split(text):
    """Returns kind and name of "Thị trấn Bắc Sơn", the name as the law writes it, in NFC."""
    text = " ".join(unicodedata.normalize("NFC", text).split())
    for kind in sorted(KINDS, key=len, reverse=True):
        if text.lower().startswith(kind + " "):
            name = text[len(kind) + 1 :]
            break
    else:
        fail(f"no kind of unit stands before {text!r}")
    # The package failed to write a capital where a word begins with an accented letter (Đồng ý).
    words = [
        word[0].upper() + word[1:] if word[0].islower() and not word[0].isascii() else word
        for word in name.split(" ")
    ]
    name = " ".join(words)
    if not re.fullmatch(r"[^\W_]+(?:(?: - |[ '’])[^\W_]+)*", name):
        fail(f"an odd name: {name!r}")
    return KINDS.index(kind), name


def number(code, digits):
    if not re.fullmatch(rf"[0-9]{{{digits}}}", code or ""):
        fail(f"{code!r} is no code of {digits} digits")
    return int(code)


def put(table, code, row, what):
    """Adds a row, refusing one code for two different things."""
    if table.setdefault(code, row) != row:
        fail(f"{what} {code} is two things: {table[code]} and {row}")


class Data:
    """The units of the package by their codes, checked."""

    def __init__(self, folder):
        database = sqlite3.connect(folder / "dataset.db")
        database.row_factory = sqlite3.Row
        self.provinces, self.communes = {}, {}
        self.old_provinces, self.old_districts, self.old_communes = {}, {}, {}
        keys = self._read_new(database)
        old_keys = self._read_old(database)
        converter = json.loads((folder / "converter_2025.json").read_text(encoding="utf-8"))
        self._read_mapping(converter, keys, old_keys)
        self._check()

    def _read_new(self, database):
        keys = {}
        self.province_keys = {}
        for row in database.execute("select * from admin_units"):
            province = number(row["provinceCode"], 2)
            put(self.provinces, province, split(row["province"]), "province")
            self.province_keys[row["provinceKey"]] = province
            code = number(row["wardCode"], 5)
            if code in self.communes:
                fail(f"commune {code} occurs twice")
            self.communes[code] = (*split(row["ward"]), province)
            key = (row["provinceKey"], row["wardKey"])
            if key in keys:
                fail(f"{key} is two communes")
            keys[key] = code
        return keys

    def _read_old(self, database):
        keys = {}
        self.old_province_keys = {}
        for row in database.execute("select * from admin_units_legacy"):
            province = number(row["provinceCode"], 2)
            put(self.old_provinces, province, split(row["province"]), "former province")
            self.old_province_keys[row["provinceKey"]] = province
            district = number(row["districtCode"], 3)
            put(self.old_districts, district, (*split(row["district"]), province), "district")
            if row["wardCode"] is None:
                # Five islands were districts without communes.
                unit = ("district", district)
            else:
                code = number(row["wardCode"], 5)
                if code in self.old_communes:
                    fail(f"former commune {code} occurs twice")
                self.old_communes[code] = (*split(row["ward"]), district)
                unit = ("commune", code)
            key = f"{row['provinceKey']}_{row['districtKey']}_{row['wardKey'] or ''}"
            if key in keys:
                fail(f"{key} is two former units")
            keys[key] = unit
        return keys

    def _read_mapping(self, converter, keys, old_keys):
        self.successors = {}
        whole, divided = (
            converter["DICT_PROVINCE_WARD_NO_DIVIDED"],
            converter["DICT_PROVINCE_WARD_DIVIDED"],
        )
        pairs = [(p, new, old) for p, news in whole.items() for new, olds in news.items() for old in olds]
        # Which of several the package calls the default is its guess from a map; it is left out.
        pairs += [
            (p, new["newWardKey"], old)
            for p, olds in divided.items()
            for old, news in olds.items()
            for new in news
        ]
        for province, new, old in pairs:
            if (province, new) not in keys or old not in old_keys:
                fail(f"the mapping names what is nowhere: {old} to {province}, {new}")
            self.successors.setdefault(old_keys[old], set()).add(keys[(province, new)])
        self.province_of = {}
        for new, olds in converter["DICT_PROVINCE"].items():
            for old in olds:
                put(self.province_of, self.old_province_keys[old], self.province_keys[new], "former province")

    def _check(self):
        kinds = Counter(KINDS[kind] for kind, _, _ in self.communes.values())
        if len(self.provinces) != PROVINCES or kinds != COMMUNES:
            fail(f"{len(self.provinces)} provinces, communes {dict(kinds)}")
        counts = {
            "provinces": len(self.old_provinces),
            "districts": len(self.old_districts),
            "communes": len(self.old_communes),
        }
        if counts != FORMER:
            fail(f"former units: {counts}")
        lost = [code for code in self.old_communes if ("commune", code) not in self.successors]
        if lost or set(self.province_of) != set(self.old_provinces):
            fail(f"former units without a successor: {lost}")
        reached = set().union(*self.successors.values())
        if reached != set(self.communes):
            fail(f"communes that came from nowhere: {sorted(set(self.communes) - reached)}")
        for (level, code), news in self.successors.items():
            district = code if level == "district" else self.old_communes[code][2]
            province = self.province_of[self.old_districts[district][2]]
            for new in news:
                if self.communes[new][2] != province:
                    fail(f"former {level} {code} and its successor {new} lie in two provinces")


def only(data, province):
    """Leaves one province, for the sample that tests read."""
    data.provinces = {code: row for code, row in data.provinces.items() if code == province}
    data.communes = {c: row for c, row in data.communes.items() if row[2] == province}
    data.old_provinces = {c: r for c, r in data.old_provinces.items() if data.province_of[c] == province}
    data.old_districts = {c: r for c, r in data.old_districts.items() if r[2] in data.old_provinces}
    data.old_communes = {c: r for c, r in data.old_communes.items() if r[2] in data.old_districts}


def shorts(values):
    return struct.pack(f"<{len(values)}H", *values)


def pack(data, disputed):
    """Returns the body: tables sorted by code, each column after the other."""
    tables = [data.provinces, data.communes, data.old_provinces, data.old_districts, data.old_communes]
    names = sorted({row[1] for table in tables for row in table.values()}, key=str.encode)
    name_at = {name: at for at, name in enumerate(names)}
    commune_at = {code: at for at, code in enumerate(sorted(data.communes))}
    province_at = {code: at for at, code in enumerate(sorted(data.provinces))}
    old_province_at = {code: at for at, code in enumerate(sorted(data.old_provinces))}
    district_at = {code: at for at, code in enumerate(sorted(data.old_districts))}

    several, successor = [], {}
    for code in sorted(data.old_communes):
        to = sorted(commune_at[new] for new in data.successors[("commune", code)])
        if len(to) == 1:
            successor[code] = to[0]
        else:
            successor[code] = SEVERAL | len(several)
            several += [len(to), *to]
    if len(several) >= SEVERAL:
        fail("the list of several successors is too long for its index")

    def columns(table, code_format, above=None):
        codes = sorted(table)
        out = struct.pack("<H", len(codes)) + struct.pack(f"<{len(codes)}{code_format}", *codes)
        out += shorts([name_at[table[code][1]] for code in codes])
        if above is not None:
            out += shorts([above[table[code][2]] for code in codes])
        return out, codes

    out = struct.pack("<H", len(names))
    for name in names:
        raw = name.encode()
        if unicodedata.normalize("NFC", name) != name or len(raw) > NAME_BYTES_MAX:
            fail(f"{name!r} is not in NFC or too long")
        out += bytes([len(raw)]) + raw
    part, codes = columns(data.provinces, "B")
    out += part + bytes(data.provinces[code][0] for code in codes)
    part, codes = columns(data.communes, "H", province_at)
    out += part + bytes(data.communes[code][0] for code in codes)
    part, codes = columns(data.old_provinces, "B")
    out += part + bytes(data.old_provinces[code][0] for code in codes)
    out += shorts([province_at[data.province_of[code]] for code in codes])
    part, codes = columns(data.old_districts, "H", old_province_at)
    out += part + bytes(data.old_districts[code][0] for code in codes)
    for code in codes:
        to = sorted(data.successors.get(("district", code), ()))
        if len(to) > 1:
            fail(f"district {code} became several communes by itself")
        out += struct.pack("<H", commune_at[to[0]] if to else NOWHERE)
    part, codes = columns(data.old_communes, "H", district_at)
    kinds = [data.old_communes[c][0] | (DISPUTED if c in disputed else 0) for c in codes]
    out += part + bytes(kinds) + shorts([successor[code] for code in codes])
    return out + struct.pack("<H", len(several)) + shorts(several)


def encode(data, disputed):
    import zstandard  # The one thing that is not in Python's own library.

    body = pack(data, disputed)
    header = {
        "format": FORMAT,
        "effective_from": EFFECTIVE_FROM,
        "official": False,
        "verified": None,
        "source": SOURCE,
        "package": PACKAGE,
        "counts": {
            "provinces": len(data.provinces),
            "communes": len(data.communes),
            "former_provinces": len(data.old_provinces),
            "former_districts": len(data.old_districts),
            "former_communes": len(data.old_communes),
        },
        "body": {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()},
    }
    line = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
    if len(line) > HEADER_BYTES_MAX:
        fail("the header is too long")
    packer = zstandard.ZstdCompressor(level=22, write_checksum=True, write_content_size=True)
    return line + packer.compress(body)


def disputed_by(data, other):
    """Returns the former communes that another package maps differently, or does not map."""
    table = runpy.run_path(str(other / "vietnam_provinces" / "_ward_conversion_2025.py"))["OLD_TO_NEW"]
    theirs = {code: {new.code for new in entry.new_wards} for code, entry in table.items()}
    return {c for c in data.old_communes if data.successors[("commune", c)] != theirs.get(c)}


def report(data, disputed):
    kinds = Counter(KINDS[row[0]] for row in data.communes.values())
    became = Counter(len(data.successors[("commune", code)]) for code in data.old_communes)
    print(f"provinces {len(data.provinces)}, communes {len(data.communes)}: {dict(kinds)}")
    print(f"former: {len(data.old_provinces)} provinces, {len(data.old_districts)} districts, "
          f"{len(data.old_communes)} communes")
    print(f"former communes by number of successors: {dict(sorted(became.items()))}")
    print(f"former communes whose successors are disputed: {len(disputed)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", type=Path, help="the wheel of " + PACKAGE["name"] + " " + PACKAGE["version"])
    parser.add_argument("--check", action="store_true", help="write nothing; compare with the files here")
    parser.add_argument("--compare", type=Path, metavar="FOLDER",
                        help="compare with an unpacked wheel of vietnam-provinces (GPL; none of it is kept)")
    arguments = parser.parse_args()
    if hashlib.sha256(arguments.wheel.read_bytes()).hexdigest() != PACKAGE["sha256"]:
        fail("this is not the wheel that PACKAGE names")
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(arguments.wheel) as wheel:
            for name in ("dataset.db", "converter_2025.json"):
                Path(folder, name).write_bytes(wheel.read(f"vietnamadminunits/data/{name}"))
        data = Data(Path(folder))
    lines = (HERE / "disputed.txt").read_text(encoding="utf-8").splitlines()
    disputed = {number(line, 5) for line in lines if not line.startswith("#")}
    report(data, disputed)
    if arguments.compare:
        found = disputed_by(data, arguments.compare)
        if found != disputed:
            fail(f"disputed.txt should hold: {' '.join(f'{code:05}' for code in sorted(found))}")
        print("disputed.txt names exactly the codes on which the two packages differ")
    everything = encode(data, disputed)
    only(data, 20)
    for name, made in (("units.bin", everything), ("sample.bin", encode(data, disputed))):
        path = HERE / name
        if not arguments.check:
            path.write_bytes(made)
        # zstd may pack the same body differently from release to release; the header names the body.
        elif path.read_bytes().split(b"\n", 1)[0] != made.split(b"\n", 1)[0]:
            fail(f"{name} differs from what this wheel gives")
        print(f"{name}: {len(made)} bytes {'as built' if arguments.check else 'written'}")


if __name__ == "__main__":
    main()
