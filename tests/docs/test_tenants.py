"""What the page about tenants does not run is what the tests of tenants run."""

import ast

from tests.docs.pages import ROOT, blocks, page


def test_the_tenants_of_django_tenants_are_those_of_a_host_of_the_tests() -> None:
    (shown,) = (block for block in blocks(page("tenants.md")) if "schema_context" in block.text)
    host = (ROOT / "tests" / "host" / "schema_tenants.py").read_text()

    assert _without_types(shown.text) == _without_types(host)


def _without_types(code: str) -> list[str]:
    """The classes and functions, without annotations."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
            for argument in node.args.args:
                argument.annotation = None
    return [ast.unparse(node) for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)]
