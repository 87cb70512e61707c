// Keys of external systems: create, change, rotate, deactivate and activate, revoke. A secret is shown once, in the
// answer that made it, and is gone from the page with its dialog.

import { call, may, reasonRule } from "/admin/api.js";
import { openDialog, openForm } from "/admin/dialog.js";
import { announce, button, el, pill } from "/admin/dom.js";
import { time, wholeNumber } from "/admin/format.js";
import { list, readAll } from "/admin/list.js";
import { t } from "/admin/text.js";

const SCOPES = ["articulos:leer", "articulos:escribir", "stock:leer", "movimientos:escribir", "reportes:leer"];
const STATUS = { active: "on", inactive: "wait", revoked: "off" };

export const apiKeys = {
  id: "api-keys",
  reads: "list_api_keys",
  writes: [
    "create_api_key",
    "change_api_key",
    "rotate_api_key",
    "deactivate_api_key",
    "activate_api_key",
    "revoke_api_key",
  ],
  render: ({ tenant }) => {
    const status = el(
      "select",
      { id: "api-keys-status" },
      el("option", { value: "" }, t("api-keys.all")),
      ...Object.keys(STATUS).map((name) => el("option", { value: name }, t(`api_key_status.${name}`))),
    );
    const reload = () => shown.reload();
    const shown = list({
      operation: "list_api_keys",
      caption: t("api-keys.title"),
      empty: t("api-keys.empty"),
      query: () => ({ status: status.value }),
      columns: [
        {
          label: t("api-keys.name"),
          cell: (row) =>
            el(
              "span",
              { class: "named" },
              row.name,
              el("span", { class: "sub" }, row.system),
              el("code", { class: "long", title: row.api_key_id }, row.api_key_id),
            ),
        },
        { label: t("list.status"), cell: (row) => pill(t(`api_key_status.${row.status}`), STATUS[row.status]) },
        { label: t("api-keys.scopes"), cell: (row) => limits(row) },
        { label: t("api-keys.use"), cell: (row) => use(row, tenant) },
      ],
      actions: (row) => (row.status === "revoked" ? [] : [el("div", { class: "pairs" }, ...actions(row, reload))]),
    });
    status.addEventListener("change", reload);
    const filter = el("div", { class: "filter" }, el("label", { for: status.id }, t("list.status")), status);
    const add = may("create_api_key") ? button(t("api-keys.add"), () => create(reload), "primary") : null;
    return [el("div", { class: "toolbar" }, filter, add), shown.node];
  },
};

function limits(row) {
  const stores = row.stores.length ? row.stores.join(", ") : t("api-keys.every_store");
  return el(
    "div",
    { class: "several" },
    el("p", {}, ...row.scopes.flatMap((scope) => [el("code", {}, scope), " "])),
    el("p", { class: "fine" }, stores),
    el("p", { class: "fine" }, t("api-keys.per_hour", { count: wholeNumber(row.requests_per_hour) })),
  );
}

function use(row, tenant) {
  const secrets = row.secrets.map((secret) =>
    el(
      "p",
      { class: "fine" },
      t("api-keys.ending"),
      " ",
      el("code", {}, `…${secret.ending}`),
      ...(secret.expires_at ? [" ", t("api-keys.until"), " ", time(secret.expires_at, tenant)] : []),
    ),
  );
  return el(
    "div",
    { class: "several" },
    el(
      "p",
      {},
      t("api-keys.last_used"),
      " ",
      row.last_used_at ? time(row.last_used_at, tenant) : t("api-keys.never_used"),
    ),
    row.expires_at
      ? el("p", { class: "fine" }, t("api-keys.ends"), " ", time(row.expires_at, tenant))
      : el("p", { class: "fine" }, t("api-keys.never_ends")),
    ...secrets,
  );
}

async function settingsFields(row) {
  const stores = (await readAll("list_stores")).filter((store) => !store.closed || row?.stores.includes(store.store));
  return [
    {
      name: "name",
      label: t("api-keys.name"),
      value: row?.name,
      help: t("api-keys.name_help"),
      required: true,
      max: 100,
      free: true,
    },
    {
      name: "system",
      label: t("api-keys.system"),
      value: row?.system,
      help: t("api-keys.system_help"),
      required: true,
      max: 100,
      free: true,
    },
    {
      name: "scopes",
      kind: "checks",
      label: t("api-keys.scopes"),
      value: row?.scopes,
      options: SCOPES.map((scope) => [scope, scope, t(`scope.${scope}`)]),
      required: true,
    },
    {
      name: "stores",
      kind: "checks",
      label: t("api-keys.stores"),
      value: row?.stores,
      help: t("api-keys.stores_help"),
      options: stores.map((store) => [store.store, store.name]),
    },
    {
      name: "requests_per_hour",
      kind: "number",
      label: t("api-keys.requests_per_hour"),
      value: row?.requests_per_hour ?? 1000,
      required: true,
    },
    {
      name: "expires_at",
      kind: "moment",
      label: t("api-keys.expires_at"),
      value: row?.expires_at,
      help: t("api-keys.expires_at_help"),
    },
  ];
}

