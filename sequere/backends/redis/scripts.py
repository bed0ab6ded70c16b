"""The scripts of the follows; `lua/` has their texts, each with its arguments, its answer and its cost."""

from functools import partial

from sequere.redis.scripts import load

_load = partial(load, "sequere.backends.redis")

CLEAN_SET = _load("clean_set")
COMPARE_DIGESTS = _load("compare_digests")
COMPARE_SIDE = _load("compare_side")
COMPARE_SIZES = _load("compare_sizes")
LOAD_SIDES = _load("load_sides")
MEASURE_SETS = _load("measure_sets")
READ_COMMON = _load("read_common")
READ_COUNT = _load("read_count")
READ_COUNTS = _load("read_counts")
READ_FOLLOWER_NAMES = _load("read_follower_names")
READ_FOLLOWS = _load("read_follows")
READ_LIVE = _load("read_live")
READ_SUGGESTIONS = _load("read_suggestions")
STORE_NAMES = _load("store_names")
WRITE_DIRECTLY = _load("write_directly")
WRITE_SIDES = _load("write_sides")
