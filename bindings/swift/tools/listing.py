"""Lists the public names of the facade with their signatures, and those of the generated types that it passes on."""

from __future__ import annotations

from trees import Tree, child, children, flat, text, walk

HEAD = """\
# The public names of the Swift module Bienban, with their signatures. Made by `bindings/swift/check --write-api`; do not edit.
"""

BODIES = ("function_body", "computed_property", "protocol_property_requirements", "class_body", "enum_class_body",
          "protocol_body", "modifiers", "comment", "multiline_comment", "willset_didset_block")


def is_public(node) -> bool:
    modifiers = child(node, "modifiers")
    return modifiers is not None and any(
        one.type == "visibility_modifier" and text(one) in ("public", "open") for one in walk(modifiers)
    )


def signature(node, values: bool = False) -> str:
    """Returns a declaration without modifiers, comments and body; a constant's value only where it is asked for."""
    parts = []
    modifiers = child(node, "modifiers")
    if modifiers is not None:
        parts += [text(one) for one in walk(modifiers) if one.type in ("property_modifier", "mutation_modifier")]
    for one in node.children:
        if one.type in BODIES:
            continue
        if one.type == "=" and node.type == "property_declaration" and not values:
            break
        # Comments may stand among parameters too.
        parts.append(" ".join(flat(leaf) for leaf in bare_leaves(one)) if has_comment(one) else flat(one))
    line = " ".join(parts)
    for loose, tight in ((" (", "("), ("( ", "("), (" )", ")"), (" ,", ","), (" :", ":"), ("init ?", "init?"),
                         ("[ ", "["), (" ]", "]")):
        line = line.replace(loose, tight)
    return " ".join(line.replace("->(", "-> (").split())


def has_comment(node) -> bool:
    return any(one.type in ("comment", "multiline_comment") for one in walk(node))


def bare_leaves(node):
    return [one for one in walk(node) if one.child_count == 0 and one.type not in ("comment", "multiline_comment")]


def members(body) -> list[str]:
    """Returns the public members of a type, of an enumeration and a protocol each; what a type in it holds follows it."""
    blocks = []
    for node in body.children:
        if node.type == "enum_entry":
            blocks.append([signature(node, values=True).rstrip(";")])
        elif node.type in ("protocol_function_declaration", "protocol_property_declaration"):
            blocks.append([signature(node)])
        elif node.type in ("function_declaration", "property_declaration", "init_declaration", "typealias_declaration"):
            if is_public(node) and not hidden(signature(node)):
                blocks.append([signature(node)])
        elif node.type == "class_declaration" and is_public(node):
            blocks.append(declaration(node))
    return [line for block in sorted(blocks) for line in block]


def hidden(line: str) -> bool:
    """Whether a member is there for converters alone."""
    return "uniffi" in line or "unsafeFromHandle" in line or "noHandle" in line


def declaration(node) -> list[str]:
    """Returns a type's line, and its members below it, in order of the alphabet."""
    body = child(node, "class_body", "enum_class_body", "protocol_body")
    inner = members(body) if body is not None else []
    return [signature(node), *(f"  {line}" for line in inner)]


def generated_types(tree: Tree) -> dict[str, object]:
    found = {}
    for node in tree.root.children:
        if node.type in ("class_declaration", "protocol_declaration") and is_public(node):
            name = child(node, "type_identifier")
            if name is not None:
                found[text(name)] = node
    return found


def listing(facade: list[Tree], generated: Tree) -> str:
    """Returns the text of the listing."""
    passed_on = generated_types(generated)
    blocks = []
    extended: dict[str, list[str]] = {}
    for tree in facade:
        for node in tree.root.children:
            if node.type == "typealias_declaration" and is_public(node):
                name, target = text(child(node, "type_identifier")), text(node.children[-1])
                lines = declaration(passed_on[target.split(".")[-1]])
                blocks.append([f"typealias {name} = {target}", *(f"  {line}" for line in lines)])
            elif node.type in ("class_declaration", "protocol_declaration"):
                if any(one.type == "extension" for one in node.children):
                    name = text(child(node, "user_type", "type_identifier"))
                    head = signature(node)
                    body = child(node, "class_body", "enum_class_body")
                    lines = members(body)
                    if lines or ":" in head:
                        extended.setdefault(head, []).extend(lines)
                elif is_public(node):
                    blocks.append(declaration(node))
            elif node.type in ("function_declaration", "property_declaration") and is_public(node):
                blocks.append([signature(node)])
    blocks += [[head, *(f"  {line}" for line in sorted(lines))] for head, lines in extended.items()]
    return HEAD + "".join("\n" + "\n".join(block) + "\n" for block in sorted(blocks))
