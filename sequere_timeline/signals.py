"""The signals of sequere_timeline: sender=Timeline, instance (the owner of the timeline), action.

Each is sent once for each call of save() or delete(), not for each follower, and never by a replay.
"""

from django.dispatch import Signal

#: Before an action is saved or deleted; an exception raised here prevents it.
pre_save = Signal()
pre_delete = Signal()

#: After the commit, when something has changed; an exception raised here is logged.
post_save = Signal()
post_delete = Signal()
