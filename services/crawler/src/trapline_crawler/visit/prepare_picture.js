// Prepares a page for a picture that is compared with another one: what `hide` selects is not drawn and takes no room,
// and what moves by itself stands at its beginning; a marquee, which has none, is not drawn. The page's own scripts and
// styles can't undo it in the picture.
async ({ hide }) => {
  const value = (type, name) => Object.getOwnPropertyDescriptor(type.prototype, name).value;
  const all = (selector) => Array.from(Document.prototype.querySelectorAll.call(document, selector));
  const rules = ["marquee { visibility: hidden !important }"];
  const sheet = new CSSStyleSheet();
  sheet.replaceSync([...rules, ...hide.map((selector) => `${selector} { display: none !important }`)].join("\n"));
  const sheets = Object.getOwnPropertyDescriptor(Document.prototype, "adoptedStyleSheets");
  sheets.set.call(document, [...sheets.get.call(document), sheet]);
  for (const one of all("video, audio")) {
    value(HTMLMediaElement, "pause").call(one);
    Object.getOwnPropertyDescriptor(HTMLMediaElement.prototype, "currentTime").set.call(one, 0);
  }
  for (const one of all("svg")) {
    if (!(one instanceof SVGSVGElement)) continue;
    value(SVGSVGElement, "pauseAnimations").call(one);
    value(SVGSVGElement, "setCurrentTime").call(one, 0);
  }
}
