"""The table that every module of this facade adds its routes to."""

from __future__ import annotations

from app.facades.pufferblow.authentication import authenticate
from app.web.api import Api

API = Api("pufferblow", authenticate=authenticate)
