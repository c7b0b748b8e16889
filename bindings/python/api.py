"""Lists the public API of the Python package, one line for each name, sorted: bindings/api/python.txt.

    python3 bindings/python/api.py            # prints it
    python3 bindings/python/api.py --check    # ends with 1 and shows what differs from the committed listing
    python3 bindings/python/api.py --write    # writes the listing

It looks at the package that build.py made, the hand-written names and the generated ones alike. What the generator
adds for its own use (a `…Protocol` beside each object, an `…Impl` beside each callback) repeats the rest and is
left out.
"""

from __future__ import annotations

import argparse
import difflib
import enum
import inspect
import pathlib
import sys
import types
import typing

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LISTING = ROOT / "bindings" / "api" / "python.txt"
sys.path.insert(0, str(ROOT / "target" / "python"))

try:
    import bienban
except (ImportError, OSError) as error:
    sys.exit(f"the package cannot be loaded, run `python3 bindings/python/build.py`: {error}")


def default(owner: typing.Any, name: str, value: typing.Any) -> str:
    """Returns a default as it is written; that of a generated record shows only in one that is made."""
    if type(value) is not object:
        return repr(value)
    needed = inspect.signature(owner).parameters.values()
    made = owner(**{one.name: None for one in needed if one.default is inspect.Parameter.empty})
    return repr(getattr(made, name))


def signature(callee: typing.Any, owner: typing.Any = None) -> str:
    """Returns the arguments and the result of something that is called, as the source writes them."""
    told = inspect.signature(callee)
    parts, only_by_name = [], False
    for one in told.parameters.values():
        if one.name in ("self", "cls"):
            continue
        if one.kind is inspect.Parameter.KEYWORD_ONLY and not only_by_name:
            only_by_name = True
            parts.append("*")
        part = one.name
        if one.annotation is not inspect.Parameter.empty:
            part += f": {written(one.annotation)}"
        if one.default is not inspect.Parameter.empty:
            part += f" = {default(owner or callee, one.name, one.default)}"
        parts.append(part)
    result = "" if told.return_annotation is inspect.Signature.empty else f" -> {written(told.return_annotation)}"
    return f"({', '.join(parts)}){result}"


def written(annotation: typing.Any) -> str:
    return annotation if isinstance(annotation, str) else getattr(annotation, "__name__", repr(annotation))


def function(path: str, member: typing.Any) -> str:
    """Returns the line of a function or method."""
    called = member.__func__ if isinstance(member, (classmethod, staticmethod)) else member
    marks = ["async"] if inspect.iscoroutinefunction(called) else []
    marks += ["classmethod"] if isinstance(member, classmethod) else []
    marks += ["staticmethod"] if isinstance(member, staticmethod) else []
    return f"{path}{signature(called)}" + (f"  [{' '.join(marks)}]" if marks else "")


def made(kind: type) -> str:
    """Returns how a class is made; nothing for those that the library alone makes."""
    own = inspect.getattr_static(kind, "__init__")
    if not isinstance(own, types.FunctionType):
        return ""
    kinds = [one.kind for one in inspect.signature(own).parameters.values()]
    anything = inspect.Parameter.VAR_KEYWORD in kinds or len(kinds) == 1
    return "" if anything else signature(kind)


def class_lines(path: str, kind: type) -> typing.Iterator[str]:
    """Returns the lines of a class and of what is in it."""
    bases = [base.__name__ for base in kind.__bases__ if base is not object and not base.__name__.endswith("Protocol")]
    # A variant has a base of its own name too, which tells nothing.
    bases = [base for base in bases if base != path.rsplit(".", 1)[-1]]
    yield f"{path}{made(kind)}  [class{' of ' + ', '.join(bases) if bases else ''}]"
    if issubclass(kind, enum.Enum):
        yield from (f"{path}.{one.name}" for one in kind)
        return
    for name, member in vars(kind).items():
        if name.startswith("_"):
            continue
        if inspect.isclass(member):
            yield from class_lines(f"{path}.{name}", member)
        elif isinstance(member, (types.FunctionType, classmethod, staticmethod)):
            yield function(f"{path}.{name}", member)
        elif isinstance(member, property):
            yield f"{path}.{name}  [property]"
        else:
            yield f"{path}.{name}: {type(member).__name__}"


def listing() -> list[str]:
    """Returns all lines."""
    names = set(bienban.__all__)
    lines = []
    for name in names:
        beside = name.removesuffix("Protocol").removesuffix("Impl")
        if beside != name and beside in names:
            continue
        path, thing = f"bienban.{name}", getattr(bienban, name)
        lines += list(class_lines(path, thing)) if inspect.isclass(thing) else [function(path, thing)]
    return sorted(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="compare with the committed listing")
    what.add_argument("--write", action="store_true", help="write the listing")
    words = parser.parse_args()
    lines = listing()
    text = "\n".join(lines) + "\n"
    if words.write:
        LISTING.write_text(text, encoding="utf-8")
        print(f"{len(lines)} lines in {LISTING.relative_to(ROOT)}")
        return 0
    if not words.check:
        print(text, end="")
        return 0
    before = LISTING.read_text(encoding="utf-8") if LISTING.exists() else ""
    if before == text:
        print(f"the API is that of {LISTING.relative_to(ROOT)}, {len(lines)} lines")
        return 0
    differs = difflib.unified_diff(before.splitlines(), lines, "committed", "now", lineterm="", n=0)
    print("\n".join(differs), file=sys.stderr)
    print(
        "FAILED: the public API is not the committed one. If that is meant: `python3 bindings/python/api.py --write`,"
        "\nand an entry in CHANGELOG.md that tells users of it (bindings/api/check asks for one).",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
