"""What the official web client sends where it differs from the SDK, and the fields it reads of the answers."""

from __future__ import annotations

from types import NoneType

from tests.facades.pufferblow.sdk_calls import MESSAGE, NUMBER, USER, Call

CLIENT_CALLS = [
    Call(
        "dashboard",
        "GET channels/read-history query 200",
        {},
        {"viewed_message_ids": list, "unread_counts": dict},
    ),
    Call("leaving the page", "POST users/profile json 200", {"status": "offline"}, {"user_data": USER}),
    Call(
        "control panel",
        "GET system/server-stats query 200",
        {},
        {"stats": (dict, NoneType), "statistics": (dict, NoneType)},
        has_token=False,
    ),
    Call(
        "control panel",
        "GET system/server-info query 200",
        {},
        {
            "server_info": {
                "server_id": str,
                "server_name": str,
                "server_description": str,
                "version": str,
                "allowed_image_types": [str],
                "max_image_size": int,
            }
        },
        has_token=False,
    ),
    Call(
        "control panel",
        "POST system/charts/online-users json 200",
        {"period": "7d"},
        {"chart_data": [{"label": str, "value": NUMBER}], "raw_stats": dict},
    ),
    Call(
        "control panel",
        "POST system/charts/channel-creation json 200",
        {"period": "1y"},
        {"chart_data": [{"label": str, "value": NUMBER}], "raw_stats": dict},
    ),
    Call(
        "control panel",
        "POST system/roles/list json 200",
        {},
        {"roles": [{"role_id": str, "role_name": str, "privileges_ids": list, "is_system": bool, "user_count": int}]},
    ),
    Call(
        "control panel",
        "POST system/privileges/list json 200",
        {},
        {"privileges": [{"privilege_id": str, "privilege_name": str, "category": str}]},
    ),
    Call("add_user", "PUT channels/{channel}/add_user query 200", {"to_add_user_id": "{bob}"}, {"message": str}),
    Call(
        "mark_message_as_read",
        "PUT channels/{channel}/mark_message_as_read query 201",
        {"message_id": "{message}"},
        {"message": str},
    ),
    Call(
        "reaction",
        "POST channels/{channel}/messages/{message}/reactions query 201",
        {"emoji": "👍"},
        {
            "message_id": str,
            "channel_id": str,
            "emoji": str,
            "reactions": [{"emoji": str, "count": int, "user_ids": [str]}],
        },
    ),
    Call(
        "no reaction",
        "DELETE channels/{channel}/messages/{message}/reactions query 200",
        {"emoji": "👍"},
        {"message_id": str, "channel_id": str, "reactions": list},
    ),
    Call(
        "search",
        "GET channels/{channel}/search query 200",
        {"q": "hello"},
        {"messages": [MESSAGE], "query": str, "scanned": int, "truncated_scan": bool},
    ),
    Call(
        "direct messages",
        "GET dms/messages query 200",
        {"peer": "bob"},
        {"conversation_id": str, "peer_actor_uri": str, "messages": list},
    ),
    Call(
        "report",
        "POST moderation/reports/users json 201",
        {"target_user_id": "{bob}", "category": "spam"},
        {"message": str, "target_user_id": str},
    ),
    Call("reports", "POST moderation/reports json 200", {"limit": 50}, {"reports": list, "total": int}),
    Call(
        "ban",
        "POST moderation/users/{bob}/ban json 201",
        {"reason": "spam"},
        {"message": str, "target_user_id": str},
    ),
    Call(
        "timeout",
        "POST moderation/users/{bob}/timeout json 201",
        {"duration_minutes": 5},
        {"message": str, "target_user_id": str, "expires_at": str},
    ),
    Call(
        "no timeout",
        "DELETE moderation/users/{bob}/timeout query 200",
        {},
        {"message": str, "target_user_id": str},
    ),
    Call(
        "clean up",
        "POST storage/cleanup-orphaned json 200",
        {"subdirectory": "uploads"},
        {"message": str, "deleted_count": int},
    ),
    Call(
        "server settings",
        "PUT system/server-info json 200",
        {"max_message_length": 100},
        {"message": str, "updated_fields": [str]},
    ),
]
