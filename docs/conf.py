"""How Sphinx builds the docs: `python -m tox run -e docs`. Nothing is fetched while it does."""

from __future__ import annotations

import sys
from pathlib import Path

import django
from django.conf import settings

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

# Enough of a project for the models, the commands and the schema that the reference shows.
settings.configure(
    INSTALLED_APPS=[
        "django.contrib.contenttypes",
        "django.contrib.auth",
        "rest_framework",
        "drf_spectacular",
        "django_redpin",
    ],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    REDPIN={},
    ROOT_URLCONF="docs._ext.urls",
    REST_FRAMEWORK={"DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"},
    SECRET_KEY="only-to-build-the-docs",  # noqa: S106
    USE_TZ=True,
)
django.setup()

import django_redpin  # noqa: E402  It is asked for its version alone.

project = "django-redpin"
author = "The django-redpin maintainers"
copyright = author  # noqa: A001  Sphinx's own name.
version = release = django_redpin.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "docs._ext.reference"]
exclude_patterns = ["_build"]
nitpicky = True
# Others' docs are not fetched, so their names are no links.
nitpick_ignore_regex = [
    (
        "py:.*",
        r"(abc|collections|date|datetime|django|float|int|moneyed|rest_framework|typing)\b.*"
        r"|AbstractBaseUser|AnonymousUser|BaseForm|Collection|HttpRequest|Mapping|Money|QuerySet"
        r"|SafeString|Sequence|Signal|django_redpin\.(decorators\.View|receivers\.Task)"
        # Of the testing kit; what a fault is made of is internal.
        r"|timedelta|Envelope|HttpResponseBase|(django_redpin\.testing\.posting\.)?PostingClient"
        r"|django_redpin\.(client\.outcomes\.Outcome|testing\.faults\.(Options|Reply))",
    ),
]

myst_enable_extensions = ["deflist", "fieldlist"]
# The anchors are those that code hosts give to headings, so that a link holds in both places.
myst_heading_anchors = 4
# What a check says is told as it says it.
smartquotes = False
# In docstrings, single backticks stand around code.
default_role = "literal"

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
napoleon_numpy_docstring = False

html_theme = "furo"
html_title = f"django-redpin {release}"
html_static_path = ["_static"]
html_css_files = ["reference.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}
pygments_style = "default"
pygments_dark_style = "monokai"
