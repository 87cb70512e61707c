// Stores: open, rename, close and open again.

import { call, may, reasonRule } from "/admin/api.js";
import { openForm } from "/admin/dialog.js";
import { announce, button, el, pill } from "/admin/dom.js";
import { time } from "/admin/format.js";
import { list } from "/admin/list.js";
import { t } from "/admin/text.js";

export const stores = {
  id: "stores",
  reads: "list_stores",
  writes: ["open_store", "rename_store", "close_store", "reopen_store"],
  render: ({ tenant }) => {
    const shown = list({
      operation: "list_stores",
      caption: t("stores.title"),
      empty: t("stores.empty"),
      columns: [
        { label: t("stores.name"), cell: (row) => el("span", { class: "named" }, row.name, el("code", {}, row.store)) },
        {
          label: t("list.status"),
          cell: (row) => (row.closed ? pill(t("stores.closed"), "off") : pill(t("stores.open"), "on")),
        },
        { label: t("stores.opened_at"), cell: (row) => time(row.opened_at, tenant) },
      ],
      actions: (row) => actions(row, () => shown.reload()),
    });
    const add = may("open_store")
      ? el(
          "div",
          { class: "toolbar" },
          button(t("stores.add"), () => open(() => shown.reload()), "primary"),
        )
      : null;
    return [add, shown.node].filter(Boolean);
  },
};

function open(reload) {
  openForm({
    title: t("stores.add"),
    fields: [
      { name: "store", label: t("stores.id"), help: t("stores.id_help"), required: true, max: 40, code: true },
      { name: "name", label: t("stores.name"), required: true, max: 200, free: true },
    ],
    submitText: t("stores.add"),
    reason: reasonRule("open_store"),
    submit: (body, how) => call("open_store", { body, ...how }),
    done: (_, { name }) => {
      announce(t("stores.added", { name }));
      return reload();
    },
  });
}

function actions(row, reload) {
  const rename = () =>
    openForm({
      title: t("stores.rename_of", { name: row.name }),
      fields: [{ name: "name", label: t("stores.name"), value: row.name, required: true, max: 200, free: true }],
      submitText: t("form.save"),
      reason: reasonRule("rename_store"),
      submit: (body, how) => call("rename_store", { params: row, body, ...how }),
      done: (_, { name }) => {
        announce(t("stores.renamed", { name }));
        return reload();
      },
    });
  const close = () =>
    openForm({
      title: t("stores.close_of", { name: row.name }),
      intro: t("stores.close_intro"),
      fields: [],
      submitText: t("stores.close"),
      kind: "danger",
      reason: reasonRule("close_store"),
      submit: (body, how) => call("close_store", { params: row, body, ...how }),
      done: () => {
        announce(t("stores.was_closed", { name: row.name }));
        return reload();
      },
    });
  const reopen = () =>
    openForm({
      title: t("stores.reopen_of", { name: row.name }),
      intro: t("stores.reopen_intro"),
      fields: [],
      submitText: t("stores.reopen"),
      reason: reasonRule("reopen_store"),
      submit: (body, how) => call("reopen_store", { params: row, body, ...how }),
      done: () => {
        announce(t("stores.added", { name: row.name }));
        return reload();
      },
    });
  return [
    may("rename_store")
      ? button(t("list.rename"), rename, "quiet", { "aria-label": t("stores.rename_of", { name: row.name }) })
      : null,
    row.closed && may("reopen_store")
      ? button(t("stores.reopen"), reopen, "quiet", { "aria-label": t("stores.reopen_of", { name: row.name }) })
      : null,
    !row.closed && may("close_store")
      ? button(t("form.close"), close, "quiet bad", { "aria-label": t("stores.close_of", { name: row.name }) })
      : null,
  ].filter(Boolean);
}
