// Jobs of one's own that have ended: their number at the bell, and the browser's own notifications.
(() => {
  "use strict";
  const EVERY = 20000;
  const TOLD = "studio:told"; // when the last job ended that this browser was told of; what ended before it was first asked is old
  const bell = document.getElementById("bell");
  const can = "Notification" in window && isSecureContext;
  const allowed = () => can && Notification.permission === "granted";

  // ---- The profile: a browser has to be asked once, and only a click may ask
  const wanted = document.querySelector("[data-tells]:is(input)");
  const permission = document.getElementById("permission");
  function showPermission() {
    const state = can ? Notification.permission : "none";
    permission.querySelectorAll("[data-permission]").forEach((part) => {
      part.hidden = !wanted.checked || part.dataset.permission !== state;
    });
  }
  async function askPermission() {
    showPermission();
    if (can && wanted.checked && Notification.permission === "default") await Notification.requestPermission();
    showPermission();
  }
  if (wanted && permission) {
    wanted.addEventListener("change", askPermission);
    permission.querySelector("[data-ask-permission]").addEventListener("click", askPermission);
    showPermission();
  }

  // ---- The bell
  if (!bell) return;
  const tells = () => bell.dataset.tells !== undefined && allowed();
  function show(count) {
    const place = bell.querySelector(".bell-count");
    place.hidden = count === 0;
    place.querySelector("[data-count]").textContent = count;
  }
  function tell(jobs) {
    const before = localStorage.getItem(TOLD);
    const fresh = before === null ? [] : jobs.filter((job) => job.ended > Number(before));
    localStorage.setItem(TOLD, Math.max(Number(before), ...jobs.map((job) => job.ended)));
    fresh.filter((job) => document.hidden || job.address !== location.pathname).forEach((job) => {
      // Of several tabs each may tell it; one tag is one notification.
      const told = new Notification(job.title, { body: job.text, tag: job.name });
      told.addEventListener("click", () => {
        window.focus();
        location.assign(job.address);
      });
    });
  }
  async function ask() {
    if (document.hidden && !tells()) return;
    try {
      const answer = await fetch(bell.dataset.news);
      if (!answer.ok || answer.redirected) return;
      const news = await answer.json();
      show(news.count);
      if (tells()) tell(news.jobs);
    } catch {
      // away: it is asked again
    }
  }
  setInterval(ask, EVERY);
  if (tells()) ask();
})();
