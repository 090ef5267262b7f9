"use strict";
(() => {
  const place = (id) => document.getElementById(id);
  // Names of events, and where each has its place.
  const places = { banner: "banner", problems: "problems", recent: "recent", values: "rows", resources: "resources", notes: "notes", facts: "facts" };
  // Longer than three heartbeats: then nothing comes any more, whatever the browser believes.
  const silence = 50000;
  const retry = 5000;
  let clock = 0; // How far this clock is ahead of the server's.
  let heard = Date.now();
  let source;

  // Brings `old` up to date with `fresh`, and leaves alone what is the same: focus, selection, what is unfolded.
  function merge(old, fresh) {
    const kept = new Map();
    for (const child of old.children) {
      if (child.dataset.key !== undefined) kept.set(child.dataset.key, child);
    }
    let at = old.firstChild;
    for (const next of [...fresh.childNodes]) {
      const key = next.dataset && next.dataset.key;
      const isSame = at && at.nodeName === next.nodeName && !(at.dataset && at.dataset.key !== undefined);
      const same = key === undefined ? (isSame ? at : null) : kept.get(key);
      if (!same) {
        old.insertBefore(next, at);
      } else {
        if (same === at) at = at.nextSibling;
        else old.insertBefore(same, at);
        patch(same, next);
      }
    }
    while (at) {
      const gone = at;
      at = at.nextSibling;
      gone.remove();
    }
  }

  function patch(old, next) {
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== next.data) old.data = next.data;
      return;
    }
    const isChanged = old.matches("td.value") && old.firstChild.textContent !== next.firstChild.textContent;
    for (const { name } of [...old.attributes]) {
      if (!next.hasAttribute(name) && name !== "open") old.removeAttribute(name);
    }
    for (const { name, value } of next.attributes) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    merge(old, next);
    if (isChanged) {
      old.firstChild.classList.remove("fresh");
      void old.offsetWidth; // So that the animation begins anew.
      old.firstChild.classList.add("fresh");
    }
  }

  function show(name, html) {
    const fresh = document.createElement("template");
    fresh.innerHTML = html;
    merge(place(places[name]), fresh.content);
    if (name === "banner") title();
    if (name === "values") filter();
    tick();
  }

  function title() {
    const banner = document.querySelector(".banner");
    clock = Date.now() - Date.parse(banner.dataset.now);
    document.title = `${banner.dataset.title} – ${document.querySelector("h1").textContent} ${place("prefix").textContent}`;
  }

  function ago(milliseconds) {
    const seconds = Math.max(0, Math.floor(milliseconds / 1000));
    const [minutes, hours, days] = [60, 3600, 86400].map((unit) => Math.floor(seconds / unit));
    if (seconds < 1) return "just now";
    if (minutes < 1) return `${seconds}s ago`;
    if (hours < 1) return `${minutes}m ${seconds % 60}s ago`;
    if (days < 1) return `${hours}h ${minutes % 60}m ago`;
    return `${days}d ${hours % 24}h ago`;
  }

  function tick() {
    for (const time of document.querySelectorAll("time[data-ago]")) {
      const text = ago(Date.now() - clock - Date.parse(time.dateTime));
      if (time.textContent !== text) time.textContent = text;
    }
    if (Date.now() - heard > silence) {
      lost();
      connect();
    }
  }

  function filter() {
    const wanted = place("filter").value.trim().toLowerCase();
    const rows = document.querySelectorAll("#rows tbody tr");
    let found = 0;
    for (const row of rows) {
      row.hidden = wanted !== "" && !row.textContent.toLowerCase().includes(wanted);
      if (!row.hidden) found += 1;
    }
    place("found").textContent = wanted === "" ? `${rows.length} fields` : `${found} of ${rows.length}`;
  }

  function live() {
    heard = Date.now();
    place("lost").hidden = true;
    document.body.classList.remove("stale");
    place("live").textContent = "Live. Press / to filter.";
  }

  function lost() {
    if (!place("lost").hidden) return;
    const since = new Date(heard).toLocaleTimeString();
    place("lost").textContent = `This page has no connection to the service. What it shows is as of ${since}. It tries again.`;
    place("lost").hidden = false;
    document.body.classList.add("stale");
    document.title = `Not live – ${document.querySelector("h1").textContent}`;
    place("live").textContent = "Not live.";
  }

  function connect() {
    if (source) source.close();
    heard = Date.now();
    // A link that is only a query works below any path.
    source = new EventSource("?events");
    const mine = source;
    for (const name of Object.keys(places)) {
      mine.addEventListener(name, (event) => {
        live();
        show(name, event.data);
      });
    }
    mine.addEventListener("alive", live);
    mine.addEventListener("error", () => {
      lost();
      // The browser tries again by itself, unless it was answered something else than a stream.
      if (mine.readyState === EventSource.CLOSED) {
        setTimeout(() => { if (mine === source) connect(); }, retry);
      }
    });
  }

  place("search").hidden = false;
  place("filter").addEventListener("input", filter);
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.matches("input");
    if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      place("filter").focus();
    } else if (event.key === "Escape" && isTyping) {
      place("filter").value = "";
      filter();
      place("filter").blur();
    }
  });
  title();
  filter();
  setInterval(tick, 1000);
  connect();
})();
