"""Every route there is, by hand: who may ask, and what asking does. A route that is not here fails the tests.

Written from the contract and not from the code, so that the two hold each other. `who` is "anyone", "signed in" or a
privilege. `does` is "read" for what changes nothing, "activity" for what other servers could need to know, "action" for
what they could not, and "knocks" for what strangers on other servers send.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Row(NamedTuple):
    who: str
    does: str


def _rows(table: str) -> dict[tuple[str, str], Row]:
    lines = [line.split("|") for line in table.strip().splitlines()]
    rows = {}
    for method, path, who, does in (map(str.strip, line) for line in lines):
        assert (method, path) not in rows, (method, path)
        rows[method, path] = Row(who, does)
    return rows


API: Final = _rows("""
POST   | /api/v1/auth/decentralized/challenge                           | signed in                | action
POST   | /api/v1/auth/decentralized/introspect                          | anyone                   | read
POST   | /api/v1/auth/decentralized/revoke                              | signed in                | action
POST   | /api/v1/auth/decentralized/verify                              | anyone                   | action
POST   | /api/v1/auth/refresh                                           | anyone                   | action
POST   | /api/v1/auth/revoke                                            | anyone                   | action
POST   | /api/v1/background-tasks/backup-config                         | manage_background_tasks  | action
POST   | /api/v1/background-tasks/backup-config/get                     | manage_background_tasks  | read
POST   | /api/v1/background-tasks/run                                   | manage_background_tasks  | action
POST   | /api/v1/background-tasks/status                                | manage_background_tasks  | read
POST   | /api/v1/background-tasks/toggle                                | manage_background_tasks  | action
POST   | /api/v1/blocked-ips/block                                      | manage_blocked_ips       | action
POST   | /api/v1/blocked-ips/list                                       | manage_blocked_ips       | read
POST   | /api/v1/blocked-ips/unblock                                    | manage_blocked_ips       | action
GET    | /api/v1/cdn/file/{directory}/{name}                            | anyone                   | read
GET    | /api/v1/channels                                               | anyone                   | read
POST   | /api/v1/channels/create/                                       | create_channels          | activity
POST   | /api/v1/channels/list/                                         | signed in                | read
POST   | /api/v1/channels/mark_all_read                                 | signed in                | action
GET    | /api/v1/channels/read-history                                  | signed in                | read
PUT    | /api/v1/channels/{channel_id}/add_user                         | manage_channel_users     | activity
GET    | /api/v1/channels/{channel_id}/audio-status                     | signed in                | read
DELETE | /api/v1/channels/{channel_id}/delete                           | delete_channels          | activity
DELETE | /api/v1/channels/{channel_id}/delete_message                   | signed in                | activity
POST   | /api/v1/channels/{channel_id}/join-audio                       | signed in                | read
POST   | /api/v1/channels/{channel_id}/leave-audio                      | signed in                | read
GET    | /api/v1/channels/{channel_id}/load_messages                    | signed in                | read
POST   | /api/v1/channels/{channel_id}/mark_all_read                    | signed in                | action
PUT    | /api/v1/channels/{channel_id}/mark_message_as_read             | signed in                | action
PUT    | /api/v1/channels/{channel_id}/messages/{message_id}            | signed in                | activity
DELETE | /api/v1/channels/{channel_id}/messages/{message_id}/reactions  | signed in                | activity
POST   | /api/v1/channels/{channel_id}/messages/{message_id}/reactions  | signed in                | activity
DELETE | /api/v1/channels/{channel_id}/remove_user                      | manage_channel_users     | activity
GET    | /api/v1/channels/{channel_id}/search                           | signed in                | read
POST   | /api/v1/channels/{channel_id}/send_message                     | signed in                | activity
PUT    | /api/v1/channels/{channel_id}/update                           | edit_channels            | activity
GET    | /api/v1/dms/messages                                           | signed in                | read
POST   | /api/v1/dms/send                                               | signed in                | activity
POST   | /api/v1/federation/follow                                      | signed in                | activity
POST   | /api/v1/federation/unfollow                                    | signed in                | activity
GET    | /api/v1/info                                                   | anyone                   | read
POST   | /api/v1/moderation/reports                                     | signed in                | read
POST   | /api/v1/moderation/reports/messages                            | signed in                | activity
POST   | /api/v1/moderation/reports/users                               | signed in                | activity
POST   | /api/v1/moderation/reports/{report_id}/resolve                 | moderate_content         | action
DELETE | /api/v1/moderation/users/{target_user_id}/ban                  | ban_users                | activity
POST   | /api/v1/moderation/users/{target_user_id}/ban                  | ban_users                | activity
DELETE | /api/v1/moderation/users/{target_user_id}/timeout              | mute_users               | action
POST   | /api/v1/moderation/users/{target_user_id}/timeout              | mute_users               | action
GET    | /api/v1/notifications/                                         | signed in                | read
GET    | /api/v1/notifications/unread_count                             | signed in                | read
POST   | /api/v1/notifications/read-all                                 | signed in                | action
POST   | /api/v1/notifications/{notification_id}/read                   | signed in                | action
POST   | /api/v1/ping/ack/{ping_id}                                     | signed in                | action
GET    | /api/v1/ping/history                                           | signed in                | read
POST   | /api/v1/ping/instance                                          | signed in                | action
GET    | /api/v1/ping/pending                                           | signed in                | read
POST   | /api/v1/ping/send                                              | signed in                | action
GET    | /api/v1/ping/stats                                             | signed in                | read
DELETE | /api/v1/ping/{ping_id}                                         | signed in                | action
POST   | /api/v1/storage/cleanup-orphaned                               | manage_storage           | action
POST   | /api/v1/storage/delete-file                                    | signed in                | action
POST   | /api/v1/storage/file-info                                      | view_files               | read
GET    | /api/v1/storage/file/{directory}/{name}                        | anyone                   | read
POST   | /api/v1/storage/files                                          | view_files               | read
POST   | /api/v1/storage/upload                                         | upload_files             | action
POST   | /api/v1/system/activity-metrics                                | view_server_stats        | read
POST   | /api/v1/system/charts/channel-creation                         | view_server_stats        | read
POST   | /api/v1/system/charts/message-activity                         | view_server_stats        | read
POST   | /api/v1/system/charts/online-users                             | view_server_stats        | read
POST   | /api/v1/system/charts/user-registrations                       | view_server_stats        | read
POST   | /api/v1/system/charts/user-status                              | view_server_stats        | read
GET    | /api/v1/system/latest-release                                  | anyone                   | read
POST   | /api/v1/system/logs                                            | view_audit_logs          | read
POST   | /api/v1/system/privileges/list                                 | manage_server_privileges | read
POST   | /api/v1/system/recent-activity                                 | view_audit_logs          | read
POST   | /api/v1/system/roles                                           | manage_server_privileges | activity
POST   | /api/v1/system/roles/list                                      | signed in                | read
DELETE | /api/v1/system/roles/{role_id}                                 | manage_server_privileges | activity
PUT    | /api/v1/system/roles/{role_id}                                 | manage_server_privileges | activity
POST   | /api/v1/system/runtime-config                                  | manage_server_settings   | read
PUT    | /api/v1/system/runtime-config                                  | manage_server_settings   | action
GET    | /api/v1/system/server-info                                     | anyone                   | read
PUT    | /api/v1/system/server-info                                     | manage_server_settings   | activity
POST   | /api/v1/system/server-overview                                 | view_server_stats        | read
GET    | /api/v1/system/server-stats                                    | anyone                   | read
POST   | /api/v1/system/server-usage                                    | anyone                   | read
POST   | /api/v1/system/upload-avatar                                   | manage_server_settings   | activity
POST   | /api/v1/system/upload-banner                                   | manage_server_settings   | activity
PUT    | /api/v1/system/users/{target_user_id}/roles                    | manage_server_privileges | activity
GET    | /api/v1/users                                                  | anyone                   | read
GET    | /api/v1/users/list                                             | signed in                | read
POST   | /api/v1/users/profile                                          | signed in                | read
PUT    | /api/v1/users/profile                                          | signed in                | activity
POST   | /api/v1/users/profile/avatar                                   | signed in                | activity
POST   | /api/v1/users/profile/banner                                   | signed in                | activity
POST   | /api/v1/users/profile/reset-auth-token                         | signed in                | action
GET    | /api/v1/users/signin                                           | anyone                   | action
POST   | /api/v1/users/signin                                           | anyone                   | action
POST   | /api/v1/users/signup                                           | anyone                   | activity
GET    | /api/v2/voice/channels/{channel_id}/participants               | signed in                | read
POST   | /api/v2/voice/channels/{channel_id}/sessions                   | signed in                | read
GET    | /api/v2/voice/sessions/{session_id}                            | signed in                | read
POST   | /api/v2/voice/sessions/{session_id}/actions                    | signed in                | read
POST   | /api/v2/voice/sessions/{session_id}/leave                      | signed in                | read
GET    | /storage/{digest}                                              | anyone                   | read
""")

# What is not of the API: who may see a thing at one of these is asked of the thing (tests/facades/federation).
OTHERS: Final = _rows("""
GET    | /                                                              | anyone                   | read
GET    | /api/v1                                                        | anyone                   | read
GET    | /healthz                                                       | anyone                   | read
GET    | /readyz                                                        | anyone                   | read
GET    | /docs                                                          | anyone                   | read
GET    | /docs/start.js                                                 | anyone                   | read
GET    | /docs/{name}                                                   | anyone                   | read
GET    | /openapi.json                                                  | anyone                   | read
GET    | /.well-known/webfinger                                         | anyone                   | read
GET    | /.well-known/host-meta                                         | anyone                   | read
GET    | /.well-known/nodeinfo                                          | anyone                   | read
GET    | /nodeinfo/2.0                                                  | anyone                   | read
GET    | /nodeinfo/2.1                                                  | anyone                   | read
GET    | /ap/instance                                                   | anyone                   | read
GET    | /ap/instance/outbox                                            | anyone                   | read
GET    | /ap/{kind}/{id}                                                | anyone                   | read
GET    | /ap/{kind}/{id}/followers                                      | anyone                   | read
GET    | /ap/{kind}/{id}/following                                      | anyone                   | read
GET    | /ap/{kind}/{id}/featured                                       | anyone                   | read
GET    | /ap/{kind}/{id}/outbox                                         | anyone                   | read
GET    | /ap/channels/{id}/messages                                     | anyone                   | read
GET    | /ap/messages/{id}                                              | anyone                   | read
GET    | /ap/activities/{id}                                            | anyone                   | read
POST   | /ap/{kind}/{id}/inbox                                          | signed request           | knocks
POST   | /ap/instance/inbox                                             | signed request           | knocks
POST   | /ap/inbox                                                      | signed request           | knocks
GET    | /ws                                                            | signed in                | read
GET    | /ws/channels/{channel_id}                                      | signed in                | read
GET    | /auth/style.css                                                | anyone                   | read
GET    | /auth/sign_up                                                  | anyone                   | read
POST   | /auth/sign_up                                                  | anyone                   | activity
GET    | /auth/login                                                    | anyone                   | read
POST   | /auth/login                                                    | anyone                   | action
GET    | /auth/logout                                                   | a browser                | read
POST   | /auth/logout                                                   | a browser                | action
GET    | /auth/account                                                  | a browser                | read
POST   | /auth/account/sessions/end                                     | a browser                | action
POST   | /auth/account/apps/revoke                                      | a browser                | action
POST   | /auth/account/bots                                             | a browser                | action
POST   | /auth/account/bots/remove                                      | a browser                | action
GET    | /auth/device                                                   | a browser                | read
POST   | /auth/device                                                   | a browser                | action
GET    | /client                                                        | anyone                   | read
GET    | /static/placeholder.svg                                        | anyone                   | read
GET    | /client/connect                                                | anyone                   | read
GET    | /.well-known/oauth-authorization-server                        | anyone                   | read
GET    | /auth/oauth2/                                                  | anyone                   | read
GET    | /auth/oauth2/authorize                                         | a browser                | action
POST   | /auth/oauth2/authorize                                         | a browser                | action
POST   | /auth/oauth2/token                                             | a client                 | action
POST   | /auth/oauth2/revoke                                            | a client                 | action
POST   | /auth/oauth2/introspect                                        | a client                 | read
POST   | /auth/oauth2/device_authorization                              | a client                 | action
POST   | /auth/oauth2/register                                          | anyone                   | action
""")
