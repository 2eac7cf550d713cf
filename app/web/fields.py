"""A request's parameters, wherever they are: path, then query, then JSON body, then form; the first place wins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from typing import Any, ClassVar, TypeVar, get_args, get_origin
from urllib.parse import parse_qsl

import msgspec
from flask import Request
from pydantic import BaseModel, ConfigDict, ValidationError
from werkzeug.datastructures import MultiDict

from activitypub.errors import MalformedDocumentError
from activitypub.strict_json import Json, JsonObject, load_object
from app.errors import InvalidInputError, MalformedBodyError, UnsupportedMediaError
from app.settings import current
from app.web.bodies import MAX_BODY_BYTES, BodyStream, read_body
from app.web.uploads import Upload, Uploaded, read_multipart

__all__ = ["Fields", "Params", "Upload", "parse", "read_fields"]

MAX_FORM_FIELDS = 200


class Params(BaseModel):
    """The parameters of a route. A field typed as a list takes all that were given, any other refuses a second one.

    A validator is built when it is first used: to build them all at each start took a twentieth of its time.
    """

    model_config = ConfigDict(
        frozen=True, extra="ignore", hide_input_in_errors=True, arbitrary_types_allowed=True, defer_build=True
    )

    list_fields: ClassVar[frozenset[str]] = frozenset()
    flag_fields: ClassVar[frozenset[str]] = frozenset()
    file_fields: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        cls.list_fields = frozenset(name for name, info in cls.model_fields.items() if _is_list(info.annotation))
        cls.flag_fields = frozenset(name for name, info in cls.model_fields.items() if _is_flag(info.annotation))
        cls.file_fields = frozenset(name for name, info in cls.model_fields.items() if _is_file(info.annotation))


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) is list or any(_is_list(part) for part in get_args(annotation))


def _is_file(annotation: Any) -> bool:
    """One file; a list of them is a list."""
    is_one = annotation is Uploaded or any(_is_file(part) for part in get_args(annotation))
    return is_one and not _is_list(annotation)


def _is_flag(annotation: Any) -> bool:
    return annotation is bool or any(_is_flag(part) for part in get_args(annotation))


P = TypeVar("P", bound=Params)


class Fields(msgspec.Struct, frozen=True):
    """Every parameter of one request by the place it was in."""

    path: Mapping[str, str] = msgspec.field(default_factory=dict)
    query: MultiDict[str, str] = msgspec.field(default_factory=MultiDict)
    json: JsonObject = msgspec.field(default_factory=dict)
    form: MultiDict[str, str] = msgspec.field(default_factory=MultiDict)
    files: MultiDict[str, Uploaded] = msgspec.field(default_factory=MultiDict)

    def find(self, name: str) -> Json:
        """The value in the first place that has one; null counts as absent.

        Raises InvalidInputError when that place has several: which one a proxy or a log would see is not ours to guess.
        """
        if name in self.path:
            return self.path[name]
        given = self.query.getlist(name)
        if not given and self.json.get(name) is not None:
            return self.json[name]
        given = given or self.form.getlist(name)
        if len(given) > 1:
            raise InvalidInputError(f"{name}: given more than once.")
        return given[0] if given else None

    def find_file(self, name: str) -> Uploaded | Json:
        """Like `find`, for a file of a form. Raises InvalidInputError when there are several."""
        files = self.files.getlist(name)
        if len(files) > 1:
            raise InvalidInputError(f"{name}: given more than once.")
        return files[0] if files else self.find(name) or None

    def find_all(self, name: str) -> list[Any] | Json:
        """Like `find`, for a parameter that may repeat; files are among its values, empty fields of a form are not."""
        if self.query.getlist(name):
            return self.query.getlist(name)
        if self.json.get(name) is not None:
            return self.json[name]
        texts = [text for text in self.form.getlist(name) if text]
        return [*texts, *self.files.getlist(name)] or None


def read_fields(request: Request, path: Mapping[str, str], *, until: ExitStack, max_file_bytes: int = 0) -> Fields:
    """Reads the body of whatever kind it is. The files of a form may have `max_file_bytes` together, besides the rest;
    they are there until `until` ends.

    Raises what `read_body` raises, MalformedBodyError for a body that is not what it says, UnsupportedMediaError for
    one that is neither JSON nor a form, and InvalidInputError for U+0000.
    """
    kind = request.mimetype
    if kind == "multipart/form-data" and request.content_length != 0:
        stream = BodyStream(request, limit=MAX_BODY_BYTES + max_file_bytes)
        form, files = read_multipart(stream, request.mimetype_params, folder=current().data_dir, until=until)
        fields = Fields(path, request.args, form=form, files=files)
        _refuse_nul(fields)
        return fields
    body = read_body(request, limit=MAX_BODY_BYTES)
    if not body:
        fields = Fields(path, request.args)
    elif kind == "application/json" or kind.endswith("+json"):
        fields = Fields(path, request.args, json=_read_json(body))
    elif kind == "application/x-www-form-urlencoded":
        fields = Fields(path, request.args, form=_read_urlencoded(body))
    else:
        raise UnsupportedMediaError("The request body must be JSON or a form.")
    _refuse_nul(fields)
    return fields


def parse(params: type[P], fields: Fields) -> P:
    """Raises InvalidInputError that names the first wrong field and repeats nothing of what it held."""
    values: dict[str, Any] = {}
    for name in params.model_fields:
        found: Any = fields.find_all(name) if name in params.list_fields else fields.find(name)
        if name in params.file_fields:
            found = fields.find_file(name)
        if isinstance(found, bool) and name not in params.flag_fields:
            raise InvalidInputError(f"{name}: Not a yes or no.")  # Python would count true as 1.
        if found is not None:
            values[name] = found
    try:
        return params.model_validate(values)
    except ValidationError as error:
        raise InvalidInputError(_describe(error)) from None  # The cause holds the input: passwords, tokens.


def _read_json(body: bytes) -> JsonObject:
    try:
        return load_object(body)
    except MalformedDocumentError as error:
        raise MalformedBodyError("The request body is not a JSON object we accept.") from error


def _read_urlencoded(body: bytes) -> MultiDict[str, str]:
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FORM_FIELDS)
    except ValueError as error:
        raise MalformedBodyError("The request body is not a form we accept.") from error
    return MultiDict(pairs)


def _refuse_nul(fields: Fields) -> None:
    """PostgreSQL's text holds no U+0000; JSON was refused by its own reader."""
    places: Iterable[Iterable[str]] = (
        fields.path.values(),
        (text for pair in fields.query.items(multi=True) for text in pair),
        (text for pair in fields.form.items(multi=True) for text in pair),
    )
    if any("\0" in text for place in places for text in place):
        raise InvalidInputError("A parameter holds U+0000.")


def _describe(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        return f"{name}: required."
    if first["type"] == "value_error":  # Raised by a field's own check, in the words its facade wants.
        return str(first["ctx"]["error"])
    return f"{name}: {first['msg']}."
