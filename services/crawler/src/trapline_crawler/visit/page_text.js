// The text of an element as a person sees it and as the site wrote it: without what is hidden or ignored, through open
// shadow roots and frames of the same origin, with the values of a form, before `text-transform` and without what a
// style sheet adds. Linear in the nodes; a deep page costs no stack. Every page pays for each call in here.
//
// A block whose `innerText` is its `textContent` but for white space holds nothing hidden, painted or missing: then the
// browser's own text is taken, which is several times as fast as a walk. What both leave out, or show as it is not, is
// `odd`: fields, frames, shadow roots, what is ignored; a block with one in it is walked.
const KEPT_LINES = /^(?:preserve|break-spaces|pre)/;
const BREAK = /[\n\r]/;
const BREAKS = /[\n\r]+/g;
const WORD = /\S/;
const form = {
  type: getter(HTMLInputElement, "type"),
  value: getter(HTMLInputElement, "value"),
  checked: getter(HTMLInputElement, "checked"),
  area: getter(HTMLTextAreaElement, "value"),
  chosen: getter(HTMLSelectElement, "selectedOptions"),
  label: getter(HTMLOptionElement, "label"),
};
const itemsOf = (list) => {
  const items = [];
  const length = getter(HTMLCollection, "length")(list);
  for (let number = 0; number < length; number++) items.push(HTMLCollection.prototype.item.call(list, number));
  return items;
};
const INPUTS = {
  checkbox: (input) => (form.checked(input) ? "\u2611" : "\u2610"),
  radio: (input) => (form.checked(input) ? "\u25c9" : "\u25cb"),
  file: (input) => form.value(input).split("\\").at(-1),
  hidden: () => "",
  password: () => "", // shown as dots
  image: () => "",
};
// What is no text, by its name: a function gives the value that is shown in its place, null shows nothing.
const SPECIAL = new Map([
  ["input", (input) => (INPUTS[form.type(input)] ?? form.value)(input)],
  ["textarea", (area) => form.area(area)],
  ["select", (select) => itemsOf(form.chosen(select)).map((option) => form.label(option)).join("\n")],
  ["br", () => "\n"],
]);
for (const name of [
  "script", "style", "noscript", "template", "head", "title", "desc", "metadata", "defs", "symbol", "clipPath", "mask",
  "marker", "pattern", "datalist", "canvas", "video", "audio", "progress", "meter", "embed",
  "xslt-warning-banner", // of Chromium itself, where a style sheet made the page
]) SPECIAL.set(name, null);
const SOURCE = new Set(["script", "style", "noscript", "template", "title"]);
const valueOf = (element, show) => {
  try {
    return show(element);
  } catch {
    return null; // an element of that name that is no HTML
  }
};
const assigned = (slot) => {
  try {
    return assignedNodes(slot);
  } catch {
    return [];
  }
};
const isInline = (display) => display === "inline" || display === "contents" || display.startsWith("inline")
  || display.startsWith("ruby");

const ODD = "input, textarea, select, iframe, frame, object, details:not([open]), svg, math, slot";
const SPACE = /\s+/g;
const MOST_IN_VAIN = 100; // blocks of a page that are compared and then walked all the same

let ignored = new Set();
let trees = null; // where it is a set, the shadow roots and frames that are read are put in
let odd = null; // elements with something odd in them
let inVain = 0;
const findOdd = () => {
  odd = new Set();
  inVain = 0;
  const { roots, hosts } = seen();
  const found = [...ignored, ...hosts.values()];
  for (const root of roots) found.push(...queryAll(root, ODD));
  for (const element of found) {
    for (let node = element; node !== null && !odd.has(node); node = above(node)) odd.add(node);
  }
};
// The browser's own text of a block, or null.
const ownText = (block) => {
  if (odd === null) findOdd();
  if (inVain >= MOST_IN_VAIN || odd.has(block)) return null;
  let own;
  try {
    own = innerText(block);
  } catch {
    return null; // no HTML
  }
  if (own.replace(SPACE, "") === textContent(block).replace(SPACE, "")) return own;
  inVain += 1;
  return null;
};

