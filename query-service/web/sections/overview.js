// What the organisation is, as it was set up. It is changed on the command line, hence nothing to do here.

import { el } from "/admin/dom.js";
import { t } from "/admin/text.js";

export const overview = {
  id: "overview",
  reads: null,
  writes: [],
  render: ({ tenant }) => {
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
        ...fact("overview.name", tenant.name),
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
      el("p", { class: "fine" }, t("overview.command_line")),
    ];
  },
};
