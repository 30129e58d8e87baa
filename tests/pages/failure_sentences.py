"""The failure sentences of the source: what is raised as an error that people read, found in the syntax tree."""

import ast
from collections.abc import Iterator
from pathlib import Path

from studio.pages.guide.entries import PLACE

PROJECT = Path(__file__).parents[2]
FOLDERS = (
    "studio/actions",
    "studio/api",
    "studio/forms",
    "studio/sealing.py",
    "studio/stores",
    "studio/permissions.py",
    "studio/roles.py",
    "studio/models",
    "scoring",
)
ERRORS = (
    "Error",
    "NotAllowed",
    "Unavailable",
    "NotFound",
    "AlreadyThere",
    "StoreAway",
    "KeyMissing",
    "Failure",
    "Refused",
    "Timeout",
)
TRANSLATED = ("_", "gettext", "gettext_lazy", "ngettext")
SHORT = 25  # letters; what is shorter is a part of a sentence


def sentences() -> Iterator[tuple[str, str]]:
    """Place in the source, and the sentence with `…` for what is filled in."""
    for folder in FOLDERS:
        path = PROJECT / folder
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            for node in ast.walk(ast.parse(file.read_text())):
                if not isinstance(node, ast.Call) or not called(node).endswith(ERRORS):
                    continue
                said = node.args[1:2] if called(node) == "HttpError" else node.args[:1]  # behind its status
                for text in (text for argument in said for text in texts(argument)):
                    if len(PLACE.sub("", text)) >= SHORT:
                        yield f"{file.relative_to(PROJECT)}:{node.lineno}", PLACE.sub("…", text)


def called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")


def texts(node: ast.expr) -> list[str]:
    """What an expression that makes a sentence may say."""
    match node:
        case ast.Constant(value=str(value)):
            return [value]
        case ast.JoinedStr(values=values):
            return ["".join(part.value if isinstance(part, ast.Constant) else "…" for part in values)]
        case ast.BinOp(op=ast.Mod(), left=left):
            return texts(left)
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            return ["".join((*(texts(left) or ["…"])[:1], *(texts(right) or ["…"])[:1]))]
        case ast.BoolOp(values=values) | ast.Dict(values=values):
            return [text for value in values for text in texts(value)]
        case ast.IfExp(body=body, orelse=other):
            return texts(body) + texts(other)
        case ast.Call(args=arguments) if called(node) in TRANSLATED:
            return [text for argument in arguments[:2] for text in texts(argument)]
    return []
