"""Two conferences of alice's, what is in the second one, and invites to both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from app.queries.bits import Bit

if TYPE_CHECKING:
    from tests.hostile.arena import Arena

_LOW: Final = int(Bit.SEE | Bit.READ)


def found(arena: Arena) -> None:
    """What a stranger to the second may not read is the private text; carol is banned from it."""
    from tests.hostile.arena import SECRET_TEXT

    words = arena.words

    def make(path: str, /, **body: Any) -> str:
        return str(arena.api("POST", f"/api/v1{path}", body, who="alice")["id"])

    words["conf_A"] = make("/conferences", name="Upper pond")
    words["conf_B"] = make("/conferences", name="Lower pond")
    inside = f"/conferences/{words['conf_B']}"
    words["chan_of_conf_B"] = make(f"{inside}/channels", name="reeds", description=SECRET_TEXT)
    words["low_role"] = make(f"/conferences/{words['conf_A']}/roles", name="waders", permissions=_LOW)
    words["role_of_conf_B"] = make(f"{inside}/roles", name="helpers", description=SECRET_TEXT)
    words["invite_of_conf_B"] = make(f"{inside}/invites", name="wade-in")
    words["invite_of_conf_A"] = make(f"/conferences/{words['conf_A']}/invites", name="dive-in")
    words["revoked_invite"] = make(f"{inside}/invites", name="too-late")
    arena.api("DELETE", f"/api/v1/invites/{words['revoked_invite']}", who="alice")
    members = arena.api("GET", f"/api/v1{inside}/members", who="alice")
    words["member_of_conf_B"] = members["id_list"][0]
    arena.api("POST", f"/api/v1{inside}/members/{words['carol_id']}/ban", who="alice")
