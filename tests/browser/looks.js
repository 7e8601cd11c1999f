// Measures a page: what a reader cannot see, press or name. Answers lists of offenders, empty on a good page.
() => {
  const shown = (element) => {
    const box = element.getBoundingClientRect();
    const style = getComputedStyle(element);
    const isClipped = style.clipPath !== "none" && box.width <= 1;
    return box.width > 0 && box.height > 0 && style.visibility === "visible" && !isClipped;
  };
  const isHidden = (element) => element.closest(".visually-hidden, .skip, [hidden], template, noscript") !== null;
  const name = (element) => `${element.tagName.toLowerCase()}.${element.className?.baseVal ?? element.className} "${element.textContent.trim().slice(0, 40)}"`;

  const parse = (text) => {
    const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
    return { r, g, b, a };
  };
  const over = (top, below) => {
    const mix = (channel) => top[channel] * top.a + below[channel] * (1 - top.a);
    return { r: mix("r"), g: mix("g"), b: mix("b"), a: 1 };
  };
  // The solid colour behind an element; price tags draw theirs on ::before.
  const ground = (element) => {
    const layers = [];
    for (let node = element; node; node = node.parentElement) {
      const style = getComputedStyle(node);
      if (style.backgroundImage !== "none") return null;
      if (node.classList.contains("tag")) layers.push(parse(getComputedStyle(node, "::before").backgroundColor));
      layers.push(parse(style.backgroundColor));
      if (layers.at(-1).a === 1 || layers.at(-2)?.a === 1) break;
    }
    return layers.reduceRight((below, top) => over(top, below), { r: 255, g: 255, b: 255, a: 1 });
  };
  const luminance = ({ r, g, b }) => {
    const [x, y, z] = [r, g, b].map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const contrast = (a, b) => {
    const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (light + 0.05) / (dark + 0.05);
  };

  const pale = [];
  let measured = 0;
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || isHidden(element) || !shown(element)) continue;
    const behind = ground(element);
    if (!behind) continue;
    measured += 1;
    const style = getComputedStyle(element);
    const size = parseFloat(style.fontSize);
    const wanted = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
    const ratio = contrast(over(parse(style.color), behind), behind);
    if (ratio < wanted) pale.push(`${name(element)} ${ratio.toFixed(2)}`);
  }

  const controls = [...document.querySelectorAll("a, button, summary, select, textarea, input:not([type=hidden])")];
  const pressable = controls.filter((control) => shown(control) && !isHidden(control));
  // The bars of a chart are as wide as their days; its table has the same links at full size.
  const small = pressable.filter((control) => !control.closest(".chart")).filter((control) => {
    const box = control.getBoundingClientRect();
    return Math.min(box.width, box.height) < 24;
  });
  const nameless = pressable.filter((control) => {
    const label = control.labels?.[0]?.textContent ?? control.getAttribute("aria-label") ?? control.textContent;
    return !label.trim();
  });
  const root = document.documentElement;
  const wide = [...document.querySelectorAll("body *")].filter(
    (element) => shown(element) && !isHidden(element) && element.getBoundingClientRect().right > root.clientWidth + 1,
  );
  const tiny = [...document.querySelectorAll("input:not([type=hidden])")].filter((field) => parseFloat(getComputedStyle(field).fontSize) < 16);
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  return {
    pale,
    small: small.map(name),
    nameless: nameless.map(name),
    zooming: tiny.map(name), // a field under 16px makes iOS zoom in
    twice: ids.filter((id, index) => ids.indexOf(id) !== index),
    headings: document.querySelectorAll("h1").length,
    sideways: root.scrollWidth > root.clientWidth ? wide.map(name).slice(0, 5).concat(["scrolls sideways"]) : [],
    measured,
  };
}
