"""`filesync serve`: health, metrics, REST and webhooks over HTTP. Does not import Dagster: it asks its web server.

* site        what all requests share: the configuration as it is now, the token, Dagster's web server
* health, metrics, machine
                what monitoring asks for
* rest, webhooks
                what changes something
* messages      the JSON that comes and goes
* operations    the table of all operations: routes and OpenAPI are both made from it
* app, server   the ASGI application, and uvicorn around it
"""

from filesync_dagster.web.server import serve_http

__all__ = ["serve_http"]
