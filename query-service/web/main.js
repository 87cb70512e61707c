// The page's frame: who signed in, where to go, how long the session lasts, in which language. Not here: what the
// sections do (`sections/`).

import { call, may, Problem, rolesOf, SignedOut } from "/admin/api.js";
import { announce, button, el, quieten } from "/admin/dom.js";
import { clock } from "/admin/format.js";
import { forgetDrafts } from "/admin/forms.js";
import { problemBlock } from "/admin/problem.js";
import { apiKeys } from "/admin/sections/api-keys.js";
import { features } from "/admin/sections/features.js";
import { letterhead } from "/admin/sections/letterhead.js";
import { numbering } from "/admin/sections/numbering.js";
import { overview } from "/admin/sections/overview.js";
import { policies } from "/admin/sections/policies.js";
import { stores } from "/admin/sections/stores.js";
import { taxRates } from "/admin/sections/tax-rates.js";
import { terminals } from "/admin/sections/terminals.js";
import { users } from "/admin/sections/users.js";
import * as session from "/admin/session.js";
import { changeOwnPassword, signInAgain, signInPage } from "/admin/sign-in.js";
import { chooseLanguage, currentLanguage, t } from "/admin/text.js";

/** Each is `{ id, reads, writes, render(context) }`: `reads` is what it shows, `writes` are the operations it offers. */
const GROUPS = [
  ["group.organisation", [overview, stores, terminals, users]],
  ["group.documents", [taxRates, numbering, letterhead]],
  ["group.rules", [policies, features, apiKeys]],
];
const SECTIONS = GROUPS.flatMap(([, sections]) => sections);

/** From how many seconds before its end on the session's end is announced. */
const WARN_S = 120;

const page = document.getElementById("page");
let tenant = null;
let ticking = null;

function roleNames(roles) {
  const names = roles.map((role) => t(`role.${role}`));
  return new Intl.ListFormat(currentLanguage(), { type: "disjunction" }).format(names);
}

