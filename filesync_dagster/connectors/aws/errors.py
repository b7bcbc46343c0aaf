"""The border to botocore: what it and the services of AWS may raise becomes our error tree here and nowhere else.

No message holds a secret: only the service's own code and message, and what was asked.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import botocore.exceptions

from filesync_dagster.connectors.rest.errors import ASK_LATER, CHECK_ADDRESS, ErrorTable, Meaning, error_for
from filesync_dagster.core.errors import (
    AccessDenied,
    AuthenticationFailed,
    ProtocolViolation,
    SourceError,
    TemporarilyDown,
    Throttled,
    Unreachable,
)

CHECK_KEYS = "Check access_key_id and secret_access_key (or the profile)."
GRANT = "Grant these credentials what is asked for, or use others."
REPORT = "The service changed something, or this is an error of ours: please report it."

CODES: Final[Mapping[str, Meaning]] = {
    "InvalidAccessKeyId": (AuthenticationFailed, CHECK_KEYS),
    "InvalidClientTokenId": (AuthenticationFailed, CHECK_KEYS),
    "SignatureDoesNotMatch": (AuthenticationFailed, CHECK_KEYS),
    "AuthFailure": (AuthenticationFailed, CHECK_KEYS),
    "InvalidSecurity": (AuthenticationFailed, CHECK_KEYS),
    "ExpiredToken": (AuthenticationFailed, "Renew session_token, or log in to the profile again."),
    "TokenRefreshRequired": (AuthenticationFailed, "Renew session_token, or log in to the profile again."),
    "InvalidToken": (AuthenticationFailed, "Renew session_token, or log in to the profile again."),
    "RequestTimeTooSkewed": (AuthenticationFailed, "Set the clock of this machine."),
    "RequestExpired": (AuthenticationFailed, "Set the clock of this machine."),
    "AccessDenied": (AccessDenied, GRANT),
    "Throttling": (Throttled, ASK_LATER),
    "ThrottlingException": (Throttled, ASK_LATER),
    "RequestLimitExceeded": (Throttled, ASK_LATER),
    "TooManyRequests": (Throttled, ASK_LATER),
    "ServiceUnavailable": (TemporarilyDown, ASK_LATER),
    "InternalError": (TemporarilyDown, ASK_LATER),
    "RequestTimeout": (TemporarilyDown, ASK_LATER),
}
"""What an error code means in every service; codes that are not here are judged by the HTTP status."""

STATUSES: Final[Mapping[int | tuple[str, int], Meaning]] = {
    401: (AuthenticationFailed, CHECK_KEYS),
    403: (AccessDenied, GRANT),
}

TABLE: Final = ErrorTable(CODES, STATUSES, REPORT)

_BOTOCORE_NAMES: Final[Mapping[type[SourceError], str]] = {
    AuthenticationFailed: """
        NoCredentialsError NoAuthTokenError TokenRetrievalError UnknownTokenProviderError PartialCredentialsError
        CredentialRetrievalError ProfileNotFound ConfigParseError ConfigNotFound UnknownCredentialError
        InvalidConfigError InfiniteLoopConfigError RefreshWithMFAUnsupportedError MissingDependencyException
        MetadataRetrievalError SSOError SSOTokenLoadError UnauthorizedSSOTokenError LoginError LoginRefreshRequired
        LoginInsufficientPermissions LoginTokenLoadError LoginAuthorizationCodeError InvalidIMDSEndpointError
        InvalidIMDSEndpointModeError InvalidSTSRegionalEndpointsConfigError
        """,
    Unreachable: """
        EndpointConnectionError SSLError ConnectTimeoutError ProxyConnectionError InvalidProxiesConfigError
        InvalidDNSNameError InvalidHostLabelError InvalidEndpointConfigurationError EndpointProviderError
        EndpointResolutionError UnknownEndpointResolutionBuiltInName UnknownEndpointError UnknownFIPSEndpointError
        EndpointVariantError BaseEndpointResolverError NoRegionError UnknownRegionError InvalidRegionError
        ServiceNotInRegionError InvalidS3AddressingStyleError UnsupportedS3ArnError UnsupportedS3ControlArnError
        UnsupportedOutpostResourceError UnsupportedS3ConfigurationError UnsupportedS3AccesspointConfigurationError
        UnsupportedS3ControlConfigurationError InvalidEndpointDiscoveryConfigurationError
        InvalidS3UsEast1RegionalEndpointConfigError UnsupportedTLSVersionWarning
        """,
    TemporarilyDown: """
        ConnectionError HTTPClientError ConnectionClosedError ReadTimeoutError ResponseStreamingError
        IncompleteReadError CapacityNotAvailableError
        """,
    ProtocolViolation: """
        BotoCoreError ClientError EventStreamError ChecksumError FlexibleChecksumError AwsChunkedWrapperError
        PaginationError OperationNotPageableError DataNotFoundError UnknownServiceError ApiVersionNotFoundError
        UnknownSignatureVersionError UnsupportedSignatureVersionError MissingParametersError ValidationError
        ParamValidationError UnknownKeyError RangeError UnknownParameterError AliasConflictParameterError
        UnknownServiceStyle UnseekableStreamError WaiterError WaiterConfigError InvalidExpressionError
        UnknownClientMethodError ImminentRemovalWarning InvalidRetryConfigurationError InvalidMaxRetryAttemptsError
        InvalidRetryModeError StubResponseError StubAssertionError UnStubbedResponseError MD5UnavailableError
        UndefinedModelAttributeError MissingServiceIdError InvalidDefaultsMode InvalidChecksumConfigError
        UnsupportedServiceProtocolsError
        """,
}

BOTOCORE: Final[Mapping[str, type[SourceError]]] = {
    name: ours for ours, names in _BOTOCORE_NAMES.items() for name in names.split()
}
"""Every exception of botocore by name (its versions differ in which exist); a test fails when it grows another."""


@dataclass(frozen=True, slots=True)
class AwsRefusal:
    """What an answer that is not the wanted one says."""

    status: int
    code: str = ""
    message: str = ""
    region: str | None = None  # where a store says that its bucket lives
    retry_after: str | None = None  # the header as it came


def refusal_error(where: str, refusal: AwsRefusal, table: ErrorTable = TABLE) -> SourceError:
    """Return the error for an answer that refuses; `where` names what was asked, and where."""
    return error_for(
        where,
        refusal.status,
        table,
        code=refusal.code,
        message=refusal.message,
        retry_after=refusal.retry_after,
    )


@contextmanager
def botocore_border(where: str, table: ErrorTable = TABLE) -> Iterator[None]:
    """Turn what botocore and boto3 raise into our errors."""
    try:
        yield
    except botocore.exceptions.ClientError as exc:
        raise refusal_error(where, _refusal_of(exc), table) from exc
    except botocore.exceptions.BotoCoreError as exc:
        kind = next((BOTOCORE[c.__name__] for c in type(exc).__mro__ if c.__name__ in BOTOCORE), ProtocolViolation)
        hint = {AuthenticationFailed: CHECK_KEYS, Unreachable: CHECK_ADDRESS}.get(kind, ASK_LATER)
        raise kind(f"{where}: {str(exc).rstrip('.')}.", hint=hint) from exc


def _refusal_of(exc: botocore.exceptions.ClientError) -> AwsRefusal:
    answer = exc.response
    error, meta = answer.get("Error", {}), answer.get("ResponseMetadata", {})
    headers = meta.get("HTTPHeaders", {})
    code = error.get("Code", "")
    status = int(meta.get("HTTPStatusCode", 0)) or (int(code) if code.isdigit() else 0)
    return AwsRefusal(
        status=status,
        code="" if code.isdigit() else code,
        message=error.get("Message", ""),
        region=headers.get("x-amz-bucket-region"),
        retry_after=headers.get("retry-after"),
    )
