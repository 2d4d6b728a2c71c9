// The theme that the page around a hosted page sends to it. Redpin documents that there is such a
// message, and neither its name nor its shape: what is read here is this file's own reading alone.
//
//   {type: "redpin:theme", theme: "light" | "dark" | "auto" | {scheme: ..., accent: "#1d3f8f"}}

const SCHEMES = ["light", "dark", "auto"];
const COLOUR = /^#[0-9a-f]{6}$/i;
const root = document.documentElement;
const parents = (root.dataset.parents ?? "").split(" ").filter(Boolean);
// Each step of the page is a document of its own.
const place = `redpin-theme:${location.pathname}`;

/** Return {scheme, accent} with what could be understood, or null where nothing could. */
export function readTheme(message) {
  if (typeof message !== "object" || message === null || message.type !== "redpin:theme") return null;
  const given = typeof message.theme === "string" ? { scheme: message.theme } : message.theme;
  if (typeof given !== "object" || given === null) return null;
  const scheme = SCHEMES.includes(given.scheme) ? given.scheme : null;
  const accent =
    typeof given.accent === "string" && COLOUR.test(given.accent) ? given.accent.toLowerCase() : null;
  return scheme || accent ? { scheme, accent } : null;
}

/** Return whether white or black is read better on a colour: at least 4.5 to 1, whatever it is. */
export function inkOn(colour) {
  const [red, green, blue] = [1, 3, 5].map((start) => {
    const part = parseInt(colour.slice(start, start + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  const light = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  return 1.05 / (light + 0.05) >= (light + 0.05) / 0.05 ? "#ffffff" : "#000000";
}

function apply({ scheme, accent }) {
  if (scheme === "auto") delete root.dataset.theme;
  else if (scheme) root.dataset.theme = scheme;
  if (accent) {
    root.style.setProperty("--accent", accent);
    root.style.setProperty("--accent-hover", accent);
    root.style.setProperty("--accent-ink", inkOn(accent));
  }
}

function remembered() {
  try {
    return readTheme({ type: "redpin:theme", theme: JSON.parse(sessionStorage.getItem(place)) });
  } catch {
    return null; // A frame may be left without storage.
  }
}

function remember(theme) {
  try {
    sessionStorage.setItem(place, JSON.stringify(theme));
  } catch {
    // Then the page around it has to send it again when the next step has loaded.
  }
}

addEventListener("message", (event) => {
  if (window.parent === window || event.source !== window.parent) return;
  if (!parents.includes("*") && !parents.includes(event.origin)) return;
  const read = readTheme(event.data);
  if (!read) return;
  const before = remembered();
  const theme = { scheme: read.scheme ?? before?.scheme, accent: read.accent ?? before?.accent };
  apply(theme);
  remember(theme);
});

const before = remembered();
if (before && window.parent !== window) apply(before);
