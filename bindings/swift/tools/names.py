"""Compares names and argument labels of hand-written Swift with what is declared. No types: a compiler does that.

What it sees: a member that nobody declares, a call with labels that no declaration of that name takes, a type that does
not exist. What belongs to Swift or to Apple's frameworks is listed in platform.txt, word by word, so that a misspelt
name of ours is not taken for one of theirs.
"""

from __future__ import annotations

import pathlib
from dataclasses import dataclass, field

from trees import Tree, child, children, text, walk

HERE = pathlib.Path(__file__).resolve().parent


@dataclass
class Parameter:
    label: str
    optional: bool
    closure: bool


@dataclass
class Declared:
    """Every name that sources declare, whatever it belongs to."""

    members: set[str] = field(default_factory=set)
    types: set[str] = field(default_factory=set)
    # By name; constructors under the name of their type.
    calls: dict[str, list[list[Parameter]]] = field(default_factory=dict)

    def add_call(self, name: str, parameters: list[Parameter]) -> None:
        self.calls.setdefault(name, []).append(parameters)


def bare(name: str) -> str:
    return name.strip("`")


def parameters_of(node) -> list[Parameter]:
    """Returns the parameters of a function or constructor."""
    found = []
    for at, one in enumerate(node.children):
        if one.type != "parameter":
            continue
        names = [bare(text(part)) for part in children(one, "simple_identifier")]
        following = node.children[at + 1] if at + 1 < len(node.children) else None
        found.append(
            Parameter(
                label="" if names[0] == "_" else names[0],
                optional=following is not None and following.type == "=",
                closure=any(part.type == "function_type" for part in walk(one)),
            )
        )
    return found


def enum_parameters(node) -> list[Parameter]:
    """Returns the associated values of a case."""
    found, label = [], ""
    for one in node.children:
        if one.type == "simple_identifier":
            label = bare(text(one))
        elif one.type == "," or one.type == ")":
            if found is not None and one.prev_sibling is not None and one.prev_sibling.type != "(":
                found.append(Parameter(label, False, False))
            label = ""
    return found


def stored(body) -> list[Parameter]:
    """Returns what the constructor that a struct gets by itself takes."""
    found = []
    for one in children(body, "property_declaration"):
        modifiers = child(one, "modifiers")
        if child(one, "computed_property") is not None or (modifiers is not None and "static" in text(modifiers)):
            continue
        binding = child(one, "value_binding_pattern")
        has_value = any(part.type == "=" for part in one.children)
        if has_value and text(binding) == "let":
            continue
        annotation = child(one, "type_annotation")
        # A wrapper such as @State or @EnvironmentObject brings its own value.
        wrapped = modifiers is not None and child(modifiers, "attribute") is not None
        optional = has_value or wrapped or (annotation is not None and text(annotation).endswith("?"))
        closure = any(part.type == "function_type" for part in walk(one))
        found.append(Parameter(bare(text(child(one, "pattern"))), optional, closure))
    return found


def reachable(node):
    """Returns a node and what is below it, without what is private there, and without converters."""
    if node.type in ("class_declaration", "function_declaration", "property_declaration", "protocol_declaration"):
        modifiers = child(node, "modifiers")
        if modifiers is not None and any(text(one) in ("private", "fileprivate") for one in walk(modifiers)):
            return
        named = child(node, "type_identifier", "user_type")
        if named is not None and text(named).startswith("FfiConverter"):
            return
    yield node
    for one in node.children:
        yield from reachable(one)


def declare(tree: Tree, declared: Declared, foreign: bool = False) -> None:
    """Adds what a source declares; of a module that others import, what they can reach."""
    for node in reachable(tree.root) if foreign else walk(tree.root):
        if node.type == "class_declaration":
            declare_type(node, declared)
        elif node.type in ("protocol_declaration", "typealias_declaration", "associatedtype_declaration"):
            declared.types.add(bare(text(child(node, "type_identifier"))))
        elif node.type == "type_parameter":
            declared.types.add(text(child(node, "type_identifier")))
        elif node.type in ("function_declaration", "protocol_function_declaration"):
            name = bare(text(child(node, "simple_identifier")))
            declared.members.add(name)
            declared.add_call(name, parameters_of(node))
        elif node.type in ("property_declaration", "protocol_property_declaration"):
            for pattern in children(node, "pattern"):
                declared.members.update(bare(text(one)) for one in walk(pattern) if one.type == "simple_identifier")
        elif node.type == "enum_entry":
            declare_cases(node, declared)


