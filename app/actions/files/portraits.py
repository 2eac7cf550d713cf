"""Avatars and banners: of people, and of this server."""

from __future__ import annotations

import msgspec

from app.actions.files.keeping import check_quota, kept
from app.actions.files.preparing import Prepared, Upload, prepare_portrait
from app.db import reading
from app.errors import InvalidInputError
from app.media.kinds import PICTURES
from app.pipeline import submit
from app.pipeline.portraits import Kind, portrait, server_portrait
from app.queries.files import Address, find_public, find_same, parse_address
from app.queries.server_settings import forget_server_settings
from app.queries.viewers import Viewer
from app.settings import current


class Portrait(msgspec.Struct, frozen=True):
    """`url` is relative to this server; `is_new` is whether its owner had no such picture before."""

    url: str
    is_new: bool


def set_own(viewer: Viewer, kind: Kind, upload: Upload) -> Portrait:
    """Raises InvalidInputError for what is no picture, or too large a one, UnavailableError where the store is full."""
    prepared, is_new = _prepare(viewer, kind, upload)
    digest = prepared.file.blob.digest
    activity = portrait(viewer, kind, digest=digest, media_type=prepared.file.blob.media_type)
    new_files = [prepared.file] if is_new else []
    with kept([prepared] if is_new else []):
        submit(activity, private={"new_files": new_files, "picture": digest})
    return Portrait(f"/storage/{digest}", is_new)


def use_stored(viewer: Viewer, kind: Kind, url: str) -> Portrait:
    """A picture that is here for everybody already. Raises InvalidInputError for any other URL."""
    address = parse_address(url, current().origin) or Address()
    with reading() as session:
        known = find_public(session, address.digest) if address.digest else None
    if known is None or known.media_type not in PICTURES:
        raise InvalidInputError(f"{kind}_url must be the /storage/ URL of a picture on this server.")
    activity = portrait(viewer, kind, digest=known.digest, media_type=known.media_type)
    submit(activity, private={"picture": known.digest})
    return Portrait(known.url, is_new=False)


def set_servers(viewer: Viewer, kind: Kind, upload: Upload) -> Portrait:
    """Raises what `set_own` raises, and ForbiddenError for whoever is not of the staff."""
    prepared, is_new = _prepare(viewer, kind, upload)
    digest = prepared.file.blob.digest
    activity = server_portrait(viewer, kind, digest=digest, media_type=prepared.file.blob.media_type)
    new_files = [prepared.file] if is_new else []
    with kept([prepared] if is_new else []):
        submit(activity, private={"new_files": new_files, "picture": digest, "portrait": kind})
    forget_server_settings()
    return Portrait(f"/storage/{digest}", is_new)


def _prepare(viewer: Viewer, kind: Kind, upload: Upload) -> tuple[Prepared, bool]:
    directory = f"{kind}s"
    prepared = prepare_portrait(upload, owner_id=viewer.actor_id, directory=directory)
    with reading() as session:
        same = find_same(session, owner_id=viewer.actor_id, digest=prepared.file.blob.digest, directory=directory)
    if same is None:
        check_quota(viewer.actor_id, [prepared])
    return prepared, same is None
