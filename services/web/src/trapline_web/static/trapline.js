// Small on purpose: every screen reads well without it.
(() => {
  "use strict";
  const root = document.documentElement;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  const shownFor = (within) => {
    all(".js", within).forEach((part) => { part.hidden = false; });
    all(".nojs", within).forEach((part) => { part.hidden = true; });
  };

  const themes = () => {
    all("[data-theme-toggle]").forEach((button) => button.addEventListener("click", () => {
      const chosen = root.dataset.theme;
      const dark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
      root.dataset.theme = dark ? "light" : "dark";
      localStorage.setItem("trapline-theme", root.dataset.theme);
    }));
  };

  // The server writes UTC; the viewer's own zone and language take its place.
  const absolute = new Intl.DateTimeFormat(undefined, {
    weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
  });
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const times = (within) => all("time[datetime]", within).forEach((time) => {
    const utc = time.title || time.textContent;
    const local = absolute.format(new Date(time.dateTime));
    time.title = `${local} (${zone}) · ${utc}`;
    if (time.dataset.f === "abs") time.textContent = local;
  });
  const versions = () => all("option[data-at]").forEach((option) => {
    const mark = option.textContent.endsWith("◆") ? " ◆" : "";
    option.textContent = absolute.format(new Date(option.dataset.at)) + mark;
  });

  // A part of a screen that moves: asked for anew while somebody looks, and put in place without a reload.
  const live = () => {
    const part = document.querySelector("[data-live]");
    if (!part) return;
    let etag = "", waits = Number(part.dataset.every) * 1000, timer = 0;
    const again = () => { clearTimeout(timer); timer = setTimeout(look, waits); };
    const look = () => {
      if (document.hidden) return;
      const request = new XMLHttpRequest();
      request.open("GET", part.dataset.live);
      request.responseType = "document";
      if (etag) request.setRequestHeader("If-None-Match", etag);
      request.timeout = 20000;
      request.onload = () => {
        etag = request.getResponseHeader("ETag") || "";
        const found = request.status === 200 && request.response ? request.response.querySelector(".live") : null;
        const present = document.querySelector(".live");
        if (found && present && !present.contains(document.activeElement)) {
          present.replaceChildren(...document.importNode(found, true).childNodes);
          times(present);
          shownFor(present);
          document.title = request.response.title;
        }
        if (found && !found.hasAttribute("data-live")) {  // it has ended
          present?.removeAttribute("data-live");
          return;
        }
        if (request.status === 200 || request.status === 304) again();
      };
      request.onerror = request.ontimeout = () => { waits = Math.min(waits * 2, 60000); again(); };
      request.send();
    };
    document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
    again();
  };

  // Two pictures: under a slider, through one another, as their difference, or side by side.
  const pictures = () => {
    const stage = document.getElementById("stage"), range = document.getElementById("slide");
    const buttons = all(".cmp .ctl .seg button");
    if (!stage || !range || !buttons.length) return;
    const set = (mode) => {
      stage.dataset.mode = mode;
      buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.value === mode)));
      range.hidden = mode !== "slide" && mode !== "onion";
      all("a", stage).forEach((link) => { link.tabIndex = mode === "side" ? 0 : -1; });
    };
    const move = () => {
      stage.style.setProperty("--x", `${range.value}%`);
      stage.style.setProperty("--o", String(range.value / 100));
    };
    buttons.forEach((button) => button.addEventListener("click", () => set(button.value)));
    range.addEventListener("input", move);
    stage.addEventListener("pointermove", (event) => {
      if (stage.dataset.mode !== "slide" || event.pointerType === "touch") return;
      const box = stage.getBoundingClientRect();
      range.value = String(Math.round((100 * (event.clientX - box.left)) / box.width));
      move();
    });
    move();
    set("slide");
  };

  // A bar leads to its run; the list of runs leads there too.
  const bars = () => document.addEventListener("click", (event) => {
    const run = event.target.closest?.("[data-run]");
    if (run) location.assign(`/runs/${run.dataset.run}`);
  });

  // "Since you last looked": kept in this browser alone.
  const looked = () => all("[data-looked]").forEach((list) => {
    const key = `trapline-looked-${list.dataset.looked}`, last = localStorage.getItem(key);
    const items = all("[data-at]", list);
    if (!items.length) return;
    const older = last ? items.findIndex((item) => item.dataset.at <= last) : -1;
    if (older > 0) {
      const line = document.createElement("p");
      line.className = "looked";
      line.textContent = "You looked here last; what is above is new";
      items[older].before(line);
    }
    if (!last || items[0].dataset.at > last) localStorage.setItem(key, items[0].dataset.at);
  });

  const keys = () => {
    const help = document.getElementById("keys");
    const places = { h: "/", r: "/runs", p: "/pages", c: "/changes", f: "/failures", l: "/lanes", a: "/alerts" };
    let going = false;
    addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea, select")) return;
      if (going && places[event.key]) { location.assign(places[event.key]); return; }
      going = event.key === "g";
      const mode = all(".cmp .ctl .seg button")[Number(event.key) - 1];
      if (mode) mode.click();
      else if (event.key === "?" && help && !help.open) help.showModal();
      else if (event.key === "/") { event.preventDefault(); document.getElementById("find")?.focus(); }
      else if (event.key === "j") document.querySelector("[data-older]")?.click();
      else if (event.key === "k") document.querySelector("[data-newer]")?.click();
    });
  };

  shownFor(document);
  themes(); times(document); versions(); live(); pictures(); looked(); keys(); bars();
})();
