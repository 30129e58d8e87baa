// Folders in upload fields, and paths that are chosen in a dialog. Without it single files and links do.
(() => {
  "use strict";
  const MOST = 500; // files that the server takes at once

  function pathsOf(input) {
    return input.form && input.form.elements.paths;
  }

  // The control keeps the files; a browser sends their bare names, so their paths go beside them.
  function put(input, found) {
    const transfer = new DataTransfer();
    if (found.length <= MOST) found.forEach(({ file }) => transfer.items.add(file));
    input.files = transfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
    if (pathsOf(input)) pathsOf(input).value = JSON.stringify(found.map(({ path }) => path));
    if (found.length > MOST) refuse(input, found.length);
  }

  function refuse(input, count) {
    const zone = input.closest("[data-dropzone]");
    const line = document.createElement("li");
    line.textContent = zone.closest(".field").querySelector("[data-too-many]").dataset.tooMany.replace("%n", count);
    zone.querySelector("[data-dropzone-files]").replaceChildren(line);
  }

  document.addEventListener("change", (event) => {
    const input = event.target;
    if (!input.matches("input[type=file][data-folders]")) return;
    const files = [...input.files];
    if (files.length > MOST) put(input, files.map((file) => ({ file, path: file.name })));
    else if (pathsOf(input)) pathsOf(input).value = JSON.stringify(files.map((file) => file.name));
  });

  // ---- Choose a folder
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-choose-folder]");
    if (!button) return;
    const input = button.closest(".field").querySelector("input[data-folders]");
    const chooser = document.createElement("input");
    chooser.type = "file";
    chooser.webkitdirectory = true;
    chooser.addEventListener("change", () => {
      put(input, [...chooser.files].map((file) => ({ file, path: file.webkitRelativePath || file.name })));
    });
    chooser.click();
  });

  // ---- Drop folders
  async function read(entry, path) {
    if (entry.isFile) {
      const file = await new Promise((done, fail) => entry.file(done, fail));
      return [{ file, path: path + entry.name }];
    }
    const reader = entry.createReader();
    const found = [];
    for (;;) {
      const some = await new Promise((done, fail) => reader.readEntries(done, fail));
      if (!some.length) return found;
      for (const each of some) found.push(...(await read(each, `${path}${entry.name}/`)));
    }
  }
  document.addEventListener("drop", async (event) => {
    const input = event.target.closest?.("[data-dropzone]")?.querySelector("input[data-folders]");
    if (!input || !event.dataTransfer) return;
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    if (!entries.some((entry) => entry.isDirectory)) return;
    event.preventDefault();
    const found = [];
    for (const entry of entries) found.push(...(await read(entry, "")));
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
