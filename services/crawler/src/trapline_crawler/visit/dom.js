// How the reader reaches a page. All of these fragments run in one closure, in an isolated world: no script of the page
// reaches their objects. Elements are the page's all the same, and an element's name may stand where a property was
// (`<form><input name=closest>`), so every property of a document or an element is taken from this world's prototypes.
const getter = (type, name) => {
  const { get } = Object.getOwnPropertyDescriptor(type.prototype, name);
  return get.call.bind(get);
};
const method = (type, name) => {
  const call = type.prototype[name];
  return call.call.bind(call);
};
const kindOf = getter(Node, "nodeType");
const parentNode = getter(Node, "parentNode");
const lastChild = getter(Node, "lastChild");
const previous = getter(Node, "previousSibling");
const firstElement = getter(Element, "firstElementChild");
const childrenOf = getter(Node, "childNodes");
const innerText = getter(HTMLElement, "innerText");
const textContent = getter(Node, "textContent");
const dataOf = getter(CharacterData, "data");
const nameOf = getter(Element, "localName");
const shadowOf = getter(Element, "shadowRoot");
const hostOf = getter(ShadowRoot, "host");
const attributeOf = method(Element, "getAttribute");
const matches = method(Element, "matches");
const boxOf = method(Element, "getBoundingClientRect");
const rendered = method(Element, "checkVisibility");
const assignedNodes = method(HTMLSlotElement, "assignedNodes");
const bodyOf = getter(Document, "body");
const rootOf = getter(Document, "documentElement");
const readyStateOf = getter(Document, "readyState");
const urlOf = getter(Document, "URL");
const baseOf = getter(Node, "baseURI");
const contentType = getter(Document, "contentType");
const styleOf = (element) => getComputedStyle(element);
const FRAMES = new Map(
  [["iframe", HTMLIFrameElement], ["frame", HTMLFrameElement], ["object", HTMLObjectElement]].map(([name, type]) => {
    const document = getter(type, "contentDocument");
    return [name, (element) => {
      try {
        return document(element);
      } catch {
        return null; // a custom element of that name
      }
    }];
  }),
);
const queries = {
  9: [method(Document, "querySelectorAll"), method(Document, "querySelector")],
  11: [method(DocumentFragment, "querySelectorAll"), method(DocumentFragment, "querySelector")],
};
const queryAll = (root, selector) => Array.from(queries[kindOf(root)][0](root, selector));
const queryOne = (selector) => queries[9][1](document, selector);

// The document with what is shown in it: open shadow roots, and frames of the same origin. `roots` are the trees,
// and `hosts` the elements that show them, by tree. Only some of HTML's elements, and those that a page names itself,
// can have a shadow root.
const CARRIERS = [
  "iframe, frame, object, article, aside, blockquote, body, div, footer, h1, h2, h3, h4, h5, h6, header, main, nav, p",
  `section, span, :not(:is(${[
    "a, abbr, address, area, article, aside, audio, b, base, bdi, bdo, blockquote, body, br, button, canvas",
    "caption, center, cite, code, col, colgroup, data, datalist, dd, del, details, dfn, dialog, div, dl, dt, em",
    "embed, fieldset, figcaption, figure, font, footer, form, frame, frameset, g, h1, h2, h3, h4, h5, h6, head",
    "header, hgroup, hr, html, i, iframe, img, input, ins, kbd, label, legend, li, link, main, map, mark, menu",
    "meta, meter, nav, noscript, object, ol, optgroup, option, output, p, param, path, picture, pre, progress, q",
    "rp, rt, ruby, s, samp, script, search, section, select, slot, small, source, span, strong, style, sub",
    "summary, sup, svg, table, tbody, td, template, textarea, tfoot, th, thead, time, title, tr, track, tt, u, ul",
    "use, var, video, wbr",
  ].join(", ")}))`,
].join(", ");
const survey = () => {
  const found = { roots: [document], hosts: new Map() };
  const visit = (root) => {
    for (const element of queryAll(root, CARRIERS)) {
      const within = shadowOf(element) ?? FRAMES.get(nameOf(element))?.(element) ?? null;
      if (within === null || found.hosts.has(within)) continue;
      found.roots.push(within);
      found.hosts.set(within, element);
      visit(within);
    }
  };
  visit(document);
  return found;
};
let surveyed = null;
const seen = () => (surveyed ??= survey());
// All elements of all trees, in the order in which a person reads them.
const inOrder = () => {
  const shown = new Map(Array.from(seen().hosts, ([tree, host]) => [host, tree]));
  const all = [];
  const visit = (root) => {
    for (const element of queryAll(root, "*")) {
      all.push(element);
      if (shown.has(element)) visit(shown.get(element));
    }
  };
  visit(document);
  return all;
};

