"""The qualities of voice and video that clients may ask for (contracts/pufferblow.md, 10)."""

from __future__ import annotations

from typing import Any, Final

MEDIA_QUALITY: Final[dict[str, Any]] = {
    "default_profile": "balanced",
    "audio": {
        "sample_rate_hz": 48_000,
        "channels": 1,
        "stereo_enabled": False,
        "dtx_enabled": True,
        "fec_enabled": True,
        "profiles": {
            "low": {"bitrate_kbps": 24},
            "balanced": {"bitrate_kbps": 48},
            "high": {"bitrate_kbps": 64},
        },
    },
    "video": {
        "profiles": {
            "low": {"bitrate_kbps": 800, "width": 640, "height": 360, "fps": 15},
            "balanced": {"bitrate_kbps": 1500, "width": 1280, "height": 720, "fps": 30},
            "high": {"bitrate_kbps": 2500, "width": 1920, "height": 1080, "fps": 60},
        }
    },
}
