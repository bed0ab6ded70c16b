"""Sequere beside its peers: django-activity-stream, django-friendship and Stream-Framework.

Each of them, and Sequere itself, holds the same network (`network.py`) in a database of its own on one server. Each
runs in a process of its own (`process.py`), with the same small app (`app/`) and Django's default settings; the peers
have environments of their own, which `make bench PEERS=1` installs. `comparison.py` has them do the same operations in
turns, and says which bound holds.

A module with the name of a peer says how an app calls it. All three run on Python 3.11; Stream-Framework, written
before Python 3.7, needs a word replaced (see its module) and redis-py 2.
"""
