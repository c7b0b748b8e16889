"""Writes the records of the facade: what crosses between an app and the library, as Kotlin's own types.

    python3 bindings/kotlin/records.py GENERATED.kt [--check]

Reads the code that the generator made and writes `src/records`: immutable types of the package `vn.bienban` without unsigned
numbers, one file for each module of `bindings/src`, and `Bridge*.kt`, which copies each to and from its generated twin. The
files are committed, so that a change of the API is seen in a review. `--check` writes nothing and fails where they are old.
"""

from __future__ import annotations

import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
RUST = HERE.parent / "src"
OUT = HERE / "src" / "records" / "kotlin" / "vn" / "bienban"
GENERATED = "vn.bienban.generated"
HEAD = "// Made by bindings/kotlin/records.py from what the library says of itself. Do not edit.\n"

# Written by hand: errors are a hierarchy of their own (Errors.kt), and observers are flows.
BY_HAND = {"BienbanException", "KeyStoreException", "ObserverException", "InternalException"}
# Where an app hands something in; what these hold follows by itself.
GIVEN = {
    "AnswerDraft", "FindingDraft", "StepDraft", "SealDraft", "ListQuery", "InspectionFilter",
    "OpenOptions", "NetworkHint", "TextEdit", "Opinion",
}
NUMBERS = {"UInt": "Int", "ULong": "Long", "UShort": "Int", "UByte": "Int"}
PLAIN = {"String", "Boolean", "Int", "Long", "Short", "Byte", "Float", "Double", "ByteArray"}
LINE_MAX = 120


class Field:
    def __init__(self, name: str, type_: str, default: str | None, doc: list[str]) -> None:
        self.name, self.type, self.default, self.doc = name, type_, default, doc


class Type:
    def __init__(self, kind: str, name: str, doc: list[str]) -> None:
        self.kind, self.name, self.doc = kind, name, doc
        self.fields: list[Field] = []  # of a record
        self.cases: list[tuple[str, list[Field], list[str]]] = []  # of an enumeration, or of a choice with fields


def camel(snake: str) -> str:
    first, *rest = snake.split("_")
    return first + "".join(word.capitalize() for word in rest)


def link(match: re.Match[str]) -> str:
    """[`Bienban::open_visit`] is Rust's; [Bienban.openVisit] is Kotlin's."""
    path = [word for word in match.group(1).rstrip("()").split("::") if word not in ("crate", "super")]
    path = ["BienbanException" if word == "BienbanError" else word for word in path]
    if len(path) > 1 and path[-1][:1].isupper() and path[0] in ENUMS:
        path[-1] = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", path[-1]).upper()
    elif len(path) > 1 and path[-1][:1].islower():
        path[-1] = camel(path[-1])
    return "[" + ".".join(path) + "]"


ENUMS: set[str] = set()


def told(doc: list[str], indent: str) -> list[str]:
    """A doc comment in Kotlin's style."""
    text = "\n".join(doc)
    text = re.sub(r"\[`([A-Za-z_:()]+)`\](\([^)]*\))?", link, text)
    text = re.sub(r"\bNone\b", "Null", re.sub(r"(?<=[;,:] )none\b", "null", text))
    lines = text.split("\n")
    if len(lines) == 1 and len(lines[0]) + len(indent) + 7 <= LINE_MAX:
        return [f"{indent}/** {lines[0]} */"]
    return [f"{indent}/**", *(f"{indent} * {line}".rstrip() for line in lines), f"{indent} */"]


def read(source: str) -> list[Type]:
    """Reads the public records and enumerations of the generated code."""
    types: list[Type] = []
    doc: list[str] = []
    now: Type | None = None
    case: tuple[str, list[Field], list[str]] | None = None
    in_doc = False
    for line in source.split("\n"):
        word = line.strip()
        if word.startswith("/**"):
            in_doc, doc = True, []
        if in_doc:
            body = re.sub(r"^(/\*\*|\*(?!/))\s?|\s*\*/$", "", word).rstrip()
            if body and body != "*/" or doc:
                doc.append("" if body == "*/" else body)
            if word.endswith("*/"):
                in_doc = False
                doc = doc[:-1] if doc and not doc[-1] else doc
            continue
        begun = re.match(r"^(data class|enum class|sealed class) `?(\w+)`?", line)
        if begun:
            now, case = Type(begun.group(1).split()[0], begun.group(2), doc), None
            types.append(now)
            doc = []
            continue
        if line.startswith("}"):
            # A record's body follows its constructor.
            now = None if line == "}" or now is None or now.kind != "data" else now
            continue
        if now is None or not word:
            continue
        if now.kind == "enum" and (entry := re.match(r"^([A-Z_0-9]+)[,;]$", word)):
            now.cases.append((entry.group(1), [], doc))
            doc = []
        elif now.kind == "sealed" and (entry := re.match(r"^(data class|class|object) `?(\w+)`?", word)):
            case = (entry.group(2), [], doc)
            now.cases.append(case)
            doc = []
        elif field := re.match(r"^va[lr] `(\w+)`: ([^=]+?)( = (.+?))?( ,)?(\) : \w+\(\))?,?$", word.rstrip(", ")):
            into = now.fields if now.kind == "data" else case[1] if case else None
            if into is not None:
                into.append(Field(field.group(1), field.group(2).strip(), field.group(4), doc))
                doc = []
    return [one for one in types if one.name not in BY_HAND]


def outer(type_: str) -> str:
    """The facade's name of a generated type."""
    type_ = type_.replace("kotlin.", "").replace(GENERATED + ".", "vn.bienban.")
    return re.sub(r"\b(UInt|ULong|UShort|UByte)\b", lambda found: NUMBERS[found.group(1)], type_)