def declare_cases(node, declared: Declared) -> None:
    name = None
    for one in node.children:
        if one.type == "simple_identifier":
            name = bare(text(one))
            declared.members.add(name)
        elif one.type == "enum_type_parameters":
            declared.add_call(name, enum_parameters(one))


def declare_type(node, declared: Declared) -> None:
    named = child(node, "type_identifier", "user_type")
    body = child(node, "class_body", "enum_class_body")
    if named is None or body is None:
        return
    name = text(named).split(".")[-1]
    if text(node.children[0]) != "extension":
        declared.types.add(name)
    own = children(body, "init_declaration")
    for one in own:
        declared.add_call(name, parameters_of(one))
        declared.add_call("init", parameters_of(one))
    is_struct = any(text(one) == "struct" for one in node.children)
    if is_struct and not own:
        declared.add_call(name, stored(body))


def alias(tree: Tree, declared: Declared) -> None:
    """An alias takes the calls of what it stands for."""
    for node in walk(tree.root):
        if node.type == "typealias_declaration":
            target = text(node.children[-1]).split(".")[-1]
            name = text(child(node, "type_identifier"))
            if name != target and target in declared.calls:
                declared.calls[name] = declared.calls[target]


def fits(parameters: list[Parameter], labels: list[str], trailing: int) -> bool:
    """Whether a call with these labels, and so many closures behind it, can mean this declaration."""
    at = 0
    for parameter in parameters:
        if at < len(labels) and labels[at] == parameter.label:
            at += 1
        elif parameter.closure and trailing > 0:
            trailing -= 1
        elif not parameter.optional:
            return False
    return at == len(labels) and trailing == 0


def call_of(node):
    """Returns name, whether something stands before it, labels and closures of a call."""
    callee, suffix = node.children[0], child(node, "call_suffix")
    if suffix is None:
        return None
    if callee.type == "simple_identifier":
        name, bound = bare(text(callee)), False
    elif callee.type in ("navigation_expression", "prefix_expression"):
        names = [one for one in walk(callee) if one.type == "simple_identifier"]
        if not names:
            return None
        name, bound = bare(text(names[-1])), True
    else:
        return None
    labels = []
    arguments = child(suffix, "value_arguments")
    if arguments is not None:
        if text(arguments).startswith("["):
            return None
        for argument in children(arguments, "value_argument"):
            label = child(argument, "value_argument_label")
            labels.append(bare(text(label)) if label is not None else "")
    return name, bound, labels, len(children(suffix, "lambda_literal"))


def platform() -> set[str]:
    """Returns the names of Swift and of Apple's frameworks that the sources use."""
    lines = (HERE / "platform.txt").read_text(encoding="utf-8").splitlines()
    return {word for line in lines if not line.startswith("#") for word in line.split()}


def locals_of(tree: Tree) -> set[str]:
    """Returns what a source names inside functions: parameters, closures' parameters, loop variables, bindings."""
    kinds = ("parameter", "pattern", "lambda_parameter", "for_statement", "if_statement", "guard_statement", "catch_block")
    names = set()
    for node in walk(tree.root):
        if node.type in kinds:
            names.update(bare(text(one)) for one in children(node, "simple_identifier"))
    return names


def problems(tree: Tree, declared: Declared, known: set[str]) -> tuple[list[str], set[str]]:
    """Returns what does not fit, and which platform names were used."""
    found, used = [], set()
    local = locals_of(tree)

    def unknown(name: str, ours: set[str]) -> bool:
        if name in ours:
            return False
        if name in known:
            used.add(name)
            return False
        return True

    for node in walk(tree.root):
        if node.type == "navigation_suffix":
            name = child(node, "simple_identifier")
            # `self.init` and `Type.init` are Swift's own; their labels are compared below.
            if name is not None and text(name) != "init" and unknown(bare(text(name)), declared.members | declared.types):
                found.append(f"{tree.place(node)}: nothing declares .{text(name)}")
        elif node.type == "type_identifier":
            if unknown(text(node), declared.types):
                found.append(f"{tree.place(node)}: there is no type {text(node)}")
        elif node.type == "call_expression":
            call = call_of(node)
            if call is None:
                continue
            name, bound, labels, trailing = call
            if name in known:
                used.add(name)
            elif name in declared.calls:
                if not any(fits(one, labels, trailing) for one in declared.calls[name]):
                    told = ", ".join(f"{label or '_'}:" for label in labels)
                    found.append(f"{tree.place(node)}: no declaration of {name} takes ({told})")
            elif not bound and unknown(name, declared.types | local):
                found.append(f"{tree.place(node)}: there is no function {name}")
    return found, used
