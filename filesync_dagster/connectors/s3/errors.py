"""The border: what an S3 store or botocore may raise becomes our error tree here and nowhere else.

No message holds a secret: only the store's own code and message, the address and the bucket.
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
    NotFound,
    ProtocolViolation,
    SourceError,
    TemporarilyDown,
    Throttled,
    Unreachable,
)

CHECK_KEYS = "Check access_key_id and secret_access_key (or the profile)."
GRANT_LIST = "Grant s3:ListBucket on the bucket to these credentials, or use others."
CHECK_BUCKET = "Check the bucket's name, the region and endpoint_url."
TRY_PROVIDER = "If the store is not AWS, set `provider`; see the documentation for its quirks."

CODES: Final[Mapping[str, Meaning]] = {
    "InvalidAccessKeyId": (AuthenticationFailed, CHECK_KEYS),
    "InvalidClientTokenId": (AuthenticationFailed, CHECK_KEYS),
    "SignatureDoesNotMatch": (AuthenticationFailed, CHECK_KEYS),
    "AuthFailure": (AuthenticationFailed, CHECK_KEYS),
    "InvalidSecurity": (AuthenticationFailed, CHECK_KEYS),
    "CredentialsNotSupported": (AuthenticationFailed, CHECK_KEYS),
    "ExpiredToken": (AuthenticationFailed, "Renew session_token, or log in to the profile again."),
    "TokenRefreshRequired": (AuthenticationFailed, "Renew session_token, or log in to the profile again."),
    "InvalidToken": (AuthenticationFailed, "Renew session_token, or log in to the profile again."),
    "RequestTimeTooSkewed": (AuthenticationFailed, "Set the clock of this machine."),
    "RequestExpired": (AuthenticationFailed, "Set the clock of this machine."),
    "AccessDenied": (AccessDenied, GRANT_LIST),
    "AllAccessDisabled": (AccessDenied, GRANT_LIST),
    "AccountProblem": (AccessDenied, "The account has a problem that its owner must solve with the provider."),
    "InvalidPayer": (AccessDenied, "Set requester_pays to accept the cost of reading this bucket."),
    "NotSignedUp": (AccessDenied, "The account is not signed up for S3."),
    "NoSuchBucket": (NotFound, CHECK_BUCKET),
    "NoSuchKey": (NotFound, CHECK_BUCKET),
    "NoSuchVersion": (NotFound, CHECK_BUCKET),
    "NoSuchLifecycleConfiguration": (NotFound, "The bucket has no lifecycle rules."),
    "InvalidBucketName": (NotFound, CHECK_BUCKET),
    "PermanentRedirect": (NotFound, "The bucket is elsewhere: set region (or endpoint_url) to where it lives."),
    "TemporaryRedirect": (TemporarilyDown, "The bucket is new or moving; set its region if this stays."),
    "AuthorizationHeaderMalformed": (AuthenticationFailed, "Set region to the bucket's own region."),
    "IllegalLocationConstraintException": (NotFound, "Set region to the bucket's own region."),
    "SlowDown": (Throttled, ASK_LATER),
    "SlowDownRead": (Throttled, ASK_LATER),
    "Throttling": (Throttled, ASK_LATER),
    "ThrottlingException": (Throttled, ASK_LATER),
    "RequestLimitExceeded": (Throttled, ASK_LATER),
    "TooManyRequests": (Throttled, ASK_LATER),
    "BandwidthLimitExceeded": (Throttled, ASK_LATER),
    "NotImplemented": (ProtocolViolation, TRY_PROVIDER),  # a 501, which no waiting changes
    "ServiceUnavailable": (TemporarilyDown, ASK_LATER),
    "InternalError": (TemporarilyDown, ASK_LATER),
    "OperationAborted": (TemporarilyDown, ASK_LATER),
    "RequestTimeout": (TemporarilyDown, ASK_LATER),
}
"""What a store's error code means; codes that are not here are judged by the HTTP status."""

STATUSES: Final[Mapping[int | tuple[str, int], Meaning]] = {
    301: CODES["PermanentRedirect"],
    307: CODES["TemporaryRedirect"],
    401: (AuthenticationFailed, CHECK_KEYS),
    403: (AccessDenied, GRANT_LIST),
    404: (NotFound, CHECK_BUCKET),
}

TABLE: Final = ErrorTable(CODES, STATUSES, TRY_PROVIDER)

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
class S3Refusal:
    """What an answer that is not the wanted one says."""

    status: int
    code: str = ""
    message: str = ""
    region: str | None = None  # where the store says that the bucket lives
    retry_after: str | None = None  # the header as it came


def refusal_error(where: str, refusal: S3Refusal) -> SourceError:
    """Return the error for an answer that refuses; `where` names the bucket and the address."""
    return error_for(
        where,
        refusal.status,
        TABLE,
        code=refusal.code,
        message=refusal.message,
        retry_after=refusal.retry_after,
    )


@contextmanager
def botocore_border(where: str) -> Iterator[None]:
    """Turn what botocore and boto3 raise into our errors."""
    try:
        yield
    except botocore.exceptions.ClientError as exc:
        raise refusal_error(where, _refusal_of(exc)) from exc
    except botocore.exceptions.BotoCoreError as exc:
        kind = next((BOTOCORE[c.__name__] for c in type(exc).__mro__ if c.__name__ in BOTOCORE), ProtocolViolation)
        hint = {AuthenticationFailed: CHECK_KEYS, Unreachable: CHECK_ADDRESS}.get(kind, ASK_LATER)
        raise kind(f"{where}: {str(exc).rstrip('.')}.", hint=hint) from exc


def _refusal_of(exc: botocore.exceptions.ClientError) -> S3Refusal:
    answer = exc.response
    error, meta = answer.get("Error", {}), answer.get("ResponseMetadata", {})
    headers = meta.get("HTTPHeaders", {})
    code = error.get("Code", "")
    status = int(meta.get("HTTPStatusCode", 0)) or (int(code) if code.isdigit() else 0)
    return S3Refusal(
        status=status,
        code="" if code.isdigit() else code,
        message=error.get("Message", ""),
        region=headers.get("x-amz-bucket-region"),
        retry_after=headers.get("retry-after"),
    )
