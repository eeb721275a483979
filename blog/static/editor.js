// The editor: what the form for a post does beyond being a form. Without this file it is saved and previewed all the same.
"use strict";
(() => {
  const AUTOSAVE_MS = 2500, RETRY_MS = 10000, PREVIEW_MS = 300, PATIENCE_MS = 15000;
  const KEPT_FOR_MS = 30 * 24 * 3600 * 1000;
  const MOST_BYTES = 1000000; // far above what can be saved, and below what the server reads at all
  const OURS = new Set(["csrf_token", "form_id", "version", "continues", "post", "parked", "action", "end"]);

  // -- what this browser keeps itself: under the person (a keyed hash), the post, and the open form ---------------------

  const box = {
    keys: (start) => {
      try { return Object.keys(localStorage).filter((key) => key.startsWith(start)); } catch { return []; }
    },
    read: (key) => {
      try { return JSON.parse(localStorage.getItem(key)); } catch { return null; }
    },
    keep: (key, fields) => {
      try { localStorage.setItem(key, JSON.stringify({ at: Date.now(), fields })); return true; } catch { return false; }
    },
    drop: (key) => {
      try { localStorage.removeItem(key); } catch { /* then nothing was kept there either */ }
    },
  };

  const desk = document.querySelector("[data-person]");
  if (!desk) return;
  for (const saved of desk.dataset.saved.split(" ").filter(Boolean)) {
    box.keys(`byline/${desk.dataset.person}/`).filter((key) => key.endsWith(`/${saved}`)).forEach(box.drop);
  }
  const form = document.getElementById("editor");
  if (!form) return;

  // -- building ----------------------------------------------------------------------------------------------------------

  const make = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
    made.append(...children);
    return made;
  };
  const icon = (path) => {
    const [svg, line] = ["svg", "path"].map((name) => document.createElementNS("http://www.w3.org/2000/svg", name));
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    line.setAttribute("d", path);
    svg.append(line);
    return svg;
  };
  const data = form.dataset, spoken = JSON.parse(data.words || "{}");
  const tell = (text, values = {}) => (spoken[text] || text).replace(/%\((\w+)\)s/g, (_, name) => values[name]);
  const tongue = document.documentElement.lang || "en", tongues = tongue === "en" ? [] : tongue; // English: the browser's own
  const clock = (at) => new Date(at).toLocaleString(tongues, { dateStyle: "medium", timeStyle: "short" });
  const hour = (at) => new Date(at).toLocaleTimeString(tongues, { timeStyle: "short" });

  const body = form.elements.body, title = form.elements.title;
  const onMac = /Mac|iP/.test(navigator.platform);
  const said = make("span", { "aria-live": "polite" }), more = make("span"), counted = make("span", { class: "tally" });
  body.after(make("p", { class: "help standing" }, make("span", {}, said, " ", more), counted));

  let lastSaid = "";
  const say = (text, ...rest) => { // what is read out changes only when something has changed
    if (text === lastSaid && typeof rest[0] === "object") return; // somebody may be on that link
    if (text !== lastSaid) said.textContent = lastSaid = text;
    more.replaceChildren(...rest);
  };

  // -- what is in the form -----------------------------------------------------------------------------------------------

  const fields = () => [...new FormData(form)].filter(([name]) => !OURS.has(name));
  const written = (found) => JSON.stringify(found);
  const now = () => written(fields());
  const asSent = () => { // as the page came: a browser that goes back may have put in what was typed before
    const found = [];
    for (const control of form.elements) {
      if (!control.name || OURS.has(control.name) || control.type === "submit" || control.type === "button") continue;
      if (control.type === "radio" || control.type === "checkbox") {
        if (control.defaultChecked) found.push([control.name, control.value]);
      } else if (control.type.startsWith("select")) {
        const chosen = [...control.options].filter((option) => option.defaultSelected);
        const shown = chosen.length || control.multiple ? chosen : [...control.options].slice(0, 1);
        found.push(...shown.map((option) => [control.name, option.value]));
      } else found.push([control.name, control.defaultValue]);
    }
    return found;
  };
  const fill = (kept) => {
    for (const control of form.elements) {
      if (!control.name || OURS.has(control.name) || control.type === "hidden") continue; // hidden: what the page shows
      const values = kept.filter(([name]) => name === control.name).map(([, value]) => value);
      if (control.type === "radio" || control.type === "checkbox") control.checked = values.includes(control.value);
      else if (control === body) replace(0, body.value.length, values[0] || "");
      else if (values.length && control.type !== "submit") control.value = values[0];
    }
    changed();
  };

  // -- nothing lost ------------------------------------------------------------------------------------------------------

  const prefix = `byline/${data.person}/${data.place}/`, key = prefix + form.elements.form_id.value;
  let onServer = data.state === "typed" ? null : written(asSent()), inBrowser = null;
  let timer = 0, flying = null, keptBefore = false, leaving = false, sending = false, uploads = 0;

  const keepHere = () => {
    const found = fields();
    if (box.keep(key, found)) inBrowser = written(found);
    return inBrowser === written(found);
  };
  const settled = (text) => text === onServer || text === inBrowser;
  const later = (after) => { timer = timer || setTimeout(autosave, after); };

  const autosave = () => {
    clearTimeout(timer);
    timer = 0;
    const text = now();
    if (flying || leaving || text === onServer) return flying; // a page that is hidden because it was sent has nothing to keep
    const sent = new URLSearchParams(new FormData(form));
    if (keptBefore) sent.set("again", "1");
    flying = fetch(data.autosave, {
      method: "POST", body: sent, headers: { Accept: "application/json" }, redirect: "error",
      signal: AbortSignal.timeout(PATIENCE_MS),
    }).then((answer) => answer.json().catch(() => ({})).then((told) => answered(answer.status, told, text)))
      .catch(() => away(tell("The server does not answer.")))
      .finally(() => { flying = null; if (!settled(now())) later(AUTOSAVE_MS); });
    return flying;
  };
  const answered = (status, told, text) => {
    if (told.kept_at) {
      [onServer, keptBefore] = [text, true];
      inBrowser = null;
      box.drop(key);
      say(status === 200 ? tell("Not saved yet, but kept.") : told.detail, `(${hour(told.kept_at)})`);
    } else if (status === 401) {
      const link = make("a", { href: data.login, target: "_blank", rel: "noopener" }, tell("Log in again in a new tab"));
      away(tell("You are logged out."), link, ".");
    } else if (status >= 500) away(tell("The server cannot keep it now."));
    else if (keepHere()) say(`${told.detail || tell("The server did not take it.")} ${tell("It is kept in this browser.")}`);
    else say(`${told.detail || tell("The server did not take it.")} ${tell("Nothing keeps it: copy it before you leave.")}`);
  };
  const away = (why, ...rest) => {
    say(`${why} ${tell(keepHere() ? "What you type is kept in this browser." : "Nothing keeps what you type.")}`, ...rest);
    setTimeout(() => { if (now() !== onServer) autosave(); }, RETRY_MS);
  };
  const changed = () => {
    leaving = false;
    count();
    if (pane && !pane.hidden) refreshLater();
    if (!settled(now())) later(AUTOSAVE_MS);
  };

  form.addEventListener("input", changed);
  form.addEventListener("change", changed);
  document.addEventListener("visibilitychange", () => { if (now() !== onServer) autosave(); });
  addEventListener("online", () => { if (now() !== onServer) autosave(); });
  addEventListener("beforeunload", (event) => {
    if (leaving || (settled(now()) && !uploads)) return;
    keepHere(); // in case they leave nevertheless
    event.preventDefault();
  });
  form.addEventListener("submit", (event) => {
    const bytes = new Blob([body.value]).size, by = event.submitter;
    if (bytes > MOST_BYTES) {
      event.preventDefault();
      say(tell("The body has %(bytes)s bytes, which is far more than fits. Nothing was sent.", { bytes: bytes.toLocaleString(tongue) }));
      body.focus();
    } else if (flying) { // an autosave that arrives after the save would be an old text
      event.preventDefault();
      if (!sending) flying.finally(() => { sending = false; form.requestSubmit(by); });
      sending = true;
    } else {
      clearTimeout(timer);
      timer = 0;
      if (now() !== onServer) keepHere();
      leaving = true;
    }
  });

  const offer = () => {
    const found = box.keys(prefix).map((each) => [each, box.read(each)]).sort((a, b) => (b[1]?.at || 0) - (a[1]?.at || 0));
    for (const [each, kept] of found) {
      if (each === key && data.state === "typed") { box.drop(each); continue; } // it was sent, and came back in this page
      if (!kept || Date.now() - kept.at > KEPT_FOR_MS || written(kept.fields) === now()) { box.drop(each); continue; }
      const notice = make("p", { class: "notice" }, `${tell("This browser kept what you typed until %(time)s. It is not saved.", { time: clock(kept.at) })} `);
      const act = (name, done) => {
        const button = make("button", { type: "button" }, name);
        button.addEventListener("click", () => { notice.remove(); done(); });
        return button;
      };
      notice.append(act(tell("Show it"), () => { fill(kept.fields); box.drop(each); keepHere(); title.focus(); }), " ",
        act(tell("Discard it"), () => box.drop(each)));
      form.before(notice);
    }
  };

  // -- writing into the text, so that the browser can undo it ------------------------------------------------------------

  const replace = (start, end, text, from = text.length, to = from) => {
    const before = document.activeElement;
    body.focus();
    body.setSelectionRange(start, end);
    const done = text ? document.execCommand("insertText", false, text) : start === end || document.execCommand("delete");
    if (!done) {
      body.setRangeText(text, start, end, "end");
      body.dispatchEvent(new Event("input", { bubbles: true }));
    }
    body.setSelectionRange(start + from, start + to);
    if (before && before !== body && before.tagName === "INPUT") before.focus();
  };
  const selection = () => [body.selectionStart, body.selectionEnd, body.value.slice(body.selectionStart, body.selectionEnd)];
  const around = (mark, example) => {
    const [start, end, text] = selection(), width = mark.length;
    const outside = body.value.slice(start - width, start) === mark && body.value.slice(end, end + width) === mark
      && (width > 1 || body.value[start - 2] !== mark || body.value[end + 1] !== mark || body.value[start - 3] === mark);
    if (outside) replace(start - width, end + width, text, 0, text.length);
    else replace(start, end, mark + (text || example) + mark, width, width + (text || example).length);
  };
  const lines = (mark, pattern) => {
    const [start, end] = selection(), value = body.value;
    const first = value.lastIndexOf("\n", start - 1) + 1, last = value.indexOf("\n", end);
    const until = last < 0 ? value.length : last, chosen = value.slice(first, until).split("\n");
    const all = chosen.every((line) => pattern.test(line));
    const text = chosen.map((line, at) => all ? line.replace(pattern, "") : mark(at) + line.replace(MARKED, "")).join("\n");
    replace(first, until, text, chosen.length > 1 ? 0 : text.length, text.length);
  };
  const MARKED = /^(#{1,6} |> |(?:[-*+]|\d+[.)]) (?:\[[ xX]\] )?)/;
  const commands = {
    bold: () => around("**", tell("strong")),
    italic: () => around("*", tell("emphasis")),
    heading: () => lines(() => "## ", /^#{1,6} /),
    link: () => {
      const [start, end, text] = selection(), address = /^https?:\/\/\S+$/.test(text);
      const words = address ? tell("text") : text || tell("text"), made = `[${words}](${address ? text : "https://"})`;
      replace(start, end, made, address ? 1 : words.length + 3, address ? 1 + words.length : made.length - 1);
    },
    quote: () => lines(() => "> ", /^> /),
    list: () => lines(() => "- ", /^[-*+] (?!\[[ xX]\] )/),
    numbers: () => lines((at) => `${at + 1}. `, /^\d+[.)] /),
    tasks: () => lines(() => "- [ ] ", /^[-*+] \[[ xX]\] /),
    code: () => {
      const [start, end, text] = selection();
      if (text.includes("\n")) replace(start, end, "```\n" + text + "\n```", 3, 3);
      else around("`", tell("code"));
    },
    image: () => chooser.click(),
    footnote: () => {
      const [, end] = selection(), used = [...body.value.matchAll(/\[\^(\d+)\]/g)].map((found) => Number(found[1]));
      const number = Math.max(0, ...used) + 1;
      replace(end, end, `[^${number}]`);
      const note = `${body.value.endsWith("\n") ? "" : "\n"}\n[^${number}]: `;
      replace(body.value.length, body.value.length, note);
    },
  };
  const goOn = (event) => { // a list goes on with its next item, and ends at an empty one
    const [start, end] = selection(), first = body.value.lastIndexOf("\n", start - 1) + 1;
    const item = /^(\s*(?:> ?)*)(?:([-*+])|(\d{1,9})([.)]))( +)(\[[ xX]\] )?(.*)$/.exec(body.value.slice(first, start));
    if (start !== end || !item) return;
    event.preventDefault();
    const [, indent, bullet, number, dot, gap, task, rest] = item;
    if (!rest) replace(first, start, indent.trim() ? indent : "");
    else replace(start, end, `\n${indent}${bullet || Number(number) + 1 + dot}${gap}${task ? "[ ] " : ""}`);
  };

  // -- images ------------------------------------------------------------------------------------------------------------

  const chooser = make("input", { type: "file", accept: "image/png,image/jpeg,image/gif,image/webp", multiple: "" });
  chooser.addEventListener("change", () => { uploadAll(chooser.files); chooser.value = ""; });
  let uploaded = 0;
  const upload = async (file) => {
    const name = file.name.replace(/[[\]()<>`\\\n\r]/g, " ").slice(0, 60);
    const mark = `![${tell("Uploading %(name)s …", { name })} ${++uploaded}]()`, [start, end] = selection();
    replace(start, end, mark);
    uploads++;
    let made = "", refused = tell("%(name)s could not be uploaded.", { name });
    try {
      const sent = new FormData();
      sent.append("csrf_token", form.elements.csrf_token.value);
      sent.append("file", file);
      sent.append("end", "1");
      const answer = await fetch(data.media, { method: "POST", body: sent, headers: { Accept: "application/json" } });
      const told = await answer.json().catch(() => ({}));
      if (answer.status === 201) made = told.markdown;
      else if (told.detail) refused = `${name}: ${told.detail}`;
    } catch { /* the server is away: said below */ }
    uploads--;
    const at = body.value.indexOf(mark), [from, to] = selection();
    if (at >= 0) {
      const shift = (place) => place <= at ? place : Math.max(at, place - mark.length) + made.length;
      const places = [shift(from), shift(to)];
      replace(at, at + mark.length, made);
      body.setSelectionRange(...places);
    }
    if (!made) say(refused);
  };
  const uploadAll = (files) => {
    const images = [...files].filter((file) => file.type.startsWith("image/"));
    images.forEach(upload);
    return images.length > 0;
  };
  body.addEventListener("paste", (event) => { if (uploadAll(event.clipboardData.files)) event.preventDefault(); });
  body.addEventListener("dragover", (event) => { if (event.dataTransfer.types.includes("Files")) event.preventDefault(); });
  body.addEventListener("drop", (event) => { if (uploadAll(event.dataTransfer.files)) event.preventDefault(); });

  // -- the preview, made by the server -----------------------------------------------------------------------------------

  let pane = document.getElementById("preview"), asked = null, refreshing = 0;
  const refreshLater = () => { clearTimeout(refreshing); refreshing = setTimeout(refresh, PREVIEW_MS); };
  const refresh = () => {
    asked?.abort(); // the latest wins
    asked = new XMLHttpRequest();
    asked.open("POST", data.preview);
    asked.responseType = "document";
    asked.onload = function onload() {
      const shown = [200, 400].includes(this.status) && this.response
        ? [...this.response.body.childNodes].map((node) => document.importNode(node, true))
        : [make("p", { class: "help" }, tell("The preview cannot be made now."))];
      const at = pane.scrollTop;
      pane.querySelector(".shown").replaceChildren(...shown);
      pane.scrollTop = at;
    };
    asked.onerror = () => pane.querySelector(".shown").replaceChildren(make("p", { class: "help" }, tell("The server does not answer.")));
    asked.send(new URLSearchParams(new FormData(form)));
  };
  const showPreview = (on = pane.hidden) => {
    pane.hidden = !on;
    form.classList.toggle("beside", on);
    toggles.preview.setAttribute("aria-pressed", on);
    if (on) refresh();
  };

  // -- nothing but the text ----------------------------------------------------------------------------------------------

  const calm = (on = !document.documentElement.classList.contains("calm")) => {
    document.documentElement.classList.toggle("calm", on);
    toggles.calm.setAttribute("aria-pressed", on);
    body.focus();
  };

  // -- the toolbar -------------------------------------------------------------------------------------------------------

  const mod = onMac ? "⌘" : "Ctrl+";
  const TOOLS = [
    ["bold", "Bold", "M7 5h6a3.5 3.5 0 0 1 0 7H7zM7 12h7a3.5 3.5 0 0 1 0 7H7z", "B"],
    ["italic", "Italic", "M10 5h7M7 19h7M14 5l-4 14", "I"],
    ["heading", "Heading", "M6 5v14M18 5v14M6 12h12"],
    ["link", "Link", "M10 14a4 4 0 0 0 6 .5l3-3a4 4 0 0 0-6-6L11.5 7M14 10a4 4 0 0 0-6-.5l-3 3a4 4 0 0 0 6 6l1.5-1.5", "K"],
    ["quote", "Quote", "M5 5v14M10 8h10M10 12h10M10 16h6"],
    ["list", "List", "M9 6h11M9 12h11M9 18h11M4.5 6h.01M4.5 12h.01M4.5 18h.01"],
    ["numbers", "Numbered list", "M10 6h10M10 12h10M10 18h10M4 4.5 5.5 4v4.5M3.8 14.5c.4-1.2 2.6-1.2 2.6.2 0 1.2-2.6 2.2-2.6 3.3h2.8"],
    ["tasks", "Task list", "M4 5h5v5H4zM13 7.5h7M4 16l2 2 4-4M13 16.5h7"],
    ["code", "Code", "M8 7l-5 5 5 5M16 7l5 5-5 5"],
    ["image", "Image", "M4 5h16v14H4zM4 16l5-5 4 4 2-2 5 5M15.5 9h.01"],
    ["footnote", "Footnote", "M4 19 8.5 7 13 19M5.5 15h6M17 6l2-1v7"],
  ];
  const bar = make("div", { class: "tools", role: "toolbar", "aria-label": tell("Formatting"), "aria-controls": "body" });
  for (const [command, name, path, letter] of TOOLS) {
    const shortcut = letter ? { "aria-keyshortcuts": `${onMac ? "Meta" : "Control"}+${letter}` } : {};
    const button = make("button", { type: "button", "aria-label": tell(name), title: letter ? `${tell(name)} (${mod}${letter})` : tell(name), ...shortcut }, icon(path));
    button.addEventListener("click", () => commands[command]());
    bar.append(button);
  }
  const toggles = {
    preview: make("button", { type: "button", class: "words", "aria-pressed": "false", title: `${tell("Preview beside the text")} (${mod}Shift+P)` }, tell("Preview")),
    calm: make("button", { type: "button", class: "words", "aria-pressed": "false", title: tell("Nothing but the text; Esc leads back") }, tell("Focus")),
  };
  toggles.preview.addEventListener("click", () => showPreview());
  toggles.calm.addEventListener("click", () => calm());
  bar.append(toggles.preview, toggles.calm);
  const tools = [...bar.children];
  const reach = (tool) => tools.forEach((each) => { each.tabIndex = each === tool ? 0 : -1; });
  reach(tools[0]);
  bar.addEventListener("focusin", (event) => reach(event.target.closest("button")));
  bar.addEventListener("keydown", (event) => {
    const at = tools.indexOf(document.activeElement), last = tools.length - 1;
    const to = { ArrowRight: at < last ? at + 1 : 0, ArrowLeft: at > 0 ? at - 1 : last, Home: 0, End: last }[event.key];
    if (to !== undefined) { event.preventDefault(); tools[to].focus(); }
  });
  body.before(bar);

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && document.documentElement.classList.contains("calm")) return calm(false);
    if (event.target === body && event.key === "Enter" && !event.isComposing && !event.shiftKey) return goOn(event);
    if (!(onMac ? event.metaKey : event.ctrlKey) || event.altKey) return undefined;
    const pressed = event.key.toLowerCase(), command = { b: "bold", i: "italic", k: "link" }[pressed];
    const act = event.shiftKey ? pressed === "p" && showPreview
      : pressed === "s" ? () => form.requestSubmit(form.querySelector("[value=save], [value=draft]"))
        : event.target === body && command && commands[command];
    if (act) { event.preventDefault(); act(); }
    return undefined;
  });

  // -- words -------------------------------------------------------------------------------------------------------------

  const cutter = "Segmenter" in Intl ? new Intl.Segmenter(undefined, { granularity: "word" }) : null;
  let counting = 0;
  const count = () => { clearTimeout(counting); counting = setTimeout(countNow, 200); };
  const countNow = () => {
    const text = body.value;
    let words = 0;
    if (cutter && text.length < 200000) { for (const piece of cutter.segment(text)) words += piece.isWordLike; }
    else words = text.split(/\s+/).filter(Boolean).length;
    const minutes = Math.max(1, Math.round(words / 230));
    counted.textContent = words ? tell(words === 1 ? "%(words)s word, %(minutes)s min to read" : "%(words)s words, %(minutes)s min to read", { words: words.toLocaleString(tongue), minutes }) : "";
  };

  form.querySelector("[value=preview]").remove(); // the one beside the text does more
  if (data.kept) say("Not saved yet, but kept.", `(${hour(data.kept)})`);
  if (!pane.hidden) showPreview(true);
  offer();
  countNow();
  if (!settled(now())) later(AUTOSAVE_MS);
})();
