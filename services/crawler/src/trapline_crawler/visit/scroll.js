// Scrolls one screen down: the document, or where that does not scroll the largest part that does. Returns whether it
// did.
(() => {
  const getter = (type, name) => {
    const { get } = Object.getOwnPropertyDescriptor(type.prototype, name);
    return (object) => get.call(object);
  };
  const top = { get: getter(Element, "scrollTop"), by: Element.prototype.scrollBy };
  const heights = [getter(Element, "scrollHeight"), getter(Element, "clientHeight"), getter(Element, "clientWidth")];
  const [whole, height, width] = heights;
  const down = (element) => {
    const before = top.get(element);
    top.by.call(element, { top: height(element), behavior: "instant" });
    return top.get(element) > before;
  };
  const root = getter(Document, "scrollingElement")(document) ?? getter(Document, "documentElement")(document);
  if (root !== null && whole(root) > height(root) + 1) return down(root);
  const scrolls = (element) => whole(element) > height(element) + 1 && height(element) > 100
    && /auto|scroll/.test(getComputedStyle(element).overflowY);
  const inner = Array.from(Document.prototype.querySelectorAll.call(document, "body *")).filter(scrolls);
  const largest = inner.sort((one, other) => height(other) * width(other) - height(one) * width(one))[0];
  return largest !== undefined && down(largest);
})()
