"""filesync inside Dagster: endpoints as assets, cadences as schedules, days as partitions.

May import the API and everything below it. Nothing here decides what a sync does; nothing here connects to anything
while definitions load.
"""
