"""What a request of Punctum can be wrong with, with its number (contracts/punctum.md, 3.2)."""

from __future__ import annotations

from app.errors import ErrorCode, ForbiddenError, InvalidInputError, MalformedBodyError, NotFoundError

NO_SUCH_OBJECT = "Object with given ID not found."


class MissingObjectError(NotFoundError):
    """What the path names is not there."""

    def __init__(self) -> None:
        super().__init__(NO_SUCH_OBJECT)


class HiddenError(ForbiddenError):
    """It is there, and not for this account."""

    def __init__(self) -> None:
        super().__init__("You may not read this object.")


class NoDataError(MalformedBodyError):
    def __init__(self, message: str = "A JSON object is needed.") -> None:
        super().__init__(message)


class WrongTypeError(InvalidInputError):
    error_code = ErrorCode.UNSUPPORTED

    def __init__(self, message: str = "This endpoint is for another type of object.") -> None:
        super().__init__(message)


class ReadOnlyError(InvalidInputError):
    error_code = ErrorCode.READ_ONLY

    def __init__(self, key: str) -> None:
        super().__init__(f"{key}: cannot be changed.")


class MissingKeyError(InvalidInputError):
    def __init__(self, key: str) -> None:
        super().__init__(f"{key}: required.")


class WrongValueError(InvalidInputError):
    def __init__(self, key: str, expected: str) -> None:
        super().__init__(f"{key}: {expected}.")


class NotPartOfError(InvalidInputError):
    error_code = ErrorCode.NOT_PART_OF

    def __init__(self, message: str = "This object does not belong to the other one.") -> None:
        super().__init__(message)


class UnknownReferenceError(NotFoundError):
    error_code = ErrorCode.UNKNOWN_REFERENCE

    def __init__(self, key: str) -> None:
        super().__init__(f"{key}: there is no such object.")


class WrongReferenceError(InvalidInputError):
    error_code = ErrorCode.WRONG_REFERENCE

    def __init__(self, key: str) -> None:
        super().__init__(f"{key}: an object of another type.")


class TooManyError(InvalidInputError):
    error_code = ErrorCode.TOO_MUCH

    def __init__(self, key: str, most: int) -> None:
        super().__init__(f"{key}: {most} at most.")


class TooLongError(InvalidInputError):
    error_code = ErrorCode.TOO_MUCH

    def __init__(self, key: str) -> None:
        super().__init__(f"{key}: fewer at once, of messages that are so long.")
