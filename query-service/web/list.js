// A list of the API as a table, page by page by its cursor. On a phone each row is a card of its own (`admin.css`).

import { call, SignedOut } from "/admin/api.js";
import { button, el } from "/admin/dom.js";
import { problemBlock } from "/admin/problem.js";
import { t } from "/admin/text.js";

/** Reads a list whole, within a bound: for choices in forms. */
export async function readAll(operation, most = 1000) {
  const items = [];
  let cursor;
  do {
    const page = await call(operation, { query: { limit: 200, cursor } });
    items.push(...page.items);
    cursor = page.next;
  } while (cursor && items.length < most);
  return items;
}

/**
 * A list: `{ node, reload }`. `columns` are `{ label, cell(row), kind }`, the first one names the row; `actions(row)`
 * are its buttons; `query()` is asked anew at each reload.
 */
export function list({ operation, caption, columns, actions, query = () => ({}), empty }) {
  const place = el("div", { class: "list" });
  let asked = 0;

  const reload = async () => {
    asked += 1;
    const mine = asked;
    place.setAttribute("aria-busy", "true");
    if (!place.childElementCount) place.append(el("p", { class: "quiet-text loading" }, t("list.loading")));
    try {
      const page = await call(operation, { query: query() });
      // What was asked for later counts.
      if (mine === asked) draw(page);
    } catch (problem) {
      if (problem instanceof SignedOut) return;
      if (mine === asked) place.replaceChildren(problemBlock(problem), button(t("list.again"), reload, "secondary"));
    } finally {
      if (mine === asked) place.removeAttribute("aria-busy");
    }
  };

  const draw = (page) => {
    if (page.items.length === 0) {
      place.replaceChildren(el("p", { class: "empty" }, empty));
      return;
    }
    const body = el("tbody", { role: "rowgroup" });
    const more = el("div", { class: "more" });
    const append = (rows, next) => {
      body.append(...rows.map(rowOf));
      more.replaceChildren(...(next ? [button(t("list.more"), () => readOn(next), "secondary")] : []));
    };
    const readOn = async (cursor) => {
      try {
        const page = await call(operation, { query: { ...query(), cursor } });
        const before = body.childElementCount;
        append(page.items, page.next);
        const first = body.children[before]?.querySelector("th");
        first?.setAttribute("tabindex", "-1");
        first?.focus();
      } catch (problem) {
        if (!(problem instanceof SignedOut)) more.append(problemBlock(problem));
      }
    };
    const heads = columns.map((column) =>
      el("th", { scope: "col", role: "columnheader", class: column.kind }, column.label),
    );
    if (actions)
      heads.push(
        el(
          "th",
          { scope: "col", role: "columnheader", class: "acts" },
          el("span", { class: "unseen" }, t("list.actions")),
        ),
      );
    const head = el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, ...heads));
    // The roles are said, since a table that is laid out as cards loses them in some browsers.
    place.replaceChildren(
      el("table", { role: "table" }, el("caption", { class: "unseen" }, caption), head, body),
      more,
    );
    append(page.items, page.next);
  };

  const rowOf = (row) => {
    const cells = columns.map((column, index) => {
      const content = column.cell(row) ?? el("span", { class: "nothing" }, "—");
      return index === 0
        ? el("th", { scope: "row", role: "rowheader", class: column.kind }, content)
        : el("td", { role: "cell", class: column.kind, "data-label": column.label }, content);
    });
    if (actions) cells.push(el("td", { role: "cell", class: "acts" }, ...actions(row)));
    return el("tr", { role: "row" }, ...cells);
  };

  reload();
  return { node: place, reload };
}
