// Fields of forms: a label, an input, help, and a place for what is wrong with it. Each reads its input into the value
// that the API takes. What is checked here is what the input cannot mean; the rules are the API's.

import { el, freshId } from "/admin/dom.js";
import * as format from "/admin/format.js";
import { t } from "/admin/text.js";

/** What was typed is no value of its kind. */
class Unreadable extends Error {}

const MAKERS = { text, password, number, money, percent, duration, moment, select, radios, checks };

/**
 * A field: `{ name, kind, label, help, value, required, … }` gives
 * `{ name, node, read(), raw(), restore(raw), complain(text), clear(), focus() }`. `read` throws what to complain.
 */
export function field(spec) {
  return MAKERS[spec.kind ?? "text"](spec);
}

/** Label, help and complaint around an input, tied to it for screen readers. */
function framed(spec, input, extra = []) {
  const id = freshId("field");
  const help = spec.help ? el("p", { class: "help", id: `${id}-help` }, spec.help) : null;
  const error = el("p", { class: "error", id: `${id}-error`, hidden: true });
  input.id = id;
  input.name = spec.name;
  input.setAttribute("aria-describedby", [help?.id, error.id].filter(Boolean).join(" "));
  if (spec.required) input.setAttribute("aria-required", "true");
  const optional = spec.required || spec.readOnly ? null : el("span", { class: "optional" }, t("form.optional"));
  const label = el("label", { for: id }, spec.label, " ", optional);
  const node = el("div", { class: "field" }, label, el("div", { class: "input" }, input, ...extra), help, error);
  return { node, ...complaints(input, error) };
}

function complaints(input, error) {
  return {
    complain(words) {
      error.textContent = words;
      error.hidden = false;
      input.setAttribute("aria-invalid", "true");
    },
    clear() {
      error.hidden = true;
      input.removeAttribute("aria-invalid");
    },
    focus() {
      input.focus();
    },
  };
}

/** A field of one input whose text is read by `parse`; an empty text is `null`, or a complaint when it is required. */
function typed(spec, attributes, shown, parse, extra = []) {
  const input = el("input", { type: "text", autocomplete: "off", spellcheck: "false", ...attributes, value: shown });
  return {
    name: spec.name,
    ...framed(spec, input, extra),
    input,
    raw: () => input.value,
    restore: (raw) => {
      input.value = raw;
    },
    read() {
      const text = input.value;
      if (text.trim() === "") {
        if (spec.required) throw new Unreadable(t("form.missing"));
        return spec.empty ?? null;
      }
      const value = parse(text);
      if (value === null) throw new Unreadable(spec.wrong ?? t("form.not_a_number"));
      return value;
    },
  };
}

function text(spec) {
  const attributes = {
    maxlength: spec.max,
    autocomplete: spec.autocomplete ?? "off",
    autocapitalize: spec.free ? "sentences" : "none",
    spellcheck: spec.free ? "true" : "false",
    type: spec.type ?? "text",
    readonly: spec.readOnly,
    class: spec.code ? "code" : null,
  };
  const wrong = spec.least ? t("form.too_short", { least: spec.least }) : undefined;
  const parse = (value) => ([...value.trim()].length < (spec.least ?? 0) ? null : value.trim());
  return typed({ wrong, ...spec }, attributes, spec.value ?? "", parse);
}

/** Never trimmed: spaces may belong to a password. */
function password(spec) {
  const attributes = { type: "password", autocomplete: spec.autocomplete, maxlength: 1000 };
  const made = typed(spec, attributes, "", (value) => value);
  const show = el("button", { type: "button", class: "quiet small", "aria-pressed": "false" }, t("form.show"));
  show.addEventListener("click", () => {
    const hidden = made.input.type === "password";
    made.input.type = hidden ? "text" : "password";
    show.textContent = t(hidden ? "form.hide" : "form.show");
    show.setAttribute("aria-pressed", String(hidden));
  });
  made.input.after(show);
  return { ...made, isSecret: true };
}

function number(spec) {
  const parse = (value) => (/^\d{1,15}$/.test(value.trim()) ? Number(value) : null);
  return typed(spec, { inputmode: "numeric", class: "short" }, spec.value ?? "", parse);
}

function money(spec) {
  const shown = spec.value === null || spec.value === undefined ? "" : format.typedMoney(spec.value, spec.tenant);
  const unit = el("span", { class: "unit" }, spec.tenant.currency);
  const digits = spec.tenant.currency_exponent;
  const wrong = digits === 0 ? t("form.not_a_whole_amount") : t("form.not_an_amount", { digits });
  const parse = (value) => format.readMoney(value, spec.tenant);
  return typed({ ...spec, wrong }, { inputmode: "decimal", class: "short" }, shown, parse, [unit]);
}

