// Owns the icon of the browser's tab, inside the page so that it needs no request.

const SHAPE =
  'M3 28.5V8.2c0-.4.3-.7.7-.7h1.9c.4 0 .7.3.7.7v1.9h2V8.2c0-.4.3-.7.7-.7h1.9c.4 0 .7.3.7.7v4.3h8.8V8.2c0-.4.3-.7.7-.7H23c.4 0 .7.3.7.7v1.9h2V8.2c0-.4.3-.7.7-.7h1.9c.4 0 .7.3.7.7v20.3c0 .6-.4 1-1 1h-5.6V22a5.4 5.4 0 0 0-10.8 0v7.5H4c-.6 0-1-.4-1-1z'

const SVG = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><path fill="#1b7a6c" d="${SHAPE}"/></svg>`

export const PAGE_ICON = `data:image/svg+xml,${encodeURIComponent(SVG)}`
