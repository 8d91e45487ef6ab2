"""Topic filters, and what is known of a subscription that changes while messages pass."""

import functools


class Operation:
    """A SUBSCRIBE or UNSUBSCRIBE (`options` None), from its sending to its answer; 0: none came."""
    __slots__ = ("client", "topic_filter", "options", "subscription_id", "sent", "acked", "refused")

    def __init__(self, client, topic_filter, options, subscription_id, sent):
        self.client, self.topic_filter, self.options = client, topic_filter, options
        self.subscription_id, self.sent = subscription_id, sent
        self.acked, self.refused = 0, False

    @property
    def qos(self):
        return self.options & 3

    @property
    def retain_as_published(self):
        return bool(self.options & 8)

    def __str__(self):
        if self.options is None:
            return f"UNSUBSCRIBE {self.topic_filter}"
        return f"SUBSCRIBE {self.topic_filter} QoS {self.qos}"


@functools.lru_cache(maxsize=None)
def matches(topic_filter, topic):
    levels, names = topic_filter.split("/"), topic.split("/")
    for index, level in enumerate(levels):
        if level == "#":
            return True
        if index >= len(names) or level not in ("+", names[index]):
            return False
    return len(levels) == len(names)


def possible(operations, message, since, certain=False):
    """The subscriptions in force at some moment at which the message may have been processed.

    `operations` are one client's on one filter, in order. One that was answered ends what was
    before it; one that was not may have happened or not. `certain`: empty unless there was one at
    every such moment. What was answered up to `since` may have been lost, or come back, by damage
    that the broker reported then.
    """
    start, end = message.first_sent, message.acked or float("inf")
    at_work = []
    for operation in operations:
        if operation.refused or operation.sent > end:
            continue
        if since < operation.acked <= start:
            at_work = [operation]
        else:
            at_work.append(operation)
    subscribed = [operation for operation in at_work if operation.options is not None]
    if certain and (not at_work or len(subscribed) != len(at_work) or
                    not since < at_work[0].acked <= start):
        return []
    return subscribed
