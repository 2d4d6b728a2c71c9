/**
 * Keeps the payment sections of a page up to date. The server alone says how a payment stands, and
 * renders it: this asks for the status, and puts the page's own new section in the old one's place.
 * Nothing that the hosted page says is believed. Every word shown is the server's, or `Intl`'s.
 */

/** @typedef {{reference: string, view: string, state: string, payment_status: string,
 *   is_final: boolean, replaced: boolean}} Status What the status endpoint tells. */

const SECTION = "[data-redpin-session]";
const LIVE = ":scope > [data-redpin-live]";

// All in milliseconds.
const FIRST_WAIT = 2_000;
const GROWTH = 1.5;
const LONGEST_WAIT = 30_000;
const LEAST_PAUSE = 1_000; // Between two looks, however much the hosted page has to say.
const PATIENCE = 15_000;
const MINUTE = 60_000;
const ANNOUNCED_AT = [5 * MINUTE, MINUTE];
const SPOKEN_FOR = 10_000; // What was said must not stand there once it is no longer true.

// Units of time: name, length, and the time above which each is used.
const UNITS = [
  ["day", 1_440 * MINUTE, 2_880 * MINUTE],
  ["hour", 60 * MINUTE, 120 * MINUTE],
  ["minute", MINUTE, MINUTE],
  ["second", 1_000, -Infinity],
];

/** One section. The element stays; its attributes and its content are the server's. */
class PaymentSection {
  #stopped = new AbortController();
  #timer = 0;
  #wait = FIRST_WAIT;
  #lookedAt = -Infinity;
  #isLooking = false;
  #isOver = false;
  #etag = {}; // The header that makes a request conditional.
  #told = null; // The last status.
  #shown = null; // The first status that was told of what is shown.
  #clock = 0;
  #skew = 0; // By how much the server's clock is ahead of the browser's, which may be wrong.
  #left = NaN;
  #silence = 0;

