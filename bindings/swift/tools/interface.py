"""Checks header, module map and symbols of the C interface that the generated Swift calls.

Every check is tried on something wrong too, and fails itself if it does not see that.
"""

from __future__ import annotations

import ctypes
import pathlib
import platform
import re
import shutil

from build import MODULE, Broken, Missing, clang, run

STRICT = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-Wstrict-prototypes"]
# gcc does not know what clang says of pointers.
WITHOUT_NULLABILITY = ["-D_Nonnull=", "-D_Nullable="]

USES = f"""
#include <{MODULE}.h>
uint32_t version(void);
uint32_t version(void) {{ return ffi_bienban_bindings_uniffi_contract_version(); }}
"""
IMPORTS = f"""
@import {MODULE};
uint32_t version(void);
uint32_t version(void) {{ RustBuffer none = {{0}}; return (uint32_t)none.len + ffi_bienban_bindings_uniffi_contract_version(); }}
"""


def compiles(command: list[str], source: str, ending: str, work: pathlib.Path, *flags: str) -> str:
    """Returns what a compiler complains of; nothing if it takes the source."""
    file = work / f"probe.{ending}"
    file.write_text(source, encoding="utf-8")
    # An object, thrown away: some drivers take -fsyntax-only for a link.
    done = run(*command, "-c", *STRICT, *flags, file, "-o", work / "probe.o")
    return done.stderr if done.returncode != 0 else ""


def check_header(out: pathlib.Path, work: pathlib.Path) -> str:
    """The header stands alone and is clean, for the compilers that are here."""
    folder = out / MODULE
    compilers = [(clang(), [])]
    if shutil.which("gcc") and platform.system() != "Darwin":
        compilers.append((["gcc"], WITHOUT_NULLABILITY))
    for command, flags in compilers:
        said = compiles(command, USES, "c", work, f"-I{folder}", *flags)
        if said:
            raise Broken(f"{' '.join(command)} does not take the header:\n{said[:3000]}")
        wrong = USES.replace("ffi_bienban_bindings_uniffi_contract_version", "ffi_bienban_no_such_function")
        if not compiles(command, wrong, "c", work, f"-I{folder}", *flags):
            raise Broken(f"{' '.join(command)} takes a call of a function that the header does not declare")
    return f"{len(compilers)} compilers take the header with -Wall -Wextra -Werror, and none a function that is not in it"


def check_map(out: pathlib.Path, work: pathlib.Path) -> str:
    """`@import` finds the module where an XCFramework lays it, and does not where the map is wrong."""
    command = clang()

    def imports(place: pathlib.Path) -> str:
        cache = work / "modules"
        shutil.rmtree(cache, ignore_errors=True)
        modules = ["-fmodules", "-fimplicit-module-maps", f"-fmodules-cache-path={cache}"]
        return compiles(command, IMPORTS, "m", work, *modules, f"-I{place}")

    place = work / "headers"
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(out / MODULE, place / MODULE)
    said = imports(place)
    if said:
        raise Broken(f"@import {MODULE} fails through its map:\n{said[:3000]}")
    module_map = place / MODULE / "module.modulemap"
    sound = module_map.read_text(encoding="utf-8")
    wrong = {
        "a header that is not there": sound.replace(f'"{MODULE}.h"', '"Other.h"'),
        "another module": sound.replace(f"module {MODULE} ", "module Other "),
        "no map": None,
    }
    for what, text in wrong.items():
        if text is None:
            module_map.unlink()
        else:
            if text == sound:
                raise Broken(f"the map does not read as expected, so that {what} could not be tried")
            module_map.write_text(text, encoding="utf-8")
        if not imports(place):
            raise Broken(f"@import {MODULE} goes through with {what}")
        module_map.write_text(sound, encoding="utf-8")
    return f"@import {MODULE} goes through its map, and through none of {len(wrong)} wrong ones"


def declared(header: str) -> set[str]:
    """Returns the functions of a header."""
    names = set(re.findall(r"^[\w ]+?[ *](\w+)\(", header, re.M))
    return {name for name in names if name.startswith(("ffi_", "uniffi_"))}


def exported(library: pathlib.Path) -> set[str]:
    """Returns the functions that a library exports."""
    if shutil.which("nm") is None:
        raise Missing("nm; on Debian: apt-get install binutils")
    darwin = platform.system() == "Darwin"
    done = run("nm", *(["-gU"] if darwin else ["-D", "--defined-only"]), library)
    if done.returncode != 0:
        raise Broken(f"nm {library}: {done.stderr}")
    names = {line.split()[-1] for line in done.stdout.splitlines() if line.split()}
    return {name[1:] for name in names if name.startswith("_")} if darwin else names


def check_symbols(out: pathlib.Path, library: pathlib.Path) -> str:
    """Every function of the header is exported."""
    header = (out / MODULE / f"{MODULE}.h").read_text(encoding="utf-8")
    there = exported(library)
    names = declared(header)
    if len(names) < 100:
        raise Broken(f"the header declares {len(names)} functions: it was not read")
    missing = sorted(names - there)
    if missing:
        raise Broken(f"the library does not export {missing}")
    made_up = "uniffi_bienban_bindings_fn_method_bienban_made_up"
    seen = declared(header + f"\nuint64_t {made_up}(uint64_t ptr\n);\n") - there
    if seen != {made_up}:
        raise Broken(f"a made-up function is not missed: {seen}")
    return f"the library exports all {len(names)} functions of the header; a made-up one is missed"


def checksums(swift: str) -> dict[str, int]:
    """Returns what the generated Swift expects of the library when an app starts."""
    pairs = re.findall(r"if \((uniffi_\w+_checksum_\w+)\(\) != (\d+)\)", swift)
    return {name: int(number) for name, number in pairs}


def check_checksums(out: pathlib.Path, library: pathlib.Path) -> str:
    """The generated Swift ends an app at its start where these differ."""
    swift = (out / "BienbanGenerated" / "BienbanGenerated.swift").read_text(encoding="utf-8")
    expected = checksums(swift)
    contract = re.search(r"let bindings_contract_version = (\d+)", swift)
    if len(expected) < 50 or contract is None:
        raise Broken("the generated Swift was not read: it names no checksums")
    loaded = ctypes.CDLL(str(library))

    def differing(numbers: dict[str, int]) -> list[str]:
        found = []
        for name, number in numbers.items():
            function = getattr(loaded, name)
            function.restype = ctypes.c_uint16
            if function() != number:
                found.append(name)
        return found

    version = loaded.ffi_bienban_bindings_uniffi_contract_version
    version.restype = ctypes.c_uint32
    if version() != int(contract[1]) or differing(expected):
        raise Broken(f"sources and library do not belong together: {differing(expected)}")
    first = sorted(expected)[0]
    if differing({**expected, first: expected[first] ^ 1}) != [first]:
        raise Broken("a checksum that differs is not seen")
    return f"{len(expected)} checksums of the generated Swift are the library's; one that differs is seen"
