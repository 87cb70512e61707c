// Figures and times as people read and type them. Money and rates are whole numbers throughout: no floating point.
// Not here: where they come from.

import { el } from "/admin/dom.js";
import { locale, t } from "/admin/text.js";

function decimalSign() {
  const parts = new Intl.NumberFormat(locale()).formatToParts(1.1);
  return parts.find((part) => part.type === "decimal")?.value ?? ".";
}

/** A whole number of units of which `digits` stand behind the decimal sign; `least` of those are always shown. */
function decimal(units, digits, least) {
  const value = BigInt(units);
  const scale = 10n ** BigInt(digits);
  const sign = value < 0n ? "-" : "";
  const size = value < 0n ? -value : value;
  let fraction = digits === 0 ? "" : (size % scale).toString().padStart(digits, "0");
  while (fraction.length > least && fraction.endsWith("0")) fraction = fraction.slice(0, -1);
  const whole = new Intl.NumberFormat(locale(), { useGrouping: true }).format(size / scale);
  return `${sign}${whole}${fraction ? decimalSign() + fraction : ""}`;
}

/** The same without grouping, as it stands in a field. */
function typed(units, digits, least) {
  const scale = 10n ** BigInt(digits);
  const value = BigInt(units);
  let fraction = digits === 0 ? "" : (value % scale).toString().padStart(digits, "0");
  while (fraction.length > least && fraction.endsWith("0")) fraction = fraction.slice(0, -1);
  return `${value / scale}${fraction ? decimalSign() + fraction : ""}`;
}

/** What was typed as a whole number of units, or `null` when it is no such number. Groups are not accepted: whether
 *  `1.500` is a thousand and a half or one and a half depends on the country. */
function units(text, digits) {
  const match = /^(\d{1,15})(?:[.,](\d+))?$/.exec(text.trim());
  if (!match || (match[2] ?? "").length > digits) return null;
  const value = Number(match[1] + (match[2] ?? "").padEnd(digits, "0"));
  return Number.isSafeInteger(value) ? value : null;
}

/** Minor units of the tenant's currency as an amount, with its code. */
export function money(minor, tenant) {
  return `${tenant.currency} ${decimal(minor, tenant.currency_exponent, tenant.currency_exponent)}`;
}

export function typedMoney(minor, tenant) {
  return typed(minor, tenant.currency_exponent, tenant.currency_exponent);
}

export function readMoney(text, tenant) {
  return units(text, tenant.currency_exponent);
}

/** Parts per million as percent. */
export function percent(ppm) {
  return `${decimal(ppm, 4, 0)} %`;
}

export function typedPercent(ppm) {
  return typed(ppm, 4, 0);
}

export function readPercent(text) {
  return units(text.replace("%", ""), 4);
}

export function wholeNumber(value) {
  return new Intl.NumberFormat(locale()).format(value);
}

/** A time in the organisation's zone, with the zone's name; the exact time stays in the element. */
export function time(iso, tenant) {
  const shown = new Intl.DateTimeFormat(locale(), {
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    timeZone: tenant.time_zone,
    timeZoneName: "short",
  });
  return el("time", { datetime: iso, title: iso }, shown.format(new Date(iso)));
}

const UNITS = [
  ["days", 86400],
  ["hours", 3600],
  ["minutes", 60],
  ["seconds", 1],
];

/** Seconds as a count of the largest unit that divides them. */
export function duration(seconds) {
  const [unit, size] = UNITS.find(([, size]) => seconds % size === 0);
  return { count: seconds / size, unit };
}

export function shownDuration(seconds) {
  const { count, unit } = duration(seconds);
  return t(`duration.${unit}`, { count: wholeNumber(count) });
}

export function secondsOf(count, unit) {
  return count * UNITS.find(([name]) => name === unit)[1];
}

/** Minutes and seconds until the session ends. */
export function clock(seconds) {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
