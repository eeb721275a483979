"""Text that tries to run a script: the strings of a public list, and families of our own making."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product

from tests.interop.stages import SERVER, missing

PUBLIC = SERVER / "node_modules" / "big-list-of-naughty-strings" / "blns.json"

EVENTS = (
    "onabort onafterscriptexecute onanimationend onanimationstart onauxclick onbeforeinput onbeforetoggle onbegin"
    " onblur oncanplay onchange onclick oncontextmenu oncut ondblclick ondragstart onend onerror onfocus onfocusin"
    " onhashchange oninput oninvalid onkeydown onload onloadstart onmessage onmousedown onmouseenter onmouseover"
    " onpageshow onpaste onplay onpointerenter onpointerover onpopstate onprogress onreset onresize onscroll"
    " onsecuritypolicyviolation onselectionchange onsubmit ontoggle ontransitionend onwheel"
).split()
TAGS = (
    "a abbr animate audio b body button custom-tag details div form frameset iframe image img input isindex keygen"
    " link marquee math object p select set style svg table textarea video"
).split()
FIRES = ' src=x href=x autofocus tabindex=1 open contenteditable style="animation:a 1ms" begin=0 attributeName=x'
SPACES = ("/", "\n", "\t", "//", " / ", "\n\n", "/x/", " x=y ", ' x="> ')
QUOTED = (
    "alert(1)",
    '"alert(1)"',
    "'alert(1)'",
    "&#97;lert(1)",
    "alert&lpar;1)",
    "alert`1`",
    "top.alert(1)",
    "`alert(1)`",
)
CARRIERS = ("img", "IMG", "svg", "sVg", "video", "details", "input", "body", "iframe", "image")

SCHEMES = (
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " javascript:alert(1)",
    "\x01javascript:alert(1)",
    "java\tscript:alert(1)",
    "java\nscript:alert(1)",
    "java&#9;script:alert(1)",
    "java&Tab;script:alert(1)",
    "javascript&colon;alert(1)",
    "&#106;avascript:alert(1)",
    "&#x6A;avascript:alert(1)",
    "&#0000106avascript:alert(1)",
    "javascript://%0aalert(1)",
    "javascript:%61lert(1)",
    "javascript:/**/alert(1)",
    "vbscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    "data:image/svg+xml,<svg onload=alert(1) xmlns='http://www.w3.org/2000/svg'/>",
    "feed:javascript:alert(1)",
    "https://x.example/\"onmouseover='alert(1)'",
)
HOLDERS = (
    '<a href="{}">x</a>',
    "<a href='{}'>x</a>",
    "<a href={}>x</a>",
    '<a xlink:href="{}">x</a>',
    '<svg><a href="{}"><text>x</text></a></svg>',
    '<svg><a xlink:href="{}"><text>x</text></a></svg>',
    '<svg><use href="{}#x"/></svg>',
    '<math><mtext href="{}">x</mtext></math>',
    '<iframe src="{}"></iframe>',
    '<frame src="{}">',
    '<embed src="{}">',
    '<object data="{}"></object>',
    '<form action="{}"><button>x</button></form>',
    '<form><button formaction="{}">x</button></form>',
    '<input type=image src=x formaction="{}">',
    '<img src="{}">',
    '<img srcset="{} 1x">',
    '<link rel=stylesheet href="{}">',
    '<base href="{}//">',
    '<meta http-equiv=refresh content="0;url={}">',
    '<blockquote cite="{}">x</blockquote>',
    '<div style="background:url({})">x</div>',
    "[x]({})",
    "[x](<{}>)",
    "![x]({})",
    "<{}>",
    "[x]\n\n[x]: {}",
    "[x]\n\n[x]: <{}>",
    "[^1]\n\n[^1]: [x]({})",
    "# [x]({})",
    "|a|\n|-|\n|[x]({})|",
    "- [ ] [x]({})",
    "see {}",
)
CORES = (
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<script>alert(1)</script>",
    '<a href="javascript:alert(1)">x</a>',
    "<details open ontoggle=alert(1)>x",
    "<style><img src=x onerror=alert(1)></style>",
    '<p title="</style><img src=x onerror=alert(1)>">',
    '<p title="</noscript></title></textarea></xmp></template></select></svg></math>--><img src=x onerror=alert(1)>">',
    "<!--><img src=x onerror=alert(1)>-->",
    "<![CDATA[><img src=x onerror=alert(1)>]]>",
)
AROUND = (
    "{}",
    "<svg>{}",
    "<svg></p>{}",
    "<svg><style>{}",
    "<svg><desc>{}",
    "<svg><foreignObject>{}",
    "<svg><title>{}",
    "<math>{}",
    "<math><mtext>{}",
    "<math><annotation-xml encoding='text/html'>{}",
    "<math><mtext><table><mglyph><style>{}",
    "<math><mi><form><form><mglyph><style></math>{}",
    "<table>{}",
    "<table><tr><td>{}",
    "<table><caption>{}",
    "<select>{}",
    "<select><option>{}",
    "<template>{}",
    "<noscript>{}",
    "<textarea>{}",
    "</textarea>{}",
    "<title>{}",
    "</title>{}",
    "<xmp>{}",
    "<style>{}",
    "</style>{}",
    "<iframe>{}",
    "<noembed>{}",
    "<plaintext>{}",
    "<frameset>{}",
    "<form><form>{}",
    "<button>{}",
    "<object>{}",
    "<!--{}",
    "<!--x--!>{}",
    "<!---->{}",
    "<!-->{}",
    "<?x {}",
    "<![CDATA[{}",
    '"{}',
    "'>{}",
    '">{}',
    "--><!--{}",
    "<a title=`{}`>",
    "<img alt='{}'>",
    '<img alt="{}">',
    "<<{}",
    "<p/{}",
    "&lt;{}",
    "`{}`",
    "``{}",
    "```html\n{}\n```",
    "```{}\nx\n```",
    "    {}",
    "> {}",
    "- {}",
    "- [ ] {}",
    "# {}",
    "{}\n---",
    "|{}|\n|-|\n|x|",
    "**{}**",
    "[{}](x)",
    "![{}](x)",
    '[x](y "{}")',
    "[x]: y '{}'\n\n[x]",
    "[^{}]\n\n[^{}]: x",
    "[^1]\n\n[^1]: {}",
    "<div>\n\n{}\n\n</div>",
    "<pre><code class='language-html'>{}</code></pre>",
    "<h2>{}</h2>",
    "<h2 id='{}'>x</h2>",
    "<a href='#'><h2>{}</h2></a>",
    "<p class=MsoNormal>{}",
    "<p class=MsoListParagraph><![if !supportLists]>{}<![endif]>x</p>",
    "<span class=MsoNormal style='font-weight:bold{}'>x</span>",
    "<b id=docs-internal-guid-1>{}</b>",
)


def public() -> list[str]:
    """The strings of the list, those that are no attack too."""
    if not PUBLIC.exists():
        missing("no Node packages: npm ci --prefix tests/interop/oidc_provider")
    return [payload for payload in json.loads(PUBLIC.read_text("utf-8")) if payload.strip()]


def made() -> list[str]:
    """Ours: every event on every tag, ways to write one, addresses in all that takes any, and text around text."""
    return list(dict.fromkeys([*_events(), *_written(), *_addresses(), *_nested()]))


def _events() -> Iterator[str]:
    for tag, event in product(TAGS, EVENTS):
        yield f"<{tag}{FIRES} {event}=alert(1)>x</{tag}>"


def _written() -> Iterator[str]:
    for tag, space, quoted in product(CARRIERS, SPACES, QUOTED):
        yield f"<{tag}{space}src=x{space}onerror={quoted}{space}onload={quoted}{space}ontoggle={quoted} open>"


def _addresses() -> Iterator[str]:
    for holder, address in product(HOLDERS, SCHEMES):
        yield holder.replace("{}", address)


def _nested() -> Iterator[str]:
    for around, core in product(AROUND, CORES):
        yield around.replace("{}", core)
