"""The outcome when all threads have returned."""

from sequere.replay.verifying import verifiable, verify


def differences() -> list[str]:
    """The differences between the read models and the log."""
    found: list[str] = []
    for name in verifiable():
        verify(name, on_difference=lambda difference: found.append(str(difference)))
    return found
