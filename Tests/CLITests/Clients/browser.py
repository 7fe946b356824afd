"""Walks through the staff pages in a real browser as somebody at the desk does: search, contact, duplicates, merge, undo.

It goes twice, on a wide screen in light colours and on a phone in dark ones, and looks at each page in all four
combinations: nothing to scroll sideways, no complaint of axe-core, nothing refused by the content policy. It expects
the sample contacts, and settles two of their possible duplicates for good.

usage: browser.py BASE_URL ARTEFACTS LANGUAGE [TOKEN] [--hostile ID]
"""
import argparse
import base64
import importlib.util
import os
import pathlib
import re
import shutil
import sys
import urllib.error
import urllib.parse
import urllib.request

from selenium import webdriver
from selenium.common.exceptions import TimeoutException, WebDriverException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

arguments = argparse.ArgumentParser(usage=__doc__)
arguments.add_argument("base")
arguments.add_argument("artefacts", type=pathlib.Path)
arguments.add_argument("language", choices=["es", "en"])
arguments.add_argument("token", nargs="?")
arguments.add_argument("--hostile", help="the id of a contact whose name is markup")
ARGUMENTS = arguments.parse_args()
BASE, LANGUAGE = ARGUMENTS.base.rstrip("/"), ARGUMENTS.language
OTHER_LANGUAGE = {"es": "en", "en": "es"}[LANGUAGE]

TEXTS = {
    "es": {
        "start": "¿A quién buscas?", "details": "Ver detalles", "merged": "fusionados", "unmerged": "deshecha",
        "apart": "separados", "undo": "Deshacer", "pair": "¿Son la misma persona?", "one": "1 contacto",
    },
    "en": {
        "start": "Who are you looking for?", "details": "View details", "merged": "merged", "unmerged": "undone",
        "apart": "apart", "undo": "Undo", "pair": "Are they the same person?", "one": "1 contact",
    },
}[LANGUAGE]

# One of the sample contacts, spelled as people type, with records of all three kinds.
PERSON = {"email": " KoldoNavarrete83@POST.example.com", "phone": "723 86 04 95", "name": "NAVÁRRETE kol"}

WIDE, PHONE = 1280, 390
LOOKS = [(WIDE, "light"), (WIDE, "dark"), (PHONE, "light"), (PHONE, "dark")]
PAGES_MAX = 50
SECONDS_MAX = 20
CONTROLS = "a[href], button, input:not([type=hidden]):not([hidden]), select, textarea, summary"


class Stop(Exception):
    """The walk can't go on."""


def axe_source():
    """axe-core's script and where it is from, or None where no package that carries it is installed."""
    for package in ("axe_playwright_python", "axe_core_python", "axe_selenium_python"):
        found = importlib.util.find_spec(package)
        for folder in found.submodule_search_locations if found else []:
            for script in pathlib.Path(folder).rglob("axe.min.js"):
                return script.read_text(encoding="utf-8")
    return None