function percent(spec) {
  const shown = spec.value === undefined ? "" : format.typedPercent(spec.value);
  const unit = el("span", { class: "unit" }, "%");
  return typed(spec, { inputmode: "decimal", class: "short" }, shown, format.readPercent, [unit]);
}

/** Seconds, typed as a count of a unit. */
function duration(spec) {
  const { count, unit } = format.duration(spec.value);
  const names = ["minutes", "hours", "days"];
  if (!names.includes(unit)) names.unshift(unit);
  const units = el(
    "select",
    { "aria-label": t("form.unit_of", { field: spec.label }) },
    ...names.map((name) => el("option", { value: name, selected: name === unit }, t(`unit.${name}`))),
  );
  const parse = (value) => (/^\d{1,9}$/.test(value.trim()) ? format.secondsOf(Number(value), units.value) : null);
  const made = typed(spec, { inputmode: "numeric", class: "short" }, String(count), parse, [units]);
  return {
    ...made,
    raw: () => [made.input.value, units.value],
    restore: ([value, name]) => {
      made.input.value = value;
      units.value = name;
    },
  };
}

/** A moment, typed in the browser's zone and sent with it. */
function moment(spec) {
  const pad = (value) => String(value).padStart(2, "0");
  let shown = "";
  if (spec.value) {
    const at = new Date(spec.value);
    const day = `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
    shown = `${day}T${pad(at.getHours())}:${pad(at.getMinutes())}`;
  }
  const parse = (value) => {
    const at = new Date(value);
    return Number.isNaN(at.getTime()) ? null : at.toISOString();
  };
  return typed(spec, { type: "datetime-local" }, shown, parse);
}

function select(spec) {
  const options = spec.options.map(([value, label]) => el("option", { value, selected: value === spec.value }, label));
  const input = el(
    "select",
    {},
    ...(spec.required && spec.value ? [] : [el("option", { value: "" }, spec.nothing ?? t("form.choose"))]),
    ...options,
  );
  return {
    name: spec.name,
    ...framed(spec, input),
    input,
    raw: () => input.value,
    restore: (raw) => {
      input.value = raw;
    },
    read() {
      if (spec.required && !input.value) throw new Unreadable(t("form.choose_one"));
      return input.value || null;
    },
  };
}

/** Radio buttons or check boxes under one legend; each option may say what it means. */
function group(spec, type, chosen) {
  const id = freshId("field");
  const inputs = spec.options.map(([value]) =>
    el("input", { type, name: `${spec.name}-${id}`, value, checked: chosen(value), id: `${id}-${value}` }),
  );
  const rows = spec.options.map(([value, label, meaning], index) => {
    const name = el("label", { for: inputs[index].id }, label);
    if (!meaning) return el("div", { class: "option" }, inputs[index], name);
    const help = el("p", { class: "help", id: `${inputs[index].id}-help` }, meaning);
    inputs[index].setAttribute("aria-describedby", help.id);
    return el("div", { class: "option" }, inputs[index], name, help);
  });
  const error = el("p", { class: "error", id: `${id}-error`, hidden: true });
  const help = spec.help ? el("p", { class: "help" }, spec.help) : null;
  const optional = spec.required ? null : el("span", { class: "optional" }, t("form.optional"));
  const node = el(
    "fieldset",
    { class: "field", "aria-describedby": error.id },
    el("legend", {}, spec.label, " ", optional),
    help,
    ...rows,
    error,
  );
  const values = () => inputs.filter((input) => input.checked).map((input) => input.value);
  return {
    name: spec.name,
    node,
    ...complaints(node, error),
    focus: () => inputs[0]?.focus(),
    raw: values,
    restore: (raw) => {
      for (const input of inputs) input.checked = raw.includes(input.value);
    },
    values,
  };
}

function radios(spec) {
  const made = group(spec, "radio", (value) => value === spec.value);
  return {
    ...made,
    read() {
      const [value] = made.values();
      if (spec.required && !value) throw new Unreadable(t("form.choose_one"));
      return value ?? null;
    },
  };
}

function checks(spec) {
  const made = group(spec, "checkbox", (value) => (spec.value ?? []).includes(value));
  return {
    ...made,
    read() {
      const values = made.values();
      if (spec.required && values.length === 0) throw new Unreadable(t("form.choose_some"));
      return values;
    },
  };
}
