// The tab meter. Playwright's driver loads it before itself (NODE_OPTIONS). It stands in the pipe between the driver
// and the browser that the driver starts. A page decides how much the browser reports of it. So the meter
//
// - keeps from the driver what nobody reads and what a page can make as long as it likes (console, WebSocket frames);
// - counts for each tab, with its frames and workers: bytes as they came and unpacked, frames and workers, events;
// - cuts a tab off that spends more than a visit may: it asks the browser to close the tab, and no more of it passes;
// - runs the crawler's own scripts in the driver's isolated world, where no page's script can reach them;
// - knows what a page still waits for: requests that are open, a refresh that is due, a document that broke off;
// - knows what a page did that no wipe takes back, and wipes the context of a tab whose pages did nothing of it.
//
// The crawler speaks to it through an ordinary protocol session of the tab: `Trapline.open`, `Trapline.arrived`,
// `Trapline.evaluate`, `Trapline.source`, `Trapline.blank`, `Trapline.wipe` and `Trapline.check` are the meter's
// commands, `Trapline.cut` is its event, and `Trapline.heard` it answers to any session. The counts begin anew with
// each navigation that the crawler asks for.
"use strict";

const childProcess = require("node:child_process");

const MARKER = "--trapline-browser=";
const WORLD = "__playwright_utility_world";
const MIB = 1024 * 1024;
const LONGEST_EVENT = 4 * MIB; // a request's event holds a data: URL as a whole; the driver needs none as long as this
const LONGEST_ANSWER = 96 * MIB; // a page's HTML, or its picture
const ENDS = 256; // bytes of a message that is too long by which it is known: its name, and its session at the end
const CONSOLE_TYPE = '{"method":"Runtime.consoleAPICalled","params":{'.length;
const UNREAD = new Set(["Network.dataReceived", "Network.webSocketFrameReceived", "Network.webSocketFrameSent"]);
const PRINTED = new Set(["Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"]);
const UNREAD_SHARE = 0.5; // of an event, as an event that the meter drops costs
const NOTHING = Buffer.alloc(0);
// Counts pictures, scripts and styles that do not load: of these the protocol says nothing. The driver lets an empty
// script run first in its isolated world of each document; this is that script.
const COUNTS_PARTS = `if (window === top) {
  let count = 0, scripts = 0;
  addEventListener("error", (event) => {
    count += 1;
    if (event.target instanceof HTMLScriptElement) scripts += 1;
  }, true);
  Object.defineProperty(globalThis, "partsThatFailed", { value: () => count });
  Object.defineProperty(globalThis, "scriptsThatFailed", { value: () => scripts });
}`;
// What may still bring a page's text: nobody waits for a picture or a style sheet, nor for what has no end by its kind.
const BRINGS_TEXT = /^(?:Fetch|XHR|Script)"/;
const LATEST_WORLD = 300; // ms within which a document that is shown gets its isolated world
const MOST_BROKEN = 20; // documents of one tab that broke off and are remembered; only the one that is shown counts
const MOST_BEGUN = 20; // navigations that begin while a page is left, and are told apart
const REFRESHES = new Set(["httpHeaderRefresh", "metaTagRefresh"]);
// What an answer's head leaves in the context, and no command of the protocol clears: preferences for client hints, and
// the cache of credentials, which only an answer that asks for them fills.
const LASTING_HEADERS = /"(accept-ch|critical-ch|www-authenticate)":/i;
const CREDENTIALS = /^[a-z]+:\/\/[^/?#]*@/i;
const REQUEST_URL = Buffer.from('"request":{"url":"');
const SAME_DOCUMENT = /"navigationType":"(?:sameDocument|historySameDocument)"/;
const NOWHERE = "about:blank";
const ALL_BUT_TABS = [{ type: "tab", exclude: true }, {}]; // the browser keeps a target "tab" around each page

const number = (text, name) => {
  const at = text.indexOf(`"${name}":`);
  return at < 0 ? 0 : Math.max(0, Number.parseInt(text.slice(at + name.length + 3), 10) || 0);
};
const slice = (message, from, to) =>
  typeof message === "string" ? message.slice(from, to) : message.toString("latin1", from, to);
const PARAMS = '{"method":"","params":{"requestId":"'.length;
const requestId = (method, message) => {
  const from = PARAMS + method.length;
  const text = slice(message, from, from + 200);
  return text.slice(0, text.indexOf('"'));
};
const loaderOf = (text) => /"loaderId":"([^"]*)"/.exec(text)?.[1] ?? "";
const sessionAt = (tail) => /"sessionId":"([^"]+)"\}$/.exec(tail)?.[1] ?? "";

