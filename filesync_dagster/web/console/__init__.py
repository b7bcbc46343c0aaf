"""The web console: its built files, who is signed in, and what a browser is protected from.

* bundle        the files that `make console` built, as they are sent
* sessions      signing in, the cookie, CSRF, one-time links
* browser       the headers of every answer, and which hosts are ours
"""
