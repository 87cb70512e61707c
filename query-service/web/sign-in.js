// Signing in: the page at the beginning, the dialog when a session ended while somebody was at work, and one's own new
// password, with which the session goes on.

import { call } from "/admin/api.js";
import { openDialog, openForm } from "/admin/dialog.js";
import { announce, button, el } from "/admin/dom.js";
import { form } from "/admin/forms.js";
import { begin, current, end } from "/admin/session.js";
import { t } from "/admin/text.js";

/** The form. `known` are tenant and user that are known already; `fixed` says that it must be them. */
function signInForm(known, fixed, done) {
  return form({
    fields: [
      {
        name: "tenant",
        label: t("sign_in.tenant"),
        help: fixed ? null : t("sign_in.tenant_help"),
        value: known?.tenant,
        required: true,
        max: 40,
        autocomplete: "organization",
        readOnly: fixed,
      },
      {
        name: "username",
        label: t("sign_in.username"),
        value: known?.username,
        required: true,
        max: 64,
        autocomplete: "username",
        readOnly: fixed,
      },
      {
        name: "password",
        kind: "password",
        label: t("sign_in.password"),
        required: true,
        autocomplete: "current-password",
      },
    ],
    submitText: t("sign_in.submit"),
    draft: fixed ? undefined : "sign_in",
    reason: "never",
    async submit(body) {
      const answer = await call("sign_in", { body });
      begin(answer);
      done();
    },
  });
}

/** The page that asks who it is. */
export function signInPage(known, languages, done) {
  const made = signInForm(known, false, done);
  return el(
    "div",
    { class: "welcome" },
    el(
      "main",
      { id: "main", class: "card", tabindex: "-1" },
      el("div", { class: "welcome-head" }, el("p", { class: "brand" }, "Trastienda"), languages),
      el("h1", {}, t("sign_in.title")),
      el("p", { class: "intro" }, t("sign_in.intro")),
      made.node,
    ),
  );
}

/** Asks the same person for the password again; resolves to whether the session goes on. Who only wishes to renew it may
 *  let it be. */
export function signInAgain(isWish) {
  const was = current();
  return new Promise((resolve) => {
    let goesOn = isWish;
    openDialog({
      title: t(isWish ? "sign_in.renew_title" : "sign_in.again_title"),
      mustAnswer: !isWish,
      content: (close) => {
        const made = signInForm(was, true, () => {
          goesOn = true;
          close();
        });
        const leave = button(t("shell.sign_out"), () => {
          end();
          close();
        });
        made.node.querySelector(".actions").append(isWish ? button(t("form.cancel"), close) : leave);
        return [el("p", { class: "intro" }, t(isWish ? "sign_in.renew_intro" : "sign_in.again_intro")), made.node];
      },
      onClose: () => resolve(goesOn),
    });
  });
}

/** Asks for the password that holds and for another one, and signs in with that: the tokens of the old one end. */
export function changeOwnPassword() {
  const { tenant, username } = current();
  openForm({
    title: t("own_password.title"),
    intro: t("own_password.intro"),
    fields: [
      {
        name: "password",
        kind: "password",
        label: t("own_password.now"),
        required: true,
        autocomplete: "current-password",
      },
      {
        name: "new_password",
        kind: "password",
        label: t("own_password.new"),
        help: t("users.password_help"),
        required: true,
        autocomplete: "new-password",
      },
    ],
    submitText: t("form.save"),
    reason: "never",
    submit: async (body) => {
      await call("change_own_password", { body: { tenant, username, ...body } });
      try {
        begin(await call("sign_in", { body: { tenant, username, password: body.new_password } }));
      } catch {
        // The password is set all the same; the next call asks for it, since the tokens before have ended.
      }
    },
    done: () => announce(t("own_password.done")),
  });
}
