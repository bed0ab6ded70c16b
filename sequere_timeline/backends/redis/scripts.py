"""The scripts of the timelines; `lua/` has their texts, each with its arguments, its answer and its cost.

A private feed has the member FLOOR, "", below its entries, or "~" and a nonce for each reader that is just filling it.
A private feed without a key has expired: its next reader fills it, and nothing is written to it before. The first key
of a script that writes what the log says is the hash of the resource that the writer has locked.
"""

from functools import partial

from sequere.redis.scripts import load

_load = partial(load, "sequere_timeline.backends.redis")

BEGIN_FILLING = _load("begin_filling")
COUNT_ENTRIES = _load("count_entries")
COUNT_UNREAD = _load("count_unread")
DELIVER_ENTRY = _load("deliver_entry")
DROP_ACTION = _load("drop_action")
DROP_FEED = _load("drop_feed")
DROP_FEEDS = _load("drop_feeds")
FENCE_ACTOR = _load("fence_actor")
FINISH_FILLING = _load("finish_filling")
NEWEST_ENTRIES = _load("newest_entries")
NOTE_REACHED = _load("note_reached")
PLACE_ENTRY = _load("place_entry")
READ_ENTRIES = _load("read_entries")
RETRACT_ACTION = _load("retract_action")
SAVE_ACTION = _load("save_action")
STORE_FIELD = _load("store_field")
STORE_GENERATION = _load("store_generation")
WITHDRAW_ENTRY = _load("withdraw_entry")
