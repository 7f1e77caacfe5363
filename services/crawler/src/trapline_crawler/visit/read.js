// Waits until the DOM was quiet for `quiet` ms (at most `atMost` ms), then reads the page, all in one round trip.
async ({ quiet, atMost, check, watch, ignore, extract, signs, little, longest, longestField, longestTitle }) => {
  if (atMost > 0) {
    await new Promise((resolve) => {
      let timer;
      const observer = new MutationObserver(() => {
        clearTimeout(timer);
        timer = setTimeout(done, quiet);
      });
      const done = () => {
        observer.disconnect();
        resolve();
      };
      timer = setTimeout(done, quiet);
      setTimeout(done, atMost);
      observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
    });
  }

  const problems = [];
  const find = (selector, what) => {
    try {
      return Array.from(document.querySelectorAll(selector));
    } catch {
      problems.push(`${what}: ${JSON.stringify(selector)} is not valid CSS`);
      return null;
    }
  };

  // A style sheet of this script hides the elements to ignore for the moment of reading: no attribute changes, so no
  // observer of the page sees it, and nothing is painted before the sheet is gone again.
  const valid = ignore.filter((selector) => find(selector, "ignore") !== null);
  const ignored = (element) => valid.some((selector) => element.closest(selector) !== null);
  const textOf = (element) => {
    if (element instanceof HTMLMetaElement) return element.content;
    if (element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement) return element.value;
    if (element instanceof HTMLElement) return element.innerText;
    return element.textContent;
  };
  const sheets = document.adoptedStyleSheets;
  if (valid.length) {
    const sheet = new CSSStyleSheet();
    for (const selector of valid) sheet.insertRule(`${selector} { display: none !important }`, 0);
    document.adoptedStyleSheets = [...sheets, sheet];
  }
  let text = null;
  const fields = {};
  try {
    if (watch === null) {
      const root = document.body ?? document.documentElement;
      text = root ? textOf(root) : "";
    } else {
      const roots = find(watch, "watch");
      if (roots !== null && roots.length === 0) problems.push(`watch: nothing matches ${JSON.stringify(watch)}`);
      // A root within another is already in the other's text.
      const within = (root) => roots.some((other) => other !== root && other.contains(root));
      const outer = (roots ?? []).filter((root) => !ignored(root) && !within(root));
      if (roots?.length) text = outer.map(textOf).join("\n");
    }
    for (const [name, selector] of Object.entries(extract)) {
      const found = find(selector, `extract ${name}`);
      const first = found?.find((element) => !ignored(element));
      if (found !== null && first === undefined) {
        problems.push(`extract ${name}: nothing matches ${JSON.stringify(selector)}`);
      }
      fields[name] = first === undefined ? null : String(textOf(first) ?? "").trim().slice(0, longestField);
    }
  } finally {
    if (valid.length) document.adoptedStyleSheets = sheets;
  }

  // Whether the visitor is logged in shows anywhere in the page, not only in what is watched.
  const words = (value) => value.split(/\s+/).join(" ").trim();
  const proof = check?.selector ? find(check.selector, "logged_in_check") : null;
  const all = check?.contains ? words(document.body?.innerText ?? "") : "";

  const shown = signs.flatMap((selector, number) => (document.querySelector(selector) === null ? [] : [number]));
  const page = performance.getEntriesByType("navigation")[0];
  const parts = performance.getEntriesByType("resource");
  const since = (value) => (value > 0 ? value : null);
  return {
    title: String(document.title).slice(0, longestTitle),
    text: text === null ? null : text.slice(0, longest),
    tooLong: text !== null && text.length > longest,
    fields,
    problems,
    checkSelector: proof === null || proof.length > 0, // one that is not valid is among the problems
    checkContains: !check?.contains || all.includes(words(check.contains)),
    url: document.URL,
    status: page?.responseStatus ?? 0,
    body: page?.decodedBodySize ?? null,
    size: parts.reduce((sum, part) => sum + part.transferSize, page?.transferSize ?? 0),
    // The timings tell nothing of other origins and of what frames load, and end after 250 entries.
    partial: parts.length >= 250 || document.querySelector("iframe, frame, object, embed") !== null
      || parts.some((part) => part.transferSize === 0 && part.decodedBodySize === 0),
    errors: window[Symbol.for("trapline")]?.errors ?? 0,
    height: document.documentElement?.scrollHeight ?? 0,
    signs: shown,
    littleText: shown.length > 0 && (document.body?.innerText ?? "").trim().length < little,
    nodes: document.querySelector("body > *, frameset > *") !== null,
    timings: page ? {
      dns: page.domainLookupEnd - page.domainLookupStart,
      connect: page.connectEnd - page.connectStart,
      ttfb: since(page.responseStart),
      dom: since(page.domContentLoadedEventEnd),
      load: since(page.loadEventEnd),
    } : {},
  };
}