class Tab {
  constructor(targetId) {
    this.targetId = targetId;
    this.limits = null; // none before the crawler opens it: a tab of the driver's own
    this.listeners = new Set(); // sessions that hear of its cut
    this.world = 0; // the isolated world of the document that is shown; 0 while there is none
    this.isCut = false;
    this.attached = 0; // sessions of the page itself
    this.leaving = false; // between a navigation that the crawler asked for and its document: the last page still runs
    this.begun = new Set(); // loaders of the navigations that began meanwhile: the crawler's, and the last page's own
    this.taken = false; // whether one of the last page's own still comes, after the document that the crawler asked for
    this.held = new Set(); // questions that wait for the isolated world, or for what is open
    this.shown = ""; // the loader of the document that is shown
    this.broken = new Map(); // how documents broke off, by their loader
    this.contextId = ""; // the browser context that it is in
    this.own = ""; // the driver's own session of it
    this.lasting = null; // the first thing that its pages did and that no wipe takes back, in words
    this.blank = null; // the loader of the blank page that it was left for
    this.onShown = () => {};
    this.begin();
  }

  lasts(what) {
    this.lasting ??= what;
  }

  leave() {
    this.leaving = true;
    this.begun.clear();
    this.taken = false;
    this.begin();
  }

  begin() {
    this.errors = 0;
    this.thrown = 0; // of these errors, those that no script caught
    this.open = new Set(); // requests without an answer that may bring text, by their id
    this.documents = 0; // documents that were shown
    this.refresh = null; // {at, url}: where the document that is shown goes by itself, and when
    this.wentBack = false; // whether it went to a document of its history
    this.received = 0; // bytes of answers that are complete, with their heads
    this.arriving = 0; // bytes of bodies as they arrived, WebSocket frames included
    this.unpacked = 0;
    this.parts = 0; // frames, workers and windows
    this.events = 0;
    this.reported = 0; // bytes of its events that passed
  }

  excess() {
    const { size, parts, events, reported } = this.limits;
    if (Math.max(this.received, this.arriving, this.unpacked) > size) return `more than ${size} bytes`;
    if (this.parts > parts) return `too many frames: more than ${parts} frames and workers`;
    if (this.events > events) return `too many events: more than ${events} in the browser's protocol`;
    return this.reported > reported ? `too many events: more than ${reported} bytes of them` : null;
  }

  spent() {
    const { errors, thrown, received, unpacked, parts, documents, wentBack, taken, lasting } = this;
    const refresh = this.refresh && { in: Math.max(0, this.refresh.at - Date.now()), url: this.refresh.url };
    const counts = { errors, thrown, received, unpacked, parts, documents, wentBack, taken, lasting };
    return { ...counts, open: this.open.size, refresh };
  }

  // Why the document that is shown ends where no end is.
  get breach() {
    return this.broken.get(this.shown) ?? null;
  }
}

const FOLLOWED = new Map([
  ["Network.requestWillBeSent", (meter, tab, message, text) => meter.requested(tab, message, text)],
  ["Network.responseReceived", (meter, tab, message, text) => meter.answered(tab, message, text)],
  ["Network.loadingFinished", (meter, tab, message) => meter.ended(tab, requestId("Network.loadingFinished", message))],
  ["Network.loadingFailed", (meter, tab, message, text) => meter.failed(tab, message, text())],
  ["Page.frameNavigated", (meter, tab, message, text) => meter.navigated(tab, text())],
  ["Page.frameStartedNavigating", (meter, tab, message, text) => meter.starts(tab, text())],
  ["Page.frameScheduledNavigation", (meter, tab, message, text) => meter.scheduled(tab, JSON.parse(text()).params)],
  ["Page.frameClearedScheduledNavigation", (meter, tab, message, text) => meter.unscheduled(tab, text())],
  // Numbers of worlds are a process's own: a part in another one has others.
  ["Runtime.executionContextsCleared", (meter, tab) => meter.cleared(tab)],
  ["Runtime.executionContextDestroyed", (meter, tab, message, text) => meter.destroyed(tab, text())],
  ["Runtime.executionContextCreated", (meter, tab, message, text) => meter.created(tab, text())],
]);

