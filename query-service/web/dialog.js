// Dialogs: the browser's own `<dialog>`, which keeps the focus inside, closes with Escape and gives the focus back.

import { button, el, freshId, quieten } from "/admin/dom.js";
import { form } from "/admin/forms.js";
import { t } from "/admin/text.js";

/**
 * Opens a dialog and returns `{ close }`. `content(close)` gives its nodes. One that `mustAnswer` has no cross and does
 * not close with Escape. `onClose` is told that it was closed, however.
 */
export function openDialog({ title, content, mustAnswer = false, onClose }) {
  const id = freshId("dialog");
  const opener = document.activeElement;
  quieten();
  const dialog = el("dialog", { "aria-labelledby": id });
  let isAnswered = false;
  const close = () => {
    isAnswered = true;
    dialog.close();
  };
  const cross = mustAnswer ? null : button("✕", close, "quiet cross", { "aria-label": t("form.close") });
  dialog.append(el("div", { class: "dialog-head" }, el("h2", { id, tabindex: "-1" }, title), cross), ...content(close));
  // A browser closes a dialog that refuses Escape once at the second time, hence the key itself is taken away.
  dialog.addEventListener("keydown", (event) => {
    if (mustAnswer && event.key === "Escape") event.preventDefault();
  });
  dialog.addEventListener("close", () => {
    if (mustAnswer && !isAnswered) {
      dialog.showModal();
      return;
    }
    dialog.remove();
    // The list behind may have been drawn anew, and the button with it.
    if (opener?.isConnected) opener.focus();
    else document.getElementById("main")?.focus();
    onClose?.();
  });
  document.body.append(dialog);
  dialog.showModal();
  const first = dialog.querySelector("input:not([readonly]), select, textarea, button.primary");
  (first ?? dialog.querySelector("h2")).focus();
  return { close };
}

/** Opens a dialog with a form; closes once it was submitted. `done` runs after that, with the answer. */
export function openForm({ title, intro, done, submit, ...rest }) {
  return openDialog({
    title,
    content: (close) => {
      const made = form({
        ...rest,
        cancel: close,
        submit: async (values, how) => {
          const answer = await submit(values, how);
          close();
          await done?.(answer, values);
        },
      });
      return [intro ? el("p", { class: "intro" }, intro) : null, made.node].filter(Boolean);
    },
  });
}
