// Elements from data. Text becomes text nodes, never markup: nothing here parses HTML, and the content policy
// (`require-trusted-types-for`) would refuse it.

/**
 * Makes an element. `attributes.on` maps events to listeners; `true` sets an attribute without a value; `null`,
 * `undefined` and `false` leave it out. Children are nodes, texts, or nothing.
 */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    } else if (value === true) {
      node.setAttribute(name, "");
    } else if (value !== null && value !== undefined && value !== false) {
      node.setAttribute(name, value);
    }
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

let last = 0;

/** An id that no other element of the page has. */
export function freshId(prefix) {
  last += 1;
  return `${prefix}-${last}`;
}

/** A button that does something in the page. */
export function button(text, act, kind = "quiet", attributes = {}) {
  return el("button", { type: "button", class: kind, on: { click: act }, ...attributes }, text);
}

/** A small word of state; the dot is for the eye, the word is what counts. */
export function pill(text, kind) {
  return el("span", { class: `pill ${kind}` }, text);
}

let fading = null;

/** Takes the last announcement away: something else is going on. */
export function quieten() {
  document.getElementById("announcements").replaceChildren();
}

/** Says the outcome of what was done, to eyes and to screen readers. */
export function announce(text) {
  const place = document.getElementById("announcements");
  clearTimeout(fading);
  place.replaceChildren(el("p", {}, text));
  fading = setTimeout(() => place.replaceChildren(), 8000);
}
