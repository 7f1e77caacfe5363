// Waits until the page is there and rests, then reads it, all in one round trip.
const { loadWithin, framesWithin, waitFor, waitWithin, quiet, atMost, check, watch, ignore, extract } = asked;
const { signs, titles, unseen, longest, longestField, longestTitle, longestLanguage } = asked;
const began = now();
let isComplete = await loaded(loadWithin);
const given = "paths" in asked ? otherDocument(asked.format) : null;
const readInWatched = () => {
  const roots = watch === null ? null : find(watch, "watch");
  if (roots === null) return () => true;
  const isInside = within(new Set(roots));
  return (element) => isInside(element);
};
if (given === null && framesWithin > 0) {
  await framesArrive(framesWithin, readInWatched);
  isComplete ||= isLoaded();
}
const waits = waitFor !== null && given === null;
const appeared = !waits || (await appears(waitFor, Math.max(0, waitWithin - (now() - began))));
const wrong = problems.length > 0 ? [problems[0]] : []; // the crawler asked for it again and again

let isIgnored = () => false;
let body = null;
let bodyRead = null;
const bodyText = () => (bodyRead ??= body === null ? "" : textOf(body, longest));
const prepare = () => {
  problems.splice(0, Infinity, ...wrong);
  surveyed = null;
  body = bodyOf(document);
  bodyRead = null;
  odd = null;
  ignored = new Set();
  for (const selector of ignore) for (const element of find(selector, "ignore") ?? []) ignored.add(element);
  isIgnored = ignored.size > 0 ? within(ignored) : () => false;
};
if (given === null && appeared && atMost > 0) {
  await rests(quiet, atMost, () => {
    prepare();
    if (watch !== null) return seen().roots;
    trees = new Set();
    bodyText(); // and it stays, when nothing was found that is not watched so far
    return trees;
  });
} else if (given === null) {
  prepare();
} else {
  body = bodyOf(document);
}
const root = rootOf(document);

let text = null;
let language = root === null ? null : attributeOf(root, "lang")?.slice(0, longestLanguage) ?? null;
let fieldsGiven = {};
if (given !== null) {
  ({ text, language, fields: fieldsGiven } = readOther(given, asked, longestField, longestLanguage));
} else if (watch === null) {
  text = body === null ? (root === null ? "" : textOf(root, longest)) : bodyText();
} else {
  const roots = find(watch, "watch");
  if (roots !== null && roots.length === 0) problems.push(`watch: nothing matches ${JSON.stringify(watch)}`);
  // A root within another is already in the other's text.
  const isInside = within(new Set(roots));
  const texts = [];
  let size = 0;
  for (const element of roots ?? []) {
    const outer = above(element);
    if (size > longest || isIgnored(element) || (outer !== null && isInside(outer))) continue;
    texts.push(textOf(element, longest));
    size += texts.at(-1).length;
  }
  if (roots?.length) text = texts.join("\n");
}

const fields = fieldsGiven;
if (given === null) {
  const isPageShown = body === null || isShown(body);
  for (const [name, one] of Object.entries(extract)) fields[name] = extractField(name, one, longestField, isPageShown);
}

// Whether the visitor is logged in shows anywhere in the page, not only in what is watched.
const words = (value) => value.replace(new RegExp(unseen, "g"), "").split(/\s+/).join(" ").trim();
const proof = check?.selector ? find(check.selector, "logged_in_check") : null;
const all = check?.contains ? words(bodyText()) : "";

// XHTML that breaks is shown up to where it does.
if (given === null && queryOne("html > parsererror") !== null && contentType(document) !== "text/html") {
  malformed("the page is no well-formed XHTML: a browser shows it up to the first error alone");
}
const frames = given === null ? framesOf(readInWatched) : { arrived: 0, open: 0 };
const shown = signs.flatMap((selector, number) => (queryOne(selector) === null ? [] : [number]));
const title = getter(Document, "title")(document).slice(0, longestTitle);
const isSuspect = shown.length > 0 || new RegExp(`^\\s*(?:${titles})\\s*$`, "i").test(title);
const page = performance.getEntriesByType("navigation")[0];
const since = (value) => (value > 0 ? value : null);
return {
  title,
  language,
  text: text === null ? null : text.slice(0, longest),
  tooLong: text !== null && text.length > longest,
  type: contentType(document).slice(0, longestTitle),
  fields,
  problems,
  malformed: isMalformed,
  parsed: readyStateOf(document) !== "loading" || wasLoaded(),
  loaded: isComplete,
  appeared,
  checkSelector: proof === null || proof.length > 0, // one that is not valid is among the problems
  checkContains: !check?.contains || all.includes(words(check.contains)),
  status: page?.responseStatus ?? 0,
  body: page?.decodedBodySize ?? null,
  encoding: page?.contentEncoding?.slice(0, longestTitle) ?? "",
  charset: getter(Document, "characterSet")(document),
  whole: given?.kind === "xml" || given?.pretty === true,
  errors: globalThis.partsThatFailed?.() ?? 0,
  scripts: globalThis.scriptsThatFailed?.() ?? 0,
  height: root === null ? 0 : getter(Element, "scrollHeight")(root),
  signs: shown,
  shown: isSuspect ? bodyText().trim().length : 0,
  framesArrived: frames.arrived,
  framesOpen: frames.open,
  nodes: queryOne("body > *, frameset > *") !== null,
  timings: page ? {
    dns: page.domainLookupEnd - page.domainLookupStart,
    connect: page.connectEnd - page.connectStart,
    ttfb: since(page.responseStart),
    dom: since(page.domContentLoadedEventEnd),
    load: since(page.loadEventEnd),
  } : {},
};
