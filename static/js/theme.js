// Runs before the first paint: "auto" follows the device, so there is no flash of the other theme.
(() => {
  const root = document.documentElement;
  const device = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => {
    if (root.dataset.themeChoice === "auto") root.dataset.bsTheme = device.matches ? "dark" : "light";
  };
  root.classList.add("js");
  follow();
  device.addEventListener("change", follow);
  root.addEventListener("studio:theme", follow);
})();
