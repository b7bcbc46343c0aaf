"""The listing of object stores: what buckets and containers of any vendor share. A kit, like `rest`.

A store says in `store` how one page is asked for and read; `listing` lists it, in ranges of keys side by side where the
store can begin anywhere (`ranges`, `chain`, `junctions`), else one page after another; `lookups` asks for single keys.
"""
