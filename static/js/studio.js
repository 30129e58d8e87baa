// Everything the pages do in the browser beyond htmx. No page needs it: links and forms work without.
(() => {
  "use strict";
  const root = document.documentElement;
  const words = document.getElementById("words");
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const say = (key, n) => (words ? words.dataset[key] : "%n").replace("%n", n);
  const disable = (element, off) => off ? element.setAttribute("aria-disabled", "true") : element.removeAttribute("aria-disabled");

  // ---- Theme: the same cookie the server writes without JavaScript
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("[data-theme-form]");
    if (!form || !event.submitter) return;
    event.preventDefault();
    const choice = event.submitter.value;
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `theme=${choice}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
    root.dataset.themeChoice = choice;
    if (choice !== "auto") root.dataset.bsTheme = choice;
    root.dispatchEvent(new Event("studio:theme"));
    const other = form.querySelector(choice === "dark" ? ".theme-to-light" : ".theme-to-dark");
    if (other) other.focus();
    closeMenus(null);
    fetch(form.action, { method: "POST", body: new FormData(form, event.submitter), redirect: "manual" }).catch(() => {});
  });

  // ---- A form of a page that was open while the person signed in anew; sending a form twice
  const token = () => /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie)?.[1];
  document.addEventListener("submit", (event) => {
    const form = event.target;
    const field = form.elements.csrfmiddlewaretoken;
    if (field && token()) field.value = token();
    if (event.defaultPrevented || form.method === "get" || form.dataset.hxPost || form.hasAttribute("hx-post")) return;
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "1";
    const button = event.submitter;
    if (button) button.classList.add("is-busy");
  });
  addEventListener("pageshow", () => {
    all("form[data-sent]").forEach((form) => delete form.dataset.sent);
    all(".is-busy").forEach((button) => button.classList.remove("is-busy"));
  });

  // ---- Commands that are disabled, or wait for selected rows
  const picked = new Set();
  const rowBoxes = () => all("input[name=selected][form=selection]");
  function showSelection() {
    const boxes = rowBoxes();
    const count = boxes.filter((box) => box.checked).length;
    boxes.forEach((box) => box.closest("tr").classList.toggle("is-selected", box.checked));
    all("[data-select-all]").forEach((box) => {
      box.checked = count > 0 && count === boxes.length;
      box.indeterminate = count > 0 && count < boxes.length;
    });
    all("[data-needs]").forEach((command) => disable(command, command.dataset.needs === "one" ? count !== 1 : count === 0));
  }
  document.addEventListener("change", (event) => {
    const box = event.target;
    if (box.matches("[data-select-all]")) rowBoxes().forEach((each) => (each.checked = box.checked));
    else if (!box.matches("input[name=selected]")) return;
    rowBoxes().forEach((each) => (each.checked ? picked.add(each.value) : picked.delete(each.value)));
    showSelection();
  });
  document.addEventListener("click", (event) => {
    const stopped = event.target.closest("[aria-disabled=true]");
    if (!stopped) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, true);

  // ---- Menus
  function closeMenus(except) {
    all("details[data-menu][open]").forEach((menu) => menu !== except && (menu.open = false));
  }
  document.addEventListener("click", (event) => closeMenus(event.target.closest("details[data-menu]")));
  document.addEventListener("keydown", (event) => {
    const menu = event.target.closest && event.target.closest("details[data-menu]");
    if (!menu) return;
    const items = all("a[href], button", menu.querySelector(".dropdown-menu"));
    const at = items.indexOf(document.activeElement);
    if (event.key === "Escape" && menu.open) {
      menu.open = false;
      menu.querySelector("summary").focus();
    } else if (menu.open && (event.key === "ArrowDown" || event.key === "ArrowUp") && items.length) {
      event.preventDefault();
      items[(at + (event.key === "ArrowDown" ? 1 : -1) + items.length) % items.length].focus();
    }
  });

  // ---- Dialog
  const dialog = document.getElementById("dialog");
  document.addEventListener("click", (event) => {
    if (!dialog || !dialog.open) return;
    const close = event.target.closest("[data-close-dialog]");
    if (!close && event.target !== dialog) return;
    event.preventDefault();
    dialog.close();
  });
  if (dialog) dialog.addEventListener("close", () => dialog.replaceChildren());
  document.addEventListener("input", (event) => event.target.dataset.confirmName && askName(event.target));
  function askName(input) {
    const button = input.form.querySelector("button[type=submit]");
    if (button) disable(button, input.value.trim() !== input.dataset.confirmName);
  }

  // ---- Toasts
  const toasts = document.getElementById("toasts");
  function toast(text, tone = "danger") {
    const place = dialog?.open ? dialog.querySelector(".dialog-body") : toasts; // a dialog covers the toasts
    if (!place || all(".toast-item p", place).some((shown) => shown.textContent === text)) return;
    const item = words.content.firstElementChild.cloneNode(true);
    item.className = `toast-item tone-${tone}`;
    item.querySelector("p").textContent = text;
    place.append(item);
    settleToasts();
  }
  function settleToasts() {
    const seen = new Set();
    all(".toast-item", toasts || document).forEach((item) => {
      const text = item.textContent;
      if (seen.has(text)) return item.remove();
      seen.add(text);
      if (item.dataset.timed || item.classList.contains("tone-danger")) return;
      item.dataset.timed = "1";
      setTimeout(() => item.remove(), 8000);
    });
  }
  document.addEventListener("click", ({ target }) => target.closest("[data-dismiss]") && target.closest(".toast-item").remove());

  // ---- Copy
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const source = button.parentElement.querySelector(".copybox-text");
    try {
      await navigator.clipboard.writeText(source.textContent);
    } catch {
      getSelection().selectAllChildren(source); // no clipboard outside https: leave it selected
      document.execCommand("copy");
    }
    toast(say("copied"), "success");
  });

  // ---- Forms: parts that depend on an answer, chosen files
  function showParts() {
    all("[data-shown-when]").forEach((part) => {
      const fields = all(`[name="${CSS.escape(part.dataset.shownWhen)}"]`);
      const wanted = part.dataset.values.split(" ");
      const answers = fields.map((field) => {
        if (!["checkbox", "radio"].includes(field.type)) return field.value;
        return field.checked ? (field.type === "checkbox" ? "on" : field.value) : null;
      });
      if (fields.length) part.toggleAttribute("data-off", !answers.some((answer) => wanted.includes(answer)));
    });
  }
  document.addEventListener("change", showParts);
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-auto-submit]")) event.target.form.requestSubmit();
  });
  document.addEventListener("change", (event) => {
    const zone = event.target.closest("[data-dropzone]");
    if (!zone) return;
    const files = [...event.target.files].map((file) => `${file.name} · ${size(file.size)}`);
    const shown = files.length > 5 ? [...files.slice(0, 4), say("files", `+${files.length - 4}`)] : files;
    zone.querySelector("[data-dropzone-files]").replaceChildren(...shown.map((text) => {
      const line = document.createElement("li");
      line.textContent = text;
      return line;
    }));
    zone.classList.toggle("has-files", files.length > 0);
  });
  ["dragover", "dragleave", "drop"].forEach((kind) => document.addEventListener(kind, (event) => {
    const zone = event.target.closest && event.target.closest("[data-dropzone]");
    if (zone) zone.classList.toggle("is-over", kind === "dragover");
  }));
  function size(bytes) {
    const unit = bytes < 1024 ? 0 : Math.min(4, Math.floor(Math.log(bytes) / Math.log(1024)));
    return `${+(bytes / 1024 ** unit).toPrecision(3)} ${["B", "KB", "MB", "GB", "TB"][unit]}`;
  }

  // ---- Times: in the reader's time zone, relative ones kept true
  let timeZone = root.dataset.timeZone || undefined; // the person's choice, else that of the browser
  try {
    new Date().toLocaleString("en", { timeZone });
  } catch {
    timeZone = undefined; // a zone that this browser does not know
  }
  const thisYear = { month: "short", day: "numeric", hour: "numeric", minute: "2-digit", timeZone };
  function showTimes(within = document) {
    const now = new Date();
    all("time[data-when]", within).forEach((time) => {
      const moment = new Date(time.dateTime);
      if (time.dataset.when === "relative") {
        const seconds = Math.max(0, Math.round((now - moment) / 1000));
        const [key, unit] = seconds < 60 ? ["seconds", 1] : seconds < 3600 ? ["minutes", 60] : seconds < 86400 ? ["hours", 3600] : ["days", 86400];
        time.textContent = say(key, Math.floor(seconds / unit));
      } else {
        const year = moment.getFullYear() === now.getFullYear() ? {} : { year: "numeric" };
        time.textContent = moment.toLocaleString(root.lang, { ...thisYear, ...year });
      }
      time.title = moment.toLocaleString(root.lang, { dateStyle: "long", timeStyle: "long", timeZone });
    });
  }
  setInterval(showTimes, 5000);

  // ---- Logs stay at their end while they grow, unless the reader has scrolled up
  const ends = new Map();
  const atEnd = (log) => log.scrollHeight - log.scrollTop - log.clientHeight < 24;
  const followLogs = () => all(".log[data-follow]").forEach((log) => {
    const kept = ends.get(log.id);
    log.scrollTop = kept === undefined || kept === true ? log.scrollHeight : kept;
  });

  function settle() {
    rowBoxes().forEach((box) => (box.checked = picked.has(box.value)));
    showSelection();
    showParts();
    showTimes();
    followLogs();
    settleToasts();
    all("[data-confirm-name]").forEach(askName);
  }

  // ---- A part that is drawn anew keeps the keyboard's place and its tables' scroll
  const reachable = (part) => all("a[href], button, input, select, summary, [tabindex]", part);
  const called = (element) => `${element.tagName} ${element.ariaLabel || element.value || element.textContent.trim()}`;
  function keepPlace(part) {
    const before = reachable(part);
    const at = before.indexOf(document.activeElement);
    const name = at < 0 ? "" : called(before[at]);
    const nth = before.slice(0, at).filter((each) => called(each) === name).length;
    const scrolled = all(".table-scroll", part).map((table) => [table.scrollLeft, table.scrollTop]);
    return () => {
      const now = document.getElementById(part.id) || part;
      all(".table-scroll", now).forEach((table, n) => scrolled[n] && table.scrollTo(...scrolled[n]));
      if (at < 0 || document.activeElement !== document.body) return;
      const again = reachable(now).filter((each) => called(each) === name)[nth] || reachable(now)[at];
      again?.focus({ preventScroll: true });
    };
  }

  // ---- htmx (its event names stand only here)
  let restorePlace = () => {};
  const openMenus = new Set();
  const answers = new Map(); // the last one of each part, without what differs every time
  const isPolled = (element) => (element.getAttribute("hx-trigger") || "").startsWith("every");
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { target, requestConfig, serverResponse } = event.detail;
    const answer = serverResponse.replace(/(csrfmiddlewaretoken" value="|<time[^>]*>)[^"<]*/g, "$1");
    if (isPolled(requestConfig.elt) && answers.get(target.id) === answer) event.detail.shouldSwap = false;
    if (!event.detail.shouldSwap) return;
    answers.set(target.id, answer);
    restorePlace = keepPlace(target);
    openMenus.clear();
    all("details[id][open]").forEach((each) => openMenus.add(each.id));
    all(".log[data-follow]").forEach((log) => ends.set(log.id, atEnd(log) || log.scrollTop));
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    openMenus.forEach((id) => document.getElementById(id)?.setAttribute("open", ""));
    if (dialog && event.detail.target === dialog && dialog.children.length && !dialog.open) {
      closeMenus(null);
      dialog.showModal();
      dialog.querySelector(".dialog-body :is(input:not([type=hidden]), select, textarea), .dialog-foot [data-close-dialog]")?.focus();
    }
    settle();
    restorePlace();
  });
  document.addEventListener("htmx:oobAfterSwap", settleToasts);
  document.addEventListener("htmx:beforeRequest", (event) => {
    event.detail.xhr.onabort = event.detail.xhr.onload; // a newer search, or leaving the page, is no error
    if (isPolled(event.detail.elt) && document.hidden) event.preventDefault();
  });
  document.addEventListener("htmx:configRequest", (event) => {
    const { headers, formData } = event.detail;
    if (token()) headers["X-CSRFToken"] = token();
    if (token() && formData.has("csrfmiddlewaretoken")) formData.set("csrfmiddlewaretoken", token());
    if (!event.detail.elt.matches("[data-list-form]")) return;
    [...event.detail.formData.entries()].forEach(([name, value]) => value === "" && event.detail.formData.delete(name));
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.elt.matches("[data-list-form]")) {
      all(".chip-select", event.detail.elt).forEach((chip) => chip.classList.toggle("is-set", chip.querySelector("select").value !== ""));
    }
  });
  document.addEventListener("htmx:xhr:progress", (event) => {
    const part = event.target.matches("form") && event.target.querySelector("[data-upload-progress]");
    if (!part || !event.detail.lengthComputable || event.detail.total < 1 << 20) return;
    part.hidden = false;
    part.querySelector("progress").value = event.detail.loaded / event.detail.total;
    part.querySelector("span").textContent = `${size(event.detail.loaded)} / ${size(event.detail.total)}`;
  });
  document.addEventListener("htmx:responseError", (event) => {
    const code = event.detail.xhr.status;
    toast(say(code === 403 ? "forbidden" : code === 404 ? "gone" : "failed"));
  });
  document.addEventListener("htmx:sendError", () => toast(say("offline")));

  settle();
})();
