// Shows what loads once it is near the window: scrolls down step by step, `most` pixels at most, waits until the
// pictures and fonts that this asked for are there, all within `within` ms, and scrolls up again.
async ({ most, within }) => {
  const getter = (type, name) => {
    const { get } = Object.getOwnPropertyDescriptor(type.prototype, name);
    return (object) => get.call(object);
  };
  const rootOf = getter(Document, "documentElement");
  const heightOf = getter(Element, "scrollHeight");
  const isComplete = getter(HTMLImageElement, "complete");
  const fontsOf = Object.getOwnPropertyDescriptor(Document.prototype, "fonts")?.get;
  const until = performance.now() + within;
  const left = () => until - performance.now();
  const pause = (time) => new Promise((resolve) => {
    setTimeout(resolve, Math.max(0, Math.min(time, left())));
  });
  const show = (top) => scrollTo({ top, behavior: "instant" });
  const isBelow = (top) => top < Math.min(heightOf(rootOf(document)), most);
  for (let top = innerHeight; isBelow(top) && left() > within / 2; top += innerHeight) {
    show(top);
    await pause(30);
  }
  const isNear = (image) => {
    const { top, width } = Element.prototype.getBoundingClientRect.call(image);
    return width > 0 && top + scrollY < most;
  };
  const images = Array.from(Document.prototype.querySelectorAll.call(document, "img")).filter(isNear);
  while (left() > 0 && !images.every(isComplete)) await pause(50);
  if (fontsOf) await Promise.race([fontsOf.call(document).ready, pause(within)]);
  show(0);
  await pause(30);
}
