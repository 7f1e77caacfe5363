// Returns what a screenshot of this frame would show as text, without the fields that are masked in it; null when that
// is too much.
({ masked, longest }) => {
  const hidden = (field) => masked.some((selector) => {
    try {
      return field.matches(selector);
    } catch {
      return false; // a selector that only the driver knows: then the field counts as shown
    }
  });
  const shown = [];
  const look = (root, text) => {
    shown.push(text);
    for (const element of root.querySelectorAll("*")) {
      if (element.shadowRoot) look(element.shadowRoot, element.shadowRoot.textContent);
      if (/^(INPUT|TEXTAREA)$/.test(element.tagName) && element.type !== "hidden" && !hidden(element)) {
        shown.push(element.value, element.placeholder);
      }
    }
  };
  look(document, document.body?.innerText ?? "");
  const all = shown.join("\n");
  return all.length > longest ? null : all;
}