async function create(reload) {
  openForm({
    title: t("api-keys.add"),
    fields: await settingsFields(null),
    submitText: t("api-keys.add"),
    reason: reasonRule("create_api_key"),
    submit: (body, how) => call("create_api_key", { body, ...how }),
    done: (answer, { name }) => {
      showSecret(answer, name);
      return reload();
    },
  });
}

/** The only time that a secret is seen. */
function showSecret(answer, name) {
  if (!answer.api_key) {
    openDialog({
      title: t("api-keys.lost_title"),
      content: (close) => [
        el("p", { class: "intro" }, t("api-keys.lost")),
        el("div", { class: "actions" }, button(t("form.close"), close, "primary")),
      ],
    });
    return;
  }
  const secret = el(
    "textarea",
    {
      readonly: true,
      rows: 2,
      class: "secret",
      "aria-label": t("api-keys.secret"),
      spellcheck: "false",
      autocomplete: "off",
    },
    answer.api_key,
  );
  const told = el("p", { class: "fine", role: "status" });
  const copy = async () => {
    secret.select();
    try {
      await navigator.clipboard.writeText(answer.api_key);
      told.textContent = t("api-keys.copied");
    } catch {
      // Plain HTTP and some settings have no clipboard; the text is selected.
      told.textContent = t("api-keys.copy_by_hand");
    }
  };
  openDialog({
    title: t("api-keys.secret_of", { name }),
    mustAnswer: true,
    content: (close) => [
      el("p", { class: "intro" }, t("api-keys.shown_once")),
      secret,
      el("p", { class: "fine" }, t("api-keys.how"), " ", el("code", {}, "Authorization: ApiKey …")),
      el(
        "div",
        { class: "actions" },
        button(t("api-keys.copy"), copy, "primary"),
        button(t("api-keys.kept"), close, "secondary"),
        told,
      ),
    ],
  });
}

function actions(row, reload) {
  const name = row.name;
  const simple = (operation, key, kind, tone) =>
    may(operation)
      ? button(
          t(`api-keys.${key}`),
          () =>
            openForm({
              title: t(`api-keys.${key}_of`, { name }),
              intro: t(`api-keys.${key}_intro`),
              fields: [],
              submitText: t(`api-keys.${key}`),
              kind,
              reason: reasonRule(operation),
              submit: (body, how) => call(operation, { params: row, body, ...how }),
              done: () => {
                announce(t(`api-keys.${key}_done`, { name }));
                return reload();
              },
            }),
          tone,
          { "aria-label": t(`api-keys.${key}_of`, { name }) },
        )
      : null;
  return [
    may("change_api_key")
      ? button(t("list.change"), () => change(row, reload), "quiet", {
          "aria-label": t("api-keys.change_of", { name }),
        })
      : null,
    may("rotate_api_key")
      ? button(t("api-keys.rotate"), () => rotate(row, reload), "quiet", {
          "aria-label": t("api-keys.rotate_of", { name }),
        })
      : null,
    row.status === "active"
      ? simple("deactivate_api_key", "deactivate", "primary", "quiet")
      : simple("activate_api_key", "activate", "primary", "quiet"),
    simple("revoke_api_key", "revoke", "danger", "quiet bad"),
  ].filter(Boolean);
}

async function change(row, reload) {
  openForm({
    title: t("api-keys.change_of", { name: row.name }),
    fields: await settingsFields(row),
    submitText: t("form.save"),
    reason: reasonRule("change_api_key"),
    submit: (body, how) => call("change_api_key", { params: row, body, ...how }),
    done: (_, { name }) => {
      announce(t("api-keys.changed", { name }));
      return reload();
    },
  });
}

function rotate(row, reload) {
  const hours = [
    ["0", t("api-keys.overlap_none"), t("api-keys.overlap_none_help")],
    ["3600", t("duration.hours", { count: 1 })],
    ["86400", t("duration.days", { count: 1 })],
    ["604800", t("duration.days", { count: 7 })],
  ];
  openForm({
    title: t("api-keys.rotate_of", { name: row.name }),
    intro: t("api-keys.rotate_intro"),
    fields: [
      {
        name: "overlap_s",
        kind: "radios",
        label: t("api-keys.overlap"),
        value: "86400",
        options: hours,
        required: true,
      },
    ],
    submitText: t("api-keys.rotate"),
    reason: reasonRule("rotate_api_key"),
    submit: ({ overlap_s }, how) =>
      call("rotate_api_key", { params: row, body: { overlap_s: Number(overlap_s) }, ...how }),
    done: (answer) => {
      showSecret(answer, row.name);
      return reload();
    },
  });
}
