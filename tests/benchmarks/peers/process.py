"""The process of Sequere, or of a peer, in its own environment: `python -m tests.benchmarks.peers.process PEOPLE`.

It makes the tables, loads the network, and writes a line of JSON: the names of its operations, and figures about what
it has loaded. Then it reads an operation from each line, [name, people, items], and answers [milliseconds, result].
The instances are loaded before the clock starts, since an app has them at hand.
"""

import json
import os
import sys
from importlib import import_module
from time import perf_counter

import django
from django.core.management import call_command

OPERATIONS = (
    "follow",
    "unfollow",
    "is_following",
    "count",
    "followers",
    "timeline",
    "publish",
    "unread",
    "unread_up_to_100",
)
PAGE = 25


def main() -> None:
    answers, sys.stdout = sys.stdout, sys.stderr
    django.setup()
    call_command("migrate", run_syncdb=True, verbosity=0)
    from django.db import connection

    from tests.benchmarks.peers.app.models import Item, User
    from tests.benchmarks.peers.network import Network

    network = Network(int(sys.argv[1]))
    User.objects.bulk_create((User(username=f"user {n}") for n in range(network.accounts)), batch_size=5000)
    Item.objects.bulk_create((Item(name=f"item {n}") for n in range(network.people)), batch_size=5000)
    peer = import_module(f"tests.benchmarks.peers.{os.environ['PEERS_NAME']}").Peer()
    figures = peer.load(network)
    del network
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")

    def answer(*values: object) -> None:
        print(json.dumps(values), file=answers, flush=True)

    answer([name for name in OPERATIONS if hasattr(peer, name)], figures)
    for line in sys.stdin:
        name, people, items = json.loads(line)
        instances = [model.objects.get(pk=pk) for model, pks in ((User, people), (Item, items)) for pk in pks]
        operation = getattr(peer, name)
        start = perf_counter()
        result = operation(*instances)
        answer(1000 * (perf_counter() - start), result)


if __name__ == "__main__":
    main()