  /** @param {HTMLElement} section */
  constructor(section) {
    this.section = section;
    const { signal } = this.#stopped;
    window.addEventListener("message", (event) => this.#onMessage(event), { signal });
    window.addEventListener("online", () => this.#hurry(), { signal });
    window.addEventListener("pageshow", (event) => event.persisted && this.#hurry(), { signal });
    document.addEventListener("visibilitychange", () => this.#hurry(), { signal });
    section.addEventListener("click", (event) => this.#onClick(event), { signal });
    section.addEventListener("submit", (event) => this.#onSubmit(event), { signal });
    // A frame's load does not bubble.
    section.addEventListener("load", () => this.#sendTheme(), { signal, capture: true });
    this.#begin();
  }

  /** End every timer, listener and request. */
  stop() {
    this.#stopped.abort();
    for (const timer of [this.#timer, this.#clock, this.#silence]) clearTimeout(timer);
  }

  /** Follow what the section shows by now. */
  #begin() {
    this.#isOver = this.section.hasAttribute("data-redpin-final");
    this.#wait = FIRST_WAIT;
    this.#etag = {};
    this.#told = this.#shown = null;
    this.#left = NaN;
    // A frame that was there before this script may have loaded already.
    if (this.#frame?.contentDocument === null) this.#sendTheme();
    this.#tick();
    if (!this.#isLooking) this.#planNext();
  }

  get #frame() {
    return this.section.querySelector("iframe[data-redpin-frame]");
  }

  #planNext() {
    this.#plan(this.#wait);
    this.#wait = Math.min(this.#wait * GROWTH, LONGEST_WAIT);
  }

  #plan(wait) {
    clearTimeout(this.#timer);
    const url = this.section.dataset.redpinStatusUrl;
    if (!url || this.#isOver || document.hidden || this.#stopped.signal.aborted) return;
    this.#timer = setTimeout(() => this.#look(url), wait);
  }

  /** Look at once, or as soon as the least pause is over; on a hidden page, once it is seen. */
  #hurry() {
    this.#wait = FIRST_WAIT;
    this.#tick();
    this.#plan(Math.max(0, this.#lookedAt + LEAST_PAUSE - performance.now()));
  }

  async #look(url) {
    if (this.#isLooking) return; // The look that is under way plans the next one.
    this.#isLooking = true;
    this.#lookedAt = performance.now();
    const status = await this.#ask(url);
    const isStillShown = url === this.section.dataset.redpinStatusUrl; // Not renewed meanwhile.
    if (status && isStillShown) await this.#apply(status);
    this.#isLooking = false;
    this.#planNext();
  }

  /** @returns {Promise<Status | null>} null where it can't be had at this moment */
  async #ask(url) {
    const headers = { Accept: "application/json", ...this.#etag };
    try {
      const response = await this.#fetch(url, { headers });
      this.#isOver = [404, 410].includes(response.status);
      if (this.#isOver) this.#offerReload(); // Its address is too old: the page has a new one.
      if (response.status === 304) return this.#told;
      if (!response.ok) {
        this.#wait = Math.max(this.#wait, 1_000 * response.headers.get("Retry-After") || 0);
        return null;
      }
      const status = await response.json();
      if (typeof status?.view !== "string") return null;
      this.#setClock(Date.parse(response.headers.get("Date")));
      const etag = response.headers.get("ETag");
      this.#etag = etag ? { "If-None-Match": etag } : {};
      return (this.#told = status);
    } catch {
      return null; // Offline, cut off, or no JSON: the next look may do better.
    }
  }

  /** @param {Status} status */
  async #apply(status) {
    const before = this.#shown;
    const shown = (this.#shown ??= status);
    const isOther = before ? status.reference !== before.reference : status.replaced;
    // An open page is left alone: whoever pays is in the middle of it.
    const hasMoved = before && status.view !== "open" && status.state !== before.state;
    const isSameView = status.view === this.section.dataset.redpinView;
    if (isSameView && !hasMoved && !isOther) {
      this.#isOver = status.is_final;
      return;
    }
    const fresh = await this.#freshSection();
    // A page that shows the old view again comes from a cache.
    const isNew = isSameView || fresh?.dataset.redpinView !== this.section.dataset.redpinView;
    const isLate = shown !== this.#shown; // Started again meanwhile: somebody pays there by now.
    if (fresh && isNew && !isLate) this.#show(fresh, status);
  }

  #fetch(url, options) {
    const signal = AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(PATIENCE)]);
    return fetch(url, { mode: "same-origin", cache: "no-store", signal, ...options });
  }

  /** @returns {Promise<HTMLElement | null>} the section that the page's address has by now */
  async #freshSection() {
    try {
      const response = await this.#fetch(location.href, { headers: { Accept: "text/html" } });
      const fresh = response.ok && this.#counterpart(await response.text());
      if (fresh) return fresh;
    } catch {
      // Offline, or cut off.
    }
    this.#offerReload();
    return null;
  }

  /** Whoever pays may load the page themselves. */
  #offerReload() {
    const link = this.section.querySelector("[hidden] > [data-redpin-reload]");
    if (link) link.parentElement.hidden = false;
  }

  /** @param {string} html of a page, whose section at this one's place is returned */
  #counterpart(html) {
    const page = new DOMParser().parseFromString(html, "text/html");
    const [here, there] = [document, page].map((one) => [...one.querySelectorAll(SECTION)]);
    return (here.length === there.length && there[here.indexOf(this.section)]) || null;
  }

  /**
   * Take over attributes and content, and tell of it.
   * @param {HTMLElement} fresh
   * @param {Status | null} status
   */
  #show(fresh, status) {
    const { section } = this;
    const hadFocus = section.contains(document.activeElement);
    // The live region stays: one that comes together with its text is often not read out.
    const live = section.querySelector(LIVE);
    if (live) fresh.querySelector(LIVE)?.remove();
    for (const node of [...section.childNodes]) if (node !== live) node.remove();
    section.prepend(...fresh.childNodes);
    for (const name of section.getAttributeNames()) section.removeAttribute(name);
    for (const { name, value } of fresh.attributes) section.setAttribute(name, value);

    const heading = section.querySelector("h1, h2, h3, h4") ?? section;
    if (hadFocus) {
      heading.tabIndex = -1;
      heading.focus();
    } else if (heading !== section) {
      this.#say(heading.textContent);
    }
    this.#begin();
    const { payment_status: paymentStatus = null, state = null } = status ?? {};
    const detail = { view: section.dataset.redpinView, paymentStatus, state };
    section.dispatchEvent(new CustomEvent("redpin:change", { bubbles: true, detail }));
  }

  /** Have a screen reader say it. */
  #say(text) {
    const live = this.section.querySelector(LIVE);
    if (live) live.textContent = text;
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => live?.replaceChildren(), SPOKEN_FOR);
  }

  #tick() {
    const end = Date.parse(this.section.dataset.redpinExpiresAt);
    if (Number.isNaN(end) || this.#left <= 0 || this.#stopped.signal.aborted) return;
    clearTimeout(this.#clock);
    const left = Math.max(0, end - Date.now() - this.#skew);
    const [unit, length] = UNITS.find(([, , least]) => left > least);
    const text = this.#showTimeLeft(Math.ceil(left / length), unit);
    if (ANNOUNCED_AT.some((mark) => this.#left > mark && left <= mark)) this.#say(text);
    this.#left = left;
    // A minute at most: timers stand still while the machine sleeps. Clocks differ a little.
    const wait = left ? Math.min(left % length || length, MINUTE) : LEAST_PAUSE;
    this.#clock = setTimeout(() => (left ? this.#tick() : this.#onExpiry()), wait);
  }

  #setClock(now) {
    const skew = now - Date.now();
    if (!(Math.abs(skew - this.#skew) > MINUTE)) return;
    this.#skew = skew;
    this.#left = NaN;
    this.#tick();
  }

  #showTimeLeft(count, unit) {
    const place = this.section.querySelector("[data-redpin-time-left]");
    const language = place?.closest("[lang]")?.lang || undefined;
    try {
      const when = new Intl.RelativeTimeFormat(language, { numeric: "auto" }).format(count, unit);
      return (place.textContent = place.dataset.redpinTimeLeftText.replace("{when}", () => when));
    } catch {
      return ""; // No such language, or nothing to write it in: what the server wrote stays.
    }
  }

  async #onExpiry() {
    if (this.section.dataset.redpinStatusUrl) return this.#hurry();
    const fresh = await this.#freshSection();
    if (fresh) this.#show(fresh, null);
  }

  #onMessage({ data, origin, source }) {
    const frame = this.#frame;
    if (!frame || source !== frame.contentWindow || origin !== frame.dataset.redpinOrigin) return;
    // A hint to look, whatever it says.
    if (data && Object.getPrototypeOf(data) === Object.prototype) this.#hurry();
  }

  #sendTheme() {
    const { redpinTheme, redpinOrigin } = this.#frame?.dataset ?? {};
    if (!redpinTheme || !redpinOrigin?.includes("://")) return; // "*" and "/" are no origins.
    this.#frame.contentWindow.postMessage(JSON.parse(redpinTheme), redpinOrigin);
  }

  #onClick(event) {
    const link = event.target.closest("a[data-redpin-popup]");
    const isPlain = !(event.button || event.ctrlKey || event.metaKey || event.shiftKey);
    if (!link || !isPlain || event.defaultPrevented) return;
    event.preventDefault();
    window.open(link.href, "_blank", "popup,noopener,width=480,height=760");
  }

  async #onSubmit(event) {
    const form = event.target;
    if (!form.matches("[data-redpin-renew]") || event.defaultPrevented) return;
    event.preventDefault();
    if (form.ariaBusy) return; // It was sent already.
    form.ariaBusy = "true";
    // As without this script: to another site, or to a page that tells what went wrong.
    const submit = () => HTMLFormElement.prototype.submit.call(form);
    try {
      const body = new FormData(form, event.submitter);
      const { signal } = this.#stopped; // No time limit: Redpin may be slow to answer.
      const url = form.getAttribute("action") ?? "";
      const response = await this.#fetch(url, { method: "POST", body, signal });
      const fresh = this.#counterpart(await response.text());
      if (fresh) this.#show(fresh, null);
      else if (response.redirected) location.assign(response.url);
      else submit();
    } catch {
      if (!this.#stopped.signal.aborted) submit();
    }
    form.ariaBusy = null;
  }
}

/** @type {Map<Element, PaymentSection>} */
const followed = new Map();

/** Follow the sections that are on the page, and let go of those that no longer are. */
function followAll() {
  for (const [section, follower] of followed) {
    if (section.isConnected) continue;
    follower.stop();
    followed.delete(section);
  }
  for (const section of document.querySelectorAll(SECTION)) {
    if (!followed.has(section)) followed.set(section, new PaymentSection(section));
  }
}

// The script may come again under another address; once is enough.
const LOADED = Symbol.for("django-redpin/session.js");
if (!window[LOADED]) {
  window[LOADED] = true;
  new MutationObserver(followAll).observe(document, { childList: true, subtree: true });
  followAll();
}
