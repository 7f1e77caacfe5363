// When the page is there to be read: its document and its parts have arrived (`loaded`), what the crawl waits for is
// seen (`appears`), and nothing in it has changed for a while (`rests`). A page may stop an event that this world waits
// for, and empty a document of its listeners, so each is looked for as well.
const LOOK = 50; // ms
const now = () => performance.now();
// A document that a script opens anew after its load, and never closes, stays what it is then.
const wasLoaded = () => performance.getEntriesByType("navigation")[0]?.loadEventEnd > 0;
const isLoaded = () => readyStateOf(document) === "complete" || wasLoaded();

const until = (condition, within, events) => new Promise((resolve) => {
  const last = now() + within;
  let timer = 0;
  const look = () => {
    const holds = condition();
    if (!holds && now() < last) return;
    clearInterval(timer);
    for (const event of events) removeEventListener(event, look);
    resolve(holds);
  };
  timer = setInterval(look, Math.max(1, Math.min(LOOK, within)));
  for (const event of events) addEventListener(event, look);
  look();
});

const loaded = (within) => until(isLoaded, within, ["load"]);

const appears = (selector, within) => until(() => {
  surveyed = null;
  return find(selector, "wait_for")?.some(isShown) ?? true; // one that is no CSS is among the problems
}, within, []);

// How many frames of the page's own origin have arrived and how many are on their way, of those that a person sees or
// will see: what they say is text of the page. One that waits to be scrolled to may never come. `readIn` returns what
// tells whether an element is read.
const framesOf = (readIn) => {
  const counts = { arrived: 0, open: 0 };
  if (queryOne("iframe, frame, object") === null && seen().roots.length === 1) return counts;
  const isRead = readIn();
  for (const tree of seen().roots) {
    for (const element of queryAll(tree, "iframe, frame, object")) {
      const name = nameOf(element);
      const within = FRAMES.get(name)(element);
      if (within === null || attributeOf(element, "loading") === "lazy" || !isRead(element)) continue;
      const source = attributeOf(element, name === "object" ? "data" : "src");
      const isOpen = readyStateOf(within) !== "complete"
        || (urlOf(within) === "about:blank" && isOwn(element, source));
      if (!isOpen) counts.arrived += 1;
      else if (isShown(element)) counts.open += 1;
    }
  }
  return counts;
};
const isOwn = (element, address) => {
  try {
    return new URL(address, baseOf(element)).origin === location.origin;
  } catch {
    return false;
  }
};
const framesArrive = (within, readIn) => until(() => {
  surveyed = null;
  return framesOf(readIn).open === 0;
}, within, []);

// Wait until nothing that the page shows has changed for `quiet` ms, at most `atMost` ms. `shown` returns the trees
// that are shown: one that came meanwhile is watched as long as the document was.
const rests = async (quiet, atMost, shown) => {
  const last = now() + atMost;
  const watched = new Set([document]);
  const what = { subtree: true, childList: true, attributes: true, characterData: true };
  let changed = now();
  const observer = new MutationObserver(() => {
    changed = now();
  });
  observer.observe(document, what);
  for (;;) {
    const left = Math.min(changed + quiet, last) - now();
    if (left > 0) {
      await new Promise((resolve) => {
        setTimeout(resolve, left);
      });
      continue;
    }
    let isNew = false;
    for (const tree of shown()) {
      if (watched.has(tree)) continue;
      watched.add(tree);
      observer.observe(tree, what);
      isNew = true;
    }
    if (!isNew || now() >= last) break;
    changed = now();
  }
  observer.disconnect();
};
