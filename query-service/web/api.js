// The API as the page calls it: headers, problems, the keys that make a repetition harmless, and reading what was just
// written. Not here: what a problem looks like (`problem`).

import { OPERATIONS } from "/admin/operations.js";
import { current, renew } from "/admin/session.js";
import { currentLanguage, t } from "/admin/text.js";

/** Longest wait for an answer. */
const PATIENCE_MS = 30_000;
/** How often a read is repeated by itself when the service asks for it. */
const READ_ATTEMPTS = 4;

/** What the API answered instead of what was asked for: an RFC 9457 document. */
export class Problem extends Error {
  constructor(document) {
    super(document.title);
    this.title = document.title;
    this.detail = document.detail ?? "";
    this.code = document.code ?? "";
    this.status = document.status ?? 0;
    this.errors = document.errors ?? [];
    this.requestId = document.request_id ?? "";
    this.retryAfter = document.retry_after_s ?? null;
    /** Whether the request had a key that makes a repetition harmless. */
    this.hasKey = false;
  }

  /** Whether nobody knows if it was carried out: the same request must be repeated with the same key. */
  get isOpen() {
    return this.status === 0 || this.status >= 500 || this.code === "idempotency.in_flight";
  }
}

/** Whoever was asked to sign in again did not. */
export class SignedOut extends Error {}

/** One thing that somebody wants done. It keeps its key while the same is tried again and nobody knows how it ended;
 *  another wish, or an answer, ends the key. */
export class Intent {
  #key = null;
  #wish = null;

  keyFor(wish) {
    const text = JSON.stringify(wish);
    if (this.#key === null || this.#wish !== text) {
      this.#key = freshKey();
      this.#wish = text;
    }
    return this.#key;
  }

  settle() {
    this.#key = null;
  }
}

/** 128 random bits. `crypto.randomUUID` would be absent on plain HTTP. */
function freshKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `page-${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/** Headers are bytes: the API reads a reason as UTF-8, browsers take one character per byte. */
function headerBytes(text) {
  return String.fromCharCode(...new TextEncoder().encode(text));
}

/** The highest position that a write of this page answered; reads wait for it. */
let written = 0;

/** Whether the role of who signed in may do this. */
export function may(operation) {
  return OPERATIONS[operation][2].includes(current()?.role);
}

/** Roles that may do this. */
export function rolesOf(operation) {
  return OPERATIONS[operation][2];
}

/** `required` or `optional`. */
export function reasonRule(operation) {
  return OPERATIONS[operation][3];
}

/** Calls an operation and returns its JSON.
 *  @throws {Problem} what the API or the network answered
 *  @throws {SignedOut} when the session had ended and was not renewed */
export async function call(operation, { params = {}, query = {}, body, reason, key } = {}) {
  const [method, template] = OPERATIONS[operation];
  const path = template.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(params[name]));
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value));
  if (method === "GET" && written > 0) search.set("min_position", written);
  const target = search.size ? `${path}?${search}` : path;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const answer = await send(method, target, { body, reason, key });
      if (method !== "GET" && answer.position > written) written = answer.position;
      return answer;
    } catch (problem) {
      // A password that was typed and is wrong says nothing about the session.
      const isTyped = reasonRule(operation) === "never";
      const isSession = problem.status === 401 && !isTyped && attempt < READ_ATTEMPTS;
      if (isSession) {
        if (!(await renew())) throw new SignedOut();
      } else if (method === "GET" && problem.status === 503 && attempt < READ_ATTEMPTS) {
        await pause(Math.min(problem.retryAfter ?? 1, 5));
      } else {
        problem.hasKey = key !== undefined;
        throw problem;
      }
    }
  }
}

async function send(method, target, { body, reason, key }) {
  const headers = new Headers({ Accept: "application/json", "Accept-Language": currentLanguage() });
  const session = current();
  if (session) headers.set("Authorization", `Bearer ${session.token}`);
  if (reason) headers.set("X-Reason", headerBytes(reason));
  if (key) headers.set("Idempotency-Key", `"${key}"`);
  if (body !== undefined) headers.set("Content-Type", "application/json");
  let response;
  let text;
  try {
    response = await fetch(target, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    text = await response.text();
  } catch {
    throw new Problem({ title: t("unreachable.title"), detail: t("unreachable.detail") });
  }
  const document = parsed(text);
  if (response.ok && document) return document;
  throw new Problem(
    document?.title ? document : { title: t("strange.title"), detail: t("strange.detail"), status: response.status },
  );
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function pause(seconds) {
  return new Promise((resolve) => {
    setTimeout(resolve, seconds * 1000);
  });
}
