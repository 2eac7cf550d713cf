"""What the official SDK sends, and the fields it reads of the answers (docs/clients.md says where that was read)."""

from __future__ import annotations

from dataclasses import dataclass
from types import NoneType
from typing import Any

from tests.facades.conftest import PASSWORD

TEXT_OR_NOTHING = (str, NoneType)
NUMBER = (int, float)
PICTURE = "<a picture>"
NO_FILE = f"/storage/{'0' * 64}"

SESSION = {
    "auth_token": str,
    "refresh_token": str,
    "auth_token_expire_time": str,
    "refresh_token_expire_time": str,
}
USER = {
    "user_id": str,
    "username": str,
    "about": TEXT_OR_NOTHING,
    "status": str,
    "last_seen": TEXT_OR_NOTHING,
    "avatar_url": TEXT_OR_NOTHING,
    "banner_url": TEXT_OR_NOTHING,
    "origin_server": str,
    "roles_ids": list,
    "resolved_privileges": list,
    "joined_servers_ids": list,
    "is_owner": bool,  # The SDK asks nothing of the server unless one of these two is true.
    "is_admin": bool,
    "created_at": str,
    "updated_at": str,
}
CHANNEL = {
    "channel_id": str,
    "channel_name": str,
    "channel_type": str,
    "messages_ids": list,
    "is_private": bool,
    "allowed_users": list,
    "created_at": str,
}
MESSAGE = {
    "message_id": str,
    "channel_id": str,
    "message": str,
    "sender_user_id": str,
    "username": str,
    "sender_avatar_url": TEXT_OR_NOTHING,
    "sent_at": str,
    "attachments": list,
    "reactions": list,
}
# Without a string `detail` the SDK fails after a success.
TOLD = {"message": str, "detail": str}


@dataclass(frozen=True)
class Call:
    """A request of one of the two, by the owner. `asks` is its method, its path, where its parameters are, and the
    status of its answer; `{…}` stands for what the test made before."""

    who: str
    asks: str
    given: dict[str, Any]
    reads: dict[str, Any]
    has_token: bool = True


