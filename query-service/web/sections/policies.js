// Policies: whether stock may fall below zero, which movements wait for approval, what repairs promise.

import { call, may, Problem, reasonRule } from "/admin/api.js";
import { announce, el } from "/admin/dom.js";
import { money, shownDuration, time, wholeNumber } from "/admin/format.js";
import { form } from "/admin/forms.js";
import { problemBlock } from "/admin/problem.js";
import { t } from "/admin/text.js";

/** What holds while a tenant has said nothing: `DEFAULT_REPAIR_TERMS` of the domain. */
const DEFAULT_TERMS = {
  low_target_s: 604800,
  normal_target_s: 259200,
  high_target_s: 86400,
  urgent_target_s: 14400,
  warranty_days: 90,
};
const TARGETS = ["urgent_target_s", "high_target_s", "normal_target_s", "low_target_s"];

export const policies = {
  id: "policies",
  reads: null,
  writes: ["set_stock_policy", "set_movement_policy", "set_repair_terms"],
  render: (context) => [
    el(
      "div",
      { class: "stack" },
      part("stock_policy", stock, context),
      part("movement_policy", movements, context),
      part("repair_terms", repairs, context),
    ),
  ],
};

/** A card that is filled when its policy was read, and again when it was set. */
function part(name, fill, context) {
  const place = el("div", {}, el("p", { class: "quiet-text loading" }, t("list.loading")));
  const draw = async () => {
    try {
      place.replaceChildren(...(await fill(context, () => setTimeout(draw))));
    } catch (problem) {
      if (problem instanceof Problem) place.replaceChildren(problemBlock(problem));
    }
  };
  draw();
  return el(
    "section",
    { class: "card" },
    el("h2", {}, t(`${name}.title`)),
    el("p", { class: "intro" }, t(`${name}.intro`)),
    place,
  );
}

function facts(pairs) {
  return el("dl", { class: "facts" }, ...pairs.flatMap(([label, value]) => [el("dt", {}, label), el("dd", {}, value)]));
}

async function stock({ refreshTenant }, redraw) {
  const tenant = await refreshTenant();
  if (!may("set_stock_policy")) return [facts([[t("stock_policy.label"), t(`stock_policy.${tenant.stock_policy}`)]])];
  const option = (value) => [value, t(`stock_policy.${value}`), t(`stock_policy_meaning.${value}`)];
  return [
    form({
      draft: "stock_policy",
      fields: [
        {
          name: "stock_policy",
          kind: "radios",
          label: t("stock_policy.label"),
          value: tenant.stock_policy,
          options: [option("strict"), option("allow_negative")],
          required: true,
        },
      ],
      submitText: t("form.save"),
      reason: reasonRule("set_stock_policy"),
      submit: async (body, how) => {
        await call("set_stock_policy", { body, ...how });
        announce(t("stock_policy.saved"));
        redraw();
      },
    }).node,
  ];
}

async function movements({ tenant }, redraw) {
  if (!may("get_movement_policy")) return [el("p", { class: "notice" }, t("movement_policy.may_not_read"))];
  const policy = await call("get_movement_policy");
  const by = policy.set_at
    ? el(
        "p",
        { class: "fine" },
        t("movement_policy.set_by", { username: policy.set_by }),
        " ",
        time(policy.set_at, tenant),
      )
    : null;
  if (!may("set_movement_policy")) {
    const limit = (value, shown) => (value === null ? t("movement_policy.no_limit") : shown(value));
    return [
      facts([
        [t("movement_policy.max_quantity"), limit(policy.max_quantity, wholeNumber)],
        [t("movement_policy.max_value"), limit(policy.max_value_minor, (value) => money(value, tenant))],
      ]),
      by,
    ].filter(Boolean);
  }
  return [
    form({
      draft: "movement_policy",
      fields: [
        {
          name: "max_quantity",
          kind: "number",
          label: t("movement_policy.max_quantity"),
          value: policy.max_quantity,
          help: t("movement_policy.max_quantity_help"),
        },
        {
          name: "max_value_minor",
          kind: "money",
          tenant,
          label: t("movement_policy.max_value"),
          value: policy.max_value_minor,
          help: t("movement_policy.max_value_help"),
        },
      ],
      submitText: t("form.save"),
      reason: reasonRule("set_movement_policy"),
      submit: async (body, how) => {
        await call("set_movement_policy", { body, ...how });
        announce(t("movement_policy.saved"));
        redraw();
      },
    }).node,
    by,
  ].filter(Boolean);
}

async function repairs(_, redraw) {
  const { terms } = await call("get_repair_terms");
  const holding = terms ?? DEFAULT_TERMS;
  const note = terms ? null : el("p", { class: "fine" }, t("repair_terms.defaults"));
  if (!may("set_repair_terms")) {
    const targets = TARGETS.map((name) => [t(`repair_terms.${name}`), shownDuration(holding[name])]);
    return [facts([...targets, [t("repair_terms.warranty_days"), wholeNumber(holding.warranty_days)]]), note].filter(
      Boolean,
    );
  }
  return [
    form({
      draft: "repair_terms",
      fields: [
        ...TARGETS.map((name) => ({
          name,
          kind: "duration",
          label: t(`repair_terms.${name}`),
          value: holding[name],
          required: true,
        })),
        {
          name: "warranty_days",
          kind: "number",
          label: t("repair_terms.warranty_days"),
          value: holding.warranty_days,
          help: t("repair_terms.warranty_help"),
          required: true,
        },
      ],
      submitText: t("form.save"),
      reason: reasonRule("set_repair_terms"),
      submit: async (body, how) => {
        await call("set_repair_terms", { body, ...how });
        announce(t("repair_terms.saved"));
        redraw();
      },
    }).node,
    note,
  ].filter(Boolean);
}
