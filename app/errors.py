"""What a request can fail with, and what strangers may be told.

AppError
├── InvalidInputError      400  the request does not make sense
│   ├── MalformedBodyError     400  its body broke off, or is not what it says it is
│   └── MalformedTokenError    400  the token is not a token of ours
├── UnauthenticatedError   401  who asks is not proved
│   └── InvalidTokenError      401  by a token that ended, or was never good here
├── ForbiddenError         403  known, but may not
│   ├── BlockedError           403  the address it comes from is blocked
│   └── InsufficientScopeError 403  the session is limited to other things
├── NotFoundError          404  missing, or not visible to the asker
├── StalledError           408  a request that did not arrive in time
├── ConflictError          409  the name or the state is taken
├── TooLargeError          413  more bytes than we read
├── UnsupportedMediaError  415  a body of a kind we do not read
├── ReusedKeyError         422  an Idempotency-Key that named another request before
├── UpgradeNeededError     426  another protocol is spoken here
├── TooManyRequestsError   429  slow down
└── UnavailableError       503  storage is full, locked or away; nothing was kept

Raise where the fact is known; a facade's error handler turns it into an answer.
"""

from __future__ import annotations

from enum import IntEnum


class ErrorCode(IntEnum):
    """What kind of error it is, in the numbers of Punctum."""

    # As contracts/punctum.md, 3.2, has them; 0 is no error.
    SERVER = 1  # Ours, not the client's.
    NO_DATA = 2  # The request cannot be read, or has no body where one is needed.
    NOT_PERMITTED = 3
    NOT_FOUND = 4
    UNSUPPORTED = 5  # Not with this address: the method, or the type of the object.
    READ_ONLY = 6
    INVALID_VALUE = 7  # Missing, wrong or taken.
    NOT_PART_OF = 8  # An object that does not belong to the other one named.
    UNKNOWN_REFERENCE = 9
    WRONG_REFERENCE = 10  # To an object of the wrong type.
    TOO_MUCH = 11


class AppError(Exception):
    """A request that cannot be done. `str(error)` is safe to show to strangers.

    `error_code` is for the kinds of which the status does not say enough: 400 alone is six codes.
    """

    code = "error"
    status = 500
    error_code: ErrorCode | None = None

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidInputError(AppError):
    code, status = "invalid_input", 400


class MalformedBodyError(InvalidInputError):
    code, error_code = "malformed_body", ErrorCode.NO_DATA


class MalformedTokenError(InvalidInputError):
    code = "malformed_token"


class UnauthenticatedError(AppError):
    code, status = "unauthenticated", 401


class InvalidTokenError(UnauthenticatedError):
    code = "invalid_token"


class ForbiddenError(AppError):
    code, status = "forbidden", 403


class BlockedError(ForbiddenError):
    code = "blocked"


class InsufficientScopeError(ForbiddenError):
    """`scope` is what was missing; None for what no limited session may do (RFC 6750, section 3.1)."""

    code = "insufficient_scope"

    def __init__(self, scope: str | None) -> None:
        super().__init__("This session is limited. Sign in to do this.")
        self.scope = scope


class NotFoundError(AppError):
    code, status = "not_found", 404


class StalledError(AppError):
    code, status = "stalled", 408


class ConflictError(AppError):
    code, status = "conflict", 409


class TooLargeError(AppError):
    code, status = "too_large", 413


class UnsupportedMediaError(AppError):
    code, status = "unsupported_media", 415


class ReusedKeyError(AppError):
    code, status = "reused_key", 422


class UpgradeNeededError(AppError):
    """`protocol` is what the connection has to be upgraded to."""

    code, status, error_code = "upgrade_needed", 426, ErrorCode.UNSUPPORTED

    def __init__(self, message: str, *, protocol: str = "websocket") -> None:
        super().__init__(message)
        self.protocol = protocol


class TooManyRequestsError(AppError):
    code, status = "too_many_requests", 429

    def __init__(self, message: str, *, retry_after_seconds: int = 60) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class UnavailableError(AppError):
    code, status = "unavailable", 503

    def __init__(
        self, message: str = "The server cannot store this now. Try again.", *, retry_after_seconds: int = 5
    ) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
