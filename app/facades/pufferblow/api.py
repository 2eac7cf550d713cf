"""The table that every module of this facade adds its routes to."""

from __future__ import annotations

from app.web.api import Api
from app.web.authentication import authenticate

API = Api("pufferblow", authenticate=authenticate)
