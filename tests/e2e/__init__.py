"""End-to-end tests: real servers, real HTTPS, real databases, and what it takes to start them.

`make e2e` runs them, or `pytest tests/e2e -m e2e -n 0`: the test hosts have one port 443 each, so one process only.
They need root (port 443, /etc/hosts), PostgreSQL's server programs, and Node.js 20 or later with npm.
"""