def start_browser():
    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not binary or not driver:
        raise Stop("chromium and chromedriver are needed: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for option in ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(option)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    browser.set_page_load_timeout(SECONDS_MAX)
    browser.set_script_timeout(SECONDS_MAX)
    return browser


class Walk:
    def __init__(self, browser, axe, look, is_thorough):
        self.browser, self.axe, self.look, self.is_thorough = browser, axe, look, is_thorough
        self.where = "the beginning"
        self.problems = []
        self.pages = self.screenshots = 0
        self.show(look)

    # Finding and acting

    def all(self, selector, within=None):
        return (within or self.browser).find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector, within=None):
        found = self.all(selector, within)
        if not found:
            raise Stop(f"nothing matches `{selector}` at {self.browser.current_url}")
        return found[0]

    def text(self, selector, within=None):
        return words(self.one(selector, within))

    def run(self, script, *values):
        return self.browser.execute_script(script, *values)

    def open(self, address):
        self.browser.get(urllib.parse.urljoin(BASE + "/", address))

    def press(self, element):
        """Clicks, and waits for the page that comes of it."""
        self.run("window.isOldPage = true; arguments[0].scrollIntoView({block: 'center'})", element)
        address = self.browser.current_url
        element.click()
        try:
            WebDriverWait(self.browser, SECONDS_MAX, poll_frequency=0.05).until(
                lambda browser: browser.execute_script("return !window.isOldPage && document.readyState == 'complete'"))
        except TimeoutException:
            raise Stop(f"nothing came of a click at {address}") from None

    def search(self, text):
        self.open(f"/{LANGUAGE}/contacts")
        box = self.one("input[name=q]")
        box.clear()
        box.send_keys(text)
        self.press(self.one("form.search button"))

    # Judging

    def expect(self, is_so, message):
        if not is_so:
            width, scheme = self.look
            self.problems.append(f"{self.where} ({width} px, {scheme}): {message}")

    def show(self, look):
        width, scheme = self.look = look
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width == PHONE})
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
            {"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": "reduce"}]})

    def check(self, page, status=None):
        """Looks at the page from all sides. `status` is the HTTP status that the browser may complain about."""
        self.where = page
        self.pages += 1
        self.check_console(status)
        self.check_structure()
        own = self.look
        for look in LOOKS if self.is_thorough else [own]:
            self.show(look)
            self.check_width()
            self.check_accessibility()
            self.check_console(status)
            self.save(f"{page}-{look[0]}-{look[1]}")
        for look in [(WIDE, "light"), (PHONE, "dark")] if self.is_thorough else [own]:
            self.show(look)
            self.check_keyboard()
        self.show(own)

    def check_console(self, status):
        for entry in self.browser.get_log("browser"):
            if status and f"status of {status}" in entry["message"]:
                continue
            self.expect(False, f"the browser says: {entry['message']}")

    def check_structure(self):
        self.expect(self.run("return document.documentElement.lang") == LANGUAGE, "the page is in another language")
        self.expect(len(self.all("h1")) == 1, "there isn't exactly one h1")
        self.expect(len(self.all("main")) == 1, "there isn't exactly one main")
        levels = [int(heading.tag_name[1]) for heading in self.all("h1, h2, h3, h4")]
        steps = zip(levels, levels[1:])
        self.expect(all(after <= before + 1 for before, after in steps), f"headings skip a level: {levels}")
        title = self.browser.title
        self.expect(title.endswith(" · VaultDB") and not title.startswith(" ·"), f"the title is {title!r}")
        is_left_over = "{{" in self.run("return document.body.innerText") and not self.where.startswith("hostile")
        self.expect(not is_left_over, "a tag of the template is left over")
        for form in self.all("form[method=post]"):
            hidden = self.all("input[name=csrf]", form)
            self.expect(bool(hidden and hidden[0].get_attribute("value")), "a form has no csrf value")
        scripts = self.run("return document.querySelectorAll('script, [style], style, iframe, object').length")
        self.expect(scripts == 0, "there is a script, an inline style or a frame")

    def check_width(self):
        beyond = self.run("return document.documentElement.scrollWidth - window.innerWidth")
        self.expect(beyond <= 0, f"{beyond} px wider than the screen")

    def check_accessibility(self):
        self.run(self.axe)
        result = self.browser.execute_async_script("""
            const done = arguments[arguments.length - 1];
            const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
            axe.run(document, {preload: false, runOnly: {type: 'tag', values: tags}})
                .then(done, error => done({error: String(error)}));
        """)
        self.expect("error" not in result, f"axe-core failed: {result.get('error')}")
        for violation in result.get("violations", []):
            at = ", ".join(" ".join(map(str, node["target"])) for node in violation["nodes"][:5])
            self.expect(False, f"axe-core: {violation['id']} ({violation['help']}) at {at}")

    def check_keyboard(self):
        """Every control is reached by Tab alone, and shows it."""
        count = self.run("""
            window.controls = [...document.querySelectorAll(arguments[0])].filter(control => control.checkVisibility());
            document.body.tabIndex = -1;
            document.body.focus();
            document.body.removeAttribute('tabindex');
            return window.controls.length;
        """, CONTROLS)
        reached, unseen = set(), set()
        for _ in range(count + 3):
            ActionChains(self.browser, duration=0).send_keys(Keys.TAB).perform()
            index, is_shown = self.run("""
                const control = document.activeElement;
                const hasOutline = part => {
                    const style = getComputedStyle(control, part);
                    return style.outlineStyle != 'none' && parseFloat(style.outlineWidth) >= 2;
                };
                const box = control.getBoundingClientRect();
                const isOnPage = box.width > 1 && box.height > 1 && box.left >= 0 && box.top >= 0;
                return [window.controls.indexOf(control), isOnPage && (hasOutline(null) || hasOutline('::after'))];
            """)
            if index < 0:
                continue
            if index in reached:
                break
            reached.add(index)
            if not is_shown:
                unseen.add(index)
        unreached = sorted(set(range(count)) - reached)
        self.expect(not unreached, f"Tab doesn't reach {self.controls(unreached)}")
        self.expect(not unseen, f"the focus can't be seen on {self.controls(sorted(unseen))}")

    def controls(self, indices):
        """Some of the controls, by their markup, and how many there are."""
        found = [self.run("return window.controls[arguments[0]].outerHTML.slice(0, 120)", index) for index in indices[:3]]
        return f"{len(indices)} controls, such as {' and '.join(found)}"

    def save(self, name):
        width = self.look[0]
        height = min(self.run("return document.documentElement.scrollHeight"), 4_000)
        image = self.browser.execute_cdp_cmd("Page.captureScreenshot", {
            "captureBeyondViewport": True,
            "clip": {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}})
        (ARGUMENTS.artefacts / f"{LANGUAGE}-{name}.png").write_bytes(base64.b64decode(image["data"]))
        self.screenshots += 1

    # The walk

    def go(self):
        self.enter()
        self.find_person()
        self.see_contact()
        self.see_duplicates()
        self.try_hostile_input()
        self.see_problems()
        self.leave()

    def enter(self):
        self.where = "entering"
        self.open(f"/{LANGUAGE}/contacts")
        if ARGUMENTS.token:
            self.sign_in()
        elif self.all("button[name=organization]"):
            self.check("organizations")
            self.press(self.one("button[name=organization]"))
        if not self.all("form.search"):
            raise Stop(f"no search at {self.browser.current_url}; does the server want a token?")
        self.expect(self.text("h1") == TEXTS["start"], f"the heading is {self.text('h1')!r}")
        self.expect(self.run("return document.activeElement.name") == "q", "the box isn't ready to be typed into")
        self.check("start")
        self.press(self.one(f".languages a[hreflang={OTHER_LANGUAGE}]"))
        self.expect(self.run("return document.documentElement.lang") == OTHER_LANGUAGE, "the language doesn't change")
        self.expect(bool(self.all("form.search")), "another language leads to another page")

    def sign_in(self):
        self.check("sign-in")
        self.one("input[name=token]").send_keys("not-a-token")
        self.press(self.one("main form button"))
        self.expect(bool(self.all("[role=alert]")), "a wrong token isn't refused with words")
        self.check("sign-in-refused", status="4")
        self.one("input[name=token]").send_keys(ARGUMENTS.token)
        self.press(self.one("main form button"))

    def find_person(self):
        self.where = "searching"
        found = {}
        for by, text in PERSON.items():
            self.search(text)
            links = self.all(".person a")
            if not links:
                raise Stop(f"nobody is found by {by} {text!r}")
            found[by] = links[0].get_attribute("href")
            self.expect(bool(self.all(".search-note")), f"it isn't said how {text!r} was understood")
            self.expect(self.one("input[name=q]").get_attribute("value").strip() == text.strip(), "the box forgot the query")
            if by != "name":
                self.expect(self.text(".count") == TEXTS["one"], f"{self.text('.count')!r} by {by}")
        self.expect(len(set(found.values())) == 1, f"email, phone and name find different people: {found}")
        self.search("bor")
        self.expect(len(self.all(".person")) > 1, "few letters of a name don't find several people")
        self.check("results")
        self.search("zzxy")
        self.expect(bool(self.all(".empty")) and not self.all(".person"), "no result isn't said")
        self.check("nobody")
        self.search(PERSON["phone"])
        self.press(self.one(".person a"))

    def see_contact(self):
        self.check("contact")
        card = self.one(".who")
        for value in ("koldonavarrete83@post.example.com", "723"):
            self.expect(value in words(card), f"the card doesn't show {value}")
        for kind in ("lead", "patient", "follower"):
            self.expect(bool(self.all(f".counts .badge.{kind}", card)), f"the card doesn't count the {kind}s")
            self.expect(bool(self.all(f".entries .badge.{kind}")), f"there is no {kind} on the timeline")
        counted = sum(int(words(count)) for count in self.all(".counts b", card))
        total = int(self.text(".total", card))
        self.expect(counted == total, f"the counts add up to {counted}, the total is {total}")
        entries = self.all(".entry")
        self.expect(len(entries) == total, f"{len(entries)} entries on the timeline of {total}")
        days = [day.get_attribute("datetime") for day in self.all(".day h3 time")]
        self.expect(days == sorted(days, reverse=True) and len(days) > 1, f"days are out of order: {days}")
        for entry in entries:
            link = self.text("a.details", entry)
            self.expect(link.startswith(TEXTS["details"]) and link.endswith("→"), f"the link says {link!r}")
            self.expect(bool(self.all("time", entry) and self.all(".badge", entry)), "an entry without time or kind")
        names = [self.text("a.details", entry) for entry in entries]
        self.expect(len(set(names)) == len(names), "two links to details have the same name")
        self.see_record(self.text("h1"))

    def see_record(self, name):
        link = self.one("a.details")
        reference = self.text(".entry .code").split()[-1]
        self.press(link)
        self.check("record")
        self.expect(reference in self.text("h1"), f"the record's page doesn't say {reference}")
        self.expect(len(self.all(".pairs dt")) > 2, "the record shows few fields")
        self.press(self.one(".back a"))
        self.expect(self.text("h1") == name, "the record doesn't lead back to its contact")

    def see_duplicates(self):
        self.where = "duplicates"
        self.press(self.all(".sections a")[1])
        self.check("conflicts")
        pairs = self.queue()
        if not pairs:
            raise Stop("no possible duplicates: are the sample contacts there?")
        pair = pairs[0]
        before = self.see_pair(pair)
        self.check("conflict")
        survivor = self.merge(pair)
        if self.is_thorough:
            self.undo_by_notice()
        else:
            self.see_merged(survivor, pair)
            self.undo_by_list()
        self.expect(TEXTS["unmerged"] in self.text(".notice"), f"after undoing: {self.text('.notice')!r}")
        self.check("unmerged")
        self.expect(pair in self.queue(), "the pair isn't back on the queue")
        self.expect(self.see_pair(pair) == before, "the two aren't as they were before the merge")
        self.press(self.one(".apart button"))
        self.expect(TEXTS["apart"] in self.text(".notice"), f"after keeping apart: {self.text('.notice')!r}")
        self.check("kept-apart")
        self.expect(pair not in self.queue(), "the pair is still on the queue")

    def queue(self):
        """Addresses of all pairs on the queue."""
        self.open(f"/{LANGUAGE}/conflicts")
        pairs = []
        for _ in range(PAGES_MAX):
            pairs += [link.get_attribute("href") for link in self.all(".pair-link")]
            more = self.all("main > .pager a")
            if not more:
                return pairs
            self.press(more[0])
        raise Stop("the queue doesn't end")

    def see_pair(self, pair):
        """Opens a pair, and tells what it says about the two."""
        self.open(pair)
        self.expect(self.text("h1") == TEXTS["pair"], f"the heading is {self.text('h1')!r}")
        self.expect(bool(self.all(".reasons li")), "no reason why they may be one person")
        sides = self.all(".side")
        self.expect(len(sides) == 2, f"{len(sides)} people side by side")
        for side in sides:
            is_shown = self.one(".side-merge dl", side).is_displayed() and self.one(".gains li", side).is_displayed()
            self.expect(is_shown, "what a merge does can't be seen before it is done")
        return [words(side) for side in sides]

    def merge(self, pair):
        """Keeps the first of the two, and tells who that is and how the preview said they would be."""
        first, second = self.all(".side")
        preview = [words(value) for value in self.all(".side-merge dd", first)[:3]]
        survivor = {
            "href": self.one("h2 a", first).get_attribute("href"),
            "former": self.one("h2 a", second).get_attribute("href"),
            "preview": preview,
        }
        self.press(self.one(".side-merge button", first))
        self.expect(TEXTS["merged"] in self.text(".notice"), f"after merging: {self.text('.notice')!r}")
        self.expect(self.text(".notice button") == TEXTS["undo"], "the notice offers no undo")
        self.check("merged")
        return survivor

    def undo_by_notice(self):
        self.press(self.one(".notice form button"))

    def see_merged(self, survivor, pair):
        self.open(survivor["href"])
        self.expect(not self.all(".notice"), "the notice stays")
        name, email, phone = survivor["preview"]
        self.expect(self.text("h1") == name, f"the name is {self.text('h1')!r}, the preview said {name!r}")
        shown = [words(value) for value in self.all(".who .facts .wide dd")]
        self.expect(shown == [email, phone], f"email and phone are {shown}, the preview said {[email, phone]}")
        self.open(survivor["former"])
        self.expect(self.text("h1") == name, "the former address doesn't lead to the survivor")
        self.expect(bool(self.all("p.callout .code")), "it isn't said that the contact was merged")
        self.check("redirected")
        self.expect(pair not in self.queue(), "a merged pair is still on the queue")

    def undo_by_list(self):
        self.open(f"/{LANGUAGE}/conflicts")
        self.expect(bool(self.all(".merges li time")), "a recent merge isn't listed with its time")
        self.check("merges")
        self.press(self.one(".merges li form button"))

    def try_hostile_input(self):
        self.where = "hostile input"
        for text in ('"><script>window.hacked=1</script>', "'><img src=x onerror=window.hacked=1>", "{{t.search}}", "%00%ff"):
            self.search(text)
            self.expect(self.one("input[name=q]").get_attribute("value") == text, f"{text!r} isn't shown as typed")
            self.expect_harmless()
        self.check_console("400")
        if ARGUMENTS.hostile:
            self.open(f"/{LANGUAGE}/contacts/{ARGUMENTS.hostile}")
            self.expect("<" in self.text("h1"), "the name's markup isn't shown as text")
            self.expect_harmless()
            self.check("hostile")
            if self.all("a.details"):
                self.press(self.one("a.details"))
                self.expect_harmless()
                self.check("hostile-record")

    def expect_harmless(self):
        self.expect(self.run("return window.hacked === undefined"), "a script of a stranger ran")
        found = self.run("""
            const isHandler = name => name.startsWith('on');
            return [...document.querySelectorAll('*')].filter(element =>
                ['script', 'img', 'iframe', 'b', 'object'].includes(element.localName) && !element.closest('.counts')
                || element.getAttributeNames().some(isHandler)).map(element => element.outerHTML.slice(0, 160));
        """)
        self.expect(not found, f"markup of a stranger is in the page: {found}")

    def see_problems(self):
        said = set()
        for address in ("contacts/00000000-0000-7000-8000-000000000000", "contacts/no-id", "nowhere"):
            self.open(f"/{LANGUAGE}/{address}")
            said.add(self.text("h1"))
        self.expect(len(said) == 1, f"what isn't there is refused in several ways: {said}")
        self.check("not-found", status="404")
        self.press(self.one(".problem a"))
        self.expect(bool(self.all("form.search")), "no way back from a problem")

    def leave(self):
        self.where = "leaving"
        if not ARGUMENTS.token:
            return
        self.press(self.one(".top-end form button"))
        self.open(f"/{LANGUAGE}/contacts")
        self.expect(bool(self.all("input[name=token]")), "signing out doesn't end the session")
        self.check_console("4")


