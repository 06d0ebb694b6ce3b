// Elements. Lives here: making them, and changing only what has changed. Not here: what they show.

/** The element with this id. */
export const byId = (id) => document.getElementById(id);

/** A new element: its attributes (`class`, `text`, and others by their names), then its children. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === 'text') element.textContent = value;
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children);
  return element;
}

/** Sets a text, if it is another one: so that nothing is laid out, or read aloud, for nothing. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Sets an attribute, if it is another one; takes it away if there is no value. */
export function mark(element, name, value) {
  if (value === undefined || value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}
