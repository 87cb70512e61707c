// What the organisation is, as it was set up; of this only its name changes later.

import { call, may, reasonRule } from "/admin/api.js";
import { openForm } from "/admin/dialog.js";
import { announce, button, el } from "/admin/dom.js";
import { t } from "/admin/text.js";

export const overview = {
  id: "overview",
  reads: null,
  writes: ["rename_tenant"],
  render: ({ tenant, refreshTenant }) => {
    const name = el("dd", {}, tenant.name);
    const rename = () => {
      const shown = name.textContent;
      openForm({
        title: t("overview.rename"),
        intro: t("overview.rename_intro"),
        fields: [{ name: "name", label: t("overview.name"), value: shown, required: true, max: 200, free: true }],
        submitText: t("form.save"),
        reason: reasonRule("rename_tenant"),
        submit: (body, how) => call("rename_tenant", { body, ...how }),
        done: async () => {
          name.textContent = (await refreshTenant()).name;
          announce(t("overview.renamed", { name: name.textContent }));
        },
      });
    };
    const fact = (label, value) => [el("dt", {}, t(label)), el("dd", {}, value)];
    const policy = t(`stock_policy.${tenant.stock_policy}`);
    const now = new Intl.DateTimeFormat(document.documentElement.lang, {
      timeStyle: "short",
      timeZone: tenant.time_zone,
    });
    return [
      el(
        "dl",
        { class: "facts card" },
        el("dt", {}, t("overview.name")),
        name,
        ...fact("overview.id", el("code", {}, tenant.tenant)),
        ...fact(
          "overview.currency",
          t("overview.currency_of", { currency: tenant.currency, digits: tenant.currency_exponent }),
        ),
        ...fact(
          "overview.time_zone",
          t("overview.time_zone_of", { zone: tenant.time_zone, now: now.format(new Date()) }),
        ),
        ...fact(
          "overview.prices",
          t(tenant.prices_include_tax ? "overview.prices_with_tax" : "overview.prices_without_tax"),
        ),
        ...fact("overview.stock_policy", policy),
      ),
      may("rename_tenant") ? el("div", { class: "toolbar" }, button(t("overview.rename"), rename, "secondary")) : null,
      el("p", { class: "fine" }, t("overview.command_line")),
    ].filter(Boolean);
  },
};