const CLEANING = new Map([
  ["Trapline.blank", (meter, tab) => meter.leaveForBlank(tab)],
  ["Trapline.wipe", (meter, tab) => meter.wipe(tab)],
  ["Trapline.check", (meter, tab) => meter.check(tab)],
]);

class Meter {
  constructor(toBrowser, fromBrowser) {
    this.tabs = new Map(); // by target
    this.sessions = new Map(); // {tab, page} by session; page: whether it is the page's own and not a part's
    this.readings = new Map(); // {tab, sessionId} by the id of the command whose answer gets the counts
    this.heard = 0; // bytes that the browser has said
    this.ownId = 0; // the meter's own commands count downwards; the driver's upwards
    this.asked = new Map(); // {tab, resolve, reject} by the id of an own command whose answer is waited for
    this.pieces = [];
    this.held = 0;
    this.tail = NOTHING;
    this.deliver = () => {};
    this.write = toBrowser.write.bind(toBrowser);
    this.swallowEnd = false;
    toBrowser.write = (data, ...rest) => this.outgoing(data, rest);
    const on = fromBrowser.on.bind(fromBrowser);
    fromBrowser.on = (name, listener) => {
      if (name !== "data") return on(name, listener);
      this.deliver = listener;
      return on(name, (chunk) => {
        const passed = this.incoming(chunk);
        if (passed.length) listener(passed);
      });
    };
  }

  // -- from the driver to the browser

  outgoing(data, rest) {
    if (data === "\0") {
      if (!this.swallowEnd) return this.write(data, ...rest);
      this.swallowEnd = false;
      return true;
    }
    const at = typeof data === "string" ? data.indexOf('"method":"') : -1;
    if (at < 0 || at > 40) return this.write(data, ...rest);
    if (data.startsWith("Trapline.", at + 10)) {
      const command = this.command(JSON.parse(data));
      this.swallowEnd = command === null;
      return command === null ? true : this.write(command, ...rest);
    }
    if (data.startsWith('Page.addScriptToEvaluateOnNewDocument"', at + 10)) {
      const message = JSON.parse(data);
      if (message.params.source === "" && message.params.worldName?.startsWith(WORLD)) {
        message.params.source = COUNTS_PARTS;
        return this.write(JSON.stringify(message), ...rest);
      }
    }
    if (data.startsWith('Page.navigate"', at + 10)) this.sessions.get(sessionAt(data.slice(-ENDS)))?.tab.leave();
    return this.write(data, ...rest);
  }

  command({ id, method, params, sessionId }) {
    const tab = this.sessions.get(sessionId)?.tab;
    if (method === "Trapline.heard") {
      this.inject({ id, result: { bytes: this.heard }, sessionId });
    } else if (tab === undefined) {
      this.inject({ id, error: { code: -32000, message: "Target closed: no tab has this session" }, sessionId });
    } else if (method === "Trapline.open") {
      tab.limits = params;
      tab.listeners.add(sessionId);
      this.inject({ id, result: {}, sessionId });
    } else if (method === "Trapline.arrived") {
      this.inject({ id, result: { arrived: !tab.leaving, taken: tab.taken }, sessionId });
    } else if (method === "Trapline.source") {
      this.sourceOf(tab, params.longest).then((tail) => this.inject({ id, result: { tail }, sessionId }));
    } else if (CLEANING.has(method)) {
      const done = (result) => this.inject({ id, result, sessionId });
      const failed = ({ message }) => this.inject({ id, error: { code: -32000, message }, sessionId });
      CLEANING.get(method)(this, tab).then((why) => done({ why }), failed);
    } else {
      const { rest, expression } = params;
      const question = { id, sessionId, expression, restUntil: Date.now() + (rest ?? 0) };
      tab.held.add(question);
      const within = Math.max(LATEST_WORLD, rest ?? 0);
      question.timer = setTimeout(() => this.ask(tab, question, true), within);
      this.ask(tab, question, false);
    }
    return null;
  }

