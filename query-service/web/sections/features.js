// Modules of the installation, and which are on. They are switched by whoever runs it, not here.

import { call, SignedOut } from "/admin/api.js";
import { el, pill } from "/admin/dom.js";
import { problemBlock } from "/admin/problem.js";
import { t } from "/admin/text.js";

export const features = {
  id: "features",
  reads: "list_features",
  writes: [],
  render: () => {
    const place = el("div", {}, el("p", { class: "quiet-text loading" }, t("list.loading")));
    call("list_features")
      .then((answer) => place.replaceChildren(el("ul", { class: "rows" }, ...answer.features.map(row))))
      .catch((problem) => {
        if (!(problem instanceof SignedOut)) place.replaceChildren(problemBlock(problem));
      });
    return [el("p", { class: "notice" }, t("features.who")), place];
  },
};

function row(feature) {
  const name = t(`feature.${feature.feature}`);
  return el(
    "li",
    { class: "card" },
    el(
      "div",
      { class: "card-head" },
      el("h2", {}, name),
      feature.enabled ? pill(t("features.on"), "on") : pill(t("features.off"), "off"),
    ),
    el("p", {}, t(`feature_meaning.${feature.feature}`)),
    el(
      "p",
      { class: "fine" },
      el("code", {}, `${feature.variable}=${feature.enabled}`),
      " · ",
      ...feature.paths.map((path) => el("code", {}, path)),
    ),
  );
}