// The element above, across the borders of shadow roots and frames.
const above = (node) => {
  const parent = parentNode(node);
  if (parent === null || kindOf(parent) === 1) return parent;
  return seen().hosts.get(parent) ?? null;
};

// Split a selector at the combinators that may cross a border: a blank and `>`. Each alternative is a list of parts.
const alternatives = (selector) => {
  const found = [[]];
  let part = "";
  let combinator = " ";
  const end = () => {
    if (part) found.at(-1).push({ part, combinator });
    part = "";
  };
  const token = /\\[^]|"(?:\\[^]|[^"])*"|'(?:\\[^]|[^'])*'|\s*([>+~,])\s*|\s+|[^]/gy;
  let depth = 0;
  for (const [text, sign] of selector.trim().matchAll(token)) {
    if (text === "(" || text === "[") depth += 1;
    if (text === ")" || text === "]") depth -= 1;
    if (depth > 0 || sign === "+" || sign === "~" || (sign === undefined && text.trim())) {
      part += text;
      continue;
    }
    end();
    if (sign === ",") found.push([]);
    combinator = sign === ">" ? ">" : " ";
  }
  end();
  return found;
};

const fits = (element, parts, last) => {
  const { part, combinator } = parts[last];
  if (!matches(element, part)) return false;
  if (last === 0) return true;
  let node = above(element);
  if (combinator === ">") return node !== null && fits(node, parts, last - 1);
  for (; node !== null; node = above(node)) if (fits(node, parts, last - 1)) return true;
  return false;
};

const problems = [];
let isMalformed = false;
const malformed = (problem) => {
  problems.push(problem);
  isMalformed = true;
};
// Return the elements that a selector matches, in order, of all trees together; null, and a problem, for no valid CSS.
const find = (selector, what) => {
  let first;
  try {
    first = queryAll(document, selector);
  } catch {
    const said = `${what}: ${JSON.stringify(selector)}`;
    problems.push(selector.startsWith("$")
      ? `${said} is a path, and the server says that this document is a page (${contentType(document)})`
      : `${said} is not valid CSS`);
    return null;
  }
  const { roots } = seen();
  if (roots.length === 1) return first;
  const found = new Set(first);
  for (const root of roots) for (const element of queryAll(root, selector)) found.add(element);
  for (const parts of alternatives(selector)) {
    if (parts.length < 2) continue;
    const last = parts.length - 1;
    for (const root of roots) {
      if (root === document) continue; // all of it is in one tree
      for (const element of queryAll(root, parts[last].part)) if (fits(element, parts, last)) found.add(element);
    }
  }
  return inOrder().filter((element) => found.has(element));
};

// Return whether an element, or one above it, is in `set`: linear for all elements together.
const within = (set) => {
  const known = new Map();
  return (element) => {
    const path = [];
    let answer = false;
    for (let node = element; node !== null; node = above(node)) {
      if (known.has(node)) {
        answer = known.get(node);
        break;
      }
      path.push(node);
      if (set.has(node)) {
        answer = true;
        break;
      }
    }
    for (const node of path) known.set(node, answer);
    return answer;
  };
};

// A person can see it: it is rendered, not hidden, and has a box; so has the frame that it is in.
const isShown = (element) => {
  const { display, visibility } = styleOf(element);
  if (display === "contents") {
    if (visibility !== "visible" || textIn(element, Infinity).trim() === "") return false;
  } else {
    if (!rendered(element, { visibilityProperty: true })) return false;
    const { width, height } = boxOf(element);
    if (width <= 0 || height <= 0) return false;
  }
  if (seen().roots.length === 1) return true;
  for (let node = above(element); node !== null; node = above(node)) {
    if (FRAMES.has(nameOf(node))) return isShown(node);
  }
  return true;
};
