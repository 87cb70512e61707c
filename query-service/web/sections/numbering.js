// Numbers of documents, by kind of document. All kinds are shown; those that never had numbers have no row in the API.

import { call, may, reasonRule, SignedOut } from "/admin/api.js";
import { openForm } from "/admin/dialog.js";
import { announce, button, el, pill } from "/admin/dom.js";
import { wholeNumber } from "/admin/format.js";
import { readAll } from "/admin/list.js";
import { problemBlock } from "/admin/problem.js";
import { t } from "/admin/text.js";

const SERIES = ["receipt", "return", "order", "purchase", "transfer", "repair"];

export const numbering = {
  id: "numbering",
  reads: "list_numbering",
  writes: ["set_numbering", "end_numbering"],
  render: () => {
    const place = el("div", { class: "cards" }, el("p", { class: "quiet-text loading" }, t("list.loading")));
    const draw = async () => {
      try {
        const rows = await readAll("list_numbering");
        place.replaceChildren(
          ...SERIES.map((series) =>
            card(
              series,
              rows.find((row) => row.series === series),
              draw,
            ),
          ),
        );
      } catch (problem) {
        if (!(problem instanceof SignedOut)) place.replaceChildren(problemBlock(problem));
      }
    };
    draw();
    return [place];
  },
};

/** The count that the next document gets: as it was set, or one more than the last number under this prefix. */
function nextCount({ prefix, next, last_number: last }) {
  const count = last?.startsWith(prefix) ? last.slice(prefix.length) : "";
  return /^\d{1,12}$/.test(count) ? Math.max(next, Number(count) + 1) : next;
}

function nextNumber(row) {
  return `${row.prefix}${String(nextCount(row)).padStart(row.digits, "0")}`;
}

function card(series, row, reload) {
  const name = t(`series.${series}`);
  const isOn = row?.enabled ?? false;
  const fact = (label, value) => [el("dt", {}, t(label)), el("dd", {}, value)];
  const facts = row
    ? el(
        "dl",
        {},
        ...(isOn ? fact("numbering.next_number", el("code", {}, nextNumber(row))) : []),
        ...fact("numbering.last", row.last_number ? el("code", {}, row.last_number) : "—"),
        ...fact("numbering.taken", wholeNumber(row.taken)),
      )
    : el("p", { class: "quiet-text" }, t("numbering.never"));
  const actions = el(
    "div",
    { class: "actions" },
    may("set_numbering")
      ? button(t(isOn ? "list.change" : "numbering.begin"), () => set(series, row, reload), "secondary small", {
          "aria-label": t("numbering.set_of", { series: name }),
        })
      : null,
    isOn && may("end_numbering")
      ? button(t("numbering.end"), () => end(series, reload), "quiet bad small", {
          "aria-label": t("numbering.end_of", { series: name }),
        })
      : null,
  );
  return el(
    "section",
    { class: "card" },
    el(
      "div",
      { class: "card-head" },
      el("h2", {}, name),
      isOn ? pill(t("numbering.on"), "on") : pill(t("numbering.off"), "off"),
    ),
    facts,
    series === "receipt" ? el("p", { class: "fine" }, t("numbering.offline_note")) : null,
    actions,
  );
}

function set(series, row, reload) {
  openForm({
    title: t("numbering.set_of", { series: t(`series.${series}`) }),
    intro: t("numbering.set_intro"),
    fields: [
      {
        name: "prefix",
        label: t("numbering.prefix"),
        value: row?.prefix ?? "",
        help: t("numbering.prefix_help"),
        max: 20,
        empty: "",
        code: true,
      },
      {
        name: "next",
        kind: "number",
        label: t("numbering.next"),
        value: row ? nextCount(row) : 1,
        help: t("numbering.next_help"),
        required: true,
      },
      {
        name: "digits",
        kind: "number",
        label: t("numbering.digits"),
        value: row?.digits ?? 6,
        help: t("numbering.digits_help"),
        required: true,
      },
    ],
    submitText: t("form.save"),
    reason: reasonRule("set_numbering"),
    submit: (body, how) => call("set_numbering", { params: { series }, body, ...how }),
    done: (answer) => {
      announce(t("numbering.saved", { number: answer.next_number ?? "" }));
      return reload();
    },
  });
}

function end(series, reload) {
  openForm({
    title: t("numbering.end_of", { series: t(`series.${series}`) }),
    intro: t("numbering.end_intro"),
    fields: [],
    submitText: t("numbering.end"),
    kind: "danger",
    reason: reasonRule("end_numbering"),
    submit: (body, how) => call("end_numbering", { params: { series }, body, ...how }),
    done: () => {
      announce(t("numbering.ended"));
      return reload();
    },
  });
}
