"""The kit that stores over HTTP are made of.

`client` is the pooled httpx client and the border to httpx; `calls` makes every request: held back, counted, repeated
as `retry` says, within the `limits` of the credential. `oauth` keeps access tokens, `json_api` asks with them, `errors`
says what an answer means that refuses, `answers` what another must hold and `fields` how an entry is read, `paging`
follows pages to their end, `crawl` walks a tree with a bounded pool of threads.
"""
