// A problem document as people see it: title, detail, fields that have no place in the form, and what the code means,
// from the pages of docs/errors. Not here: marking fields (`forms`).

import { button, el } from "/admin/dom.js";
import { currentLanguage, t } from "/admin/text.js";

/** The block that shows a problem; `unplaced` are its errors without a field of their own. */
export function problemBlock(problem, unplaced = problem.errors) {
  const facts = [];
  if (problem.isOpen && problem.hasKey) facts.push(el("p", {}, t("problem.open")));
  if (problem.retryAfter) facts.push(el("p", {}, t("problem.retry_after", { seconds: problem.retryAfter })));
  return el(
    "div",
    { class: "problem", role: "alert" },
    el("p", { class: "problem-title" }, problem.title),
    problem.detail && problem.detail !== problem.title ? el("p", {}, problem.detail) : null,
    unplaced.length
      ? el(
          "ul",
          {},
          ...unplaced.map((error) =>
            el("li", {}, error.pointer ? el("code", {}, error.pointer) : null, " ", error.detail),
          ),
        )
      : null,
    ...facts,
    problem.code ? meaning(problem) : null,
  );
}

/** The code, which leads to its page; the page opens in place, in the reader's language. */
function meaning(problem) {
  const page = `/admin/errors/${problem.code}`;
  const place = el("div", { class: "meaning" });
  const more = button(
    t("problem.meaning"),
    async () => {
      if (place.childElementCount) {
        place.replaceChildren();
        more.setAttribute("aria-expanded", "false");
        return;
      }
      const answer = await fetch(page, { credentials: "omit" }).catch(() => null);
      place.replaceChildren(answer?.ok ? explained(await answer.text()) : el("p", {}, t("problem.no_page")));
      more.setAttribute("aria-expanded", "true");
    },
    "link",
    { "aria-expanded": "false" },
  );
  return el(
    "div",
    { class: "problem-code" },
    el("p", {}, el("a", { href: page, target: "_blank", rel: "noopener" }, el("code", {}, problem.code)), " · ", more),
    place,
    problem.requestId
      ? el("p", { class: "fine" }, t("problem.request_id"), " ", el("code", {}, problem.requestId))
      : null,
  );
}

const HEADINGS = { es: "## Español", en: "## English" };

/** One language of a page of docs/errors. Its Markdown is paragraphs with bold words and code, and nothing else. */
function explained(page) {
  const section = page.split(/^(?=## )/m).find((part) => part.startsWith(HEADINGS[currentLanguage()]));
  const paragraphs = (section ?? page)
    .replace(/^#.*$/gm, "")
    .split(/\n\s*\n/)
    .filter((text) => text.trim());
  return el("div", {}, ...paragraphs.map((text) => el("p", {}, ...inline(text.trim().replaceAll("\n", " ")))));
}

function inline(text) {
  return text.split(/(\*\*[^*]+\*\*|`[^`]+`)/).map((part) => {
    if (part.startsWith("**")) return el("strong", {}, part.slice(2, -2));
    if (part.startsWith("`")) return el("code", {}, part.slice(1, -1));
    return part;
  });
}
