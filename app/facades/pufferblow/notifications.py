"""Notifications of mentions (contracts/pufferblow.md, 7 and 11)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from app.actions.notifications import mark_all_notifications_read, mark_notification_read
from app.db import reading
from app.facades.pufferblow.answers import Time, iso
from app.facades.pufferblow.api import API
from app.facades.pufferblow.params import Id, PageNumber
from app.queries.notifications import NotificationView, count_unread_notifications, list_notifications
from app.queries.viewers import Viewer
from app.web.api import NoParams
from app.web.fields import Params
from app.web.shapes import Shape

TAG = "Notifications"


class ListNotifications(Params):
    page: PageNumber = 1
    per_page: Annotated[int, Field(ge=1, le=100)] = 50


class WhichNotification(Params):
    notification_id: Id


class NotificationShown(Shape):
    notification_id: str
    user_id: str
    type: str
    actor_user_id: str
    channel_id: str
    message_id: str
    created_at: Time
    read_at: Time | None


class UnreadCount(Shape):
    status_code: int
    unread_count: int


class NotificationsListed(UnreadCount):
    notifications: list[NotificationShown]


class NotificationRead(UnreadCount):
    already_read: bool


class NotificationsRead(UnreadCount):
    """`marked` is how many were unread."""

    marked: int


@API.signed_in(
    "GET",
    "/api/v1/notifications/",
    params=ListNotifications,
    answer=NotificationsListed,
    tag=TAG,
    summary="Mentions of oneself in channels that one sees, the newest first",
    scope="message:read",
)
def show_notifications(viewer: Viewer, params: ListNotifications) -> NotificationsListed:
    with reading() as session:
        views = list_notifications(session, viewer, page=params.page, size=params.per_page)
        unread = count_unread_notifications(session, viewer)
    return NotificationsListed(status_code=200, unread_count=unread, notifications=[shown(view) for view in views])


@API.signed_in(
    "GET",
    "/api/v1/notifications/unread_count",
    params=NoParams,
    answer=UnreadCount,
    tag=TAG,
    summary="How many of them are unread",
    scope="message:read",
)
def show_unread_count(viewer: Viewer, _: NoParams) -> UnreadCount:
    return UnreadCount(status_code=200, unread_count=_count(viewer))


@API.signed_in(
    "POST",
    "/api/v1/notifications/{notification_id}/read",
    params=WhichNotification,
    answer=NotificationRead,
    tag=TAG,
    summary="Mark one as read",
    errors={404},
    scope="message:write",
)
def read_notification(viewer: Viewer, params: WhichNotification) -> NotificationRead:
    was_unread = mark_notification_read(viewer, params.notification_id)
    return NotificationRead(status_code=200, already_read=not was_unread, unread_count=_count(viewer))


@API.signed_in(
    "POST",
    "/api/v1/notifications/read-all",
    params=NoParams,
    answer=NotificationsRead,
    tag=TAG,
    summary="Mark all as read",
    scope="message:write",
)
def read_all_notifications(viewer: Viewer, _: NoParams) -> NotificationsRead:
    marked = mark_all_notifications_read(viewer)
    return NotificationsRead(status_code=200, marked=marked, unread_count=_count(viewer))


def shown(view: NotificationView) -> NotificationShown:
    return NotificationShown(
        notification_id=view.id,
        user_id=view.account_id,
        type=view.type,
        actor_user_id=view.actor_id,
        channel_id=view.channel_id,
        message_id=view.message_id,
        created_at=iso(view.created_at),
        read_at=iso(view.read_at) if view.read_at else None,
    )


def _count(viewer: Viewer) -> int:
    with reading() as session:
        return count_unread_notifications(session, viewer)
