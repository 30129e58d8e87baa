// A chart as a picture: its drawing with the colours that it has on the page, painted on a canvas and saved.
(() => {
  const SCALE = 2; // sharp on screens with small pixels, and in print
  const DRAWN = ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "opacity", "font-family", "font-size", "font-weight"];

  function picture(svg) {
    const { width, height } = svg.getBoundingClientRect();
    const copy = svg.cloneNode(true);
    const parts = [...copy.querySelectorAll("*")];
    [...svg.querySelectorAll("*")].forEach((part, place) => {
      const style = getComputedStyle(part);
      // An attribute that is there already, as a pattern's address, is what the drawing asks for.
      DRAWN.forEach((name) => parts[place].hasAttribute(name) || parts[place].setAttribute(name, style.getPropertyValue(name)));
    });
    copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    copy.setAttribute("width", width);
    copy.setAttribute("height", height);
    const text = new XMLSerializer().serializeToString(copy);
    return { width, height, address: `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}` };
  }

  function save(figure) {
    const svg = figure.querySelector("svg.chart");
    if (!svg) return;
    const { width, height, address } = picture(svg);
    const image = new Image();
    image.addEventListener("load", () => {
      const edge = 12;
      const canvas = document.createElement("canvas");
      canvas.width = (width + 2 * edge) * SCALE;
      canvas.height = (height + 2 * edge) * SCALE;
      const brush = canvas.getContext("2d");
      brush.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--surface");
      brush.fillRect(0, 0, canvas.width, canvas.height);
      brush.drawImage(image, edge * SCALE, edge * SCALE, width * SCALE, height * SCALE);
      const link = document.createElement("a");
      link.href = canvas.toDataURL("image/png");
      link.download = `${figure.id}.png`;
      link.click();
    });
    image.src = address;
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-chart-png]");
    if (button) save(button.closest("figure"));
  });
})();
