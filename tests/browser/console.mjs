// Every view of the console, in a real browser, on a running router. Started by tests/it/console.rs:
//   node console.mjs CHROMIUM ADMIN WEBHOOKS FOLDER TOKEN_ADMIN
// Prints one line for each test; exits with 1 where one failed.

import assert from 'node:assert/strict';
import {readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {launch, until, visit} from './browser.mjs';

const [chromium, admin, webhooks, folder, locked] = process.argv.slice(2);
const HOSTILE = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>';
const VIEWS = ['routes', 'deliveries', 'events', 'explain', 'test', 'configuration'];

async function send(path, body, headers = {}) {
  const answer = await fetch(webhooks + path, {method: 'POST', headers: {'content-type': 'application/json', ...headers}, body: JSON.stringify(body)});
  await answer.arrayBuffer();
  return answer.status;
}

const order = (id, more = {}) => send('/orders', {id, state: 'new', ...more});
// The address changes at once, the view when the page has heard of it: what was shown before is marked, and gone then.
async function open(page, view) {
  const hash = `#/${view}`;
  await page.evaluate((wanted) => location.hash !== wanted && document.querySelector('#view > *')?.setAttribute('data-left', ''), hash);
  await page.goto(`${admin}/${hash}`);
  await page.locator('#view > :first-child:not([data-left])').waitFor({state: 'attached'});
  await page.locator(`nav a[aria-current=page][data-view=${view.match(/^\w+/)[0]}]`).waitFor({state: 'attached'});
}
const rows = (page) => page.locator('table.list tbody tr');
const live = (page) => page.locator('.live.live').waitFor();
// All rows are read in one step: the list may be another one a moment later.
const only = (page, what, pattern) => until(what, async () => {
  const told = await rows(page).allInnerTexts();
  return told.length === 1 && pattern.test(told[0]);
});
// What a stranger wrote would run a moment after it became an element; that it became none is seen at once.
const inert = async (page) => assert.equal(await page.locator('main img, main script').count(), 0);
const focused = (page, selector) => page.locator(`${selector}:focus`).waitFor({state: 'attached'});

const tests = {
  async 'routes with their targets, figures and the last hour'(browser) {
    await order('routes-1');
    await visit(browser, admin, {}, async (page) => {
      await open(page, 'routes');
      const card = page.locator('section.card', {has: page.getByRole('heading', {name: 'orders', exact: true})});
      await card.locator('svg.spark').first().waitFor();
      const shop = card.locator('tr', {hasText: 'shop'});
      assert.match(await shop.innerText(), /Test/);
      assert.ok(Number(await shop.locator('td').nth(1).innerText()) >= 1);
      assert.match(await shop.locator('svg.spark').getAttribute('aria-label'), /Last hour: \d+ succeeded, \d+ failed/);
      const before = await shop.locator('td').nth(1).innerText();
      await order('routes-2');
      await until('the figure grows by itself', async () => Number(await shop.locator('td').nth(1).innerText()) > Number(before));
      await page.fill('#filter-text', 'nothing like this');
      await page.getByText('Nothing fits these filters').waitFor();
      await page.fill('#filter-text', 'SHOP');
      await card.waitFor();
      await page.waitForURL(/text=SHOP/);
      await page.getByRole('link', {name: 'Test shop of orders'}).click();
      assert.equal(await page.locator('#test-target').inputValue(), 'shop');
    });
  },

  async 'deliveries appear as they end, filtered'(browser) {
    await visit(browser, admin, {}, async (page) => {
      await open(page, 'deliveries?label=order:live-1');
      await page.getByText('Nothing fits these filters').waitFor();
      await live(page);
      await order('live-1');
      await order('live-2');
      await order('live-1');
      await rows(page).nth(1).waitFor();
      assert.equal(await rows(page).count(), 2, 'what is between them is none of the list');
      assert.match(await rows(page).first().innerText(), /orders\s*→\s*shop/);
      await page.fill('#filter-label', '');
      await page.fill('#filter-text', 'LIVE-2');
      await only(page, 'the other one alone', /live-2/);
      await order('live-3', {refuse: true});
      await page.fill('#filter-text', 'live-3');
      await page.selectOption('#filter-outcome', 'failed');
      await only(page, 'the failed one alone', /ledger[^]*refused[^]*403/);
      await page.fill('#filter-target', 'shop');
      await page.getByText('Nothing fits these filters').waitFor();
    });
  },

  async 'a pause holds back what comes, and gives it later'(browser) {
    await visit(browser, admin, {}, async (page) => {
      await open(page, 'deliveries?text=pause-');
      await live(page);
      await page.keyboard.press('p');
      await page.locator('#pause[aria-pressed=true]').waitFor();
      await order('pause-1');
      await page.locator('#pause .held', {hasText: '1'}).waitFor();
      assert.equal(await rows(page).count(), 0);
      await page.click('#pause');
      await rows(page).first().waitFor();
      await page.locator('#pause[aria-pressed=false]').waitFor();
    });
  },

  async 'one delivery with its attempts, its trace and its event'(browser) {
    const trace = '0af7651916cd43dd8448eb211c80319c';
    await send('/flaky', {id: 'detail'}, {traceparent: `00-${trace}-b7ad6b7169203331-01`});
    await visit(browser, admin, {}, async (page) => {
      await open(page, 'deliveries?route=flaky');
      await rows(page).locator('a').first().click();
      await page.getByRole('heading', {name: '2 attempts'}).waitFor();
      const attempts = page.locator('.waterfall li');
      assert.match(await attempts.nth(0).innerText(), /#1[^]*server error[^]*503/);
      assert.match(await attempts.nth(1).innerText(), /#2[^]*success[^]*200/);
      const [first, second] = await Promise.all([0, 1].map(async (at) => parseFloat(await attempts.nth(at).locator('.fall-bar').getAttribute('x'))));
      assert.ok(second > first, 'the second begins after the first');
      const link = page.getByRole('link', {name: 'Open the trace'});
      assert.equal(await link.getAttribute('href'), `https://jaeger.example/trace/${trace}`);
      assert.equal(await link.getAttribute('rel'), 'noopener noreferrer');
      await page.getByRole('heading', {name: 'The event behind it'}).waitFor();
      await page.goto(`${admin}/#/deliveries/0-99999`);
      await page.getByText('This delivery is no longer in memory').waitFor();
    });
  },

  async 'a delivery says what it waited for, which element it is, where it was led and who keeps it'(browser) {
    // Both begin at once, and the target takes one at a time.
    await send('/batch', [{n: 'one', team: 'pay'}, {n: 'two', team: 'pay'}]);
    await visit(browser, admin, {}, async (page) => {
      await open(page, 'deliveries?target=team&label=n:two');
      await only(page, 'that element alone', /batch\s*→\s*team[^]*Chosen target\s+pay[^]*Place in the batch\s+1[^]*403[^]*Dead letter\s+graveyard/);
      await rows(page).locator('a').first().click();
      await page.getByRole('heading', {name: '1 attempt', exact: true}).waitFor();
      const steps = page.locator('.waterfall li');
      assert.match(await steps.nth(0).innerText(), /waited[^]*deliveries under way/);
      assert.match(await steps.nth(1).innerText(), /#1[^]*refused[^]*403/);
      const fact = (name) => page.locator('.facts > div', {has: page.getByText(name, {exact: true})}).locator('dd').innerText();
      assert.match(await fact('Waited for its turn'), /^[\d.]+ \S+ · deliveries under way$/);
      assert.deepEqual(await Promise.all(['Chosen target', 'Place in the batch', 'Dead letter'].map(fact)), ['pay', '1', 'graveyard']);
      await open(page, 'deliveries?target=team&label=n:one');
      await rows(page).locator('a').first().click();
      await page.getByRole('heading', {name: '1 attempt', exact: true}).waitFor();
      assert.equal(await steps.count(), 1, 'the first has waited for nothing');
      assert.equal(await page.getByText('Waited for its turn').count(), 0);
      assert.equal(await fact('Place in the batch'), '0');
    });
  },

  async 'events say why a route did not take them'(browser) {
    await visit(browser, admin, {}, async (page) => {
      await open(page, 'events?outcome=ignored');
      await live(page);
      await send('/orders', {id: 'ignored'});
      await page.getByText('`when` is false: body.state is absent').first().waitFor();
      await order('taken-1');
      await page.selectOption('#filter-outcome', 'taken');
      await page.fill('#filter-text', 'taken-1');
      await only(page, 'that event alone', /left out[^]*ledger[^]*taken-1/);
      await page.getByRole('link', {name: 'Its deliveries'}).click();
      await only(page, 'its delivery', /orders\s*→\s*shop/);
    });
  },

  async 'what strangers send is shown as text'(browser) {
    await order(HOSTILE, {refuse: true});
    await send(`/nowhere/${encodeURIComponent(HOSTILE)}`, {}, {'x-request-id': 'hostile-1'});
    await visit(browser, admin, {}, async (page) => {
      await open(page, 'deliveries?text=onerror');
      await rows(page).nth(1).waitFor();
      assert.match(await rows(page).first().innerText(), /<img src=x onerror="window\.hacked=1"><script>/);
      await inert(page);
      await rows(page).locator('a').first().click();
      await page.locator('.facts', {hasText: '<script>'}).waitFor();
      await inert(page);
      await open(page, 'events?text=onerror');
      await rows(page).first().waitFor();
      await inert(page);
      await open(page, 'events?text=nowhere');
      await only(page, 'what came to no route', /\/nowhere\/.*onerror/);
      await inert(page);
      await open(page, 'explain');
      await page.fill('#request', `POST /orders\nx-evil: ${HOSTILE}\n\n${JSON.stringify({id: HOSTILE, state: 'new'})}`);
      await page.keyboard.press('Control+Enter');
      await page.locator('pre', {hasText: 'onerror'}).first().waitFor();
      await inert(page);
      await open(page, `test?route=${encodeURIComponent(HOSTILE)}`);
      await page.fill('#test-path', `/${HOSTILE}`);
      await page.getByRole('button', {name: 'Send for real'}).click();
      await page.getByRole('alert').filter({hasText: '422'}).waitFor();
      await inert(page);
      assert.equal(await page.evaluate(() => window.hacked), undefined);
    });
  },

  async 'explain says what would be sent and what is wrong'(browser) {
    await visit(browser, admin, {}, async (page) => {
      await open(page, 'explain');
      await page.fill('#request', 'POST /orders\ncontent-type: application/json\n\n{"id": "explained", "state": "new"}');
      await page.getByRole('button', {name: 'Explain'}).click();
      await page.getByText('would be sent').first().waitFor();
      await page.locator('pre', {hasText: '"explained"'}).first().waitFor();
      await page.getByText('the target\'s `when` is false').waitFor();
      assert.doesNotMatch(await page.innerText('main'), /hidden-token-value/);
      await page.locator('summary').first().click();
      await page.getByText('Bearer ${env:SHOP_TOKEN}').waitFor();
      await page.fill('#request', 'POST /orders\n\n{"id": 1}');
      await page.keyboard.press('Control+Enter');
      await page.getByText('`when` is false: body.state is absent').waitFor();
      await page.fill('#request', 'hello');
      await page.keyboard.press('Control+Enter');
      await page.getByText('400: line 1 is not a method and a path').waitFor();
      await page.fill('#request', 'GET /somewhere');
      await page.keyboard.press('Control+Enter');
      await page.getByText('No route has this host and path.').waitFor();
    });
  },

  async 'a target is tested for real'(browser) {
    await visit(browser, admin, {}, async (page) => {
      await open(page, 'test?route=orders&target=shop');
      await page.fill('#test-body', '{"id": "tested", "state": "old"}');
      await page.getByRole('button', {name: 'Send for real'}).click();
      await page.getByText('The target has it.').waitFor();
      await page.getByText('By itself the route would not have taken this event').waitFor();
      await page.locator('.waterfall li').first().waitFor();
      await page.selectOption('#test-target', 'ledger');
      await page.fill('#test-body', '{"id": "tested", "state": "new", "refuse": true}');
      await page.getByRole('button', {name: 'Send for real'}).click();
      await page.getByText('The target does not have it.').waitFor();
      await page.fill('#test-path', '/elsewhere');
      await page.getByRole('button', {name: 'Send for real'}).click();
      await page.getByRole('alert').filter({hasText: 'does not come to the route'}).waitFor();
    });
  },

  async 'a refused configuration is shown at its line'(browser) {
    const file = join(folder, 'routes.d/orders.yaml');
    const good = await readFile(file, 'utf8');
    await visit(browser, admin, {}, async (page) => {
      await open(page, 'configuration');
      await page.getByText('Generation').first().waitFor();
      await writeFile(file, good.replace('body.state ==', 'bdy.state =='));
      await page.click('#reload');
      await page.getByText('There are mistakes; generation').waitFor();
      const mistake = page.locator('.problem.error');
      assert.equal(await mistake.locator('mark').innerText(), 'bdy');
      assert.match(await mistake.innerText(), /orders\.yaml:\d+:\d+/);
      await page.locator('.pill.bad', {hasText: 'Refused'}).waitFor();
      await writeFile(file, good);
      await page.click('#reload');
      await page.getByText('Everything reads as it did.').waitFor();
      await page.locator('.pill.good', {hasText: 'Ready'}).waitFor();
    });
  },

  async 'everything can be reached with keys alone'(browser) {
    await order('keys-1');
    await order('keys-2');
    await visit(browser, admin, {}, async (page) => {
      await open(page, 'routes');
      await page.locator('svg.spark').first().waitFor();
      await page.evaluate(() => document.activeElement.blur());
      await page.keyboard.press('Tab');
      await focused(page, '#skip');
      assert.equal(await page.locator('#skip').innerText(), 'Skip to content');
      await page.keyboard.press('Enter');
      await focused(page, '#view');
      await page.focus('nav a[data-view=deliveries]');
      await page.keyboard.press('Enter');
      await rows(page).nth(1).waitFor();
      assert.equal(await page.locator('nav a[aria-current=page]').innerText(), 'Deliveries');
      await page.keyboard.press('/');
      await focused(page, '#filter-text');
      await page.keyboard.type('keys-');
      // A list of the first letters may have two rows as well; it is another one when the address has them all.
      await page.waitForURL(/text=keys-$/);
      await until('two are left', async () => (await rows(page).count()) === 2);
      await page.keyboard.press('Escape');
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('ArrowDown');
      const second = await rows(page).nth(1).locator('a').getAttribute('href');
      await focused(page, `a[href="${second}"]`);
      await page.keyboard.press('Enter');
      await page.getByRole('heading', {name: 'Details'}).waitFor();
      await page.goBack();
      await until('the filter is kept', async () => (await page.locator('#filter-text').inputValue()) === 'keys-');
    });
  },

  async 'Russian for those who read it'(browser) {
    const keys = Object.keys(JSON.parse(await readFile(new URL('../../src/admin/console/ru.json', import.meta.url), 'utf8')));
    await visit(browser, admin, {locale: 'ru-RU'}, async (page) => {
      await open(page, 'routes');
      await page.getByRole('heading', {name: 'Маршруты'}).waitFor();
      assert.equal(await page.evaluate(() => document.documentElement.lang), 'ru');
      for (const view of VIEWS) {
        await open(page, view);
        await page.locator('h1').waitFor();
        await until('it has loaded', async () => (await page.locator('.loading').count()) === 0);
        const text = await page.innerText('body');
        const untranslated = keys.filter((key) => key.includes('.') && text.split(/\s+/).includes(key));
        assert.deepEqual(untranslated, []);
        assert.match(await page.locator('h1').innerText(), /[а-яА-Я]/);
      }
      await open(page, 'deliveries');
      await rows(page).first().waitFor();
      await rows(page).getByText('успех').first().waitFor();
    });
  },

  async 'a phone shows every view without scrolling sideways, and the dark is dark'(browser) {
    await visit(browser, admin, {locale: 'ru-RU', viewport: {width: 360, height: 740}, colorScheme: 'dark'}, async (page) => {
      for (const view of VIEWS) {
        await open(page, view);
        await until('it has loaded', async () => (await page.locator('h1').count()) === 1 && (await page.locator('.loading').count()) === 0);
        const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.ok(over <= 0, `${view} is ${over} px too wide`);
      }
      const dark = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      await page.emulateMedia({colorScheme: 'light'});
      await until('it is light', async () => (await page.evaluate(() => getComputedStyle(document.body).backgroundColor)) !== dark);
    });
  },

  async 'a reader that was too slow is told, and goes on'(browser) {
    await visit(browser, admin, {}, async (page) => {
      let opened = 0;
      await page.route('**/deliveries/stream*', (route) => {
        opened += 1;
        if (opened > 1) return route.continue();
        return route.fulfill({contentType: 'text/event-stream', body: 'retry: 2000\n\nevent: dropped\ndata: {"missed":7}\n\n'});
      });
      await open(page, 'deliveries?text=slow-');
      await page.getByText('This page read too slowly and was cut off; 7 were missed').waitFor();
      await until('it comes back', async () => opened > 1);
      await live(page);
      await order('slow-1');
      await rows(page).first().waitFor();
    });
  },

  async 'a router that does not answer is said to, and found again'(browser) {
    await visit(browser, admin, {}, async (page) => {
      await open(page, 'routes');
      await page.locator('svg.spark').first().waitFor();
      await page.context().setOffline(true);
      await page.getByText('hookswitch does not answer').waitFor();
      await page.context().setOffline(false);
      await page.locator('.pill.good').waitFor();
      await page.locator('#notice').waitFor({state: 'hidden'});
    });
  },

  async 'where a token is needed it is asked for'(browser) {
    await visit(browser, locked, {}, async (page) => {
      await page.goto(`${locked}/#/deliveries`);
      await page.getByRole('heading', {name: 'Token needed'}).waitFor();
      await page.fill('#token', 'not this');
      await page.keyboard.press('Enter');
      await page.getByText('This token was not accepted.').waitFor();
      await page.fill('#token', 'console-test-token');
      await page.keyboard.press('Enter');
      await page.getByRole('heading', {name: 'Deliveries'}).waitFor();
      await live(page);
      assert.equal(await page.evaluate(() => JSON.stringify(localStorage) + document.cookie), '{}', 'kept by this tab alone');
      await page.reload();
      await page.getByRole('heading', {name: 'Deliveries'}).waitFor();
      await page.getByRole('button', {name: 'Forget token'}).click();
      await page.getByRole('heading', {name: 'Token needed'}).waitFor();
    });
  },

  async 'a refusal that comes late is of the token that was replaced'(browser) {
    await visit(browser, locked, {}, async (page) => {
      let late;
      await page.route('**/config', (route) => {
        if (route.request().headers().authorization !== 'Bearer not this') return route.continue();
        late = () => route.continue();
        return undefined;
      });
      await page.goto(`${locked}/#/deliveries`);
      await page.fill('#token', 'not this');
      await page.keyboard.press('Enter');
      await page.getByText('This token was not accepted.').waitFor();
      await until('one is still asked with the wrong token', async () => late !== undefined);
      await page.fill('#token', 'console-test-token');
      await page.keyboard.press('Enter');
      await live(page);
      const refused = page.waitForResponse((answer) => answer.url().endsWith('/config') && answer.status() === 401);
      await late();
      await refused;
      // What is asked after it is answered after it.
      await page.evaluate(async () => (await fetch('/livez')).text());
      assert.equal(await page.locator('h1').innerText(), 'Deliveries');
      assert.equal(await page.evaluate(() => sessionStorage.getItem('hookswitch.token')), 'console-test-token');
    });
  },
};

const browser = await launch(chromium);
let failed = 0;
for (const [name, test] of Object.entries(tests)) {
  try {
    await test(browser);
    console.log(`ok   ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAIL ${name}\n${error.stack.split('\n').slice(0, 14).join('\n')}\n${error.message}`);
  }
}
await browser.close();
process.exit(failed === 0 ? 0 : 1);
