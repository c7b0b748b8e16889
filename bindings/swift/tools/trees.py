"""Syntax trees of Swift sources: parsing, what does not parse, and walking. Runs with the packages of syntax.lock."""

from __future__ import annotations

import pathlib

import tree_sitter
import tree_sitter_swift

PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_swift.language()))

# An attribute with arguments of its own form, which the grammar does not know; only generated code has it.
UNKNOWN_ATTRIBUTE = "@_documentation(visibility: private)"

# What the grammar refuses although Swift takes it: the file, the whole line, the text that is refused, and why.
EXCEPTIONS = {
    ("BienbanGenerated.swift", "let writeReturn = { () }", "()"): "an empty tuple as all that a closure returns",
}


class Tree:
    """One source."""

    def __init__(self, path: pathlib.Path, text: str, generated: bool = False) -> None:
        self.path, self.lines = path, text.split("\n")
        if generated:
            # The line goes, and its place stays, so that every other line keeps its number.
            text = "\n".join("" if line.strip() == UNKNOWN_ATTRIBUTE else line for line in self.lines)
        self.root = PARSER.parse(text.encode()).root_node

    @staticmethod
    def of(path: pathlib.Path, generated: bool = False) -> "Tree":
        return Tree(path, path.read_text(encoding="utf-8"), generated)

    def place(self, node) -> str:
        return f"{self.path}:{node.start_point.row + 1}"

    def errors(self):
        """Returns the nodes that do not parse."""
        found = []

        def look(node) -> None:
            if node.type == "ERROR" or node.is_missing:
                found.append(node)
            elif node.has_error:
                for child in node.children:
                    look(child)

        look(self.root)
        return found


def text(node) -> str:
    return node.text.decode()


def flat(node) -> str:
    """Returns a node's text on one line."""
    return " ".join(text(node).split())


def child(node, *kinds: str):
    """Returns the first child of some kind."""
    return next((one for one in node.children if one.type in kinds), None)


def children(node, *kinds: str):
    return [one for one in node.children if one.type in kinds]


def walk(node):
    """Returns a node and all below it, in order."""
    yield node
    for one in node.children:
        yield from walk(one)


def syntax_problems(trees: list[Tree]) -> tuple[list[str], set]:
    """Returns what does not parse, and which exceptions were met."""
    problems, met = [], set()
    for tree in trees:
        for node in tree.errors():
            line = tree.lines[node.start_point.row].strip()
            key = (tree.path.name, line, text(node))
            if key in EXCEPTIONS:
                met.add(key)
                continue
            what = f"{node.type} is missing" if node.is_missing else f"does not parse: {flat(node)[:80]}"
            problems.append(f"{tree.place(node)}: {what} in `{line[:100]}`")
    return problems, met
