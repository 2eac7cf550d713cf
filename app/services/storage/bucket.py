"""The store in a bucket of an S3-compatible service: one object for each content."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from typing import Any, BinaryIO, Final

import boto3
from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from app.errors import UnavailableError
from app.services.storage.store import CHUNK_BYTES, Content, copy_hashed
from app.settings import BucketSettings

_ABSENT: Final = frozenset({"404", "NoSuchKey", "NotFound"})
_PART_BYTES: Final = 8 * 1024 * 1024
_BRIEF_SECONDS: Final = 2.0  # Others wait for what is deleted, and give up after five (`app.db`).


class BucketStore:
    """An object is there whole or not at all, and durable once the service has answered."""

    def __init__(self, settings: BucketSettings) -> None:
        self._bucket = settings.bucket
        self._settings = settings
        self._client = _connect(settings, connect_timeout=5, read_timeout=20, attempts=3)
        # Threads of boto3's own would be greenlets with another's locks; parts go one after the other.
        self._transfer = TransferConfig(
            use_threads=False, multipart_threshold=_PART_BYTES, multipart_chunksize=_PART_BYTES
        )

    @cached_property
    def _brief_client(self) -> Any:
        return _connect(self._settings, connect_timeout=1, read_timeout=_BRIEF_SECONDS, attempts=1)

    def put(self, digest: str, file: BinaryIO) -> None:
        file.seek(0)
        if copy_hashed(file, _Nowhere()) != digest:
            raise ValueError("the content is not what its digest says")
        file.seek(0)
        with _service_errors():
            self._client.upload_fileobj(_Unclosed(file), self._bucket, _key(digest), Config=self._transfer)

    def has(self, digest: str) -> bool:
        with _service_errors():
            try:
                self._client.head_object(Bucket=self._bucket, Key=_key(digest))
            except ClientError as error:
                if _is_absent(error):
                    return False
                raise
        return True

    def read(self, digest: str, start: int, length: int) -> Iterator[bytes]:
        if length <= 0:
            return iter(())
        span = f"bytes={start}-{start + length - 1}"
        with _service_errors():
            try:
                answer = self._client.get_object(Bucket=self._bucket, Key=_key(digest), Range=span)
            except ClientError as error:
                if _is_absent(error):
                    raise FileNotFoundError(digest) from error
                raise
        return _chunks(answer["Body"])

    def delete(self, digest: str) -> None:
        with _service_errors():
            self._brief_client.delete_object(Bucket=self._bucket, Key=_key(digest))

    def list_contents(self, *, before: datetime) -> Iterator[Content]:
        with _service_errors():
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=_PREFIX)
            for page in pages:
                for item in page.get("Contents", ()):
                    if item["LastModified"] < before:
                        yield Content(item["Key"].rpartition("/")[2], item["LastModified"])

    def sweep(self, *, before: datetime) -> None:
        """Uploads of several parts that were broken off; the service keeps, and charges for, their parts."""
        with _service_errors():
            begun = self._client.list_multipart_uploads(Bucket=self._bucket, Prefix=_PREFIX)
            for upload in begun.get("Uploads", ()):
                if upload["Initiated"] < before:
                    self._client.abort_multipart_upload(
                        Bucket=self._bucket, Key=upload["Key"], UploadId=upload["UploadId"]
                    )


_PREFIX: Final = "files/"


def _connect(settings: BucketSettings, *, connect_timeout: float, read_timeout: float, attempts: int) -> Any:
    """Timeouts are in seconds."""
    return boto3.client(
        "s3",
        endpoint_url=settings.endpoint,
        region_name=settings.region,
        aws_access_key_id=settings.access_key,
        aws_secret_access_key=settings.secret_key,
        config=Config(
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            retries={"total_max_attempts": attempts, "mode": "standard"},
            # Not every service knows the checksums that boto3 adds by itself since 1.36.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


def _key(digest: str) -> str:
    return f"{_PREFIX}{digest[:2]}/{digest}"


def _chunks(body: Any) -> Iterator[bytes]:
    try:
        with _service_errors():
            yield from body.iter_chunks(CHUNK_BYTES)
    finally:
        body.close()


def _is_absent(error: ClientError) -> bool:
    return error.response.get("Error", {}).get("Code") in _ABSENT


@contextmanager
def _service_errors() -> Iterator[None]:
    """A service that is away or refuses is the operator's trouble: 503, never a 500."""
    try:
        yield
    except (BotoCoreError, Boto3Error, ClientError) as error:
        raise UnavailableError from error


class _Nowhere:
    """A file that keeps nothing."""

    def write(self, chunk: bytes) -> int:
        return len(chunk)


class _Unclosed:
    """A file that boto3, which closes what it has sent, leaves open for whoever opened it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def close(self) -> None:
        return None
