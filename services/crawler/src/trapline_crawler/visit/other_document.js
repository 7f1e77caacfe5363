// Reads a document that is no page: XML and feeds by CSS, JSON, CSV and plain text by paths. What the browser puts
// around such a document (a viewer, a `pre`) is none of it. Expects `problems`, and what was asked.
const MOST_VALUES = 100_000;
const MOST_ROWS = 50_000;
const pathName = location.pathname.toLowerCase();
const contentOf_ = Object.getOwnPropertyDescriptor(Node.prototype, "textContent").get;
const selectAll = (root, selector) => Array.from(
  (root instanceof Document ? Document : Element).prototype.querySelectorAll.call(root, selector),
);

const parsedXml = (text) => {
  const parse = (source) => new DOMParser().parseFromString(source, "application/xml");
  const source = text.replace(/^[\s\ufeff]+/, "");
  const first = parse(source);
  if (selectAll(first, "parsererror").length === 0) return first;
  const mended = parse(source.replace(/&(?!(?:#\d+|#x[\da-f]+|amp|lt|gt|quot|apos);)/gi, "&amp;"));
  return selectAll(mended, "parsererror").length === 0 ? mended : null;
};

// RFC 4180, with a tab, a semicolon or a bar for the comma where the first line has more of them outside of quotes, or
// with what a line `sep=` before it names, as Excel has it.
const rowsOf = (whole) => {
  const named = /^sep=([^\w"\\\r\n])(?:\r\n|[\r\n])/.exec(whole);
  const text = named === null ? whole : whole.slice(named[0].length);
  const first = text.slice(0, text.search(/[\r\n]|$/)).replace(/"[^"]*"/g, "");
  const count = (sign) => first.split(sign).length;
  const sign = named?.[1] ?? [",", ";", "\t", "|"].reduce((best, one) => (count(one) > count(best) ? one : best));
  const rows = [];
  let row = [];
  let at = 0;
  while (at < text.length && rows.length < MOST_ROWS) {
    let cell = "";
    if (text[at] === '"') {
      for (at += 1; at < text.length; at += 2) {
        const end = text.indexOf('"', at);
        cell += text.slice(at, end < 0 ? text.length : end);
        at = end < 0 ? text.length : end;
        if (text[at + 1] !== '"') break;
        cell += '"';
      }
      at += 1;
    }
    const next = new RegExp(`[\\${sign}\\r\\n]|$`, "g");
    next.lastIndex = at;
    const end = next.exec(text).index;
    row.push(cell + text.slice(at, end).trim());
    at = end + 1;
    if (text[end] === sign) continue;
    if (text[end] === "\r" && text[at] === "\n") at += 1;
    if (row.length > 1 || row[0] !== "") rows.push(row);
    row = [];
  }
  const [names = [], ...lines] = rows;
  return lines.map((cells) => Object.fromEntries(cells.map((cell, index) => [names[index] || String(index), cell])));
};

// Numbers that a floating-point number does not hold stay as they are written: ids of 20 digits, 1e400.
const NUMBER = /^-?0*(\d*?)(?:\.(\d*))?(?:e([+-]?\d+))?$/i;
const decimal = (text) => {
  const [, whole, fraction = "", power = "0"] = NUMBER.exec(text) ?? ["", text];
  const digits = (whole + fraction).replace(/0+$/, "");
  const place = whole.length - digits.length + Number(power);
  return /^0*$/.test(digits) ? "0" : `${digits.replace(/^0+/, "")}e${place}`;
};
const MOST_EXACT = 15; // characters of a number; as many digits are exact
const isHeldByNumber = (value, source) => (source.length <= MOST_EXACT && Number.isFinite(value) && value !== 0)
  || decimal(String(value)) === decimal(source);
const parsedJson = (text) => JSON.parse(
  text.replace(/^(?:\)\]\}'[^\n]*\n|while\s*\(1\);|for\s*\(;;\);)/, ""), // against pages that load it as a script
  (_, value, context) => (typeof value !== "number" || isHeldByNumber(value, context.source)
    ? value : JSON.rawJSON(context.source)),
);

const otherDocument = (format) => {
  const type = contentType(document);
  if (/^(?:text\/html|application\/xhtml\+xml|image\/|video\/|audio\/|application\/pdf)/.test(type)) return null;
  const viewer = Document.prototype.getElementById.call(document, "webkit-xml-viewer-source-xml");
  if (/[/+]xml$/.test(type)) {
    if (selectAll(document, "parsererror").length > 0) malformed("the document is no well-formed XML");
    return { kind: "xml", root: viewer ?? document, text: "" };
  }
  const pre = Document.prototype.querySelector.call(document, "body > pre");
  const text = pre === null ? "" : contentOf_.call(pre).replace(/^\ufeff/, "");
  const start = text.search(/\S/);
  const begins = (pattern) => {
    pattern.lastIndex = Math.max(0, start);
    return pattern.test(text);
  };
  if (begins(/(?:<\?xml|<(?:rss|feed|rdf:RDF|urlset|sitemapindex|opml|kml|gpx)\b)/y) || format === "xml") {
    const root = parsedXml(text);
    if (root !== null) return { kind: "xml", root, text };
    malformed("the document is no well-formed XML");
  }
  if (begins(/[[{]|\)\]\}'|while\s*\(1\);|for\s*\(;;\);/y) || /json/.test(type) || format === "json") {
    try {
      return { kind: "values", value: parsedJson(text), text, pretty: true };
    } catch {
      if (format === "json" || /json/.test(type)) malformed("the document is no valid JSON");
    }
  }
  const isTable = format === "csv" || /\.(?:csv|tsv)$/.test(pathName);
  return { kind: "values", value: isTable ? rowsOf(text) : text.split(/\r\n|[\r\n]/), text, pretty: false };
};

const isNumber = (value) => typeof value === "number" || JSON.isRawJSON(value);
const isHeld = (value) => value !== null && typeof value === "object" && !JSON.isRawJSON(value);
const described = (value) => (typeof value === "object" ? JSON.stringify(value, null, 1) : String(value));

const inner = (value, keys) => {
  for (const key of keys) {
    if (!isHeld(value) || !Object.hasOwn(value, key)) return undefined;
    value = value[key];
  }
  return value;
};
// A number as it is written equals its text alone, and is about as large as a number.
const compared = (value, wanted) => {
  if (!JSON.isRawJSON(value)) return value;
  return typeof wanted === "string" ? JSON.stringify(value) : Number(JSON.stringify(value));
};
const COMPARED = {
  "==": (left, right) => left === right,
  "!=": (left, right) => left !== right,
  "<": (left, right) => typeof left === typeof right && left < right,
  "<=": (left, right) => typeof left === typeof right && left <= right,
  ">": (left, right) => typeof left === typeof right && left > right,
  ">=": (left, right) => typeof left === typeof right && left >= right,
};

// The [container, key] pairs that one step of a path selects in a value.
const stepped = (value, kind, which) => {
  if (!isHeld(value)) return [];
  const isList = Array.isArray(value);
  const keys = Object.keys(value);
  const place = (index) => (index < 0 ? value.length + index : index);
  if (kind === "all") return keys.map((key) => [value, key]);
  if (kind === "name") return Object.hasOwn(value, which) && !isList ? [[value, which]] : [];
  if (kind === "index") {
    const key = isList ? place(which) : which;
    return Object.hasOwn(value, key) ? [[value, key]] : [];
  }
  if (kind === "slice") {
    if (!isList) return [];
    const [from, to, by] = which;
    const cut = keys.slice(from ?? 0, to ?? undefined).filter((_, index) => index % (by ?? 1) === 0);
    return cut.map((key) => [value, key]);
  }
  const [path, operator, wanted] = which;
  return keys.filter((key) => {
    const found = inner(value[key], path);
    return operator === null ? found !== undefined : COMPARED[operator](compared(found, wanted), wanted);
  }).map((key) => [value, key]);
};
const deepIn = (value) => {
  const found = [];
  const stack = [value];
  while (stack.length > 0 && found.length < MOST_VALUES) {
    const one = stack.pop();
    if (!isHeld(one)) continue;
    found.push(one);
    const below = Object.values(one);
    for (let index = below.length - 1; index >= 0; index -= 1) stack.push(below[index]);
  }
  return found;
};
const selected = (value, steps) => {
  let found = [[{ $: value }, "$"]];
  for (const [kind, deep, which] of steps) {
    const next = [];
    for (const [container, key] of found) {
      const here = container[key];
      for (const one of deep ? deepIn(here) : [here]) for (const pair of stepped(one, kind, which)) next.push(pair);
      if (next.length > MOST_VALUES) break;
    }
    found = next;
  }
  return found;
};

// What an element of XML says: each element that holds text alone on a line of its own.
const textOfXml = (element) => {
  const parts = [];
  const kinds = NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT | NodeFilter.SHOW_CDATA_SECTION;
  const walker = document.createTreeWalker(element, kinds);
  for (let node = walker.currentNode; node !== null; node = walker.nextNode()) {
    parts.push(node.nodeType === 1 ? "\n" : contentOf_.call(node));
  }
  return parts.join("").split(/\s*\n\s*/).filter((line) => line !== "").join("\n");
};

const readOther = (given, { watch, ignore, extract, paths }, longestField, longestLanguage) => {
  const isXml = given.kind === "xml";
  const root = isXml ? given.root.cloneNode(true) : null;
  const held = { value: given.value };
  const matches = (selector, what) => {
    if (isXml) {
      try {
        return selectAll(root, selector).filter((element) => element.isConnected || root.contains(element));
      } catch {
        problems.push(`${what}: ${JSON.stringify(selector)} is not valid CSS`);
        return null;
      }
    }
    if (paths[selector] === undefined) {
      problems.push(`${what}: ${JSON.stringify(selector)} is no path, and this document is no page: write $.name`);
      return null;
    }
    return selected(held.value, paths[selector]);
  };
  const textOf = (one) => (isXml ? textOfXml(one) : described(one[0][one[1]]));
  for (const selector of ignore) {
    if (!isXml && paths[selector] === undefined) continue; // of the crawl's pages
    for (const one of (matches(selector, "ignore") ?? []).reverse()) {
      if (isXml) one.remove();
      else if (Array.isArray(one[0])) one[0].splice(one[1], 1);
      else delete one[0][one[1]];
    }
  }
  let text = null;
  if (watch === null) {
    if (isXml) text = textOfXml(root);
    else if (given.pretty) text = described(held.value);
    else text = typeof held.value[0] === "string" ? held.value.join("\n") : given.text;
  } else {
    const found = matches(watch, "watch");
    if (found !== null && found.length === 0) problems.push(`watch: nothing matches ${JSON.stringify(watch)}`);
    if (found?.length) text = found.map(textOf).join("\n");
  }
  const fields = {};
  let numbers = !isXml;
  for (const [name, { selector, attribute, all }] of Object.entries(extract)) {
    const found = matches(selector, `extract ${name}`);
    const values = [];
    for (const one of found ?? []) {
      const value = attribute === null ? textOf(one) : isXml ? attributeValue(one, attribute) : null;
      if (value === null) continue;
      if (!isXml && !isNumber(one[0][one[1]])) numbers = false;
      values.push(all ? value.trim().split(/\s*[\n\r]\s*/).join(" ") : value.trim());
      if (!all) break;
    }
    if (found !== null && values.length === 0) {
      const nothing = `nothing matches ${JSON.stringify(selector)}`;
      const why = found.length === 0 ? nothing : `it has no attribute ${JSON.stringify(attribute)}`;
      problems.push(`extract ${name}: ${why}`);
    }
    fields[name] = values.length === 0 ? null : values.join("\n").slice(0, longestField);
  }
  const said = isXml ? selectAll(root, "language")[0] : undefined;
  const outer = isXml && root.documentElement ? root.documentElement.getAttribute("xml:lang") : null;
  const language = said !== undefined ? contentOf_.call(said).trim() : outer ?? (numbers ? "en" : null);
  return { text, fields, language: language?.slice(0, longestLanguage) ?? null };
};
