// The administration page as somebody uses it, in a real browser: run by `admin_page.rs` with the path of demo.json, the
// browser's program and a folder for pictures of failures. Ends with 0 when everything held.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [demoPath, program, pictures] = process.argv.slice(2);
const demo = JSON.parse(readFileSync(demoPath, "utf8"));
const TENANT = "telefonia-teg";
const SECTIONS = [
  "overview",
  "stores",
  "terminals",
  "users",
  "tax-rates",
  "numbering",
  "letterhead",
  "policies",
  "features",
  "api-keys",
];

function person(role) {
  return demo.tenants.find((tenant) => tenant.id === TENANT).users.find((user) => user.role === role);
}

/** A browser window of its own, which notes what went wrong in it. */
async function opened(browser, options) {
  const context = await browser.newContext({ timezoneId: "America/Tegucigalpa", locale: "es-HN", ...options });
  const page = await context.newPage();
  const wrongs = [];
  page.on("pageerror", (error) => wrongs.push(String(error)));
  page.on("console", (message) => {
    // That an answer was a 4xx is part of what is tested.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
      wrongs.push(message.text());
  });
  return { context, page, wrongs };
}

async function signIn(page, role) {
  const { username, password } = person(role);
  await page.goto(`${demo.base_url}/admin`);
  await page.locator("input[name=tenant]").fill(TENANT);
  await page.locator("input[name=username]").fill(username);
  await page.locator("input[name=password]").fill(password);
  await page.locator("button[type=submit]").click();
  await page.locator("nav").waitFor({ state: "attached" });
}

async function goTo(page, section) {
  await page.goto(`${demo.base_url}/admin#/${section}`);
  await page.locator(`nav a[data-section="${section}"][aria-current=page]`).waitFor({ state: "attached" });
}

/** Opens the dialog of a new store and fills it in. */
async function newStore(page, store, name, reason = "Apertura según el acta nº 7") {
  await page.getByRole("button", { name: "Abrir tienda" }).click();
  const dialog = page.locator("dialog[open]").first();
  await dialog.locator("input[name=store]").fill(store);
  await dialog.locator("input[name=name]").fill(name);
  await dialog.locator("input[name=x-reason]").fill(reason);
  return dialog;
}

async function aRefusalStandsNextToItsFieldAndAWriteIsSeenAtOnce(browser) {
  const { page, wrongs } = await opened(browser);
  await signIn(page, "admin");
  await goTo(page, "stores");
  const dialog = await newStore(page, "centro", "Mall Ñandú");
  const writes = [];
  page.on("request", (request) => request.method() === "POST" && writes.push(request));
  await dialog.locator("button[type=submit]").click();
  const field = dialog.locator("input[name=store]");
  await dialog.getByText("store.already_exists").waitFor();
  assert.equal(await field.getAttribute("aria-invalid"), "true");
  assert.ok(await field.evaluate((input) => input === document.activeElement));
  await dialog.getByRole("button", { name: "¿Qué significa?" }).click();
  await dialog.getByText("Qué hacer").waitFor();
  await field.fill("it-page");
  await dialog.locator("button[type=submit]").click();
  await dialog.waitFor({ state: "detached" });
  await page.getByRole("row", { name: /it-page/ }).waitFor();
  await page.getByRole("status").getByText("La tienda Mall Ñandú está abierta.").waitFor();
  const keys = await Promise.all(writes.map((request) => request.headerValue("idempotency-key")));
  assert.equal(keys.length, 2);
  assert.notEqual(keys[0], keys[1], "another wish has another key");
  assert.equal(await page.evaluate(() => localStorage.length), 0);
  assert.deepEqual(wrongs, []);
}

async function anEndedSessionAsksForThePasswordAndLosesNothingThatWasTyped(browser) {
  const { page, wrongs } = await opened(browser);
  await signIn(page, "admin");
  await goTo(page, "stores");
  const dialog = await newStore(page, "it-again", "Segunda entrada");
  const keys = [];
  let isFirst = true;
  await page.route("**/api/v1/admin/stores", async (route) => {
    if (route.request().method() !== "POST") return route.continue();
    const headers = await route.request().allHeaders();
    keys.push(headers["idempotency-key"]);
    const spoiled = isFirst;
    isFirst = false;
    return route.continue(spoiled ? { headers: { ...headers, authorization: "Bearer ended" } } : {});
  });
  await dialog.locator("button[type=submit]").click();
  const again = page.locator("dialog[open]").last();
  await again.getByText("Su sesión terminó").waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  assert.equal(await dialog.locator("input[name=name]").inputValue(), "Segunda entrada");
  await again.locator("input[name=password]").fill(person("admin").password);
  await again.locator("button[type=submit]").click();
  await page.getByRole("row", { name: /it-again/ }).waitFor();
  assert.equal(keys.length, 2);
  assert.equal(keys[0], keys[1], "one wish keeps its key");
  assert.deepEqual(wrongs, []);
}

