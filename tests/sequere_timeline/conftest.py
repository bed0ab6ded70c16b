from tests.sequere.conftest import newbie, thoas  # noqa: F401  # fixtures
