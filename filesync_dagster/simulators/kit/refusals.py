"""What a provider says when it does not do what was asked."""


class Refusal(Exception):
    """A request that is not fulfilled: an HTTP status, the provider's code for the reason, and a sentence."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
