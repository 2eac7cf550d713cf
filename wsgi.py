"""What gunicorn serves: `wsgi:app`."""

from gevent import monkey

monkey.patch_all()  # gunicorn's worker did so already; any other server must before the imports below.

from app.factory import create_app  # noqa: E402
from app.settings import load_settings  # noqa: E402

app = create_app(load_settings())
