// The job wizard's settings: which of them differ from the deployment's. The server says the same for what it draws.
(() => {
  "use strict";
  document.addEventListener("input", ({ target }) => {
    const line = target.closest("[data-own]");
    if (line) line.classList.toggle("is-changed", target.value.trim() !== line.dataset.own);
  });
})();
