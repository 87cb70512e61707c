// The page's words in the language that was chosen. Not here: the words themselves (`es`, `en`), and what the API says,
// which comes in the right language by `Accept-Language`.

import en from "/admin/en.js";
import es from "/admin/es.js";

const TEXTS = { es, en };
const PLACE = "trastienda.language";

function preferred() {
  const kept = sessionStorage.getItem(PLACE);
  if (kept in TEXTS) return kept;
  const wanted = navigator.languages.map((tag) => tag.slice(0, 2)).find((tag) => tag in TEXTS);
  return wanted ?? "es";
}

let language = preferred();
document.documentElement.lang = language;

/** `es` or `en`. */
export function currentLanguage() {
  return language;
}

export function chooseLanguage(chosen) {
  language = chosen;
  sessionStorage.setItem(PLACE, chosen);
  document.documentElement.lang = chosen;
}

/** The reader's variety of the language, such as `es-HN`: dates and separators differ between countries. */
export function locale() {
  return navigator.languages.find((tag) => tag.startsWith(language)) ?? language;
}

/** A text, with `{name}` replaced by the values given. */
export function t(key, values = {}) {
  const text = TEXTS[language][key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}