// The rendered text within `root`, at most a little more than `most` characters; all of it where `hidden`.
const textIn = (root, most, hidden = false) => {
  const parts = [];
  const stack = [root]; // nodes, and texts to put
  const styles = [null]; // of the element that each is in, in the tree that is shown; null: all is shown
  let size = 0;
  let atLineStart = true;
  const put = (text) => {
    if (text === "\n" && atLineStart) return;
    parts.push(text);
    size += text.length;
    atLineStart = text === "\n";
  };
  const sees = (style) => style === null || hidden
    || (style.visibility === "visible" && style.contentVisibility !== "hidden");
  const putText = (text, style) => {
    const hasBreak = BREAK.test(text);
    if (!WORD.test(text)) {
      if (atLineStart) return;
    } else if (!sees(style)) {
      return;
    }
    const keeps = hasBreak && style !== null && KEPT_LINES.test(style.whiteSpaceCollapse ?? style.whiteSpace);
    put(hasBreak && !keeps ? text.replace(BREAKS, " ") : text);
  };
  const push = (node, style) => {
    for (let child = lastChild(node); child !== null; child = previous(child)) {
      stack.push(child);
      styles.push(style);
    }
  };
  while (stack.length > 0 && size <= most) {
    const node = stack.pop();
    const around = styles.pop();
    if (typeof node === "string") {
      put(node);
      continue;
    }
    const kind = kindOf(node);
    if (kind === 3 || kind === 4) {
      putText(dataOf(node), around);
      continue;
    }
    if (kind !== 1 || ignored.has(node)) continue;
    const name = nameOf(node);
    const special = SPECIAL.get(name);
    if (special === null) continue;
    const style = styleOf(node);
    const { display } = style;
    if (display === "none" && !(hidden && node === root)) continue;
    if (display !== "inline") {
      if (display === "table-cell") {
        stack.push("\t");
        styles.push(null);
      } else if (!isInline(display)) {
        put("\n");
        stack.push("\n");
        styles.push(null);
      }
      if (style.contentVisibility === "hidden" && !hidden) continue;
    }
    if (special !== undefined) {
      const value = valueOf(node, special);
      if (value !== null && value !== "" && sees(style)) put(value);
      if (value !== null) continue;
    }
    const frame = FRAMES.get(name);
    if (frame !== undefined) {
      const shown = frame(node);
      if (shown === null && name === "object") push(node, rendered(node) ? style : null);
      if (shown === null || !sees(style)) continue;
      trees?.add(shown);
      const top = bodyOf(shown) ?? rootOf(shown);
      if (top === null) continue;
      stack.push("\n", top, "\n");
      styles.push(null, null, null);
      continue;
    }
    const shadow = shadowOf(node);
    if (shadow !== null) {
      trees?.add(shadow);
      push(shadow, style);
      continue;
    }
    if (name === "slot") {
      const slotted = assigned(node);
      for (const each of slotted.reverse()) {
        stack.push(each);
        styles.push(style);
      }
      if (slotted.length > 0) continue;
    }
    if (name === "details" && !hidden && attributeOf(node, "open") === null) {
      const summary = Array.from(childrenOf(node)).find((child) => kindOf(child) === 1 && nameOf(child) === "summary");
      if (summary !== undefined) {
        stack.push(summary);
        styles.push(style);
      }
      continue;
    }
    if (!hidden && !isInline(display) && !display.startsWith("table-")) {
      const own = ownText(node);
      if (own !== null) {
        put(own);
        continue;
      }
    }
    if (firstElement(node) === null) putText(textContent(node), style); // the most frequent kind by far
    else push(node, style);
  }
  return parts.join("");
};

// What an element says: its value where it has one that is no text, else its text. A part that is hidden as a whole is
// read as if it were shown: who names it knows why.
const NAMED = new Map([
  ["meta", getter(HTMLMetaElement, "content")],
  ["option", getter(HTMLOptionElement, "label")],
  ["input", (input) => {
    const type = form.type(input);
    if (type === "checkbox" || type === "radio") return form.checked(input) ? "checked" : "unchecked";
    return form.value(input);
  }],
]);
const textOf = (element, most = Infinity) => {
  const name = nameOf(element);
  const named = NAMED.get(name);
  const value = named === undefined ? null : valueOf(element, named);
  if (value !== null) return value;
  if (SOURCE.has(name)) return textContent(element);
  if (!isRendered(element)) return textIn(element, most, true);
  return textIn(element, most);
};
// Whether an element is shown at all, so that what of it is hidden is hidden in it.
const isRendered = (element) => rendered(element, { visibilityProperty: true })
  || (styleOf(element).display === "contents" && styleOf(element).visibility === "visible")
  || (rendered(element) && textIn(element, 1).trim() !== ""); // of a hidden part a part may be shown
