"""Parses generated and hand-written Swift, compares names and labels, and lists the public names.

    python syntax.py GENERATED [--write-api]

Run by `check`, with the Python that has the packages of syntax.lock. Every check is tried on something wrong too.
"""

from __future__ import annotations

import difflib
import pathlib
import re
import sys

sys.dont_write_bytecode = True

import listing  # noqa: E402
import names  # noqa: E402
from trees import EXCEPTIONS, Tree, child, flat, syntax_problems, text, walk  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent
API = ROOT / "bindings" / "api" / "swift.txt"
SOURCES = [ROOT / "bindings" / "swift", ROOT / "bindings" / "ios"]
# Generated, or made by building.
NOT_OURS = ("Generated", "Artifacts", ".build", "DerivedData")


def fail(told: str) -> None:
    sys.exit(f"FAILED: {told}")


def hand_written() -> list[pathlib.Path]:
    found = []
    for folder in SOURCES:
        for path in sorted(folder.rglob("*.swift")):
            if not set(NOT_OURS) & set(path.relative_to(ROOT).parts):
                found.append(path)
    return found


def examples() -> list[Tree]:
    """Returns the Swift between fences in the documents: people copy it."""
    found = []
    for folder in SOURCES:
        for path in sorted(folder.rglob("*.md")):
            lines = path.read_text(encoding="utf-8").split("\n")
            inside = None
            for at, line in enumerate(lines):
                if line == "```swift":
                    inside = at + 1
                elif line == "```" and inside is not None:
                    # Empty lines before it keep the numbers of the document's lines.
                    found.append(Tree(path, "\n" * inside + "\n".join(lines[inside:at])))
                    inside = None
    return found


def named_in_documents(tree: Tree) -> list[tuple[str, str]]:
    """Returns the symbols between double backticks, with their places."""
    return [
        (f"{tree.path}:{at + 1}", symbol)
        for at, line in enumerate(tree.lines)
        for symbol in re.findall(r"``([^`]+)``", line)
    ]


def unknown_symbols(named: list[tuple[str, str]], declared: names.Declared) -> list[str]:
    known = declared.types | declared.members | {"Bienban"}
    return [
        f"{place}: there is no ``{symbol}``"
        for place, symbol in named
        if not all(part.split("(")[0] in known for part in symbol.split("/"))
    ]


def check_syntax(generated: Tree, ours: list[Tree]) -> None:
    problems, met = syntax_problems([generated, *ours])
    if problems:
        fail("Swift that does not parse:\n" + "\n".join(problems))
    if met != set(EXCEPTIONS):
        fail(f"exceptions that are not met any more: {set(EXCEPTIONS) - met}; take them out of trees.py")
    # Each source broken in one place must be seen: its last brace gone, or an operator without a right side.
    for tree in [generated, *ours]:
        whole = "\n".join(tree.lines)
        at = whole.rstrip().rfind("}") if "}" in whole else whole.rstrip().rfind(")")
        if at < 0:
            broken = whole + "\nlet = \n"
        else:
            broken = whole[:at] + whole[at + 1:]
        if not syntax_problems([Tree(tree.path, broken, tree is generated)])[0]:
            fail(f"{tree.path}: broken on purpose, it still parses")
    count = sum(len(tree.lines) for tree in ours)
    print(f"ok: {len(ours)} hand-written Swift files ({count} lines) and the generated one parse; each of them broken does not")


def check_names(generated: Tree, ours: list[Tree]) -> None:
    declared = names.Declared()
    names.declare(generated, declared, foreign=True)
    for tree in ours:
        names.declare(tree, declared)
    for tree in ours:
        names.alias(tree, declared)
    known, problems, used = names.platform(), [], set()
    written = examples()
    if len(written) < 4:
        fail(f"the documents have {len(written)} examples in Swift: they were not read")
    problems += syntax_problems(written)[0]
    for tree in written:
        names.declare(tree, declared)
    for tree in [*ours, *written]:
        found, met = names.problems(tree, declared, known)
        problems += found
        used |= met
    pages = [Tree(path, path.read_text(encoding="utf-8")) for path in SOURCES[0].rglob("*.docc/*.md")]
    symbols = [symbol for tree in [*ours, *pages] for symbol in named_in_documents(tree)]
    problems += unknown_symbols(symbols, declared)
    if not pages or not unknown_symbols([("wrong", "BienbanFolder/snyc()")], declared):
        fail("a symbol that the documentation names wrongly is not seen")
    if problems:
        fail("names that nothing declares, or labels that do not fit:\n" + "\n".join(problems))
    if known - used:
        fail(f"platform.txt names what no source uses: {' '.join(sorted(known - used))}")
    for told, wrong in {
        "a member that nobody declares": "func f(s: InspectionScreen) -> String { return s.digset }",
        "a wrong label": "func f(b: BienbanFolder) async throws { try await b.answer(inspektion: 1, answer: 2) }",
        "a label too few": "func f(b: BienbanFolder) async throws { try await b.seal(inspection: 1) }",
        "a type that there is not": "func f(b: BienbanFolderr) {}",
        "a function that there is not": "func f() { callling() }",
    }.items():
        found, _ = names.problems(Tree(pathlib.Path("wrong.swift"), wrong), declared, known)
        if not found:
            fail(f"{told} is not seen: {wrong}")
    print(f"ok: names and labels fit {len(declared.members)} declared names, in {len(written)} examples of the documents too; five wrong ones are seen")


