// Takes the values of a field: what its selector matches, its text or an attribute of it, the first or all of them.
// Expects `find`, `isIgnored`, `isShown` and `textOf` of the fragments before it.
const UNSHOWN = "meta, link, script, style, title, base, noscript, template, option, optgroup, datalist, source, "
  + "track, area, input[type=hidden]";
const ADDRESSES = new Set(["href", "src", "action", "formaction", "poster", "cite", "background", "data"]);

// The value of an attribute; an address is made whole, as the browser follows it.
const attributeValue = (element, name) => {
  const value = attributeOf(element, name);
  if (!value || !ADDRESSES.has(name.toLowerCase())) return value;
  try {
    return new URL(value, baseOf(element)).href;
  } catch {
    return value;
  }
};

// Those of the matches that a person sees; elements that no page ever shows say what they say all the same.
const meant = (found, attribute, isPageShown) => {
  const seen = found.filter((element) => matches(element, UNSHOWN) || isShown(element));
  return seen.length === 0 && (attribute !== null || !isPageShown) ? found : seen;
};

const extractField = (name, { selector, attribute, all }, longest, isPageShown) => {
  const found = find(selector, `extract ${name}`)?.filter((element) => !isIgnored(element)) ?? null;
  if (found === null) return null;
  const shown = meant(found, attribute, isPageShown);
  const values = [];
  let size = 0;
  for (const element of shown) {
    const value = attribute === null ? textOf(element, longest) : attributeValue(element, attribute);
    if (value === null) continue;
    values.push(all ? String(value).trim().split(/\s*[\n\r]\s*/).join(" ") : String(value).trim());
    size += values.at(-1).length;
    if (!all || size > longest) break;
  }
  if (values.length === 0) {
    const said = JSON.stringify(selector);
    if (found.length === 0) problems.push(`extract ${name}: nothing matches ${said}`);
    else if (shown.length === 0) problems.push(`extract ${name}: only hidden elements match ${said}`);
    else problems.push(`extract ${name}: ${said} has no attribute ${JSON.stringify(attribute)}`);
    return null;
  }
  return values.join("\n").slice(0, longest);
};
