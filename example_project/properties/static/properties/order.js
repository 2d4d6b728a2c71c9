/** Looks again every few seconds, and shows what the shop renders by then: the page itself stays. */

const PAUSE = 4_000; // Milliseconds.

async function look() {
  const shown = document.querySelector("[data-looks-again]");
  if (!shown) return;
  if (!document.hidden) await refresh(shown).catch(() => {}); // Offline: the next look may do better.
  setTimeout(look, PAUSE);
}

/** @param {Element} shown */
async function refresh(shown) {
  const response = await fetch(location.href, { cache: "no-store" });
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const fresh = page.querySelector("[data-order]");
  if (!response.ok || !fresh || fresh.textContent === shown.textContent) return;
  shown.replaceWith(fresh);
  document.title = page.title;
}

setTimeout(look, PAUSE);
