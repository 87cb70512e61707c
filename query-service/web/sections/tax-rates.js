// Tax rates: add, change. Sales from then on use them; sales that were made keep what they were made with.

import { call, may, reasonRule } from "/admin/api.js";
import { openForm } from "/admin/dialog.js";
import { announce, button, el } from "/admin/dom.js";
import { percent, time } from "/admin/format.js";
import { list } from "/admin/list.js";
import { t } from "/admin/text.js";

export const taxRates = {
  id: "tax-rates",
  reads: "list_tax_rates",
  writes: ["set_tax_rate"],
  render: ({ tenant }) => {
    const reload = () => shown.reload();
    const shown = list({
      operation: "list_tax_rates",
      caption: t("tax-rates.title"),
      empty: t("tax-rates.empty"),
      columns: [
        {
          label: t("tax-rates.name"),
          cell: (row) => el("span", { class: "named" }, row.name, el("code", {}, row.tax_code)),
        },
        { label: t("tax-rates.rate"), kind: "figure", cell: (row) => percent(row.rate_ppm) },
        { label: t("list.changed_at"), cell: (row) => time(row.changed_at, tenant) },
      ],
      actions: may("set_tax_rate")
        ? (row) => [
            button(t("list.change"), () => edit(row, reload), "quiet", {
              "aria-label": t("tax-rates.change_of", { name: row.name }),
            }),
          ]
        : null,
    });
    const add = may("set_tax_rate")
      ? el(
          "div",
          { class: "toolbar" },
          button(t("tax-rates.add"), () => edit(null, reload), "primary"),
        )
      : null;
    return [add, shown.node].filter(Boolean);
  },
};

function edit(row, reload) {
  const code = {
    name: "tax_code",
    label: t("tax-rates.code"),
    help: t("tax-rates.code_help"),
    required: true,
    max: 20,
    code: true,
  };
  openForm({
    title: row ? t("tax-rates.change_of", { name: row.name }) : t("tax-rates.add"),
    intro: row ? t("tax-rates.change_intro") : null,
    fields: [
      row ? { ...code, value: row.tax_code, readOnly: true, help: null } : code,
      { name: "name", label: t("tax-rates.name"), value: row?.name, required: true, max: 100, free: true },
      {
        name: "rate_ppm",
        kind: "percent",
        label: t("tax-rates.rate"),
        value: row?.rate_ppm,
        help: t("tax-rates.rate_help"),
        required: true,
      },
    ],
    submitText: row ? t("form.save") : t("tax-rates.add"),
    reason: reasonRule("set_tax_rate"),
    submit: ({ tax_code, ...body }, how) => call("set_tax_rate", { params: { tax_code }, body, ...how }),
    done: (_, { name }) => {
      announce(t("tax-rates.saved", { name }));
      return reload();
    },
  });
}