# What sources of a folder may import: apps see the facade alone, and their logic no screen.
IMPORTS = {
    "ios/Sources/InspectLogic": {"Bienban", "Foundation"},
    "ios/Sources/InspectApp": {"Bienban", "Foundation", "InspectLogic", "SwiftUI"},
    "swift/Sources/BienbanPhone": {"Bienban", "Dispatch", "Foundation"},
    "swift/Sources/Bienban": {"BienbanGenerated", "Foundation", "Security"},
}


def foreign_imports(tree: Tree, allowed: set[str]) -> list[str]:
    found = [node for node in walk(tree.root) if node.type == "import_declaration"]
    return [f"{tree.place(node)}: {flat(node)}" for node in found if text(child(node, "identifier")) not in allowed]


def check_imports(ours: list[Tree]) -> None:
    problems = []
    for folder, allowed in IMPORTS.items():
        inside = [tree for tree in ours if (ROOT / "bindings" / folder) in tree.path.parents]
        if not inside:
            fail(f"no sources in {folder}")
        problems += [problem for tree in inside for problem in foreign_imports(tree, allowed)]
        if not foreign_imports(Tree(pathlib.Path("wrong.swift"), "import UIKit\n"), allowed):
            fail("an import of UIKit is not seen")
    if problems:
        fail("imports that do not belong there:\n" + "\n".join(problems))
    print("ok: the app and the phone import the facade alone, and the app's logic no screen; UIKit is seen")


def check_protocol(ours: list[Tree]) -> None:
    """The phone does everything that the shared day asks for."""
    readme = (ROOT / "bindings" / "scenario" / "README.md").read_text(encoding="utf-8")
    asked = set(re.findall(r"^\| `(\w+)` \|", readme, re.M)) - {"do"}
    kinds = set(re.findall(r"`(\w+)`", readme.split("`kind` is the name")[1].split("An answer is only")[0]))
    phone = "\n".join("\n".join(tree.lines) for tree in ours if tree.path.parent.name == "BienbanPhone")
    done = set(re.findall(r'case "(\w+)":', phone))
    error = next(tree for tree in ours if tree.path.name == "BienbanError.swift")
    said = set()
    for node in walk(error.root):
        if node.type == "enum_entry":
            case = [text(one).strip("`") for one in walk(node) if one.type in ("simple_identifier", "line_str_text")]
            said.add(case[-1])
    if len(asked) < 20 or len(kinds - {"_"}) < 19:
        fail("the protocol of the shared day was not read")
    if asked - done or kinds - {"_"} - said:
        fail(f"the phone does not do {sorted(asked - done)}, or errors lack {sorted(kinds - {'_'} - said)}")
    if not ({*asked, "made_up"} - done):
        fail("a request that the phone does not do is not seen")
    print(f"ok: the phone does all {len(asked)} requests of the shared day and names its {len(kinds - {'_'})} kinds of errors")


def check_api(generated: Tree, ours: list[Tree], write: bool) -> None:
    facade = [tree for tree in ours if tree.path.parent.name == "Bienban"]
    made = listing.listing(facade, generated)
    if write:
        API.parent.mkdir(parents=True, exist_ok=True)
        API.write_text(made, encoding="utf-8")
        print(f"ok: wrote {API.relative_to(ROOT)}")
        return
    committed = API.read_text(encoding="utf-8") if API.exists() else ""
    if made != committed:
        lines = list(difflib.unified_diff(committed.splitlines(), made.splitlines(), "committed", "now", lineterm="", n=1))
        fail(
            f"the public names of the Swift module changed: {API.relative_to(ROOT)} says otherwise.\n"
            + "\n".join(lines[:60])
            + "\nWrite it anew with `bindings/swift/check --write-api`, commit it, and tell app developers in CHANGELOG.md."
        )
    # One name less must be a difference.
    first = next(tree for tree in facade if "public func" in "\n".join(tree.lines))
    less = Tree(first.path, "\n".join(first.lines).replace("public func", "func", 1))
    if listing.listing([less if tree is first else tree for tree in facade], generated) == committed:
        fail("the listing does not change when a public name goes")
    print(f"ok: {API.relative_to(ROOT)} lists the public names as they are ({len(made.splitlines())} lines)")


def main() -> None:
    folder = pathlib.Path(sys.argv[1])
    generated = Tree.of(folder / "BienbanGenerated" / "BienbanGenerated.swift", generated=True)
    ours = [Tree.of(path) for path in hand_written()]
    if not ours:
        fail("no hand-written Swift was found")
    check_syntax(generated, ours)
    check_names(generated, ours)
    check_imports(ours)
    check_protocol(ours)
    check_api(generated, ours, "--write-api" in sys.argv[2:])


if __name__ == "__main__":
    main()
