// Waits until the DOM was quiet for `quiet` ms (at most `atMost` ms), then reads the page, all in one round trip.
//
// It runs in an isolated world: no script of the page reaches its objects. Elements are the page's all the same, and an
// element's name may stand where a property was (`<form><input name=closest>`), so every property of a document or an
// element is taken from the prototypes of this world.
async (asked) => {
  const { quiet, atMost, check, watch, ignore, extract, signs, little, longest, longestField, longestTitle } = asked;
  const { longestLanguage } = asked;
  const getter = (type, name) => {
    const { get } = Object.getOwnPropertyDescriptor(type.prototype, name);
    return (object) => get.call(object);
  };
  const bodyOf = getter(Document, "body");
  const rootOf = getter(Document, "documentElement");
  const innerText = getter(HTMLElement, "innerText");
  const textContent = getter(Node, "textContent");
  const queryAll = (selector) => Array.from(Document.prototype.querySelectorAll.call(document, selector));
  const queryOne = (selector) => Document.prototype.querySelector.call(document, selector);
  const closest = (element, selector) => Element.prototype.closest.call(element, selector);
  const contains = (node, other) => Node.prototype.contains.call(node, other);

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
      return queryAll(selector);
    } catch {
      problems.push(`${what}: ${JSON.stringify(selector)} is not valid CSS`);
      return null;
    }
  };

  // A style sheet of this script hides the elements to ignore for the moment of reading: no attribute changes, so no
  // observer of the page sees it, and nothing is painted before the sheet is gone again.
  const valid = ignore.filter((selector) => find(selector, "ignore") !== null);
  const ignored = (element) => valid.some((selector) => closest(element, selector) !== null);
  const contentOf = getter(HTMLMetaElement, "content");
  const valueOf = { input: getter(HTMLInputElement, "value"), area: getter(HTMLTextAreaElement, "value") };
  const textOf = (element) => {
    if (element instanceof HTMLMetaElement) return contentOf(element);
    if (element instanceof HTMLInputElement) return valueOf.input(element);
    if (element instanceof HTMLTextAreaElement) return valueOf.area(element);
    if (element instanceof HTMLElement) return innerText(element);
    return textContent(element);
  };
  const isIgnored = ignored;
  const isShown = (element) => Element.prototype.checkVisibility.call(element, { visibilityProperty: true });
  /* extract.js */
  const body = bodyOf(document);
  const bodyText = () => (body === null ? "" : textOf(body));
  const adopted = Object.getOwnPropertyDescriptor(Document.prototype, "adoptedStyleSheets");
  const sheets = adopted.get.call(document);
  if (valid.length) {
    const sheet = new CSSStyleSheet();
    for (const selector of valid) sheet.insertRule(`${selector} { display: none !important }`, 0);
    adopted.set.call(document, [...sheets, sheet]);
  }
  let text = null;
  const given = typeof otherDocument === "function" ? otherDocument(asked.format) : null;
  let language = rootOf(document)?.getAttribute?.("lang")?.slice(0, longestLanguage) ?? null;
  const fields = {};
  try {
    if (given !== null) {
      const read = readOther(given, asked, longestField, longestLanguage);
      ({ text, language } = read);
      Object.assign(fields, read.fields);
    } else if (watch === null) {
      const root = body ?? rootOf(document);
      text = root ? textOf(root) : "";
    } else {
      const roots = find(watch, "watch");
      if (roots !== null && roots.length === 0) problems.push(`watch: nothing matches ${JSON.stringify(watch)}`);
      // A root within another is already in the other's text. The roots come in the document's order, so the one that
      // holds another is the last outer one before it.
      let outer = null;
      const texts = [];
      for (const root of roots ?? []) {
        if (outer !== null && contains(outer, root)) continue;
        outer = root;
        if (!ignored(root)) texts.push(textOf(root));
      }
      if (roots?.length) text = texts.join("\n");
    }
    const isPageShown = body === null || isShown(body);
    if (given === null) {
      for (const [name, one] of Object.entries(extract)) {
        fields[name] = extractField(name, one, longestField, isPageShown);
      }
    }
  } finally {
    if (valid.length) adopted.set.call(document, sheets);
  }

  // Whether the visitor is logged in shows anywhere in the page, not only in what is watched.
  const words = (value) => value.split(/\s+/).join(" ").trim();
  const proof = check?.selector ? find(check.selector, "logged_in_check") : null;
  const all = check?.contains ? words(bodyText()) : "";

  const shown = signs.flatMap((selector, number) => (queryOne(selector) === null ? [] : [number]));
  const page = performance.getEntriesByType("navigation")[0];
  const root = rootOf(document);
  const since = (value) => (value > 0 ? value : null);
  return {
    language,
    title: getter(Document, "title")(document).slice(0, longestTitle),
    text: text === null ? null : text.slice(0, longest),
    tooLong: text !== null && text.length > longest,
    fields,
    problems,
    checkSelector: proof === null || proof.length > 0, // one that is not valid is among the problems
    checkContains: !check?.contains || all.includes(words(check.contains)),
    status: page?.responseStatus ?? 0,
    body: page?.decodedBodySize ?? null,
    errors: globalThis.partsThatFailed?.() ?? 0,
    height: root === null ? 0 : getter(Element, "scrollHeight")(root),
    signs: shown,
    littleText: shown.length > 0 && bodyText().trim().length < little,
    nodes: queryOne("body > *, frameset > *") !== null,
    timings: page ? {
      dns: page.domainLookupEnd - page.domainLookupStart,
      connect: page.connectEnd - page.connectStart,
      ttfb: since(page.responseStart),
      dom: since(page.domContentLoadedEventEnd),
      load: since(page.loadEventEnd),
    } : {},
  };
}
