"""Which mutants there are: a file with one mistake in it, made by an operator of Cosmic Ray."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator

ROOT = Path(__file__).parents[2]
ROOMS = ("log", "outbox", "relations")
#: One mistake of each kind: an operator of Cosmic Ray for each pair of signs would say the same ten times.
OPERATORS = (
    *(f"ReplaceBinaryOperator_{pair}" for pair in ("Add_Sub", "Sub_Add", "Mul_Div", "Mod_Mul")),
    *(f"ReplaceBinaryOperator_{pair}" for pair in ("BitOr_BitAnd", "BitAnd_BitOr")),
    *(f"ReplaceComparisonOperator_{pair}" for pair in ("Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is")),
    *(f"ReplaceComparisonOperator_{pair}" for pair in ("Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt", "Lt_GtE", "Gt_LtE")),
    *("ReplaceUnaryOperator_USub_UAdd", "ReplaceUnaryOperator_Delete_Not", "AddNot"),
    *("ReplaceTrueWithFalse", "ReplaceFalseWithTrue", "ReplaceAndWithOr", "ReplaceOrWithAnd"),
    *("ReplaceBreakWithContinue", "ReplaceContinueWithBreak", "ExceptionReplacer", "NumberReplacer"),
    *("RemoveDecorator", "ZeroIterationForLoop"),
)
#: Without these decorators, and with other arguments of a dataclass, the answers are the same.
NO_MATTER = ("cache", "cached_property", "overload")

#: Arguments that matter only where something else is wrong already.
ANY_WAY = ("strict",)
#: What takes the size of its parts.
IN_PARTS = ("chunks",)

#: Where an operator stands between two numbers, lists or sets.
CALCULATIONS = ("term", "arith_expr", "expr", "and_expr")


@dataclass(frozen=True, slots=True)
class Mutant:
    """A mistake: the how manieth place of an operator in a file."""

    path: str
    operator: str
    occurrence: int
    line: int

    def code(self) -> str:
        """The file with the mistake."""
        mutated: str = mutate_code((ROOT / self.path).read_text(), _operator(self.operator), self.occurrence)
        return mutated

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.operator} {self.occurrence}"

    def change(self) -> str:
        """What it changes."""
        before, after = (ROOT / self.path).read_text().splitlines(), self.code().splitlines()
        changed = [(old, new) for old, new in zip(before, after, strict=False) if old != new]
        return f"{changed[0][0].strip()} → {changed[0][1].strip()}" if changed else ""


def mutants() -> list[Mutant]:
    """All mutants of the rooms."""
    files = sorted(path for room in ROOMS for path in (ROOT / "sequere" / room).glob("*.py"))
    return [mutant for path in files for mutant in _of_file(path)]


def _of_file(path: Path) -> Iterator[Mutant]:
    tree = get_ast(path.read_text())
    nodes = list(ast_nodes(tree))
    for name in OPERATORS:
        occurrence = 0
        for node in nodes:
            for _ in _operator(name).mutation_positions(node):
                if _matters(name, node):
                    yield Mutant(str(path.relative_to(ROOT)), name, occurrence, node.start_pos[0])
                occurrence += 1


def _matters(operator: str, node: Any) -> bool:
    """Whether a test could tell: not what only types, the speed or sizes of batches change, nor what is no Python."""
    if operator == "AddNot" and any(
        child.type == "namedexpr_test" or child.get_code(include_prefix=False) == "TYPE_CHECKING"
        for child in node.children
    ):
        return False
    if "BinaryOperator" in operator and node.parent.type not in CALCULATIONS:  # the star of an argument
        return False
    above = list(_above(node))
    if any(one.type == "argument" and one.children[0].get_code(include_prefix=False) in ANY_WAY for one in above):
        return False
    if operator == "NumberReplacer" and any(one.type == "arglist" and _called(one) in IN_PARTS for one in above[:2]):
        return False
    decorator = next((one.get_code() for one in above if one.type == "decorator"), "")
    if "@dataclass" in decorator or any(f"@{name}" in decorator for name in NO_MATTER):
        return False
    annotations = [getattr(one, "annotation", None) for one in above if one.type in {"param", "funcdef"}]
    annotations += [one.children[1] for one in above if one.type == "annassign"]
    if any(one.start_pos <= node.start_pos and node.end_pos <= one.end_pos for one in annotations if one):
        return False
    return operator != "NumberReplacer" or any(one.type == "funcdef" for one in above)


def _called(arguments: Any) -> str:
    """The name of what is called with these arguments."""
    name: str = arguments.parent.get_previous_sibling().get_code(include_prefix=False)
    return name


def _above(node: Any) -> Iterator[Any]:
    """A node, and those that it is in."""
    while node is not None:
        yield node
        node = node.parent


@cache
def _operator(name: str) -> Any:
    return get_operator(f"core/{name}")()
