// Elements made of data. Data only ever becomes text or an attribute: nothing here parses HTML.

const SVG = 'http://www.w3.org/2000/svg';

// h('a', {class: 'x', href: '#/', onclick: f}, 'text', child, [more])
export function h(name, properties, ...children) {
  return fill(document.createElement(name), properties, children);
}

export function svg(name, attributes, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else if (name === 'value') element.value = value;
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  put(element, children);
  return element;
}

// Adds children; texts become text nodes.
export function put(element, children) {
  for (const child of [children].flat(Infinity)) {
    if (child === undefined || child === null || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return element;
}

// Replaces what is inside.
export function show(element, ...children) {
  element.replaceChildren();
  return put(element, children);
}