function wanted() {
  const id = location.hash.replace(/^#\/?/, "");
  return SECTIONS.find((section) => section.id === id) ?? overview;
}

function languages(redraw) {
  const choice = (tag, name) =>
    el(
      "button",
      {
        type: "button",
        lang: tag,
        class: "quiet small",
        "aria-pressed": String(tag === currentLanguage()),
        on: {
          click: () => {
            chooseLanguage(tag);
            redraw();
          },
        },
      },
      name,
    );
  return el(
    "div",
    { class: "languages", role: "group", "aria-label": t("shell.language") },
    choice("es", "Español"),
    choice("en", "English"),
  );
}

function showSignIn(known) {
  clearInterval(ticking);
  tenant = null;
  document.title = `${t("sign_in.title")} · Trastienda`;
  page.replaceChildren(
    signInPage(
      known,
      languages(() => showSignIn(known)),
      start,
    ),
  );
  page.querySelector(known?.username ? "input[type=password]" : "input")?.focus();
}

function signOut(known) {
  session.end();
  forgetDrafts();
  for (const dialog of document.querySelectorAll("dialog")) dialog.remove();
  showSignIn(known);
}

/** Asks again, and goes to the sign-in page when the answer is no. */
async function askAgain(isWish) {
  const was = session.current();
  const goesOn = await signInAgain(isWish);
  if (goesOn) {
    if (session.current() !== was) announce(t("sign_in.renewed"));
    // A role that changed meanwhile may do other things.
    if (session.current().role !== was?.role) drawFrame();
  } else {
    signOut({ tenant: was?.tenant });
  }
  return goesOn;
}

async function start() {
  page.replaceChildren(el("p", { class: "quiet-text starting" }, t("list.loading")));
  try {
    tenant = await call("get_tenant");
  } catch (problem) {
    if (problem instanceof SignedOut) return;
    const again = button(t("list.again"), start, "secondary");
    const leave = button(t("shell.sign_out"), () => signOut(session.current()));
    page.replaceChildren(
      el(
        "main",
        { id: "main", class: "card starting", tabindex: "-1" },
        problemBlock(problem),
        el("div", { class: "actions" }, again, leave),
      ),
    );
    return;
  }
  drawFrame();
}

/** The tenant's settings, read again after a section changed them. */
async function refreshTenant() {
  tenant = await call("get_tenant");
  document.querySelector("header .tenant").textContent = tenant.name;
  return tenant;
}

function drawFrame() {
  const who = session.current();
  const left = el("span", { class: "left", role: "timer" });
  const renew = button(t("session.renew"), () => session.renew(true), "secondary small", { hidden: true });
  const menu = el(
    "button",
    { type: "button", class: "secondary small menu", "aria-expanded": "false", "aria-controls": "sections" },
    t("shell.menu"),
  );
  const nav = el(
    "nav",
    { id: "sections", "aria-label": t("shell.sections") },
    ...GROUPS.map(([title, sections]) =>
      el("div", {}, el("p", { class: "nav-title" }, t(title)), el("ul", {}, ...sections.map(link))),
    ),
  );
  const show = (is) => {
    nav.classList.toggle("open", is);
    menu.setAttribute("aria-expanded", String(is));
  };
  menu.addEventListener("click", () => show(!nav.classList.contains("open")));
  // Also when the section is the one that is shown already.
  nav.addEventListener("click", (event) => event.target.closest("a") && show(false));
  const skip = el(
    "a",
    {
      class: "skip",
      href: "#main",
      on: {
        click: (event) => {
          event.preventDefault();
          document.getElementById("main").focus();
        },
      },
    },
    t("shell.skip"),
  );
  const header = el(
    "header",
    {},
    menu,
    el("p", { class: "brand" }, "Trastienda"),
    el("p", { class: "tenant" }, tenant.name),
    el(
      "div",
      { class: "who" },
      el("p", { class: "person" }, el("strong", {}, who.username), " · ", t(`role.${who.role}`)),
      el("p", { class: "session" }, t("session.left"), " ", left, " ", renew),
    ),
    languages(drawFrame),
    button(t("own_password.title"), changeOwnPassword, "quiet small"),
    button(t("shell.sign_out"), () => signOut({ tenant: who.tenant }), "secondary small"),
  );
  page.replaceChildren(skip, header, el("div", { class: "frame" }, nav, el("main", { id: "main", tabindex: "-1" })));
  countDown(left, renew);
  drawSection(false);
}

function link(section) {
  const locked = section.reads !== null && !may(section.reads);
  return el(
    "li",
    {},
    el(
      "a",
      { href: `#/${section.id}`, "data-section": section.id, class: locked ? "locked" : null },
      t(`${section.id}.title`),
      locked ? el("span", { class: "lock" }, t("shell.locked")) : null,
    ),
  );
}

function drawSection(moves = true) {
  const main = document.getElementById("main");
  if (!main || !tenant) return;
  const section = wanted();
  document.getElementById("sections").classList.remove("open");
  document.querySelector("button.menu").setAttribute("aria-expanded", "false");
  for (const anchor of document.querySelectorAll("nav a")) {
    if (anchor.dataset.section === section.id) anchor.setAttribute("aria-current", "page");
    else anchor.removeAttribute("aria-current");
  }
  const title = t(`${section.id}.title`);
  document.title = `${title} · ${tenant.name} · Trastienda`;
  const head = [el("h1", {}, title), el("p", { class: "intro" }, t(`${section.id}.intro`))];
  if (section.reads !== null && !may(section.reads)) {
    main.replaceChildren(
      ...head,
      notice(
        t("shell.may_not_read", {
          role: t(`role.${session.current().role}`),
          roles: roleNames(rolesOf(section.reads)),
        }),
      ),
    );
  } else {
    const lacking = section.writes.filter((operation) => !may(operation));
    const note =
      lacking.length && lacking.length === section.writes.length
        ? notice(
            t("shell.may_not_write", {
              role: t(`role.${session.current().role}`),
              roles: roleNames(rolesOf(lacking[0])),
            }),
          )
        : null;
    const context = { tenant, refreshTenant, me: session.current().username };
    main.replaceChildren(...head, ...(note ? [note] : []), ...section.render(context));
  }
  if (moves) {
    quieten();
    main.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
}

function notice(text) {
  return el("p", { class: "notice" }, text);
}

/** Shows how long the session lasts, says when it is about to end, and asks again when it has ended. */
function countDown(place, renew) {
  clearInterval(ticking);
  let warned = false;
  const tick = () => {
    const seconds = session.secondsLeft();
    place.textContent = clock(seconds);
    const isNear = seconds <= WARN_S;
    place.classList.toggle("near", isNear);
    renew.hidden = !isNear;
    if (isNear && seconds > 0 && !warned) announce(t("session.near", { minutes: WARN_S / 60 }));
    warned = isNear;
    if (seconds === 0 && document.visibilityState === "visible" && session.current()) session.renew();
  };
  tick();
  ticking = setInterval(tick, 1000);
}

addEventListener("hashchange", () => drawSection());
addEventListener("unhandledrejection", (event) => {
  if (event.reason instanceof SignedOut) event.preventDefault();
  else if (event.reason instanceof Problem) announce(event.reason.title);
});

session.askAgainWith(askAgain);
const known = session.restore();
if (session.current()) start();
else showSignIn(known);
