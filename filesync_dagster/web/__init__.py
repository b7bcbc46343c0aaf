"""`filesync serve`: health, metrics, REST and webhooks over HTTP. Does not import Dagster: it asks its web server.

* site        what all requests share: the configuration as it is now, the token, Dagster's web server
* health, metrics, machine
                what monitoring asks for
* rest, webhooks
                what changes something
* messages      the JSON that comes and goes, as models
* routes        one function for each path; OpenAPI is made from them
* requests      what every request passes: the token, the size of its body, the log, errors as sentences
* app, server   FastAPI's application, and uvicorn around it
"""

from filesync_dagster.web.server import serve_http

__all__ = ["serve_http"]
