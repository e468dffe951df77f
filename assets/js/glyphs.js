/* Small drawings for buttons, 16 x 16 strokes in the text's colour: no font has to have them. */
(function () {
  "use strict";
  const gs = (window.gs = window.gs || {});
  const PATHS = {
    play: "M5 3.5v9l7.5-4.5z", pause: "M5 3.5v9M11 3.5v9", back: "M10.5 3.5L6 8l4.5 4.5", on: "M5.5 3.5L10 8l-4.5 4.5",
    run: "M3 3.5L7.5 8 3 12.5M8.5 3.5L13 8l-4.5 4.5", close: "M4 4l8 8M12 4l-8 8", fit: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
    plus: "M8 3v10M3 8h10", minus: "M3 8h10", open: "M8 2v4.5M5.5 4.5L8 2l2.5 2.5M8 14V9.5M5.5 11.5L8 14l2.5-2.5M2.5 8h11",
    shut: "M8 6.5V2M5.5 4L8 6.5 10.5 4M8 9.5V14M5.5 12L8 9.5l2.5 2.5M2.5 8h11", mirror: "M8 1.5v13M5.5 4v8L2 8zM10.5 4v8L14 8z",
    save: "M8 2v8M4.5 7L8 10.5 11.5 7M2.5 13.5h11", again: "M3 8a5 5 0 1 0 1.6-3.7M4.5 1.8v2.8h2.8",
  };
  const SVG = "http://www.w3.org/2000/svg";

  gs.glyph = function (name) {
    const svg = document.createElementNS(SVG, "svg");
    for (const [key, value] of Object.entries({ viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true", class: "gs-glyph" })) svg.setAttribute(key, value);
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", PATHS[name]);
    svg.append(path);
    return svg;
  };
})();
