// Tills: register in a store, rename, retire for good.

import { call, may, reasonRule } from "/admin/api.js";
import { openForm } from "/admin/dialog.js";
import { announce, button, el, pill } from "/admin/dom.js";
import { time } from "/admin/format.js";
import { list, readAll } from "/admin/list.js";
import { t } from "/admin/text.js";

export const terminals = {
  id: "terminals",
  reads: "list_terminals",
  writes: ["register_terminal", "rename_terminal", "retire_terminal"],
  render: ({ tenant }) => {
    const chosen = el("select", { id: "terminals-store" }, el("option", { value: "" }, t("terminals.all_stores")));
    const names = new Map();
    const shown = list({
      operation: "list_terminals",
      caption: t("terminals.title"),
      empty: t("terminals.empty"),
      query: () => ({ store: chosen.value }),
      columns: [
        {
          label: t("terminals.name"),
          cell: (row) => el("span", { class: "named" }, row.name, el("code", {}, row.terminal)),
        },
        { label: t("terminals.store"), cell: (row) => names.get(row.store) ?? row.store },
        {
          label: t("list.status"),
          cell: (row) => (row.retired ? pill(t("terminals.retired"), "off") : pill(t("terminals.in_use"), "on")),
        },
        { label: t("terminals.registered_at"), cell: (row) => time(row.registered_at, tenant) },
      ],
      actions: (row) => (row.retired ? [] : actions(row, () => shown.reload())),
    });
    readAll("list_stores").then((all) => {
      for (const store of all) names.set(store.store, store.name);
      chosen.append(...all.map((store) => el("option", { value: store.store }, store.name)));
      shown.reload();
    });
    chosen.addEventListener("change", () => shown.reload());
    const filter = el("div", { class: "filter" }, el("label", { for: chosen.id }, t("terminals.store")), chosen);
    const add = may("register_terminal")
      ? button(t("terminals.add"), () => register(chosen.value, () => shown.reload()), "primary")
      : null;
    return [el("div", { class: "toolbar" }, filter, add), shown.node];
  },
};

async function register(store, reload) {
  const open = (await readAll("list_stores")).filter((one) => !one.closed);
  openForm({
    title: t("terminals.add"),
    fields: [
      { name: "terminal", label: t("terminals.id"), help: t("terminals.id_help"), required: true, max: 40, code: true },
      {
        name: "store",
        kind: "select",
        label: t("terminals.store"),
        value: store,
        required: true,
        options: open.map((one) => [one.store, one.name]),
      },
      { name: "name", label: t("terminals.name"), required: true, max: 200, free: true },
    ],
    submitText: t("terminals.add"),
    reason: reasonRule("register_terminal"),
    submit: (body, how) => call("register_terminal", { body, ...how }),
    done: (_, { name }) => {
      announce(t("terminals.added", { name }));
      return reload();
    },
  });
}

function actions(row, reload) {
  const rename = () =>
    openForm({
      title: t("terminals.rename_of", { name: row.name }),
      fields: [{ name: "name", label: t("terminals.name"), value: row.name, required: true, max: 200, free: true }],
      submitText: t("form.save"),
      reason: reasonRule("rename_terminal"),
      submit: (body, how) => call("rename_terminal", { params: row, body, ...how }),
      done: (_, { name }) => {
        announce(t("terminals.renamed", { name }));
        return reload();
      },
    });
  const retire = () =>
    openForm({
      title: t("terminals.retire_of", { name: row.name }),
      intro: t("terminals.retire_intro"),
      fields: [],
      submitText: t("terminals.retire"),
      kind: "danger",
      reason: reasonRule("retire_terminal"),
      submit: (body, how) => call("retire_terminal", { params: row, body, ...how }),
      done: () => {
        announce(t("terminals.was_retired", { name: row.name }));
        return reload();
      },
    });
  return [
    may("rename_terminal")
      ? button(t("list.rename"), rename, "quiet", { "aria-label": t("terminals.rename_of", { name: row.name }) })
      : null,
    may("retire_terminal")
      ? button(t("terminals.retire"), retire, "quiet bad", {
          "aria-label": t("terminals.retire_of", { name: row.name }),
        })
      : null,
  ].filter(Boolean);
}
