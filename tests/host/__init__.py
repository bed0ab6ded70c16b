"""What a host project has of its own: settings, projectors, and tests in the style of Django.

Not collected by pytest: `processes.py` runs them in processes of their own.
"""
