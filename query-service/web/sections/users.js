// Users: create, rename, change the role, set the password, shut out and let in again.

import { call, may, reasonRule } from "/admin/api.js";
import { openForm } from "/admin/dialog.js";
import { announce, button, el, pill } from "/admin/dom.js";
import { time } from "/admin/format.js";
import { list } from "/admin/list.js";
import { t } from "/admin/text.js";

const ROLES = ["admin", "manager", "cashier", "sync_operator", "auditor"];

function roleOptions() {
  return ROLES.map((role) => [role, t(`role.${role}`), t(`role_meaning.${role}`)]);
}

function passwordField() {
  return {
    name: "password",
    kind: "password",
    label: t("users.password"),
    help: t("users.password_help"),
    required: true,
    autocomplete: "new-password",
  };
}

export const users = {
  id: "users",
  reads: "list_users",
  writes: ["create_user", "rename_user", "change_user_role", "change_user_password", "disable_user", "enable_user"],
  render: ({ tenant, me }) => {
    const shown = list({
      operation: "list_users",
      caption: t("users.title"),
      empty: t("users.empty"),
      columns: [
        { label: t("users.username"), cell: (row) => nameOf(row, me) },
        { label: t("users.role"), cell: (row) => t(`role.${row.role}`) },
        {
          label: t("list.status"),
          cell: (row) => (row.disabled ? pill(t("users.disabled"), "off") : pill(t("users.active"), "on")),
        },
        { label: t("users.created_at"), cell: (row) => time(row.created_at, tenant) },
      ],
      actions: (row) => actions(row, me, () => shown.reload()),
    });
    const add = may("create_user")
      ? el(
          "div",
          { class: "toolbar" },
          button(t("users.add"), () => create(() => shown.reload()), "primary"),
        )
      : null;
    return [add, shown.node].filter(Boolean);
  },
};

function nameOf(row, me) {
  const you = row.username === me ? el("span", { class: "you" }, t("users.you")) : null;
  return el(
    "span",
    { class: "named" },
    el("span", {}, row.display_name ?? row.username, you),
    el("code", {}, row.username),
  );
}

function create(reload) {
  openForm({
    title: t("users.add"),
    fields: [
      {
        name: "username",
        label: t("users.username"),
        help: t("users.username_help"),
        required: true,
        max: 64,
        code: true,
      },
      { name: "display_name", label: t("users.display_name"), required: true, max: 200, free: true },
      { name: "role", kind: "radios", label: t("users.role"), options: roleOptions(), required: true },
      passwordField(),
    ],
    submitText: t("users.add"),
    reason: reasonRule("create_user"),
    submit: (body, how) => call("create_user", { body, ...how }),
    done: (_, { username }) => {
      announce(t("users.added", { username }));
      return reload();
    },
  });
}

/** Nobody changes the own role or shuts out themselves: the API refuses it, so it is not offered. */
function actions(row, me, reload) {
  const isMe = row.username === me;
  const act = (operation, text, title, rest) =>
    may(operation)
      ? button(
          text,
          () =>
            openForm({
              title,
              reason: reasonRule(operation),
              submitText: text,
              fields: [],
              submit: (body, how) => call(operation, { params: row, body, ...how }),
              ...rest,
            }),
          rest.tone ?? "quiet",
          { "aria-label": title },
        )
      : null;
  const said = (key) => () => {
    announce(t(key, { username: row.username }));
    return reload();
  };
  const rename = act("rename_user", t("list.rename"), t("users.rename_of", { username: row.username }), {
    fields: [
      {
        name: "display_name",
        label: t("users.display_name"),
        value: row.display_name,
        required: true,
        max: 200,
        free: true,
      },
    ],
    submitText: t("form.save"),
    done: said("users.renamed"),
  });
  const role = act("change_user_role", t("users.change_role"), t("users.change_role_of", { username: row.username }), {
    intro: t("users.change_role_intro"),
    fields: [
      { name: "role", kind: "radios", label: t("users.role"), value: row.role, options: roleOptions(), required: true },
    ],
    submitText: t("form.save"),
    done: said("users.role_changed"),
  });
  const password = act(
    "change_user_password",
    t("users.set_password"),
    t("users.set_password_of", { username: row.username }),
    {
      intro: t(isMe ? "users.own_password_intro" : "users.set_password_intro"),
      fields: [passwordField()],
      submitText: t("form.save"),
      done: said("users.password_set"),
    },
  );
  const disable = act("disable_user", t("users.disable"), t("users.disable_of", { username: row.username }), {
    intro: t("users.disable_intro"),
    kind: "danger",
    tone: "quiet bad",
    done: said("users.was_disabled"),
  });
  const enable = act("enable_user", t("users.enable"), t("users.enable_of", { username: row.username }), {
    intro: t("users.enable_intro"),
    done: said("users.was_enabled"),
  });
  return [rename, isMe ? null : role, password, isMe ? null : row.disabled ? enable : disable].filter(Boolean);
}
