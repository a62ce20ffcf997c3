// A browser for the tests, and a page that fails a test when it breaks its own policy or throws.

import {chromium} from 'playwright-core';
import assert from 'node:assert/strict';

// How long something that must happen may take. Generous: the machine may be busy; no test is decided by it.
const PATIENCE = 30_000;

export async function launch(executablePath) {
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({executablePath, args});
}

// Opens the console, runs `test`, and looks at what the browser complained of.
export async function visit(browser, base, options, test) {
  const context = await browser.newContext({locale: 'en-GB', viewport: {width: 1280, height: 860}, ...options});
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(`threw ${error.message}`));
  page.on('console', (message) => {
    if (/Content.Security.Policy|Trusted ?Type/i.test(message.text())) complaints.push(message.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(base)) complaints.push(`asked for ${request.url()}`);
  });
  page.on('dialog', (dialog) => {
    complaints.push(`a dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  await page.addInitScript(() => {
    window.violations = [];
    document.addEventListener('securitypolicyviolation', (event) => window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
  });
  try {
    await test(page);
    assert.deepEqual(await page.evaluate(() => window.violations), [], 'violations of the policy');
    assert.deepEqual(complaints, []);
  } catch (error) {
    error.message += `\n  at ${page.url()}\n  complaints: ${JSON.stringify(complaints)}\n  the page says: ${(await page.innerText('body').catch(() => '')).slice(0, 1500)}`;
    throw error;
  } finally {
    await context.close();
  }
}

// Asks again until it holds.
export async function until(what, holds) {
  const end = Date.now() + PATIENCE;
  let last;
  while (Date.now() < end) {
    last = await holds();
    if (last) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  assert.fail(`${what}: not within ${PATIENCE} ms`);
}
