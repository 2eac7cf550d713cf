"""What can be wrong with a document, with whoever sent it, or with a server we asked.

ActivityPubError
├── MalformedDocumentError     400  the bytes are not JSON we accept, or not the shape the standard asks for
│   └── NotJsonError           400  the bytes are not JSON we accept
├── SignatureError             401  the request does not prove who sent it
│   └── KeyMismatchError       401  the key is real but is not this sender's
├── UnusableKeyError           401  the key cannot be read, is too weak, or is of a kind we do not take
├── KeyUnavailableError        503  the sender's key could not be fetched just now; asking again may help
├── ProofError                 403  the document's integrity proof cannot be believed
├── OriginError                403  an actor speaks for something that belongs to another origin
└── FetchError                 503  temporary, 422 when ``permanent``
    ├── BlockedAddressError    422  the address is one we never connect to
    ├── ResponseTooLargeError  422  the answer passed the size limit
    └── RemoteStatusError           the server answered with a status that is not success
        ├── NotFoundRemoteError     404
        └── GoneError               410
"""


class ActivityPubError(Exception):
    """The root: ``str(error)`` is detail for the log, ``public`` is what a stranger may read."""

    code: str = "activitypub_error"
    status: int = 400
    public: str = "The request could not be processed."


class MalformedDocumentError(ActivityPubError):
    """The bytes are not JSON we accept, or the document lacks what its type must have."""

    code = "malformed_document"
    public = "The document is malformed."


class NotJsonError(MalformedDocumentError):
    """The bytes are not JSON that every reader would read the same way, or not the JSON object they must be."""

    code = "not_json"


class SignatureError(ActivityPubError):
    """The request is unsigned, or its signature is ambiguous, incomplete, stale or wrong."""

    code = "invalid_signature"
    status = 401
    public = "The request signature is missing or not valid."


class KeyMismatchError(SignatureError):
    """The key exists, but it is not the one named or its owner does not point back at it."""

    code = "key_mismatch"
    public = "The signing key does not belong to the sender."


class UnusableKeyError(ActivityPubError):
    """The key cannot be read, is too weak, or is of a kind this server does not take."""

    code = "unusable_key"
    status = 401
    public = "The signing key is not one this server accepts."


class KeyUnavailableError(ActivityPubError):
    """The key could not be fetched for a reason that may pass, so the sender should try again."""

    code = "key_unavailable"
    status = 503
    public = "The signing key could not be fetched; please try again later."


class ProofError(ActivityPubError):
    """The document's integrity proof is absent, of a kind we do not know, or does not hold."""

    code = "invalid_proof"
    status = 403
    public = "The document's integrity proof is not valid."


class OriginError(ActivityPubError):
    """Two things that must share an origin do not (FEP-fe34)."""

    code = "origin_mismatch"
    status = 403
    public = "The sender may not speak for this object."


class FetchError(ActivityPubError):
    """A remote document could not be had; ``permanent`` says that asking again cannot help."""

    code = "fetch_failed"
    status = 503
    public = "A remote document could not be fetched."

    def __init__(self, detail: str, *, permanent: bool = False) -> None:
        super().__init__(detail)
        self.permanent = permanent
        if permanent:
            self.status = 422


class BlockedAddressError(FetchError):
    """The URL leads to an address, a port or a scheme this server never connects to."""

    code = "blocked_address"
    public = "That address cannot be fetched."

    def __init__(self, detail: str) -> None:
        super().__init__(detail, permanent=True)


class ResponseTooLargeError(FetchError):
    """The answer was longer than we read."""

    code = "response_too_large"
    public = "The remote document is too large."

    def __init__(self, detail: str) -> None:
        super().__init__(detail, permanent=True)


class RemoteStatusError(FetchError):
    """The server answered, but not with success; ``status_code`` is what it said."""

    code = "remote_status"

    def __init__(self, detail: str, *, status_code: int, permanent: bool) -> None:
        super().__init__(detail, permanent=permanent)
        self.status_code = status_code


class NotFoundRemoteError(RemoteStatusError):
    """The server says there is nothing at that address."""

    code = "remote_not_found"
    public = "The remote document does not exist."

    def __init__(self, detail: str, *, status_code: int = 404) -> None:
        super().__init__(detail, status_code=status_code, permanent=True)


class GoneError(RemoteStatusError):
    """The server says that what was there has been deleted."""

    code = "remote_gone"
    public = "The remote document was deleted."

    def __init__(self, detail: str, *, status_code: int = 410) -> None:
        super().__init__(detail, status_code=status_code, permanent=True)
