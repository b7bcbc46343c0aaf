"""Messages that say what changed: envelopes, queues, and what is done about them.

An event is a hint that a key changed, never the truth: that comes from the store (see `sync/lookup`). So it does not
matter how often, in which order or how badly events come; what they do not tell, the scheduled listing finds.
"""