  // Ask the document that is shown, once there is its world and nothing is open; at the latest when its time is over.
  ask(tab, question, isLate) {
    const { id, sessionId, expression } = question;
    if (!isLate && tab.breach === null) {
      if (tab.world === 0 || (tab.open.size > 0 && Date.now() < question.restUntil)) return;
    }
    tab.held.delete(question);
    clearTimeout(question.timer);
    if (tab.breach !== null) {
      this.inject({ id, error: { code: -32000, message: `the document broke off: ${tab.breach}` }, sessionId });
    } else if (tab.world === 0) {
      this.inject({ id, error: { code: -32000, message: "Cannot find context: no document is shown" }, sessionId });
    } else {
      this.readings.set(id, { tab, sessionId });
      const params = { expression, contextId: tab.world, awaitPromise: true, returnByValue: true };
      this.write(`${JSON.stringify({ id, method: "Runtime.evaluate", params, sessionId })}\0`);
    }
  }

  // The end of the source of the document that is shown; null where the browser keeps it no more.
  async sourceOf(tab, most) {
    try {
      const { body, base64Encoded } = await this.send(tab, "Network.getResponseBody", { requestId: tab.shown });
      return base64Encoded ? null : body.slice(-most);
    } catch {
      return null;
    }
  }

  askHeld(tab) {
    for (const question of tab.held) this.ask(tab, question, false);
  }

  inject(message) {
    const whole = Buffer.from(`${JSON.stringify(message)}\0`);
    setImmediate(() => this.deliver(whole));
  }

  // -- the wipe. Each of its steps ends with why the context can't be used again, or null.

  // Ask the browser something, as the driver's session of the tab.
  send(tab, method, params = {}, sessionId = tab.own) {
    const id = --this.ownId;
    return new Promise((resolve, reject) => {
      this.asked.set(id, { tab, resolve, reject });
      this.write(`${JSON.stringify({ id, method, params, ...(sessionId ? { sessionId } : {}) })}\0`);
    });
  }

  // Leave for a blank page: what the last one's scripts still did is done when it is shown.
  async leaveForBlank(tab) {
    if (tab.lasting !== null) return tab.lasting;
    tab.leave();
    const { loaderId, errorText } = await this.send(tab, "Page.navigate", { url: NOWHERE });
    if (errorText || !loaderId) return `no blank page: ${errorText}`;
    tab.blank = loaderId;
    await new Promise((resolve) => {
      tab.onShown = () => tab.shown === tab.blank && resolve();
      tab.onShown();
    });
    return tab.lasting;
  }

  async wipe(tab) {
    if (tab.blank === null) return "it was not left for a blank page";
    await Promise.all([
      this.send(tab, "Network.clearBrowserCookies"),
      this.send(tab, "Network.clearBrowserCache"),
      this.send(tab, "Storage.clearDataForOrigin", { origin: "*", storageTypes: "all" }),
      // What the renderer itself keeps in memory goes when its cache is switched off.
      this.send(tab, "Network.setCacheDisabled", { cacheDisabled: true }),
      this.send(tab, "Network.setCacheDisabled", { cacheDisabled: false }),
      this.send(tab, "Page.resetNavigationHistory"),
      this.send(tab, "Runtime.evaluate", { expression: "window.name = ''" }),
    ]);
    return this.check(tab);
  }

  async check(tab) {
    const [{ targetInfos }, { cookies }] = await Promise.all([
      this.send(tab, "Target.getTargets", { filter: ALL_BUT_TABS }, ""),
      this.send(tab, "Network.getAllCookies"),
    ]);
    if (tab.lasting !== null) return tab.lasting;
    if (tab.shown !== tab.blank) return "it shows another page than the blank one";
    const others = targetInfos.filter((one) => one.browserContextId === tab.contextId && one.targetId !== tab.targetId);
    if (others.length > 0) return `a ${others[0].type} lives on`;
    return cookies.length > 0 ? "it holds a cookie" : null;
  }

