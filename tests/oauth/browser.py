"""A person's browser, as `$BROWSER`: opens the address, logs in as `ann`, and agrees to what is asked.

It keeps cookies, follows redirects, and sends the forms that it meets: python browser.py URL
"""

import re
import sys
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar

opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
page = opener.open(sys.argv[1], timeout=10)
for _ in range(5):
    text = page.read().decode()
    form = re.search(r'<form[^>]*action="([^"]+)"(.*?)</form>', text, re.S)
    if not form:
        break
    named = re.findall(r'<input[^>]*name="([^"]+)"(?:[^>]*value="([^"]*)")?', form[2])
    fields = {name: value or "ann" for name, value in named}
    action = urllib.parse.urljoin(page.url, form[1])
    page = opener.open(action, urllib.parse.urlencode(fields).encode(), timeout=10)
