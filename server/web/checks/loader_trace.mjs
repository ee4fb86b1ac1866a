// Traces a page of a host in Chromium, with the loader of the panel and without it, up to the time at which the button
// is there and the page has rested. Prints medians, in milliseconds of the processor and not of the clock, so that other
// programs of the machine count little: the longest task in which our script ran, what our script took in one task, all
// that it took, and the longest task of all. Then how many shifts of the layout there were, and what was fetched.
// Emulated slowness (`Emulation.setCPUThrottlingRate`) counts in the clock alone: multiply.
//
// node --experimental-websocket server/web/checks/loader_trace.mjs target/release/millchat

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [program = 'target/release/millchat'] = process.argv.slice(2);
const ROUNDS = 7;
const REST_MS = 1500;
const CATEGORIES = ['toplevel', 'devtools.timeline', 'disabled-by-default-devtools.timeline', 'v8', 'loading'];

const folder = mkdtempSync(join(tmpdir(), 'loader-trace-'));
const ended = [];

/** Starts a program, and returns the first match in what it says. */
function start(command, args, wanted) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  ended.push(() => child.kill());
  return new Promise((done, fail) => {
    let said = '';
    const hear = (part) => {
      said += part;
      const found = wanted.exec(said);
      if (found) done(found);
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.on('exit', (code) => fail(new Error(`${command} ended with ${code}: ${said}`)));
  });
}

const log = ['--log', join(folder, 'chat.redb'), '--address', '127.0.0.1:0', '--embed-origins', 'http://localhost:*'];
const [, chat] = await start(program, log, /(127\.0\.0\.1:\d+)/);
const text = '<p>A hat keeps the rain out of the eyes.</p>'.repeat(200);
const script = `<script src="http://${chat}/embed.js" data-room="support" async></script>`;
const host = createServer((request, response) => {
  const body = request.url === '/with' ? text + script : text;
  response.setHeader('Content-Type', 'text/html; charset=utf-8');
  response.end(`<!DOCTYPE html><html lang="en"><title>A shop</title><body>${body}</body></html>`);
}).listen(0, '127.0.0.1');
await new Promise((done) => host.once('listening', done));
const site = `http://localhost:${host.address().port}`;

const arguments_ = ['--headless', '--no-sandbox', '--disable-gpu', '--remote-debugging-port=0'];
const fresh = `--user-data-dir=${join(folder, 'profile')}`;
const [, endpoint] = await start('chromium', [...arguments_, fresh, 'about:blank'], /listening on (ws:\S+)/);
const pages = await (await fetch(`http://${new URL(endpoint).host}/json`)).json();
const socket = new WebSocket(pages.find(({ type }) => type === 'page').webSocketDebuggerUrl);
await new Promise((done) => socket.addEventListener('open', done));

let calls = 0;
const answers = new Map();
let events = [];
let complete = () => {};
socket.addEventListener('message', ({ data }) => {
  const { id, result, method, params } = JSON.parse(data);
  if (id) answers.get(id)(result);
  if (method === 'Tracing.dataCollected') events.push(...params.value);
  if (method === 'Tracing.tracingComplete') complete();
});
const ask = (method, params = {}) =>
  new Promise((done) => {
    calls += 1;
    answers.set(calls, done);
    socket.send(JSON.stringify({ id: calls, method, params }));
  });
const run = async (expression) =>
  (await ask('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true })).result.value;

await ask('Page.enable');

/** Returns the trace of a page that is loaded. */
async function trace(path) {
  await ask('Page.navigate', { url: 'about:blank' });
  await run(`new Promise((done) => setTimeout(done, ${REST_MS / 3}))`);
  events = [];
  const all = new Promise((done) => (complete = done));
  await ask('Tracing.start', { transferMode: 'ReportEvents', traceConfig: { includedCategories: CATEGORIES } });
  await ask('Page.navigate', { url: site + path });
  await run(`new Promise((done) => {
    const wait = () => setTimeout(done, ${REST_MS});
    if (document.readyState === 'complete') wait();
    else addEventListener('load', wait);
  })`);
  const loaded = await run('performance.getEntriesByType("resource").map(({ name }) => name)');
  await ask('Tracing.end');
  await all;
  return { events, loaded };
}

const end = ({ ts, dur = 0 }) => ts + dur;
const isOurs = ({ args: { data } = {} }) => /\/embed\.js/.test(data?.url ?? data?.fileName ?? '');
const RUNS = ['EvaluateScript', 'FunctionCall', 'v8.compile'];

/** Returns what is of interest in a trace, in milliseconds. */
function look({ events, loaded }) {
  const scripts = events.filter((event) => event.ph === 'X' && RUNS.includes(event.name) && isOurs(event));
  // Of those that are in each other the outer one counts.
  const holds = (one, other) => one !== other && one.tid === other.tid && one.ts <= other.ts && end(one) >= end(other);
  const outer = scripts.filter((one) => !scripts.some((other) => holds(other, one)));
  const main = events.find(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain');
  const thread = outer[0]?.tid ?? main?.tid;
  const tasks = events.filter(({ ph, name, tid }) => ph === 'X' && tid === thread && /RunTask/.test(name));
  const of = (task) => outer.filter(({ ts, tid }) => tid === task.tid && ts >= task.ts && ts <= end(task));
  const ours = tasks.filter((task) => of(task).length > 0);
  const sum = (list) => list.reduce((total, { tdur = 0 }) => total + tdur, 0) / 1000;
  const longest = (list) => Math.max(0, ...list.map((task) => sum([task])));
  const inOne = Math.max(0, ...ours.map((task) => sum(of(task))));
  const moved = events.filter(({ name, args }) => name === 'LayoutShift' && args.data?.is_main_frame).length;
  return { ours: longest(ours), script: inOne, all: sum(outer), any: longest(tasks), moved, loaded };
}

for (const path of ['/without', '/with']) {
  const looks = [];
  for (let round = 0; round < ROUNDS; round += 1) looks.push(look(await trace(path)));
  const median = (name) => looks.map((one) => one[name]).sort((one, other) => one - other)[ROUNDS >> 1].toFixed(1);
  const words = ['ours', 'script', 'all', 'any', 'moved'].map((name) => `${name} ${median(name)}`);
  const paths = looks[0].loaded.map((name) => new URL(name).pathname);
  console.log(path, words.join(', '), paths.filter((name) => name !== '/favicon.ico').join(' '));
}
for (const stop of ended) stop();
host.close();
socket.close();
await new Promise((done) => setTimeout(done, 500));
rmSync(folder, { recursive: true, force: true });
process.exit(0);
