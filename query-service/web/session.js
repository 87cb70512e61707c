// Who signed in, for how long. The token lives in this tab (sessionStorage): closing it ends the session here, and
// other tabs and other people's browsers never see it. Not here: signing in (`sign-in`), sending the token (`api`).

const PLACE = "trastienda.session";

let session = null;
let renewing = null;
let askAgain = null;

/** The session, or `null`. */
export function current() {
  return session;
}

/** Takes up the session of this tab after a reload. One that has ended still names who it was. */
export function restore() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(PLACE) ?? "null");
    if (kept && kept.expiresAt > Date.now()) session = kept;
    return kept;
  } catch {
    return null;
  }
}

/** Begins with the answer of the sign-in. */
export function begin(answer) {
  session = {
    token: answer.access_token,
    tenant: answer.tenant,
    username: answer.username,
    role: answer.role,
    expiresAt: Date.now() + answer.expires_in * 1000,
  };
  sessionStorage.setItem(PLACE, JSON.stringify(session));
}

/** Forgets everything about the session. */
export function end() {
  session = null;
  sessionStorage.removeItem(PLACE);
}

/** Whole seconds that the token is still accepted. */
export function secondsLeft() {
  return session ? Math.max(0, Math.ceil((session.expiresAt - Date.now()) / 1000)) : 0;
}

/** Says how to ask for the password again: a function that resolves to whether the session goes on. */
export function askAgainWith(ask) {
  askAgain = ask;
}

/** Asks to sign in again; who asks meanwhile waits for the same answer. `isWish`: nothing has ended yet, and the answer
 *  may be no. */
export function renew(isWish = false) {
  renewing ??= askAgain(isWish).finally(() => {
    renewing = null;
  });
  return renewing;
}
