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
  const axes = () => all("text[data-moment]").forEach((text) => {
    text.textContent = absolute.format(new Date(text.dataset.moment));
  });
  const versions = () => all("option[data-at]").forEach((option) => {
    const mark = option.textContent.endsWith("◆") ? " ◆" : "";
    option.textContent = absolute.format(new Date(option.dataset.at)) + mark;
  });

  // A part of a screen that moves: asked for anew while somebody looks, and put in place without a reload. Who does not
  // answer is asked again, and the screen says that it stands still.
  const live = () => {
    const part = document.querySelector("[data-live]");
    if (!part) return;
    const every = Number(part.dataset.every) * 1000, slowest = 15000;
    let etag = "", waits = every, timer = 0;
    const again = () => { clearTimeout(timer); timer = setTimeout(look, waits); };
    const say = (words) => {
      let line = document.getElementById("stale");
      if (!words) { line?.remove(); return; }
      if (!line) {
        line = document.createElement("p");
        line.id = "stale";
        line.className = "notice";
        line.setAttribute("role", "status");
        document.getElementById("main").prepend(line);
      }
      if (line.textContent !== words) line.textContent = words;
    };
    const lost = (words) => {
      say(`${words}. What stands here is as of the moment below; it is asked again by itself.`);
      waits = Math.min(waits * 2, Math.max(slowest, every));
      again();
    };
    const asOf = (moment) => {
      const time = document.querySelector("footer.f time");
      if (!time || !moment) return;
      time.dateTime = new Date(moment).toISOString();
      time.title = moment;
      times(time.parentElement);
    };
    const look = () => {
      if (document.hidden) return;
      const request = new XMLHttpRequest();
      request.open("GET", part.dataset.live);
      request.responseType = "document";
      if (etag) request.setRequestHeader("If-None-Match", etag);
      request.timeout = 20000;
      request.onload = () => {
        const found = request.status === 200 && request.response ? request.response.querySelector(".live") : null;
        if (request.status === 401) { say("This browser is no longer let in. Load the page again to enter."); return; }
        if (request.status === 404) { say("This is no longer kept: it was deleted."); return; }
        if (!found && request.status !== 304) { lost("The view, or its ledger, does not answer now"); return; }
        say("");
        waits = every;
        asOf(request.getResponseHeader("Date"));
        etag = request.getResponseHeader("ETag") || "";
        const present = document.querySelector(".live");
        const used = present?.contains(document.activeElement) || document.querySelector("dialog[open]");
        if (found && present && !used) {
          present.replaceChildren(...document.importNode(found, true).childNodes);
          times(present);
          shownFor(present);
          document.title = request.response.title;
        }
        if (found && !found.hasAttribute("data-live")) {  // it has ended
          present?.removeAttribute("data-live");
          return;
        }
        again();
      };
      request.onerror = request.ontimeout = () => lost("The view does not answer now");
      request.send();
    };
    document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
    again();
  };

  // A picture that can't be had says so; opened by itself it says why.
  const missing = () => {
    const told = (image) => {
      const figure = image.closest("figure");
      if (image.hidden || !figure) return;
      const line = document.createElement("span");
      line.className = "missing";
      line.textContent = "This picture can't be shown now: open it to read why, or load the page again.";
      image.hidden = true;
      image.after(line);
    };
    all("main figure img").forEach((image) => {
      if (image.complete && !image.naturalWidth) told(image);
      else image.addEventListener("error", () => told(image));
    });
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
  themes(); times(document); axes(); versions(); live(); pictures(); missing(); looked(); keys(); bars();
})();