  cut(tab, why) {
    tab.isCut = true;
    const message = { id: --this.ownId, method: "Target.closeTarget", params: { targetId: tab.targetId } };
    this.write(`${JSON.stringify(message)}\0`);
    for (const sessionId of tab.listeners) this.inject({ method: "Trapline.cut", params: { why }, sessionId });
  }

  // -- from the browser to the driver

  incoming(chunk) {
    this.heard += chunk.length;
    const passed = [];
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(0, start);
      if (end < 0) break;
      const last = chunk.subarray(start, end);
      start = end + 1;
      const message = this.held ? this.whole(last) : this.judged(last);
      if (message !== null) passed.push(message, END);
    }
    if (start < chunk.length) this.hold(chunk.subarray(start));
    if (passed.length === 0) return NOTHING;
    return isAllOf(chunk, passed) ? chunk : Buffer.concat(passed);
  }

  // A message that is not complete yet is held here, and only its two ends once it is too long for the driver.
  hold(piece) {
    this.held += piece.length;
    const head = this.pieces[0] ?? piece;
    if (this.held <= longest(head)) {
      this.pieces.push(piece);
      return;
    }
    this.tail = Buffer.concat([this.tail, piece]).subarray(-ENDS);
    this.pieces = [head.subarray(0, ENDS)];
  }

  whole(last) {
    const size = this.held + last.length;
    const [pieces, tail] = [this.pieces, this.tail];
    this.pieces = [];
    this.held = 0;
    this.tail = NOTHING;
    if (size > longest(pieces[0])) {
      return this.tooLong(headOf(pieces[0]), tailOf(Buffer.concat([tail, last])), size);
    }
    return this.judged(Buffer.concat([...pieces, last]));
  }

  tooLong(head, tail, size) {
    const sessionId = sessionAt(tail);
    if (head.startsWith('{"id":')) {
      const id = Number.parseInt(head.slice(6), 10);
      if (id < 0) return this.ownAnswer(id, { error: { message: "the answer is too long" } });
      const { isAnswered = false } = this.readings.get(id) ?? {};
      this.readings.delete(id);
      if (isAnswered) return null;
      const error = { code: -32000, message: "the page's answer is too long" };
      return Buffer.from(JSON.stringify({ id, error, ...(sessionId ? { sessionId } : {}) }));
    }
    const session = this.sessions.get(sessionId);
    const method = methodOf(head);
    if (session !== undefined) this.event(session, method, head, size);
    session?.tab.lasts("an event that is too long to be read");
    // The driver can do without a request of which it hears nothing, and without everything that is printed.
    if (session?.tab.limits && !session.tab.isCut && !method.startsWith("Network.") && !PRINTED.has(method)) {
      this.cut(session.tab, `too many events: one of ${size} bytes`);
    }
    return null;
  }

  // Return what passes of a whole message: itself, another in its place, or null.
  judged(message) {
    const head = headOf(message);
    if (head.startsWith('{"id":')) return this.answer(message, head);
    const sessionId = sessionAt(tailOf(message));
    const method = methodOf(head);
    if (method === "Target.attachedToTarget") this.attached(JSON.parse(message.toString()));
    if (method === "Target.detachedFromTarget") this.detached(JSON.parse(message.toString()).params.sessionId);
    const session = this.sessions.get(sessionId);
    if (session === undefined) return message;
    const { tab } = session;
    if (tab.isCut) return method.startsWith("Target.") ? message : null;
    const passes = this.event(session, method, message, message.length);
    if (tab.limits !== null && !tab.leaving) {
      const why = tab.excess();
      if (why !== null) {
        this.cut(tab, why);
        return null;
      }
    }
    return passes ? message : null;
  }

  answer(message, head) {
    const id = Number.parseInt(head.slice(6), 10);
    if (id < 0) return this.ownAnswer(id, this.asked.has(id) ? JSON.parse(message.toString()) : {});
    const reading = this.readings.get(id);
    if (reading === undefined) return message;
    this.readings.delete(id);
    if (reading.isAnswered) return null;
    const at = head.indexOf('"result":{');
    if (at < 0) return message; // an error
    const spent = Buffer.from(`"spent":${JSON.stringify(reading.tab.spent())},`);
    return Buffer.concat([message.subarray(0, at + 10), spent, message.subarray(at + 10)]);
  }

  ownAnswer(id, { result, error }) {
    const asked = this.asked.get(id);
    this.asked.delete(id);
    if (error) asked?.reject(new Error(error.message));
    else asked?.resolve(result);
    return null;
  }

  // Count an event of a tab, and return whether the driver needs it. `message` is a buffer, or the head of a long one.
  event({ tab, page }, method, message, size) {
    const isUnread = PRINTED.has(method) || UNREAD.has(method);
    tab.events += isUnread ? UNREAD_SHARE : 1;
    const text = () => (typeof message === "string" ? message : message.toString("latin1"));
    if (PRINTED.has(method)) {
      const isError = method === "Runtime.consoleAPICalled" && text().startsWith('"type":"error"', CONSOLE_TYPE);
      if (isError || method === "Runtime.exceptionThrown") tab.errors += 1;
      if (method === "Runtime.exceptionThrown") tab.thrown += 1;
      return false;
    }
    if (UNREAD.has(method)) {
      const known = method === "Network.dataReceived";
      tab.unpacked += known ? number(text(), "dataLength") : size;
      tab.arriving += known ? number(text(), "encodedDataLength") : size;
      return false;
    }
    if (method === "Network.loadingFinished") tab.received += number(text(), "encodedDataLength");
    else if (method === "Page.frameAttached") {
      tab.parts += 1;
      tab.lasts("a frame");
    }
    // What the page itself does; its parts in other processes are counted and not followed.
    if (page && size <= LONGEST_EVENT) FOLLOWED.get(method)?.(this, tab, message, text);
    tab.reported += size;
    return true;
  }

  requested(tab, message, text) {
    const from = message.indexOf(REQUEST_URL) + REQUEST_URL.length;
    if (CREDENTIALS.test(slice(message, from, from + 8192))) tab.lasts("credentials in a request's URL");
    if (message.includes('"redirectResponse":{')) this.answered(tab, message, text);
    const at = message.lastIndexOf('"type":"');
    const end = at < 0 ? "" : slice(message, at + 8, at + 200);
    const isNext = end.startsWith('Document"') && end.includes(`"frameId":"${tab.targetId}"`);
    if (isNext || BRINGS_TEXT.test(end)) tab.open.add(requestId("Network.requestWillBeSent", message));
  }

  // Of an answer with a document in view; what parts of a page are answered sets no preference, and fills no cache by
  // itself. The type stands before the head of an answer, and behind that of a redirect.
  answered(tab, message, text) {
    if (!message.includes('"type":"Document"')) return;
    const name = LASTING_HEADERS.exec(text())?.[1];
    if (name !== undefined) tab.lasts(`the header ${name.toLowerCase()}`);
  }

  ended(tab, id) {
    if (tab.open.delete(id) && tab.open.size === 0) this.askHeld(tab);
  }

  failed(tab, message, text) {
    const id = requestId("Network.loadingFailed", message);
    const why = /"errorText":"(net::ERR_[A-Z0-9_]+)"/.exec(text)?.[1];
    // A document that a script stopped, or that another takes over from, is no failure of the network.
    if (why !== undefined && why !== "net::ERR_ABORTED" && text.includes('"type":"Document"')) {
      if (tab.broken.size < MOST_BROKEN) tab.broken.set(id, why);
      if (tab.breach !== null) this.breakOff(tab);
    }
    this.ended(tab, id);
  }

  // Nobody waits for the end of a document that has none: whoever asked it hears so at once.
  breakOff(tab) {
    for (const [id, reading] of this.readings) {
      if (reading.tab !== tab || reading.isAnswered) continue;
      reading.isAnswered = true;
      const error = { code: -32000, message: `the document broke off: ${tab.breach}` };
      this.inject({ id, error, sessionId: reading.sessionId });
    }
    this.askHeld(tab);
  }

  navigated(tab, text) {
    if (text.includes('"parentId":')) return;
    tab.shown = loaderOf(text);
    if (tab.leaving) {
      tab.leaving = false;
      tab.begin(); // what came before was the last page's
      tab.begun.delete(tab.shown);
      tab.taken = tab.begun.size > 0;
    } else if (tab.limits !== null) {
      tab.lasts("it went elsewhere by itself");
    }
    tab.open.clear();
    tab.refresh = null;
    tab.documents += 1;
    tab.onShown();
    if (tab.breach !== null) this.breakOff(tab);
  }

  starts(tab, text) {
    if (!text.includes(`"frameId":"${tab.targetId}"`)) return;
    if (text.includes('"navigationType":"historyDifferentDocument"')) tab.wentBack = true;
    if (!tab.leaving && !SAME_DOCUMENT.test(text)) tab.lasts("it began to go elsewhere by itself");
    if (tab.leaving && tab.begun.size < MOST_BEGUN) tab.begun.add(loaderOf(text));
  }

  unscheduled(tab, text) {
    if (text.includes(`"${tab.targetId}"`)) tab.refresh = null;
  }

  cleared(tab) {
    tab.world = 0;
  }

  scheduled(tab, { frameId, delay, reason, url }) {
    if (frameId !== tab.targetId || !REFRESHES.has(reason)) return;
    tab.refresh = { at: Date.now() + delay * 1000, url: url.slice(0, 8192) };
  }

  created(tab, text) {
    if (!text.includes(`"${WORLD}`)) return;
    const { context } = JSON.parse(text).params;
    if (!context.name.startsWith(WORLD) || context.auxData?.frameId !== tab.targetId) return;
    tab.world = context.id;
    this.askHeld(tab);
  }

  destroyed(tab, text) {
    if (number(text, "executionContextId") === tab.world) tab.world = 0;
  }

  // A page has one tab, whichever session is attached to it; its frames, workers and windows are parts of it.
  attached({ params: { sessionId, targetInfo }, sessionId: by }) {
    const parent = this.sessions.get(by);
    if (targetInfo.type !== "page") {
      if (parent === undefined) return;
      parent.tab.parts += 1;
      parent.tab.lasts(`a ${targetInfo.type}`);
      this.sessions.set(sessionId, { tab: parent.tab, page: false });
      return;
    }
    const known = this.tabs.get(targetInfo.targetId);
    const tab = known ?? new Tab(targetInfo.targetId);
    if (known === undefined) {
      this.tabs.set(tab.targetId, tab);
      tab.own = sessionId;
      tab.contextId = targetInfo.browserContextId;
      const opener = this.tabs.get(targetInfo.openerId);
      if (opener !== undefined) {
        opener.parts += 1;
        opener.lasts("a window");
      }
    }
    tab.attached += 1;
    this.sessions.set(sessionId, { tab, page: true });
  }

  detached(sessionId) {
    const session = this.sessions.get(sessionId);
    if (session === undefined) return;
    this.sessions.delete(sessionId);
    session.tab.listeners.delete(sessionId);
    if (!session.page) return;
    session.tab.attached -= 1;
    if (session.tab.attached > 0) return;
    this.tabs.delete(session.tab.targetId);
    for (const [id, { tab }] of this.asked) {
      if (tab === session.tab) this.ownAnswer(id, { error: { message: "Target closed" } });
    }
  }
}

const END = Buffer.from("\0");
// Its length alone would not tell: a message that began before the chunk may be as long as the chunk by chance.
const isAllOf = (chunk, [message, end, ...more]) =>
  more.length === 0 &&
  message.buffer === chunk.buffer &&
  message.byteOffset === chunk.byteOffset &&
  message.length + end.length === chunk.length;
const headOf = (message) => message.toString("latin1", 0, ENDS);
const tailOf = (message) => message.toString("latin1", Math.max(0, message.length - ENDS));
const methodOf = (head) => head.slice(11, Math.max(11, head.indexOf('"', 11)));
const longest = (head) => (head.toString("latin1", 0, 6) === '{"id":' ? LONGEST_ANSWER : LONGEST_EVENT);

const spawn = childProcess.spawn;
childProcess.spawn = function metered(command, args, options) {
  const child = spawn.call(this, command, args, options);
  const ours = Array.isArray(args) && args.some((one) => typeof one === "string" && one.startsWith(MARKER));
  if (ours && child.stdio?.[4]) new Meter(child.stdio[3], child.stdio[4]);
  return child;
};
