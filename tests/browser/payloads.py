"""Texts that would be scripts, were one of them ever taken for markup. Each sets `window.__xss`."""

from __future__ import annotations

from typing import Final

RUN: Final = "window.__xss=1"

PAYLOADS: Final = (
    f"<script>{RUN}</script>",
    f"</script><script>{RUN}</script>",
    f"</title></textarea></style><script>{RUN}</script>",
    f"<img src=x onerror={RUN}>",
    f'"><img src=x onerror={RUN}>',
    f"'><svg onload={RUN}>",
    f'" autofocus onfocus="{RUN}" x="',
    f"' autofocus onfocus='{RUN}' x='",
    f"` onmouseover={RUN} `",
    f"javascript:{RUN}",
    f"JaVa\tScRiPt:{RUN}//",
    f"data:text/html,<script>parent.{RUN}</script>",
    "data:text/html;base64,PHNjcmlwdD5wYXJlbnQuX194c3M9MTwvc2NyaXB0Pg==",
    f"<svg><script>{RUN}</script></svg>",
    f"<svg><animate onbegin={RUN} attributeName=x></svg>",
    f"<math><mtext><style><img src=x onerror={RUN}></style></mtext></math>",
    f"<iframe srcdoc='<script>parent.{RUN}</script>'></iframe>",
    f"<form action=javascript:{RUN}><button autofocus>x</button></form>",
    f"<meta http-equiv=refresh content='0;url=javascript:{RUN}'>",
    "<base href=//evil.test/><link rel=stylesheet href=/x.css>",
    f"<a href=javascript:{RUN} id=redpin>x</a><template><script>{RUN}</script></template>",
    "{{ 7|add:7 }}{% debug %}{{constructor.constructor('" + RUN + "')()}}${" + RUN + "}",
    f"--><script>{RUN}</script><!--",
    f"]]><script>{RUN}</script>",
    f"&lt;script&gt;{RUN}&lt;/script&gt;",
    f"\\u003cscript\\u003e{RUN}\\u003c/script\\u003e",
    f"\uff1cscript\uff1e{RUN}\uff1c/script\uff1e",
    f"\u202e<script>{RUN}</script>\u2066",
    f"<scr\u0131pt>{RUN}</scr\u0131pt>\u2028{RUN}//",
    f"x\r\nSet-Cookie: xss=1\r\n\r\n<script>{RUN}</script>",
    f"<script>{RUN}</script>" + "A" * 3_000,
)

# All in one: where any of them gets out of its place, the page is broken. And the first few alone.
TEXTS: Final = ("".join(PAYLOADS), *PAYLOADS[:8])
