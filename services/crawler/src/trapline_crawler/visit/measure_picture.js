// Returns where the page has what a picture of it is cut to, compared in, or painted over: boxes as x, y, width and
// height in CSS pixels from the document's corner; null where nothing that matches has a size. At most `most` boxes.
({ ignore, watch, element, most }) => {
  const getter = (type, name) => {
    const { get } = Object.getOwnPropertyDescriptor(type.prototype, name);
    return (object) => get.call(object);
  };
  const rootOf = getter(Document, "documentElement");
  const all = (selector) => Array.from(Document.prototype.querySelectorAll.call(document, selector));
  const box = (one) => {
    const { left, top, width, height } = Element.prototype.getBoundingClientRect.call(one);
    return [left + scrollX, top + scrollY, width, height];
  };
  const hasSize = ([, , width, height]) => width > 0 && height > 0;
  const first = (selector) => (selector === null ? null : all(selector).map(box).find(hasSize) ?? null);
  const root = rootOf(document);
  return {
    ignored: ignore.flatMap(all).map(box).filter(hasSize).slice(0, most),
    watch: first(watch),
    element: first(element),
    scale: devicePixelRatio,
    scrolled: [scrollX, scrollY],
    height: getter(Element, "scrollHeight")(root),
  };
}
