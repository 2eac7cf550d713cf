"""Every route of Punctum, by hand: what it does, and what each asker is answered. One that is not here fails the tests.

Written from contracts/punctum.md (2 and 5.5) and not from the code, so that the two hold each other. Each request is as
it should be, and about a thing of one conference. Outsider, member, moderator (a role of 1983), owner and banned are
that to the conference; the admin is one of the server, and nobody in the conference; the forger's signature is none,
and the instance, whose is one, has nobody in the conference. `does` is "read" for what changes nothing, "activity" for
what other servers could need to know, "knocks" for what other instances say of their own things, and "never" for what
nobody may do. After an answer, "=" says that nothing was to be done, and "+" that something is noted which is no
activity: who is told of changes, and what there is elsewhere.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from tests.facades.punctum.cast import ASKERS


class Cell(NamedTuple):
    status: int
    mark: str


class Row(NamedTuple):
    does: str
    cells: dict[str, Cell]


def _rows(table: str) -> dict[tuple[str, str], Row]:
    rows: dict[tuple[str, str], Row] = {}
    for line in table.strip().splitlines():
        method, path, does, statuses = map(str.strip, line.split("|"))
        assert (method, path) not in rows, (method, path)
        cells = [Cell(int(status[:3]), status[3:]) for status in statuses.split()]
        rows[method, path] = Row(does, dict(zip(ASKERS, cells, strict=True)))
    return rows


# anonymous, outsider, member, moderator, admin, owner, banned, forger, instance
PUNCTUM: Final = _rows("""
GET    | /accounts                                  | read     | 401  200  200  200  200  200  200  401  401
POST   | /accounts                                  | activity | 401  201  201  201  201  201  201  401  401
GET    | /accounts/by-name/{name}                   | read     | 200  200  200  200  200  200  200  200  200
PATCH  | /accounts/by-name/{name}                   | activity | 401  403  403  403  403  200  403  401  401
DELETE | /accounts/by-name/{name}                   | activity | 401  403  403  403  403  200  403  401  401
POST   | /accounts/by-name/{name}/block             | activity | 401  200  200  200  200  200  200  401  401
GET    | /accounts/{id}                             | read     | 200  200  200  200  200  200  200  401  200+
PATCH  | /accounts/{id}                             | activity | 401  403  403  403  403  200  403  401  401
DELETE | /accounts/{id}                             | activity | 401  403  403  403  403  200  403  401  401
POST   | /accounts/{id}/block                       | activity | 401  200  200  200  200  200  200  401  401
DELETE | /accounts/{id}/block                       | activity | 401  200  200  200  200  200  200  401  401
POST   | /accounts/{id}/friend                      | activity | 401  200  200  200  200  200  200  401  401
DELETE | /accounts/{id}/friend                      | activity | 401  200  200  200  200  200  200  401  401
POST   | /accounts/{id}/report                      | activity | 401  201  201  201  201  201  201  401  401
POST   | /channels                                  | activity | 401  403  403  403  403  201  403  401  401
GET    | /channels/{id}                             | read     | 401  403  200  200  403  200  403  401  401
PATCH  | /channels/{id}                             | activity | 401  403  403  403  403  200  403  401  401
DELETE | /channels/{id}                             | activity | 401  403  403  403  403  200  403  401  401
GET    | /channels/{id}/messages                    | read     | 401  403  200  200  403  200  403  401  401
POST   | /channels/{id}/messages                    | activity | 401  403  200  200  403  200  403  401  401
GET    | /channels/{id}/messages/by-time/{minutes}  | read     | 401  403  200  200  403  200  403  401  401
POST   | /channels/{id}/report                      | activity | 401  403  201  201  403  201  403  401  401
GET    | /client/socket                             | read     | 401  426  426  426  426  426  426  401  401
GET    | /conference/invites/{id}                   | read     | 200  200  200  200  200  200  200  200  200
POST   | /conferences                               | activity | 401  201  201  201  201  201  201  401  401
GET    | /conferences/{id}                          | read     | 200  200  200  200  200  200  200  200  200
PATCH  | /conferences/{id}                          | activity | 401  403  403  403  403  200  403  401  401
DELETE | /conferences/{id}                          | activity | 401  403  403  403  403  200  403  401  401
GET    | /conferences/{id}/channels                 | read     | 401  403  200  200  403  200  403  401  401
POST   | /conferences/{id}/channels                 | activity | 401  403  403  403  403  200  403  401  401
GET    | /conferences/{id}/channels/{child}         | read     | 401  403  200  200  403  200  403  401  401
PATCH  | /conferences/{id}/channels/{child}         | activity | 401  403  403  403  403  200  403  401  401
DELETE | /conferences/{id}/channels/{child}         | activity | 401  403  403  403  403  200  403  401  401
POST   | /conferences/{id}/channels/{child}/report  | activity | 401  403  201  201  403  201  403  401  401
GET    | /conferences/{id}/emoji                    | read     | 200  200  200  200  200  200  200  200  200
POST   | /conferences/{id}/emoji                    | activity | 401  403  403  403  403  200  403  401  401
GET    | /conferences/{id}/invites                  | read     | 401  403  200  200  403  200  403  401  401
POST   | /conferences/{id}/invites                  | activity | 401  403  403  200  403  200  403  401  401
GET    | /conferences/{id}/invites/{child}          | read     | 200  200  200  200  200  200  200  200  200
PATCH  | /conferences/{id}/invites/{child}          | activity | 401  403  403  200  403  200  403  401  401
DELETE | /conferences/{id}/invites/{child}          | activity | 401  403  403  200  403  200  403  401  401
POST   | /conferences/{id}/invites/{child}/report   | activity | 401  201  201  201  201  201  201  401  401
POST   | /conferences/{id}/leave                    | activity | 401  400  200  200  400  403  400  401  401
GET    | /conferences/{id}/members                  | read     | 401  403  200  200  403  200  403  401  401
POST   | /conferences/{id}/members                  | activity | 401  403  403  403  403  201  403  401  401
GET    | /conferences/{id}/members/{child}          | read     | 401  403  200  200  403  200  403  401  401
PATCH  | /conferences/{id}/members/{child}          | activity | 401  403  403  200  403  200  403  401  401
DELETE | /conferences/{id}/members/{child}          | activity | 401  403  403  200  403  200  403  401  401
POST   | /conferences/{id}/members/{child}/ban      | activity | 401  403  403  200  403  200  403  401  401
POST   | /conferences/{id}/members/{child}/kick     | activity | 401  403  403  200  403  200  403  401  401
POST   | /conferences/{id}/members/{child}/report   | activity | 401  403  201  201  403  201  403  401  401
POST   | /conferences/{id}/members/{child}/unban    | activity | 401  403  403  200  403  200  403  401  401
POST   | /conferences/{id}/report                   | activity | 401  201  201  201  201  201  201  401  401
GET    | /conferences/{id}/roles                    | read     | 401  403  200  200  403  200  403  401  401
POST   | /conferences/{id}/roles                    | activity | 401  403  403  403  403  200  403  401  401
GET    | /conferences/{id}/roles/{child}            | read     | 200  200  200  200  200  200  200  200  200
PATCH  | /conferences/{id}/roles/{child}            | activity | 401  403  403  403  403  200  403  401  401
DELETE | /conferences/{id}/roles/{child}            | activity | 401  403  403  403  403  200  403  401  401
POST   | /conferences/{id}/roles/{child}/report     | activity | 401  201  201  201  201  201  201  401  401
POST   | /emoji                                     | activity | 401  403  403  403  403  201  403  401  401
GET    | /emoji/{id}                                | read     | 200  200  200  200  200  200  200  200  200
PATCH  | /emoji/{id}                                | activity | 401  403  403  403  403  200  403  401  401
DELETE | /emoji/{id}                                | activity | 401  403  403  403  403  200  403  401  401
GET    | /federation/inbox                          | read     | 200  200  200  200  200  200  200  200  200
POST   | /federation/inbox                          | knocks   | 401  401  401  401  401  401  401  401  200+
POST   | /federation/join-conference-by-invite/{id} | activity | 401  401  401  401  401  401  401  401  200
POST   | /federation/subscribe/{id}                 | knocks   | 401  401  401  401  401  401  401  401  200+
DELETE | /federation/unsubscribe/{id}               | knocks   | 401  401  401  401  401  401  401  401  200
POST   | /federation/unsubscribe/{id}               | knocks   | 401  401  401  401  401  401  401  401  200
POST   | /id                                        | activity | 401  404  201  201  404  201  404  401  401
GET    | /id/{id}                                   | read     | 401  403  200  200  403  200  403  401  403
PATCH  | /id/{id}                                   | activity | 401  403  200  403  403  403  403  401  401
DELETE | /id/{id}                                   | activity | 401  403  200  200  200  200  403  401  401
POST   | /id/{id}/report                            | activity | 401  403  201  201  403  201  403  401  401
POST   | /ids                                       | activity | 401  404  201  201  404  201  404  401  401
GET    | /ids/{id}                                  | read     | 401  403  200  200  403  200  403  401  403
PATCH  | /ids/{id}                                  | activity | 401  403  200  403  403  403  403  401  401
DELETE | /ids/{id}                                  | activity | 401  403  200  200  200  200  403  401  401
POST   | /ids/{id}/report                           | activity | 401  403  201  201  403  201  403  401  401
GET    | /instance                                  | read     | 200  200  200  200  200  200  200  200  200
POST   | /invites                                   | activity | 401  403  403  201  403  201  403  401  401
GET    | /invites/by-name/{name}                    | read     | 200  200  200  200  200  200  200  401  200
PATCH  | /invites/by-name/{name}                    | activity | 401  403  403  200  403  200  403  401  401
DELETE | /invites/by-name/{name}                    | activity | 401  403  403  200  403  200  403  401  401
POST   | /invites/by-name/{name}/join               | activity | 401  200  200= 200= 200  200= 403  401  401
GET    | /invites/{id}                              | read     | 200  200  200  200  200  200  200  200  200
PATCH  | /invites/{id}                              | activity | 401  403  403  200  403  200  403  401  401
DELETE | /invites/{id}                              | activity | 401  403  403  200  403  200  403  401  401
POST   | /invites/{id}/join                         | activity | 401  200  200= 200= 200  200= 403  401  401
POST   | /invites/{id}/report                       | activity | 401  201  201  201  201  201  201  401  401
POST   | /messages                                  | activity | 401  404  201  201  404  201  404  401  401
GET    | /messages/{id}                             | read     | 401  403  200  200  403  200  403  401  401
PATCH  | /messages/{id}                             | activity | 401  403  200  403  403  403  403  401  401
DELETE | /messages/{id}                             | activity | 401  403  200  200  200  200  403  401  401
POST   | /messages/{id}/react                       | activity | 401  403  200  200  403  200  403  401  401
POST   | /messages/{id}/report                      | activity | 401  403  201  201  403  201  403  401  401
POST   | /reports                                   | activity | 401  404  201  201  404  201  404  401  401
GET    | /reports/{id}                              | read     | 401  403  200  403  200  403  403  401  401
PATCH  | /reports/{id}                              | never    | 401  403  400  403  400  403  403  401  401
DELETE | /reports/{id}                              | never    | 401  403  403  403  403  403  403  401  401
POST   | /roles                                     | activity | 401  403  403  403  403  201  403  401  401
GET    | /roles/{id}                                | read     | 200  200  200  200  200  200  200  200  200
PATCH  | /roles/{id}                                | activity | 401  403  403  403  403  200  403  401  401
DELETE | /roles/{id}                                | activity | 401  403  403  403  403  200  403  401  401
POST   | /roles/{id}/report                         | activity | 401  201  201  201  201  201  201  401  401
POST   | /stash/request                             | read     | 401  403  200  200  403  200  403  401  401
""")