def words(element):
    """The text of an element as a reader hears it, hidden text included, with single spaces."""
    return re.sub(r"\s+", " ", element.get_attribute("textContent")).strip()


def check_policy():
    """What the content policy of the first page lets through that it shouldn't."""
    try:
        with urllib.request.urlopen(f"{BASE}/{LANGUAGE}/contacts", timeout=SECONDS_MAX) as answer:
            headers = answer.headers
    except urllib.error.HTTPError as refusal:
        headers = refusal.headers
    policy = headers.get("Content-Security-Policy", "")
    if "default-src 'none'" not in policy or "unsafe" in policy or "script-src" in policy:
        return [f"the content policy is {policy!r}"]
    return []


def main():
    ARGUMENTS.artefacts.mkdir(parents=True, exist_ok=True)
    axe = axe_source()
    if not axe:
        sys.exit("axe-core is needed: run scripts/setup --tests where PyPI can be reached")
    problems = check_policy()
    browser = start_browser()
    pages = screenshots = 0
    try:
        for look, is_thorough in (((WIDE, "light"), True), ((PHONE, "dark"), False)):
            browser.delete_all_cookies()
            walk = Walk(browser, axe, look, is_thorough)
            try:
                walk.go()
            except (Stop, WebDriverException) as stop:
                message = stop if isinstance(stop, Stop) else f"{type(stop).__name__}: {stop.msg}"
                walk.expect(False, f"stopped: {message}")
                walk.save("failure")
            problems += walk.problems
            pages += walk.pages
            screenshots += walk.screenshots
    finally:
        browser.quit()
    for problem in dict.fromkeys(problems):
        print(problem)
    version = re.search(r"axe v(\S+)", axe[:200])
    print(f"{LANGUAGE}: {pages} pages, {screenshots} screenshots, {len(problems)} problems"
          + (f", axe-core {version[1]}" if version else ""))
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    try:
        main()
    except Stop as stop:
        sys.exit(str(stop))
