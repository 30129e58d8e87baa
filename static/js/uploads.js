// Files of upload fields: sent ahead in pieces while the form is filled in, which then only names them; whole folders;
// and paths that are chosen in a dialog. Without it single files go with the form, and links lead to paths.
(() => {
  "use strict";
  const MOST = 5000; // files that the server takes at once
  const PIECE = 8 << 20; // bytes of one request
  const AT_ONCE = 3; // files on their way
  const TRIES = 7; // of one piece; the pauses between them grow from 1 s to 30 s
  const SAMPLE = 16 << 10; // bytes of the start, the middle and the end, by which the server knows a file again
  const chosen = new WeakMap(); // field -> its files with their paths
  const runs = new WeakMap(); // field -> what sends them now

  const part = (input, name) => input.closest(".field").querySelector(`[${name}]`);
  const words = (input) => part(input, "data-ahead").dataset;
  const pause = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));
  const token = () => /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie)?.[1] || "";

  class Refused extends Error {} // in words for people; trying again does not help

  async function ask(input, address, body) {
    const answer = await fetch(address, { method: "POST", body, headers: { "X-CSRFToken": token() }, redirect: "manual" });
    const said = await answer.json().catch(() => ({}));
    if (said.problem) throw new Refused(said.problem);
    if (answer.type === "opaqueredirect" || answer.status === 403) throw new Refused(words(input).forbidden);
    if (answer.status === 413) throw new Refused(words(input).tooLarge);
    if (!answer.ok) throw new Error(said.again || words(input).offline);
    return said;
  }

  function begin(input, { file, path }) {
    const middle = Math.floor(file.size / 2);
    const about = new FormData();
    about.set("name", path);
    about.set("size", file.size);
    about.set("modified", file.lastModified);
    about.set("sample", new Blob([file.slice(0, SAMPLE), file.slice(middle, middle + SAMPLE), file.slice(-SAMPLE)]));
    return ask(input, words(input).begin, about);
  }

  // After a failure it asks how much has arrived, and goes on from there.
  async function sendFile(run, one) {
    for (let failures = 0; ; failures += 1) {
      try {
        let found = await begin(run.input, one);
        run.tell(one, found.arrived);
        while (found.arrived < one.file.size && run.isWanted()) {
          const next = one.file.slice(found.arrived, found.arrived + PIECE);
          found = await ask(run.input, `${found.address}?from=${found.arrived}`, next);
          failures = 0;
          run.tell(one, found.arrived);
        }
        return { path: one.path, key: found.key };
      } catch (error) {
        if (error instanceof Refused || failures >= TRIES || !run.isWanted()) throw error;
        await pause(Math.min(2 ** failures, 30));
      }
    }
  }

  function started(input, files) {
    const arrived = new Map();
    const total = files.reduce((sum, { file }) => sum + file.size, 0);
    const run = { input, isWanted: () => runs.get(input) === run && input.isConnected };
    run.tell = (one, bytes) => {
      arrived.set(one, bytes);
      if (run.isWanted()) show(input, [...arrived.values()].reduce((sum, each) => sum + each, 0), total);
    };
    runs.set(input, run);
    return run;
  }

  async function send(input, files) {
    const run = started(input, files);
    const left = [...files.entries()];
    const sent = [];
    const worker = async () => {
      for (let next = left.shift(); next && run.isWanted(); next = left.shift()) sent[next[0]] = await sendFile(run, next[1]);
    };
    input.removeAttribute("name"); // the form names its files, and does not send them again
    input.form.elements.sent.value = "";
    part(input, "data-go-on").hidden = true;
    show(input, 0, 1);
    block(input);
    try {
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
      if (!run.isWanted()) return;
      input.form.elements.sent.value = JSON.stringify(sent);
      show(input, 1, 1, words(input).sent);
    } catch (error) {
      if (!run.isWanted()) return;
      show(input, 0, 1, error instanceof TypeError ? words(input).offline : error.message); // fetch's own
      part(input, "data-go-on").hidden = false;
    }
    runs.delete(input);
    block(input);
  }

  function show(input, arrived, total, text) {
    const shown = part(input, "data-ahead-progress");
    shown.hidden = false;
    shown.querySelector("progress").value = total ? arrived / total : 1;
    shown.querySelector("span").textContent = text || `${megabytes(arrived)} / ${megabytes(total)} MB`;
  }
  const megabytes = (bytes) => (bytes / (1 << 20)).toFixed(bytes < 10 << 20 ? 1 : 0);

  // The form waits for its files, unless it is about something else now.
  function block(input) {
    const button = input.form.querySelector(".form-actions .btn-primary, .dialog-foot [type=submit]");
    const waits = runs.has(input) && !input.closest("[data-off]");
    if (waits) button.setAttribute("aria-disabled", "true");
    else button.removeAttribute("aria-disabled");
  }
  document.addEventListener("change", () => {
    document.querySelectorAll("input[data-pieces]").forEach(block);
  });

  // ---- Files are chosen, dropped, or come as a folder
  document.addEventListener("change", (event) => {
    const input = event.target;
    if (!input.matches("input[data-pieces]")) return;
    const files = event.detail || [...input.files].map((file) => ({ file, path: file.name })); // or with their folders
    runs.delete(input);
    chosen.set(input, files);
    if (files.length && files.length <= MOST) return send(input, files);
    input.form.elements.sent.value = "";
    part(input, "data-go-on").hidden = part(input, "data-ahead-progress").hidden = true;
    block(input);
    if (files.length) refuse(input, words(input).tooMany.replace("%n", files.length));
  });

  // Choosing the same files once more is a change, too.
  document.addEventListener("click", (event) => {
    if (event.target.matches("input[data-pieces]")) event.target.value = "";
  });

  // Where the server says that not all of it is there, going on finds out what is missing.
  document.addEventListener("htmx:afterSettle", () => {
    document.querySelectorAll(".has-error input[data-pieces]").forEach((input) => {
      if (chosen.get(input)?.length && !runs.has(input)) part(input, "data-go-on").hidden = false;
    });
  });

  function put(input, found) {
    const transfer = new DataTransfer();
    if (found.length <= MOST) found.forEach(({ file }) => transfer.items.add(file));
    input.files = transfer.files;
    input.dispatchEvent(new CustomEvent("change", { bubbles: true, detail: found }));
  }

  function refuse(input, text) {
    input.value = "";
    const line = document.createElement("li");
    line.textContent = text;
    part(input, "data-dropzone-files").replaceChildren(line);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-go-on]");
    const input = button?.closest(".field").querySelector("input[data-pieces]");
    if (input) send(input, chosen.get(input));
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-choose-folder]");
    if (!button) return;
    const input = button.closest(".field").querySelector("input[data-pieces]");
    const chooser = document.createElement("input");
    chooser.type = "file";
    chooser.webkitdirectory = true;
    chooser.addEventListener("change", () => {
      put(input, [...chooser.files].map((file) => ({ file, path: file.webkitRelativePath || file.name })));
    });
    chooser.click();
  });

  // Into `found`, until there are too many.
  async function read(entry, path, found) {
    if (entry.isFile) {
      const file = await new Promise((done, fail) => entry.file(done, fail));
      found.push({ file, path: path + entry.name });
      return;
    }
    const reader = entry.createReader();
    while (found.length <= MOST) {
      const some = await new Promise((done, fail) => reader.readEntries(done, fail));
      if (!some.length) return;
      for (const each of some) await read(each, `${path}${entry.name}/`, found);
    }
  }
  document.addEventListener("drop", async (event) => {
    const input = event.target.closest?.("[data-dropzone]")?.querySelector("input[data-pieces]");
    if (!input || !event.dataTransfer) return;
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    if (!entries.some((entry) => entry.isDirectory)) return;
    event.preventDefault();
    const found = [];
    try {
      for (const entry of entries) await read(entry, "", found);
    } catch {
      refuse(input, words(input).unreadable);
      return;
    }
    found.sort((a, b) => (a.path < b.path ? -1 : 1));
    put(input, found);
  });

  // ---- A path that is chosen in the dialog goes into the form below it
  document.addEventListener("click", (event) => {
    const choice = event.target.closest("#dialog [data-use-path]");
    const path = document.querySelector("#main [name=path]");
    if (!choice || !path) return;
    event.preventDefault();
    path.value = choice.dataset.usePath;
    const store = document.querySelector("#main [name=datastore]");
    if (store) store.value = choice.dataset.useStore;
    path.dispatchEvent(new Event("input", { bubbles: true }));
    document.getElementById("dialog").close();
    path.focus();
  });
})();