async function whatGotNoAnswerIsSentAgainWithItsKeyAndDoneOnce(browser) {
  const { page, wrongs } = await opened(browser);
  await signIn(page, "admin");
  await goTo(page, "stores");
  // Without accents: the tool that repeats the request would write its header anew, in another encoding.
  const dialog = await newStore(page, "it-lost", "Respuesta perdida", "Apertura nueva");
  const keys = [];
  const answers = [];
  await page.route("**/api/v1/admin/stores", async (route) => {
    if (route.request().method() !== "POST") return route.continue();
    keys.push(await route.request().headerValue("idempotency-key"));
    // Carried out either way; the first answer gets lost.
    const answer = await route.fetch();
    answers.push(answer.headers()["idempotent-replayed"]);
    return keys.length === 1 ? route.abort() : route.fulfill({ response: answer });
  });
  await dialog.locator("button[type=submit]").click();
  await dialog.getByText("No hay respuesta del servicio").waitFor();
  await dialog.locator("button[type=submit]").click();
  await page.getByRole("row", { name: /it-lost/ }).waitFor();
  assert.deepEqual(keys, [keys[0], keys[0]]);
  assert.deepEqual(answers, [undefined, "true"]);
  assert.deepEqual(wrongs, []);
}

async function othersSeeWhatTheyMayAndAreToldSo(browser) {
  const { page, wrongs } = await opened(browser, { locale: "en-GB" });
  await signIn(page, "cashier");
  assert.equal(await page.evaluate(() => document.documentElement.lang), "en");
  await goTo(page, "stores");
  await page.getByRole("row", { name: /Centro/ }).waitFor();
  await page.getByText("may look, but change nothing here").waitFor();
  assert.equal(await page.getByRole("button", { name: "Open a store" }).count(), 0);
  await goTo(page, "users");
  await page.getByText("may not see this section").waitFor();
  assert.equal(await page.locator("table").count(), 0);
  assert.deepEqual(wrongs, []);
}

async function everySectionFitsAPhoneAndNamesItsFieldsInBothLanguages(browser) {
  const { page, wrongs } = await opened(browser, { viewport: { width: 390, height: 844 }, colorScheme: "dark" });
  await signIn(page, "admin");
  for (const language of ["English", "Español"]) {
    await page.getByRole("button", { name: language }).click();
    for (const section of SECTIONS) {
      await goTo(page, section);
      await page.waitForFunction(() => !document.querySelector("main .loading, [aria-busy=true]"));
      const excess = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(excess <= 0, `${section} is ${excess} px too wide`);
      const unnamed = await page.evaluate(() =>
        [...document.querySelectorAll("input, select, textarea, button")]
          .filter(
            (control) => !(control.labels?.length || control.textContent.trim() || control.getAttribute("aria-label")),
          )
          .map((control) => control.outerHTML),
      );
      assert.deepEqual(unnamed, [], section);
    }
  }
  assert.deepEqual(wrongs, []);
}

const browser = await chromium.launch({ executablePath: program, args: ["--no-sandbox"] });
try {
  for (const scene of [
    aRefusalStandsNextToItsFieldAndAWriteIsSeenAtOnce,
    anEndedSessionAsksForThePasswordAndLosesNothingThatWasTyped,
    whatGotNoAnswerIsSentAgainWithItsKeyAndDoneOnce,
    othersSeeWhatTheyMayAndAreToldSo,
    everySectionFitsAPhoneAndNamesItsFieldsInBothLanguages,
  ]) {
    try {
      await scene(browser);
      console.log(`ok ${scene.name}`);
    } catch (error) {
      const pages = browser.contexts().flatMap((context) => context.pages());
      await pages.at(-1)?.screenshot({ path: join(pictures, `${scene.name}.png`) });
      throw new Error(scene.name, { cause: error });
    }
  }
} finally {
  await browser.close();
}
