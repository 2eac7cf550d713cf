"""The `sign` recipe of a case: a signature made at the time of the request, wrong in the way the case asks for."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from activitypub.keys import sign
from tests.hostile.keys import actor_of, private_key, public_pem

Headers = list[tuple[str, str]]
_HMAC_KEY = "#PUBLIC_PEM_AS_HMAC_SECRET"


@dataclass(frozen=True, slots=True)
class Recipe:
    """`mutate` may hold, for either scheme: keyId, date_value, date_offset (seconds), host_value (signed and sent),
    signed_host (signed only), digest_of, digest_value, target (as signed), signature_value, drop (headers not sent),
    replace and add (headers changed after signing); for draft-cavage also raw_signature, created, expires and
    parameters; for RFC 9421 labels, covered and params.
    """

    scheme: str
    key: str
    algorithm: str
    covered: Sequence[str]
    mutate: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, described: Mapping[str, Any]) -> Recipe:
        return cls(
            scheme=described.get("scheme", "cavage-12"),
            key=described.get("key", "evil:mallory"),
            algorithm=described.get("algorithm", "rsa-sha256"),
            covered=described.get("headers", ["(request-target)", "host", "date", "digest"]),
            mutate=described.get("mutate", {}),
        )

    def signed(self, method: str, target: str, host: str, headers: Headers, body: bytes) -> Headers:
        """The headers to send, the signature among them."""
        fields = self._fields(host, body)
        values = {**fields, **{name.lower(): value for name, value in headers}, **self._only_signed()}
        sent: Headers = [*fields.items(), *headers]
        if self.scheme in ("cavage-12", "both"):
            name = self.mutate.get("cavage", self.key)
            sent.append(("Signature", self._cavage(name, method, target, values)))
        if self.scheme in ("rfc9421", "both"):
            sent += self._rfc9421(method, target, values)
        return self._spoiled(sent)

    def _fields(self, host: str, body: bytes) -> dict[str, str]:
        mutate = self.mutate
        moment = datetime.now(UTC) + timedelta(seconds=mutate.get("date_offset", 0))
        digested = mutate["digest_of"].encode() if "digest_of" in mutate else body
        sum256 = base64.b64encode(hashlib.sha256(digested).digest()).decode()
        fields = {
            "Host": mutate.get("host_value", host),
            "Date": mutate.get("date_value", format_datetime(moment, usegmt=True)),
            "Digest": mutate.get("digest_value", f"SHA-256={sum256}"),
        }
        if self.scheme in ("rfc9421", "both"):
            fields["Content-Digest"] = mutate.get("content_digest_value", f"sha-256=:{sum256}:")
        return {name.lower(): value for name, value in fields.items()}

    def _only_signed(self) -> dict[str, str]:
        return {"host": self.mutate["signed_host"]} if "signed_host" in self.mutate else {}

    def _key_id(self, name: str) -> str:
        return str(self.mutate.get("keyId", f"{actor_of(name.removesuffix(_HMAC_KEY))}#main-key"))

    def _signature(self, name: str, base: str) -> str:
        message = base.encode("latin-1", "replace")
        if "signature_value" in self.mutate:
            return str(self.mutate["signature_value"])
        if name.endswith(_HMAC_KEY):
            secret = public_pem(name.removesuffix(_HMAC_KEY)).encode()
            return base64.b64encode(hmac.digest(secret, message, "sha256")).decode()
        return base64.b64encode(sign(private_key(name), message)).decode()

    def _cavage(self, name: str, method: str, target: str, values: Mapping[str, str]) -> str:
        mutate = self.mutate
        now = int(datetime.now(UTC).timestamp())
        all_values = {
            **values,
            "(request-target)": mutate.get("target", f"{method.lower()} {target}"),
            "(created)": str(mutate.get("created", now)),
            "(expires)": str(mutate.get("expires", now + 60)),
        }
        base = "\n".join(f"{covered}: {all_values.get(covered, '')}" for covered in self.covered)
        signature = self._signature(name, base)
        if "raw_signature" in mutate:
            return str(mutate["raw_signature"]).replace("{{b64sig}}", signature)
        parameters = mutate.get("parameters", f'algorithm="{self.algorithm}"')
        return f'keyId="{self._key_id(name)}",{parameters},headers="{" ".join(self.covered)}",signature="{signature}"'

    def _rfc9421(self, method: str, target: str, values: Mapping[str, str]) -> Headers:
        name = self.mutate.get("rfc9421", self.key)
        labels = self.mutate.get("labels", [f"sig1:{name}"])
        made = [self._labelled(label, method, target, values) for label in labels]
        inputs = ", ".join(f"{label}={parameters}" for label, parameters, _ in made)
        signatures = ", ".join(f"{label}=:{signature}:" for label, _, signature in made)
        return [("Signature-Input", inputs), ("Signature", signatures)]

    def _labelled(self, described: str, method: str, target: str, values: Mapping[str, str]) -> tuple[str, str, str]:
        """`label:host:user` or `label:host:user:garbage`."""
        label, _, name = described.partition(":")
        covered = self.mutate.get("components", ["@method", "@target-uri", "content-digest"])
        now = int(datetime.now(UTC).timestamp())
        parameters = self.mutate.get("params", f"created={self.mutate.get('created', now)}")
        known = {
            **values,
            "@method": method,
            "@target-uri": self.mutate.get("target_uri", f"https://{values['host']}{target}"),
            "@authority": values["host"],
            "@path": target.partition("?")[0],
            "@request-target": target,
        }
        key_id = self._key_id(name.removesuffix(":garbage"))
        listed = " ".join(f'"{component}"' for component in covered)
        signature_parameters = f'({listed});{parameters};keyid="{key_id}"'
        lines = [f'"{component}": {known.get(component, "")}' for component in covered]
        base = "\n".join([*lines, f'"@signature-params": {signature_parameters}'])
        if name.endswith(":garbage"):
            return label, signature_parameters, base64.b64encode(b"\1" * 256).decode()
        return label, signature_parameters, self._signature(name, base)

    def _spoiled(self, headers: Headers) -> Headers:
        dropped = {name.lower() for name in self.mutate.get("drop", ())}
        replaced = {name.lower(): value for name, value in self.mutate.get("replace", {}).items()}
        kept = [(name, replaced.get(name.lower(), value)) for name, value in headers if name.lower() not in dropped]
        return [*kept, *(tuple(pair) for pair in self.mutate.get("add", ()))]
