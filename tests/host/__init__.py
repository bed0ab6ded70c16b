"""A host project's own settings, projectors, and tests in the style of Django.

Pytest does not collect them: `processes.py` runs them in processes of their own.
"""
