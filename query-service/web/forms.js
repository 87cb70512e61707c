// Forms: fields, the reason, one key per intent, and problems next to the fields that they point to. What is typed stays
// until it was accepted, also over a new sign-in, another section or another language.

import { Intent, Problem, SignedOut } from "/admin/api.js";
import { button, el } from "/admin/dom.js";
import { field } from "/admin/fields.js";
import { problemBlock } from "/admin/problem.js";
import { t } from "/admin/text.js";

/** What was typed into forms that stand in a page, by the form's name. */
const drafts = new Map();

/** Nobody else's words are left when somebody else signs in. */
export function forgetDrafts() {
  drafts.clear();
}

/** The reason that goes into the log with what is done. */
function reasonField(rule) {
  const help = t(rule === "required" ? "reason.required_help" : "reason.help");
  return field({
    name: "x-reason",
    label: t("reason.label"),
    help,
    least: 5,
    max: 500,
    free: true,
    required: rule === "required",
  });
}

/**
 * A form. `submit(values, { reason, key })` does it; what it throws is shown. `reason` is `required`, `optional` or
 * `never`; `draft` names the form when it stands in a page rather than in a dialog.
 */
export function form({
  fields: specs,
  submitText,
  kind = "primary",
  reason = "optional",
  draft,
  submit,
  cancel,
  onInput,
}) {
  const intent = new Intent();
  const fields = specs.map(field);
  const reasons = reason === "never" ? null : reasonField(reason);
  const all = reasons ? [...fields, reasons] : fields;
  const place = el("div", {});
  const send = el("button", { type: "submit", class: kind }, submitText);
  let busy = false;

  const setBusy = (is) => {
    busy = is;
    send.setAttribute("aria-disabled", String(is));
    send.textContent = is ? t("form.working") : submitText;
  };
  const keepDraft = () => {
    if (draft) drafts.set(draft, valuesAsTyped(all.filter((one) => !one.isSecret)));
  };
  const onSubmit = async (event) => {
    event.preventDefault();
    if (busy) return;
    place.replaceChildren();
    for (const one of all) one.clear();
    const values = readAll(all);
    if (values === null) return;
    const { "x-reason": why, ...body } = values;
    setBusy(true);
    try {
      await submit(body, { reason: why ?? undefined, key: intent.keyFor(body) });
      intent.settle();
      drafts.delete(draft);
      if (reasons) reasons.restore("");
    } catch (error) {
      if (error instanceof Problem) {
        if (!error.isOpen) intent.settle();
        show(error, all, place);
      } else if (!(error instanceof SignedOut)) {
        throw error;
      }
    } finally {
      setBusy(false);
    }
  };

  const actions = el("div", { class: "actions" }, send, cancel ? button(t("form.cancel"), cancel) : null);
  const node = el(
    "form",
    {
      novalidate: true,
      on: {
        submit: onSubmit,
        input: () => {
          keepDraft();
          onInput?.(valuesAsTyped(fields));
        },
      },
    },
    ...all.map((one) => one.node),
    place,
    actions,
  );
  const kept = draft ? drafts.get(draft) : undefined;
  if (kept) for (const one of all) if (one.name in kept) one.restore(kept[one.name]);
  return { node, typed: () => valuesAsTyped(fields) };
}

/** The values of all fields, or `null` when some cannot be read; the first of those gets the focus. */
function readAll(fields) {
  const values = {};
  let first = null;
  for (const one of fields) {
    try {
      values[one.name] = one.read();
    } catch (complaint) {
      one.complain(complaint.message);
      first ??= one;
    }
  }
  first?.focus();
  return first ? null : values;
}

function valuesAsTyped(fields) {
  return Object.fromEntries(fields.map((one) => [one.name, one.raw()]));
}

/** Puts errors to the fields that their pointers name; the rest stands in the block. */
function show(problem, fields, place) {
  const unplaced = [];
  let first = null;
  const mark = (one, words) => {
    one.complain(words);
    first ??= one;
  };
  for (const error of problem.errors) {
    const name = error.pointer.split("/")[1];
    const one = fields.find((candidate) => candidate.name === name);
    if (one) mark(one, error.detail);
    else unplaced.push(error);
  }
  const reason = fields.find((candidate) => candidate.name === "x-reason");
  if (reason && problem.code.startsWith("reason.")) mark(reason, problem.detail);
  place.replaceChildren(problemBlock(problem, unplaced));
  if (first) first.focus();
  else place.scrollIntoView({ block: "nearest" });
}
