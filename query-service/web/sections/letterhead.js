// The letterhead, and how a receipt's head looks with it while it is typed. The paper's own layout is
// `query-service/src/receipt/layout.rs`: 42 characters on 80 mm.

import { call, may, reasonRule, SignedOut } from "/admin/api.js";
import { announce, el } from "/admin/dom.js";
import { time } from "/admin/format.js";
import { form } from "/admin/forms.js";
import { problemBlock } from "/admin/problem.js";
import { currentLanguage, t } from "/admin/text.js";

const HEAD = [
  ["tax_id", 50],
  ["address", 300],
  ["phone", 100],
  ["email", 254],
  ["website", 200],
];

export const letterhead = {
  id: "letterhead",
  reads: "get_letterhead",
  writes: ["set_letterhead"],
  render: ({ tenant }) => {
    const place = el("div", {}, el("p", { class: "quiet-text loading" }, t("list.loading")));
    const draw = async () => {
      try {
        const answer = await call("get_letterhead");
        place.replaceChildren(...content(answer.letterhead, tenant, draw));
      } catch (problem) {
        if (!(problem instanceof SignedOut)) place.replaceChildren(problemBlock(problem));
      }
    };
    draw();
    return [place];
  },
};

function content(head, tenant, redraw) {
  const paper = el("div", { class: "paper", role: "img" });
  const preview = el("figure", { class: "preview" }, el("figcaption", {}, t("letterhead.preview")), paper);
  const show = (values) => {
    const lines = printed(values, tenant);
    paper.replaceChildren(...lines);
    paper.setAttribute(
      "aria-label",
      lines
        .map((line) => line.textContent)
        .filter(Boolean)
        .join(", "),
    );
  };
  const set = head
    ? el("p", { class: "fine" }, t("list.changed_at"), ": ", time(head.changed_at, tenant))
    : el("p", { class: "fine" }, t("letterhead.unset"));
  if (!may("set_letterhead")) {
    show(head ?? { legal_name: tenant.name });
    return [preview, set];
  }
  const text = (name, max, more = {}) => ({
    name,
    label: t(`letterhead.${name}`),
    value: head?.[name],
    max,
    free: true,
    ...more,
  });
  const made = form({
    draft: "letterhead",
    fields: [
      text("legal_name", 200, {
        required: true,
        help: t("letterhead.legal_name_help"),
        value: head?.legal_name ?? tenant.name,
      }),
      ...HEAD.map(([name, max]) => text(name, max)),
      text("footer_es", 500, { help: t("letterhead.footer_help") }),
      text("footer_en", 500),
    ],
    submitText: t("letterhead.save"),
    reason: reasonRule("set_letterhead"),
    onInput: show,
    submit: async (body, how) => {
      await call("set_letterhead", { body, ...how });
      announce(t("letterhead.saved"));
      // After the form has forgotten its draft.
      setTimeout(redraw);
    },
  });
  show(made.typed());
  return [el("div", { class: "split" }, el("section", { class: "card" }, made.node, set), preview)];
}

/** The head and the foot of a receipt as the printer has them; what lies between is only hinted at. */
function printed(values, tenant) {
  const line = (text, kind) => el("p", { class: kind }, text);
  const name = values.legal_name?.trim() || tenant.name;
  const head = HEAD.map(([field]) => values[field]?.trim()).filter(Boolean);
  const footer = values[`footer_${currentLanguage()}`]?.trim();
  return [
    line(name, "strong"),
    ...head.map((text) => line(text)),
    line(t("letterhead.sample_store"), "faint"),
    el("hr"),
    el("p", { class: "pair faint" }, el("span", {}, t("letterhead.sample_receipt")), el("span", {}, "C1-000123")),
    el(
      "p",
      { class: "pair faint" },
      el("span", {}, t("letterhead.sample_total")),
      el("span", {}, `${tenant.currency} …`),
    ),
    el("hr"),
    footer ? line(footer) : line(t("letterhead.sample_footer"), "faint"),
  ];
}
