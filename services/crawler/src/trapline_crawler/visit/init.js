// Runs before the page's own scripts. Counts what a person would see as errors in the console, without an event per
// message: a page that logs in a loop must not drown the crawler.
(() => {
  if (window !== window.top) return;
  const seen = { errors: 0 };
  Object.defineProperty(window, Symbol.for("trapline"), { value: seen });
  performance.setResourceTimingBufferSize(5000); // 250 by default; the rest would be missing from the size
  const logged = console.error;
  console.error = function (...parts) {
    seen.errors += 1;
    return logged.apply(this, parts);
  };
  // In the capture phase this also counts pictures, scripts and styles that failed to load.
  addEventListener("error", () => { seen.errors += 1; }, true);
  addEventListener("unhandledrejection", () => { seen.errors += 1; }, true);
})();