def default(field: Field) -> str:
    if field.default is None:
        return ""
    value = field.default.strip().replace("listOf()", "emptyList()")
    return " = " + re.sub(r"^(\d+)u?L?$", r"\1", value)


def copied(value: str, type_: str, way: str) -> str:
    """The expression that copies a value; `way` is `own` towards the app, `generated` towards the library."""
    type_ = type_.replace("kotlin.", "").replace(GENERATED + ".", "")
    if type_.endswith("?"):
        inner = copied("it", type_[:-1], way)
        if inner == "it":
            return value
        return f"{value}?.{inner[3:]}" if inner.startswith("it.") else f"{value}?.let {{ {inner} }}"
    if found := re.match(r"^List<(.+)>$", type_):
        inner = copied("it", found.group(1), way)
        return value if inner == "it" else f"{value}.map {{ {inner} }}"
    if type_ in NUMBERS:
        return f"{value}.to{NUMBERS[type_] if way == 'own' else type_}()"
    if type_ in PLAIN:
        return value
    return f"{value}.{way}()"


def declared(type_: Type) -> str:
    lines = told(type_.doc, "")
    if type_.kind == "data":
        lines.append(f"public data class {type_.name}(")
        for field in type_.fields:
            lines += told(field.doc, "    ")
            lines.append(f"    public val {field.name}: {outer(field.type)}{default(field)},")
        lines.append(")")
    elif type_.kind == "enum":
        lines.append(f"public enum class {type_.name} {{")
        for name, _, doc in type_.cases:
            lines += [*told(doc, "    "), f"    {name},", ""]
        lines[-1] = "}"
    else:
        lines.append(f"public sealed class {type_.name} {{")
        for name, fields, doc in type_.cases:
            lines += told(doc, "    ")
            if not fields:
                lines += [f"    public data object {name} : {type_.name}()", ""]
                continue
            lines.append(f"    public data class {name}(")
            for field in fields:
                lines += told(field.doc, "        ")
                lines.append(f"        public val {field.name}: {outer(field.type)},")
            lines += [f"    ) : {type_.name}()", ""]
        lines[-1] = "}"
    return "\n".join(lines) + "\n"


def bridge(type_: Type, way: str) -> str:
    source, target = GENERATED + "." + type_.name, "vn.bienban." + type_.name
    if way == "generated":
        source, target = target, source
    head = f"internal fun {source}.{way}(): {target} ="
    if type_.kind == "data":
        lines = [head, f"    {target}("]
        lines += [f"        {field.name} = {copied(field.name, field.type, way)}," for field in type_.fields]
        return "\n".join([*lines, "    )", ""])
    lines = [head, "    when (this) {"]
    for name, fields, _ in type_.cases:
        if not fields:
            lines.append(f"        {source}.{name} -> {target}.{name}")
            continue
        given = ", ".join(copied(field.name, field.type, way) for field in fields)
        lines.append(f"        is {source}.{name} -> {target}.{name}({given})")
    return "\n".join([*lines, "    }", ""])


def closure(types: list[Type]) -> set[str]:
    """What is handed in, with all that it holds."""
    names = {one.name: one for one in types}
    found, left = set(), sorted(GIVEN)
    while left:
        name = left.pop()
        if name in found or name not in names:
            continue
        found.add(name)
        one = names[name]
        for field in [*one.fields, *(field for _, fields, _ in one.cases for field in fields)]:
            left += re.findall(r"\w+", field.type)
    return found


def module_of(name: str) -> str:
    for file in sorted(RUST.rglob("*.rs")):
        if re.search(rf"pub (struct|enum) {name}\b", file.read_text(encoding="utf-8")):
            stem = file.parent.name if file.stem == "mod" else file.stem
            return "Device" if stem == "bienban" else "Faults" if stem == "error" else stem.capitalize()
    sys.exit(f"records.py: no module of bindings/src has {name}")


def files(source: str) -> dict[str, str]:
    types = read(source)
    ENUMS.update(one.name for one in types if one.kind == "enum")
    given = closure(types)
    made: dict[str, list[str]] = {}
    for one in types:
        module = module_of(one.name)
        made.setdefault(f"{module}.kt", []).append(declared(one))
        ways = ["own", "generated"] if one.name in given else ["own"]
        # Settings that only go in need no way back.
        if one.name in GIVEN and one.kind == "data":
            ways = ["generated"]
        made.setdefault(f"Bridge{module}.kt", []).extend(bridge(one, way) for way in ways)
    head = HEAD + "\npackage vn.bienban\n\n"
    return {name: head + "\n".join(parts) for name, parts in sorted(made.items())}


def main() -> int:
    words = [word for word in sys.argv[1:] if word != "--check"]
    if len(words) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    made = files(pathlib.Path(words[0]).read_text(encoding="utf-8"))
    there = {file.name: file.read_text(encoding="utf-8") for file in OUT.glob("*.kt")} if OUT.is_dir() else {}
    if "--check" in sys.argv:
        old = sorted(name for name in made.keys() | there.keys() if made.get(name) != there.get(name))
        for name in old:
            print(f"records.py: {name} is not what the library says of itself now", file=sys.stderr)
        return 1 if old else 0
    OUT.mkdir(parents=True, exist_ok=True)
    for name in there.keys() - made.keys():
        (OUT / name).unlink()
    for name, text in made.items():
        (OUT / name).write_text(text, encoding="utf-8")
    print(f"{len(made)} files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