SDK_CALLS = [
    Call(
        "users.sign_in",
        "GET users/signin query 200",
        {"username": "alice", "password": PASSWORD},
        SESSION,
        has_token=False,
    ),
    Call(
        "users.sign_up",
        "POST users/signup json 201",
        {"username": "carol", "password": PASSWORD},
        SESSION,
        has_token=False,
    ),
    Call("users.get_user_profile", "POST users/profile json 200", {}, {"user_data": USER}),
    Call("users.get_user_profile", "POST users/profile json 200", {"user_id": "{bob}"}, {"user_data": USER}),
    Call("users.list_users", "GET users/list query 200", {}, {"users": [USER]}),
    Call("users.update_username", "PUT users/profile json 200", {"new_username": "alicia"}, {"message": str}),
    Call("users.update_user_about", "PUT users/profile json 200", {"about": "me"}, {"message": str}),
    Call("users.update_user_status", "PUT users/profile json 200", {"status": "INVISIBLE"}, {"status": str}),
    Call("users.update_user_status", "PUT users/profile json 400", {"status": "asleep"}, {"detail": str}),
    Call(
        "users.update_user_password",
        "PUT users/profile json 200",
        {"old_password": PASSWORD, "new_password": "another one"},
        {"message": str},
    ),
    Call(
        "users.update_user_password",
        "PUT users/profile json 401",
        {"old_password": "wrong", "new_password": "another one"},
        {"detail": str},
    ),
    Call(
        "users.reset_user_auth_token", "POST users/profile/reset-auth-token json 200", {"password": PASSWORD}, SESSION
    ),
    Call(
        "users.reset_user_auth_token",
        "POST users/profile/reset-auth-token json 404",
        {"password": "wrong"},
        {"detail": str},
    ),
    Call("users.upload_user_avatar", "POST users/profile/avatar form 201", {"file": PICTURE}, {"avatar_url": str}),
    Call("users.upload_user_banner", "POST users/profile/banner form 201", {"file": PICTURE}, {"banner_url": str}),
    Call("channels.list_channels", "POST channels/list/ json 200", {}, {"channels": [CHANNEL]}),
    Call(
        "channels.create_channel",
        "POST channels/create/ json 200",
        {"channel_name": "news", "is_private": False},
        {"channel_data": CHANNEL},
    ),
    Call(
        "channels.create_channel",
        "POST channels/create/ json 409",
        {"channel_name": "Lobby", "is_private": False},
        {"detail": str},
    ),
    Call("channels.add_user", "PUT channels/{channel}/add_user json 200", {"to_add_user_id": "{bob}"}, TOLD),
    Call(
        "channels.remove_user", "DELETE channels/{channel}/remove_user query 200", {"to_remove_user_id": "{bob}"}, TOLD
    ),
    Call(
        "channels.load_messages",
        "GET channels/{channel}/load_messages query 200",
        {"page": 1, "messages_per_page": 20},
        {"messages": [MESSAGE]},
    ),
    Call(
        "channels.send_message",
        "POST channels/{channel}/send_message form 201",
        {"message": "hello"},
        {"message_id": str, "attachments": list, "message_data": MESSAGE},
    ),
    Call(
        "channels.send_message",
        "POST channels/{channel}/send_message form 201",
        {"message": "look", "attachments": PICTURE},
        {
            "attachments": [str],
            "message_data": {"attachments": [{"url": str, "filename": str, "type": str, "size": int}]},
        },
    ),
    Call(
        "channels.mark_message_as_read",
        "PUT channels/{channel}/mark_message_as_read json 201",
        {"message_id": "{message}"},
        {"message": str},
    ),
    Call(
        "channels.delete_message",
        "DELETE channels/{channel}/delete_message query 200",
        {"message_id": "{message}"},
        {"status_code": int, "message": str},
    ),
    Call("channels.delete_channel", "DELETE channels/{channel}/delete query 200", {}, {"message": str}),
    Call("channels.delete_channel", "DELETE channels/nowhere/delete query 404", {}, {"detail": str}),
    Call(
        "storage.upload_file", "POST storage/upload form 201", {"file": PICTURE, "directory": "uploads"}, {"url": str}
    ),
    Call("storage.list_files", "POST storage/files json 200", {"directory": "all"}, {"files": list}),
    Call(
        "storage.cleanup_orphaned_files",
        "POST storage/cleanup-orphaned json 200",
        {"subdirectory": ""},
        {"message": str},
    ),
    Call("storage.get_file_info", "POST storage/file-info json 404", {"file_url": NO_FILE}, {"detail": str}),
    Call("storage.delete_file", "POST storage/delete-file json 404", {"file_url": NO_FILE}, {"detail": str}),
    Call(
        "system.get_server_info",
        "GET system/server-info query 200",
        {},
        {
            "server_info": {
                "server_name": str,
                "is_private": bool,
                "max_users": (int, NoneType),
                "max_message_length": int,
            }
        },
    ),
    Call(
        "system.get_server_usage",
        "POST system/server-usage json 200",
        {},
        {
            "server_usage": {
                "cpu_percent": NUMBER,
                "ram_percent": NUMBER,
                "storage_percent": NUMBER,
                "uptime_formatted": str,
            }
        },
        has_token=False,
    ),
    Call(
        "system.get_server_overview",
        "POST system/server-overview json 200",
        {},
        {"server_overview": {"total_users": int, "total_channels": int}},
    ),
    Call(
        "system.get_activity_metrics",
        "POST system/activity-metrics json 200",
        {},
        {"activity_metrics": {"total_users": int, "engagement_rate": NUMBER}},
    ),
    Call(
        "system.get_recent_activity",
        "POST system/recent-activity json 200",
        {"limit": 10},
        {
            "activities": [
                {"id": str, "type": str, "title": str, "description": str, "timestamp": str, "metadata": dict}
            ]
        },
    ),
    Call(
        "system.update_server_info",
        "PUT system/server-info json 200",
        {"server_name": "Ours"},
        {"updated_fields": [str]},
    ),
    Call("system.upload_server_avatar", "POST system/upload-avatar form 201", {"avatar": PICTURE}, {"avatar_url": str}),
    Call("system.upload_server_banner", "POST system/upload-banner form 201", {"banner": PICTURE}, {"banner_url": str}),
    Call(
        "system.get_latest_release",
        "GET system/latest-release query 200",
        {},
        {"release": (dict, NoneType)},
        has_token=False,
    ),
    Call(
        "system.get_user_registration_chart",
        "POST system/charts/user-registrations json 200",
        {"period": "weekly"},
        {"chart_data": list},
    ),
    Call("system.get_message_activity_chart", "POST system/charts/message-activity json 200", {}, {"chart_data": dict}),
    Call(
        "system.get_user_status_chart",
        "POST system/charts/user-status json 200",
        {},
        {"chart_data": [{"label": str, "value": int}]},
    ),
    Call("admin.list_blocked_ips", "POST blocked-ips/list json 200", {}, {"blocked_ips": list}),
    Call("admin.block_ip", "POST blocked-ips/block json 201", {"ip": "192.0.2.7", "reason": "spam"}, {"message": str}),
    Call(
        "admin.get_background_tasks_status",
        "POST background-tasks/status json 200",
        {},
        {"tasks": {"storage_cleanup": dict}},
    ),
    Call("admin.run_background_task", "POST background-tasks/run json 400", {"task_id": "no_such"}, {"detail": str}),
    Call(
        "decentralized_auth.issue_challenge",
        "POST auth/decentralized/challenge json 200",
        {"node_id": "laptop"},
        {"challenge_id": str, "challenge_nonce": str, "expires_at": str},
    ),
    Call(
        "federation.send_direct_message",
        "POST dms/send json 201",
        {"peer": "bob", "message": "hi", "sent_at": None, "attachments": []},
        {"result": {"conversation_id": str, "message_id": str, "delivered_local": bool, "delivered_remote": bool}},
    ),
    Call(
        "federation.load_direct_messages",
        "GET dms/messages query 200",
        {"peer": "bob", "page": 1, "messages_per_page": 20},
        {"messages": list},
    ),
]
