"""Engines of others: what their models draw takes the place of what our trees would draw, and all else stays ours.

Keys, relations, rules, people and texts come about as with `core`, and everything is verified in the same way.
"""
